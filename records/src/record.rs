//! One record, as a consumer sees it.

use bytes::Bytes;
use firnline_index::batch::TimestampType;
use firnline_index::{Offset, TimestampMs};

/// One record. Key, value and headers are slices of a buffer shared with the neighbouring records: a record that is
/// kept for long holds at least 64 KiB, or the whole batch where it is not compressed. Copy what is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its offset in the partition.
    pub offset: Offset,
    /// When it was created or appended. `None` where the batch says −1, in magic 0, which has no timestamps, and for
    /// any other negative number: Kafka's clients refuse those, and no consumer gives them a meaning. The bytes of
    /// the batch are not touched by this.
    pub timestamp: Option<TimestampMs>,
    /// Who set the timestamp.
    pub timestamp_type: TimestampType,
    /// The key, if it has one.
    pub key: Option<Bytes>,
    /// The value; `None` is a tombstone.
    pub value: Option<Bytes>,
    /// The headers in their order. Names may repeat. Always empty in magic 0 and 1.
    pub headers: Vec<Header>,
}

/// A header: its name (UTF-8 by Kafka's rule, which is not checked here: a record stays readable when a client broke
/// it) and its value.
pub type Header = (Bytes, Option<Bytes>);
