//! Reading a remote segment front to back: its tail, then its blocks in long runs.

use std::ops::Range;

use bytes::Bytes;
use firnline_index::block_index::{BlockEntry, BlockIndex};
use firnline_index::ids::TopicIdPartition;
use firnline_index::manifest::Entry;
use firnline_index::segment::{
    BlockDecoder, ExpectedOrigin, MAX_TAIL_LEN, SegmentReadError, SegmentTail, Trailer,
};
use firnline_store::StoreError;
use futures::{Stream, StreamExt};

use crate::Tier;
use crate::keys::KeyError;

/// Stored bytes of one request at most, unless one block has more.
const RUN_BYTES: u64 = 8 << 20;
/// Requests under way at once for one segment.
const PARALLEL: usize = 3;

/// A segment's tail that could not be had.
#[derive(Debug, thiserror::Error)]
pub enum TailError {
    /// The store did not answer, or refused.
    #[error("read the end of {key}")]
    Store {
        /// The object's key.
        key: String,
        /// Why.
        #[source]
        source: Box<StoreError>,
    },
    /// It is sealed, and its key cannot be had: nothing is known of it.
    #[error("{key} is sealed, and its key is not at hand")]
    Locked {
        /// The object's key.
        key: String,
        /// Why not.
        #[source]
        source: KeyError,
    },
    /// What is there is not the segment that the manifest names.
    #[error("{key} is not the segment that the manifest names, or is damaged")]
    Damaged {
        /// The object's key.
        key: String,
        /// What is wrong.
        #[source]
        source: Box<SegmentReadError>,
    },
}

/// Blocks that are read with one request.
#[derive(Debug)]
pub(crate) struct BlockRun {
    pub(crate) blocks: Vec<BlockEntry>,
    /// Their stored bytes, end to end.
    pub(crate) stored: Bytes,
    /// What turns each of them into batches.
    pub(crate) decoder: BlockDecoder,
}

impl BlockRun {
    /// Each block with its stored bytes.
    pub(crate) fn split(self) -> impl Iterator<Item = (BlockEntry, Bytes)> {
        let begin = self.blocks.first().map_or(0, |block| block.stored.start);
        let stored = self.stored;
        self.blocks.into_iter().map(move |block| {
            let at = |position: u64| usize::try_from(position - begin).unwrap_or(usize::MAX);
            let bytes = stored.slice(at(block.stored.start)..at(block.stored.end));
            (block, bytes)
        })
    }
}

impl Tier {
    /// Reads and checks the tail of the segment that `entry` names. One GET.
    pub async fn segment_tail(
        &self,
        tip: &TopicIdPartition,
        entry: &Entry,
    ) -> Result<SegmentTail, TailError> {
        let tail = self.tail_bytes(tip, entry).await?;
        let expect = ExpectedOrigin {
            cluster_id: Some(self.cluster_id().clone()),
            topic_id: Some(tip.topic_id),
            partition: Some(tip.partition),
            uuid: Some(entry.uuid),
            range: Some(entry.range),
            log_bytes: Some(entry.log_bytes),
        };
        self.open_tail(tip, entry, tail, expect).await
    }

    pub(crate) async fn tail_bytes(&self, tip: &TopicIdPartition, entry: &Entry) -> Result<Bytes, TailError> {
        let key = entry.object_key(tip);
        let range = match tail_range(entry) {
            Ok(range) => range,
            Err(source) => return Err(TailError::Damaged { key, source: Box::new(source) }),
        };
        let bytes = self.store().get_range(&key, range).await;
        bytes.map_err(|source| TailError::Store { key, source: Box::new(source) })
    }

    /// Opens a tail, with the key that its trailer names where it is sealed. That takes no request where the key is held.
    pub(crate) async fn open_tail(
        &self,
        tip: &TopicIdPartition,
        entry: &Entry,
        tail: Bytes,
        expect: ExpectedOrigin,
    ) -> Result<SegmentTail, TailError> {
        let damaged = |source| TailError::Damaged { key: entry.object_key(tip), source: Box::new(source) };
        let named = Trailer::parse(&tail).ok().and_then(|trailer| trailer.key_id);
        let Some(key_id) = named else {
            return SegmentTail::parse(tail, entry.tail_position, &expect).map_err(damaged);
        };
        let key = self.keys().get(tip.topic_id, key_id).await;
        let key = key.map_err(|source| TailError::Locked { key: entry.object_key(tip), source })?;
        let at = entry.tail_position;
        self.workers().run(move || SegmentTail::open(tail, at, &expect, Some(&key))).await.map_err(damaged)
    }

    /// The stored bytes of some blocks of a segment, in order, a few requests ahead of whoever takes them.
    pub(crate) fn block_runs<'a>(
        &'a self,
        key: &'a str,
        object_start: u64,
        tail: &'a SegmentTail,
        blocks: Range<u32>,
    ) -> impl Stream<Item = Result<BlockRun, (Vec<BlockEntry>, StoreError)>> + 'a {
        let decoder = tail.blocks();
        futures::stream::iter(runs(tail.index(), blocks))
            .map(move |blocks| (blocks, decoder.clone()))
            .map(move |(blocks, decoder)| async move {
                let range = span(&blocks);
                let range = object_start + range.start..object_start + range.end;
                match self.store().get_range(key, range).await {
                    Ok(stored) => Ok(BlockRun { blocks, stored, decoder }),
                    Err(error) => Err((blocks, error)),
                }
            })
            .buffered(PARALLEL)
    }
}

/// Where in its object the tail stands. A manifest that is wrong must not make us hold a whole object in memory.
pub(crate) fn tail_range(entry: &Entry) -> Result<Range<u64>, SegmentReadError> {
    let start = entry.location.start.get();
    let range =
        start.saturating_add(entry.tail_position.get())..start.saturating_add(entry.location.length.get());
    let (expected, found) = (u64::from(MAX_TAIL_LEN), range.end.saturating_sub(range.start));
    if found > expected { Err(SegmentReadError::TailLength { expected, found }) } else { Ok(range) }
}

/// The stored bytes that the blocks, which lie end to end, take up.
fn span(blocks: &[BlockEntry]) -> Range<u64> {
    let start = blocks.first().map_or(0, |block| block.stored.start);
    start..blocks.last().map_or(start, |block| block.stored.end)
}

/// Cuts a range of blocks into runs of one request each.
fn runs(index: &BlockIndex, blocks: Range<u32>) -> impl Iterator<Item = Vec<BlockEntry>> + '_ {
    let mut next = blocks.start;
    std::iter::from_fn(move || {
        let mut run: Vec<BlockEntry> = Vec::new();
        while next < blocks.end {
            let Some(block) = index.entry(next) else { break };
            let begin = run.first().map_or(block.stored.start, |first| first.stored.start);
            if !run.is_empty() && block.stored.end - begin > RUN_BYTES {
                break;
            }
            run.push(block);
            next += 1;
        }
        (!run.is_empty()).then_some(run)
    })
}
