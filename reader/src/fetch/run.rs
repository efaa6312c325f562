//! One run of blocks: from the disk cache, from this machine's own log, or by one GET; each block checked before it leaves.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use firnline_index::segment::BlockError;
use firnline_store::Store;
use tokio::sync::Semaphore;

use super::cached::Cached;
use crate::disk::Disk;
use crate::error::ReadError;
use crate::local::LocalLogs;
use crate::open::Segment;
use crate::rest::Rest;
use crate::settings::Workers;
use crate::stats::{Counters, count};

/// Checking this much, uncompressed, takes well under half a millisecond: it stays on the async thread.
const INLINE_BYTES: u64 = 1 << 20;

/// Reads blocks. Keeps nothing in memory.
#[derive(Clone)]
pub(crate) struct Fetcher {
    pub(crate) store: Store,
    pub(crate) workers: Workers,
    pub(crate) local: Arc<LocalLogs>,
    pub(crate) disk: Option<Disk>,
    pub(crate) counters: Arc<Counters>,
    /// A place for each run that is checked and decompressed now: more at once than there are processors would be no sooner
    /// done, and only hold more memory.
    pub(crate) checking: Arc<Semaphore>,
}

impl Fetcher {
    /// Reads blocks that follow each other: one result for each. No request where the disk cache or this machine's own log
    /// has them all, else one GET, and one more for each block whose bytes are wrong the first time. With `kept` each block
    /// gets memory of its own, and what came from the store is written to the disk cache; without, blocks that are stored as
    /// they are share one buffer, and the disk cache is only read.
    pub(crate) async fn fetch(
        &self,
        segment: &Segment,
        blocks: Range<u32>,
        kept: bool,
    ) -> Vec<Result<Bytes, ReadError>> {
        if let Some(rest) = segment.rest() {
            return self.blocks_on_disk(segment, rest, blocks).await;
        }
        let Cached { front, missing, back } = self.cached(segment, blocks).await;
        let mut outcomes: Vec<_> = front.into_iter().map(Ok).collect();
        if !missing.is_empty() {
            outcomes.extend(self.local_or_stored(segment, missing, kept).await);
        }
        outcomes.extend(back.into_iter().map(Ok));
        outcomes
    }

    async fn local_or_stored(
        &self,
        segment: &Segment,
        blocks: Range<u32>,
        kept: bool,
    ) -> Vec<Result<Bytes, ReadError>> {
        let mut outcomes: Vec<_> = self.local_blocks(segment, &blocks).await.into_iter().map(Ok).collect();
        count(&self.counters.local_blocks, outcomes.len() as u64);
        let found = u32::try_from(outcomes.len()).unwrap_or(u32::MAX);
        let rest = blocks.start.saturating_add(found)..blocks.end;
        if !rest.is_empty() {
            outcomes.extend(self.stored_blocks(segment, rest, kept).await);
        }
        outcomes
    }

    /// Blocks that stand on this machine's disks and nowhere else.
    async fn blocks_on_disk(
        &self,
        segment: &Segment,
        rest: &Arc<Rest>,
        blocks: Range<u32>,
    ) -> Vec<Result<Bytes, ReadError>> {
        count(&self.counters.local_blocks, u64::from(blocks.end - blocks.start));
        let (segment, rest) = (segment.clone(), Arc::clone(rest));
        let one = move |number| {
            let found = rest.block(&segment.block(number));
            found.map_err(|problem| ReadError::disk(segment.tip(), problem))
        };
        self.workers.run(move || blocks.map(one).collect()).await
    }

    async fn local_blocks(&self, segment: &Segment, blocks: &Range<u32>) -> Vec<Bytes> {
        let Some(log) = self.local.of(segment.tip()) else { return Vec::new() };
        let (segment, blocks) = (segment.clone(), blocks.clone());
        self.workers.run(move || blocks.map_while(|number| log.block(&segment.block(number))).collect()).await
    }

    async fn stored_blocks(
        &self,
        segment: &Segment,
        blocks: Range<u32>,
        kept: bool,
    ) -> Vec<Result<Bytes, ReadError>> {
        count(&self.counters.block_loads, u64::from(blocks.end - blocks.start));
        let decoded = match self.read(segment, &blocks, kept).await {
            Ok(decoded) => decoded,
            Err(error) => return blocks.map(|_| Err(error.clone())).collect(),
        };
        let mut outcomes = Vec::with_capacity(decoded.len());
        for (number, block) in blocks.zip(decoded) {
            outcomes.push(match block {
                Ok(block) => Ok(block),
                Err(first) => self.again(segment, number, first).await,
            });
        }
        outcomes
    }

    /// Bytes may go wrong on their way; those that are wrong twice are wrong at rest.
    async fn again(&self, segment: &Segment, number: u32, first: BlockError) -> Result<Bytes, ReadError> {
        tracing::warn!(
            object = segment.entry().object_key(segment.tip()),
            error = &first as &dyn std::error::Error,
            "a block came with wrong bytes; reading it again"
        );
        count(&self.counters.reread, 1);
        let mut decoded = self.read(segment, &(number..number + 1), false).await?;
        let block = decoded.pop().unwrap_or(Err(first));
        block.map_err(|error| segment.block_error(error))
    }

    async fn read(
        &self,
        segment: &Segment,
        blocks: &Range<u32>,
        kept: bool,
    ) -> Result<Vec<Result<Bytes, BlockError>>, ReadError> {
        let range = segment.stored(blocks);
        let end = range.end;
        let key = segment.entry().object_key(segment.tip());
        let read = self.store.get_range(&key, range).await;
        let stored = read.map_err(|error| segment.store_error(error, end))?;
        let decoded = if is_quick(segment, blocks) {
            decode_all(segment, blocks, &stored, kept)
        } else {
            let _place = self.checking.acquire().await;
            let (segment, blocks, stored) = (segment.clone(), blocks.clone(), stored.clone());
            self.workers.run(move || decode_all(&segment, &blocks, &stored, kept)).await
        };
        if kept {
            self.keep_stored(segment, blocks, &stored, &decoded);
        }
        Ok(decoded)
    }
}

fn is_quick(segment: &Segment, blocks: &Range<u32>) -> bool {
    let lengths = blocks.clone().map(|number| segment.block(number)).map(|b| (b.raw_len(), b.stored_len()));
    let (mut sum, mut plain) = (0_u64, true);
    for (raw, stored) in lengths {
        sum = sum.saturating_add(raw);
        plain &= raw == stored;
    }
    plain && sum <= INLINE_BYTES
}

/// Decodes and checks blocks whose stored bytes, one after the other, are `stored`.
pub(crate) fn decode_all(
    segment: &Segment,
    blocks: &Range<u32>,
    stored: &Bytes,
    apart: bool,
) -> Vec<Result<Bytes, BlockError>> {
    let mut position = 0;
    let decoder = segment.tail().blocks();
    let one = |number| {
        let entry = segment.block(number);
        let length = usize::try_from(entry.stored_len()).unwrap_or(usize::MAX);
        let end = stored.len().min(usize::saturating_add(position, length));
        let bytes = stored.slice(position..end);
        position = end;
        let block = decoder.decode(&entry, bytes)?;
        // A slice that is kept would keep the whole run's buffer alive after its neighbours have left the cache.
        let shared = entry.stored_len() == entry.raw_len() && stored.len() > block.len();
        Ok(if apart && shared { Bytes::copy_from_slice(&block) } else { block })
    };
    blocks.clone().map(one).collect()
}
