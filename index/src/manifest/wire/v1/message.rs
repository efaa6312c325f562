//! The messages of version 1. Numbers are documented in `docs/formats/manifest.md`; retired ones stay reserved there.

use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub(super) struct Head {
    #[prost(uint64, tag = "1")]
    pub(super) generation: u64,
    #[prost(uint32, tag = "2")]
    pub(super) kind: u32,
    #[prost(string, tag = "3")]
    pub(super) cluster_id: String,
    #[prost(string, tag = "4")]
    pub(super) topic: String,
    #[prost(bytes = "vec", tag = "5")]
    pub(super) topic_id: Vec<u8>,
    #[prost(uint32, tag = "6")]
    pub(super) partition: u32,
    #[prost(bytes = "vec", tag = "7")]
    pub(super) commit: Vec<u8>,
    #[prost(bytes = "vec", repeated, tag = "8")]
    pub(super) recent_commits: Vec<Vec<u8>>,
    #[prost(message, optional, tag = "9")]
    pub(super) writer: Option<Writer>,
    #[prost(bytes = "vec", optional, tag = "10")]
    pub(super) gc_boundary: Option<Vec<u8>>,
    #[prost(uint64, tag = "11")]
    pub(super) tier_start: u64,
    #[prost(uint64, tag = "12")]
    pub(super) serving_start: u64,
    #[prost(uint64, tag = "13")]
    pub(super) tier_end: u64,
    #[prost(uint64, optional, tag = "14")]
    pub(super) floor: Option<u64>,
    #[prost(message, repeated, tag = "15")]
    pub(super) lineage: Vec<EpochStart>,
    #[prost(message, repeated, tag = "16")]
    pub(super) gaps: Vec<Gap>,
    #[prost(message, optional, tag = "17")]
    pub(super) claim: Option<Claim>,
    #[prost(message, repeated, tag = "18")]
    pub(super) open: Vec<OpenTransaction>,
    #[prost(message, optional, tag = "19")]
    pub(super) deleted: Option<Tombstone>,
    #[prost(message, optional, tag = "20")]
    pub(super) totals: Option<Totals>,
    #[prost(message, repeated, tag = "21")]
    pub(super) pages: Vec<PageRef>,
    #[prost(message, repeated, tag = "22")]
    pub(super) entries: Vec<Entry>,
    #[prost(message, repeated, tag = "23")]
    pub(super) dead_branches: Vec<DeadBranch>,
    #[prost(uint64, optional, tag = "26")]
    pub(super) began_at: Option<u64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Page {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) uuid: Vec<u8>,
    #[prost(uint32, tag = "2")]
    pub(super) kind: u32,
    #[prost(string, tag = "3")]
    pub(super) cluster_id: String,
    #[prost(string, tag = "4")]
    pub(super) topic: String,
    #[prost(bytes = "vec", tag = "5")]
    pub(super) topic_id: Vec<u8>,
    #[prost(uint32, tag = "6")]
    pub(super) partition: u32,
    #[prost(uint32, tag = "7")]
    pub(super) level: u32,
    #[prost(uint64, tag = "8")]
    pub(super) base: u64,
    #[prost(uint64, tag = "9")]
    pub(super) span: u64,
    #[prost(message, repeated, tag = "10")]
    pub(super) gaps: Vec<Gap>,
    #[prost(message, repeated, tag = "11")]
    pub(super) entries: Vec<Entry>,
    #[prost(message, repeated, tag = "12")]
    pub(super) pages: Vec<PageRef>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Writer {
    #[prost(uint32, tag = "1")]
    pub(super) node: u32,
    #[prost(uint32, optional, tag = "2")]
    pub(super) leader_epoch: Option<u32>,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) incarnation: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct EpochStart {
    #[prost(uint32, tag = "1")]
    pub(super) epoch: u32,
    /// In an entry: counted from its base. Elsewhere: the offset.
    #[prost(uint64, tag = "2")]
    pub(super) start: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Gap {
    #[prost(uint64, tag = "1")]
    pub(super) base: u64,
    #[prost(uint64, tag = "2")]
    pub(super) span: u64,
    #[prost(uint32, tag = "3")]
    pub(super) reason: u32,
    #[prost(uint64, tag = "4")]
    pub(super) recorded_at: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Claim {
    #[prost(uint32, tag = "1")]
    pub(super) epoch: u32,
    #[prost(uint32, tag = "2")]
    pub(super) node: u32,
    #[prost(message, repeated, tag = "3")]
    pub(super) wanted: Vec<Range>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Range {
    #[prost(uint64, tag = "1")]
    pub(super) base: u64,
    #[prost(uint64, tag = "2")]
    pub(super) span: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct OpenTransaction {
    #[prost(uint64, tag = "1")]
    pub(super) producer: u64,
    #[prost(uint64, tag = "2")]
    pub(super) first_offset: u64,
    #[prost(uint64, optional, tag = "3")]
    pub(super) last_timestamp: Option<u64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Tombstone {
    #[prost(uint64, tag = "1")]
    pub(super) at: u64,
    #[prost(uint64, optional, tag = "2")]
    pub(super) last_bound: Option<u64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Totals {
    #[prost(uint64, tag = "1")]
    pub(super) entries: u64,
    #[prost(uint64, tag = "2")]
    pub(super) log_bytes: u64,
    #[prost(uint64, tag = "3")]
    pub(super) object_bytes: u64,
    #[prost(uint64, tag = "4")]
    pub(super) records: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct PageRef {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) uuid: Vec<u8>,
    #[prost(uint32, tag = "2")]
    pub(super) level: u32,
    #[prost(uint64, tag = "3")]
    pub(super) base: u64,
    #[prost(uint64, tag = "4")]
    pub(super) span: u64,
    #[prost(uint64, optional, tag = "5")]
    pub(super) max_timestamp: Option<u64>,
    #[prost(message, optional, tag = "6")]
    pub(super) totals: Option<Totals>,
    #[prost(uint64, tag = "7")]
    pub(super) length: u64,
    #[prost(fixed32, tag = "8")]
    pub(super) crc: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct DeadBranch {
    #[prost(uint64, tag = "1")]
    pub(super) cut_at: u64,
    #[prost(uint32, tag = "2")]
    pub(super) reason: u32,
    #[prost(uint64, tag = "3")]
    pub(super) recorded_at: u64,
    #[prost(message, repeated, tag = "4")]
    pub(super) entries: Vec<Entry>,
    #[prost(message, repeated, tag = "5")]
    pub(super) pages: Vec<PageRef>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Entry {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) uuid: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub(super) base: u64,
    #[prost(uint64, tag = "3")]
    pub(super) span: u64,
    #[prost(uint32, optional, tag = "4")]
    pub(super) key_epoch: Option<u32>,
    #[prost(message, repeated, tag = "5")]
    pub(super) epochs: Vec<EpochStart>,
    #[prost(uint64, tag = "6")]
    pub(super) length: u64,
    #[prost(uint64, tag = "7")]
    pub(super) tail_length: u64,
    #[prost(uint64, tag = "8")]
    pub(super) log_bytes: u64,
    #[prost(uint64, optional, tag = "9")]
    pub(super) records: Option<u64>,
    #[prost(uint64, tag = "10")]
    pub(super) batches: u64,
    #[prost(uint32, tag = "11")]
    pub(super) blocks: u32,
    #[prost(uint64, optional, tag = "12")]
    pub(super) min_timestamp: Option<u64>,
    #[prost(uint64, optional, tag = "13")]
    pub(super) max_timestamp: Option<u64>,
    /// The end less the stable end. Signed, so that a stable end beyond the end can be read and named.
    #[prost(sint64, tag = "14")]
    pub(super) undecided: i64,
    #[prost(message, repeated, tag = "15")]
    pub(super) first_aborts: Vec<FirstAbort>,
    #[prost(bool, tag = "16")]
    pub(super) aborts_truncated: bool,
    #[prost(fixed32, tag = "17")]
    pub(super) object_crc: u32,
    #[prost(uint64, tag = "18")]
    pub(super) committed_at: u64,
    #[prost(uint32, tag = "19")]
    pub(super) kind: u32,
    #[prost(bytes = "vec", repeated, tag = "20")]
    pub(super) replaces: Vec<Vec<u8>>,
    #[prost(string, optional, tag = "21")]
    pub(super) storage_class: Option<String>,
    #[prost(bytes = "vec", optional, tag = "22")]
    pub(super) key_id: Option<Vec<u8>>,
    #[prost(string, optional, tag = "23")]
    pub(super) location_key: Option<String>,
    #[prost(uint64, tag = "24")]
    pub(super) location_start: u64,
    #[prost(message, optional, tag = "25")]
    pub(super) kip405: Option<Kip405>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct FirstAbort {
    #[prost(uint64, tag = "1")]
    pub(super) producer: u64,
    /// Counted from the entry's base.
    #[prost(uint64, tag = "2")]
    pub(super) marker: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Kip405 {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) segment_id: Vec<u8>,
    #[prost(message, repeated, tag = "2")]
    pub(super) epochs: Vec<EpochStart>,
}
