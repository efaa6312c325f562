//! Checked blocks in memory, and the flights that bring them.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use firnline_index::block_index::BlockEntry;
use firnline_index::{SegmentUuid, TopicId};
use firnline_store::{ByteBudget, Reservation};

use super::{Fetcher, runs};
use crate::cache::{Cache, Claim, Flight, Lead};
use crate::error::ReadError;
use crate::open::Segment;
use crate::read::Stream;
use crate::settings::{REQUEST_BYTES, ReaderSettings};
use crate::stats::count;
use crate::tasks::Tasks;

/// Names a block for ever: a segment id is never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct BlockKey {
    topic_id: TopicId,
    segment: SegmentUuid,
    number: u32,
}

impl BlockKey {
    fn of(segment: &Segment, number: u32) -> Self {
        Self { topic_id: segment.tip().topic_id, segment: segment.entry().uuid, number }
    }
}

/// The blocks of all segments.
#[derive(Clone)]
pub(crate) struct Blocks {
    cache: Arc<Cache<BlockKey, Bytes>>,
    fetcher: Fetcher,
    budget: ByteBudget,
    tasks: Arc<Tasks>,
}

impl Blocks {
    pub(crate) fn new(
        settings: &ReaderSettings,
        fetcher: Fetcher,
        budget: ByteBudget,
        tasks: Arc<Tasks>,
    ) -> Self {
        let cache = Arc::new(Cache::new(settings.block_cache_bytes, Bytes::len));
        Self { cache, fetcher, budget, tasks }
    }

    /// The same blocks, of which none is asked for.
    pub(crate) fn held(&self, tasks: &Arc<Tasks>) -> Self {
        Self { cache: Arc::new(self.cache.apart()), tasks: Arc::clone(tasks), ..self.clone() }
    }

    /// Blocks that follow each other. One GET for each run of about 8 MiB of which nobody holds or brings anything yet, begun
    /// when this is called. Cancel safe: what was asked for still comes into the cache.
    pub(crate) fn get<'a>(
        &self,
        segment: &'a Segment,
        blocks: Range<u32>,
    ) -> impl Future<Output = Result<Vec<(BlockEntry, Bytes)>, ReadError>> + use<'a> {
        enum Place {
            Held(Bytes),
            Flight(Flight<Bytes>),
        }
        let (mut places, mut leads) = (Vec::new(), Vec::new());
        for number in blocks.clone() {
            places.push(match self.cache.claim(&BlockKey::of(segment, number), |_| true) {
                Claim::Held(block) => {
                    count(&self.fetcher.counters.block_hits, 1);
                    Place::Held(block)
                }
                Claim::Follow(flight) => Place::Flight(flight),
                Claim::Lead(lead, flight) => {
                    leads.push((number, lead));
                    Place::Flight(flight)
                }
            });
        }
        self.launch(segment, leads, None);
        async move {
            let mut all = Vec::with_capacity(places.len());
            for (number, place) in blocks.zip(places) {
                let block = match place {
                    Place::Held(block) => block,
                    Place::Flight(flight) => flight.landing().await?,
                };
                all.push((segment.block(number), block));
            }
            Ok(all)
        }
    }

    /// Begins to bring blocks that will probably be asked for next, as far as the budget allows without waiting. A stream whose
    /// window is so many raw bytes is served by few long requests: what is missing waits until it fills one, or half of a
    /// window that is too small for that. What `stream` has asked for ahead is left to whoever reads it.
    pub(crate) fn ahead(&self, segment: &Segment, blocks: Range<u32>, window: u64, stream: &Stream) {
        let uuid = segment.entry().uuid;
        let blocks = blocks.start.max(stream.asked_to(uuid))..blocks.end;
        let raw = |run: &Range<u32>| segment.block(run.end - 1).raw.end - segment.block(run.start).raw.start;
        let stored = |run: &Range<u32>| segment.stored(run).end - segment.stored(run).start;
        let end = blocks.end;
        let missing: Vec<_> =
            blocks.filter(|number| !self.cache.is_known(&BlockKey::of(segment, *number))).collect();
        let index = segment.index();
        for run in runs(index, missing.iter().copied(), REQUEST_BYTES) {
            // No further block would have had room, or there is none.
            let full = run.end < end || end == index.len();
            if !full && stored(&run) < REQUEST_BYTES && raw(&run) < window / 2 {
                continue;
            }
            // Reserved before claimed: who follows a claim must be able to rely on it.
            let Some(reserved) = self.budget.try_reserve(memory_of(segment, &run)) else { return };
            stream.ask_to(uuid, run.end);
            let lead = |number| match self.cache.claim(&BlockKey::of(segment, number), |_| true) {
                Claim::Lead(lead, _) => Some((number, lead)),
                Claim::Held(_) | Claim::Follow(_) => None,
            };
            self.launch(segment, run.filter_map(lead).collect(), Some(reserved));
        }
    }

    /// Blocks that came along with something else.
    pub(crate) fn keep(&self, segment: &Segment, blocks: Vec<Bytes>) {
        for (number, block) in (0..).zip(blocks) {
            self.cache.insert(BlockKey::of(segment, number), block);
        }
    }

    /// Starts a task for each run of blocks that we have to bring. What `reserved` holds is enough for all of them.
    fn launch(
        &self,
        segment: &Segment,
        leads: Vec<(u32, Lead<BlockKey, Bytes>)>,
        reserved: Option<Reservation>,
    ) {
        let numbers = leads.iter().map(|(number, _)| *number);
        let planned: Vec<_> = runs(segment.index(), numbers, REQUEST_BYTES).collect();
        let reserved = reserved.map(Arc::new);
        let mut leads = leads.into_iter().map(|(_, lead)| lead);
        for run in planned {
            let leads: Vec<_> = leads.by_ref().take((run.end - run.start) as usize).collect();
            let (this, segment, reserved) = (self.clone(), segment.clone(), reserved.clone());
            let bytes = memory_of(&segment, &run);
            // At once, if it can be: before what is read ahead takes it.
            let own = if reserved.is_none() { self.budget.try_reserve(bytes) } else { None };
            self.tasks.spawn(async move {
                let _own = match (own, &reserved) {
                    (None, None) => Some(this.budget.reserve(bytes).await),
                    (own, _) => own,
                };
                let outcomes = this.fetcher.fetch(&segment, run, true).await;
                for (lead, outcome) in leads.into_iter().zip(outcomes) {
                    this.cache.land(lead, outcome);
                }
                drop(reserved);
            });
        }
    }
}

/// What reading a run takes while it is under way: the bytes as they come, and the blocks that are decompressed of them. Of
/// blocks that are stored as they are no more than a copy is made, of one run for each processor at a time.
pub(crate) fn memory_of(segment: &Segment, run: &Range<u32>) -> u64 {
    let stored = segment.stored(run);
    let stored = stored.end - stored.start;
    let raw = segment.block(run.end - 1).raw.end - segment.block(run.start).raw.start;
    if raw == stored { stored } else { stored.saturating_add(raw) }
}
