//! One segment that the caller names by itself, read by positions in the broker's own file: what a KIP-405 broker asks for.
//!
//! The broker's metadata is the list of segments here; no manifest is read. Everything else is as in other reads: one
//! flight for equal requests, caches in memory and on disk, checked blocks, readahead; what was asked for still comes when
//! whoever asked has gone.

use std::fmt;

use bytes::Bytes;
use firnline_index::block_index::BlockIndex;
use firnline_index::manifest::{Entry, EntryKind, Location};
use firnline_index::segment::{BrokerFile, Footer, SegmentReadError, SegmentTail};
use firnline_index::transactions::SegmentTransactions;
use firnline_index::{
    ByteCount, ClusterId, Crc32c, LeaderEpoch, OffsetRange, SegmentUuid, StoredPosition, TimestampMs,
    TopicIdPartition,
};
use std::sync::Arc;

use crate::error::ReadError;
use crate::open::Segment;
use crate::reader::{Inner, Reader};

/// A segment, by what whoever keeps its metadata knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentRef {
    /// The cluster that wrote it; `None` = another one, not checked: then the caller may want less than all of its bytes.
    pub cluster_id: Option<ClusterId>,
    /// The partition that it was written for.
    pub tip: TopicIdPartition,
    /// The id of the upload.
    pub uuid: SegmentUuid,
    /// The leader epoch in its key.
    pub leader_epoch: Option<LeaderEpoch>,
    /// Its offsets.
    pub range: OffsetRange,
    /// Its length as the broker's own file.
    pub log_bytes: ByteCount,
    /// Where it lies in its object; `None` where that is not known, which costs a GET more.
    pub place: Option<SegmentPlace>,
}

/// Where a segment lies in its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentPlace {
    /// The object's length.
    pub length: ByteCount,
    /// Where the part behind the blocks begins.
    pub tail_position: StoredPosition,
    /// The checksum of the whole object, where it is known: tells uploads under one id apart in the disk cache.
    pub object_crc: Option<Crc32c>,
}

/// A segment that is open. Cheap to clone.
#[derive(Clone)]
pub struct SegmentHandle {
    inner: Arc<Inner>,
    segment: Segment,
    of: Arc<SegmentRef>,
}

impl Reader {
    /// Opens a segment by what the caller knows of it. No request where its tail is held, else one GET; one more where its
    /// place is not known. Cancel safe: what was asked for still comes, and is kept.
    ///
    /// # Errors
    /// [`ReadError::Missing`] where there is no such object; damage, and values that are not as the caller says, by name.
    pub async fn segment(&self, of: &SegmentRef) -> Result<SegmentHandle, ReadError> {
        let segment = self.inner.open_named(of).await?;
        let of = Arc::new(of.clone());
        self.inner.named.note(&of);
        Ok(SegmentHandle { inner: Arc::clone(&self.inner), segment, of })
    }

    /// Takes note of a segment that may be read one day: streams that come to its first offset are read ahead of into it.
    /// Makes no request.
    pub fn note_segment(&self, of: &SegmentRef) {
        self.inner.named.note(&Arc::new(of.clone()));
    }

    /// Forgets what memory holds of a segment's end and its files: its object was deleted, or written again under the same
    /// id. Makes no request.
    pub fn forget_segment(&self, of: &SegmentRef) {
        self.inner.named.forget(of);
        self.inner.opener.forget(of.tip.topic_id, of.uuid);
    }
}

impl Inner {
    pub(crate) async fn open_named(&self, of: &SegmentRef) -> Result<Segment, ReadError> {
        let blocks = self.blocks.clone();
        self.opener.open_named(of, move |segment, all| blocks.keep(segment, all)).await
    }
}

impl SegmentHandle {
    /// The length of the broker's file.
    #[must_use]
    pub fn log_bytes(&self) -> u64 {
        self.segment.index().raw_len()
    }

    /// What the segment says of itself.
    #[must_use]
    pub fn footer(&self) -> &Footer {
        self.segment.tail().footer()
    }

    /// Its blocks.
    #[must_use]
    pub fn index(&self) -> &BlockIndex {
        self.segment.index()
    }

    /// Its transactions.
    #[must_use]
    pub fn transactions(&self) -> &SegmentTransactions {
        self.segment.tail().transactions()
    }

