//! A small Kafka: as much of it as an offloader can see, and nothing more.
//!
//! ```text
//!  controller            node 1              node 2              node 3
//!  leader, epoch, ISR    replica             replica             replica      view: whom it believes to lead, under
//!  replicas              ├ files (inodes)    ├ …                 ├ …          which epoch; brokers learn late
//!       │                ├ epochs, start     │                   │
//!       │                └ high watermark    └                   └
//!       └─► truth: what was committed, what elections cut
//! ```
//!
//! Followers fetch, and what they fetch at tells the leader how far they are, so that the high watermark lags by one fetch
//! as it does in Kafka. A broker that has not heard of an election still answers under its old epoch. A follower of a new
//! leader cuts its log where the two part, inside an earlier file where that is so, and goes on in the same inode.
//!
//! The truth is kept apart from the logs: a record that the high watermark has once passed is committed for good, and only
//! an election that was told to be unclean may cut it. The model checks itself by that rule.

mod batch;
mod broker;
mod controller;
mod disk;
mod log;
mod machines;
mod truth;

pub use batch::{Batch, Content};
pub use broker::{Node, Replica, View};
pub use controller::{Election, Kafka, Partition};
pub use disk::{Disk, Inode};
pub use log::Log;
pub use truth::{Cut, Fate, Truth};
