//! What brokers with KIP-405 tell each other of remote segments, in the topic `__remote_log_metadata`: its values, read and
//! written byte for byte as the brokers' own `RemoteLogMetadataSerde` does (3.9 to 4.x), and the partition of that topic in
//! which a broker looks for them.
//!
//! ```text
//! value = frame 1 (varint) | api key (varint) | version (varint) | message, flexible
//!   0  RemoteLogSegmentMetadataRecord         a segment: its partition, id and offsets, and a state
//!   1  RemoteLogSegmentMetadataUpdateRecord   another state of it
//!   2  RemotePartitionDeleteMetadataRecord    a partition that is deleted
//! ```
//! The records have no key. Events of one partition stand in order, and may be told twice: a broker passes over one that does
//! not follow from what it knows.
//!
//! | | |
//! |---|---|
//! | one value, read | [`RemoteLogEvent`] |
//! | what all of them come to | [`RemoteLogView`] |
//! | what there is, by which plugin | [`RemoteLogView::remaining`] |
//! | the two values that attach a segment, written | [`RemoteLogSegment`] |
//! | in which partition | [`metadata_partition`] |

mod event;
mod place;
mod segment;
mod view;

pub use event::{Begun, RemoteLogEvent, RemoteLogFault, RemoteState};
pub use place::metadata_partition;
pub use segment::RemoteLogSegment;
pub use view::{Amount, CopiedBy, Remaining, RemoteLogView, ToldSegment};

/// The topic.
pub const METADATA_TOPIC: &str = "__remote_log_metadata";

/// The form of what stands around a message; there has been one.
const FRAME: u64 = 1;
/// The kinds of messages.
const SEGMENT_KEY: u64 = 0;
const UPDATE_KEY: u64 = 1;
const PARTITION_KEY: u64 = 2;