    /// The bytes of the broker's file from `position` on: at most `max_bytes`, fewer only at its end, none at or beyond it.
    /// They are slices of checked blocks, none of them empty, and keep those blocks in memory while they live. At most
    /// 16 MiB at a time.
    ///
    /// GETs: none where the blocks are held, else one for each run of about 8 MiB. Reads that go on where another has ended
    /// are read ahead of, over the segment's end, too; they need not begin at exactly that place, as a broker begins at an
    /// entry of its offset index. Cancel safe.
    ///
    /// # Errors
    /// Damage, by object and block; [`ReadError::Missing`] where the object is gone; the store's own.
    pub async fn read_at(&self, position: u64, max_bytes: usize) -> Result<Vec<Bytes>, ReadError> {
        self.inner.read_at(&self.of, &self.segment, position, max_bytes).await
    }

    /// Says that of a read which has ended at `end` the bytes from `taken` on were not wanted: whoever reads on will begin
    /// there, and is read ahead of. Makes no request.
    pub fn left_at(&self, end: u64, taken: u64) {
        self.inner.left_at(&self.segment, end, taken);
    }

    /// A file of the broker's, byte for byte; `None` where the segment has none of that kind. No request where the files are
    /// held, else one GET. Cancel safe.
    ///
    /// # Errors
    /// A file that does not open or decompress, by its section; the store's own.
    pub async fn broker_file(&self, file: BrokerFile) -> Result<Option<Bytes>, ReadError> {
        let files = self.inner.opener.broker_files(&self.of, &self.segment).await?;
        let wrong = |source| ReadError::Segment { object: self.of.object_key(), source: Arc::new(source) };
        // Ten milliseconds of decompression at most stay off the async threads.
        let found = self.inner.fetcher.workers.run(move || files.get(file)).await;
        found.map_err(wrong)
    }
}

impl fmt::Debug for SegmentHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SegmentHandle").field("object", &self.of.object_key()).finish_non_exhaustive()
    }
}

impl SegmentRef {
    /// The key of its object.
    #[must_use]
    pub fn object_key(&self) -> String {
        let key = firnline_index::keys::ObjectKey::Segment {
            tip: self.tip.clone(),
            base: self.range.start(),
            leader_epoch: self.leader_epoch,
            uuid: self.uuid,
        };
        key.to_string()
    }

    /// Holds a segment that is open against what is said of it: it may have been opened for somebody else.
    pub(crate) fn check(&self, tail: &SegmentTail) -> Result<(), ReadError> {
        let footer = tail.footer();
        same(self, "first offset", &self.range.start(), &footer.range.start())?;
        if self.cluster_id.is_none() && self.log_bytes <= footer.log_bytes {
            return Ok(());
        }
        same(self, "raw length", &self.log_bytes, &footer.log_bytes)
    }

    /// The line that a manifest would have of it, as far as reading its blocks goes.
    pub(crate) fn entry(&self, place: SegmentPlace) -> Entry {
        Entry {
            range: self.range,
            uuid: self.uuid,
            leader_epoch: self.leader_epoch,
            epochs: Vec::new(),
            location: Location { key: None, start: StoredPosition::ZERO, length: place.length },
            tail_position: place.tail_position,
            log_bytes: self.log_bytes,
            records: None,
            batches: 0,
            blocks: 0,
            min_timestamp: None,
            max_timestamp: None,
            stable_end: self.range.end(),
            first_aborts: Vec::new(),
            aborts_truncated: false,
            object_crc: place.object_crc.unwrap_or(Crc32c::new(0)),
            committed_at: TimestampMs::ZERO,
            storage_class: None,
            kind: EntryKind::Segment,
            replaces: Vec::new(),
            key_id: None,
            kip405: None,
        }
    }
}

fn same<T: PartialEq + fmt::Display>(
    of: &SegmentRef,
    what: &'static str,
    expected: &T,
    found: &T,
) -> Result<(), ReadError> {
    if expected == found {
        return Ok(());
    }
    let source =
        SegmentReadError::Unexpected { what, expected: expected.to_string(), found: found.to_string() };
    Err(ReadError::Segment { object: of.object_key(), source: Arc::new(source) })
}
