//! What an operator has decided of a topic, and where that is kept: in the topic's object, in the bucket.
//!
//! | who | may |
//! |---|---|
//! | a config file on any node | keep longer than the bucket says ([`effective()`]) |
//! | an operator's act ([`Tier::set_retention`](crate::Tier::set_retention)) | anything, up to a share; beyond it with a word of their own |
//! | an operator's act ([`Tier::set_deleted_retention`](crate::Tier::set_deleted_retention)) | let the archive go some time after the topic |
//! | an operator's act ([`Tier::set_paused`](crate::Tier::set_paused)) | stop and start uploads, retention and gc of a topic |
//! | a sidecar ([`Tier::note_deleted`](crate::Tier::note_deleted)) | say that the topic is gone; nothing is deleted for that |
//!
//! So a stale or mistyped file on one of thirty machines can make the tier cost more, and never makes it forget.

mod effective;
mod retention;
mod topic;
mod watch;

pub use effective::{Effective, LimitKind, PolicyFinding, Wish, Wishes, effective};
pub use retention::{PolicyError, PolicyOutcome, RetentionPreview, SetRetention};
pub use watch::TopicWatch;
