//! Who reads on where a read has ended is a stream, and is read ahead of: a window that grows eightfold with each read.
//!
//! A block that is read ahead is used a window later, and until then as much again comes and is used: the windows of streams at
//! several places share the memory for blocks, while streams at one place share their blocks. What a stream has asked for ahead it does
//! not ask for ahead again: what memory could not keep is asked for by whoever reads it.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use firnline_index::{Offset, RawPosition, SegmentUuid, TopicIdPartition};
use tokio::time::Instant;

use crate::open::Segment;
use crate::segment::SegmentRef;

/// How many places are remembered where streams go on; the longest idle are forgotten.
const PLACES: u64 = 4096;

/// The first window, in bytes, of who takes little at a time, and else twice what was taken: little is read in vain for who
/// reads on once or twice.
const FIRST_WINDOW_BYTES: u64 = 8 << 20;

/// By how much the next window is wider. Few long requests serve a stream, and the first short ones are soon behind it.
const GROWTH: u64 = 8;

/// Into how many segments a window reaches behind the one at hand: where they are short it is not all used.
pub(super) const SEGMENTS_AHEAD: usize = 8;

/// How long a stream counts that is not gone on with.
const ALIVE: Duration = Duration::from_secs(30);

/// At how many of its last ends a stream may be gone on with: who looks whether one more batch has room comes again.
const ENDS: usize = 3;

/// The streams, by where they go on.
pub(crate) struct Streams {
    places: moka::sync::Cache<(TopicIdPartition, Offset), Arc<Stream>>,
    alive: Mutex<Alive>,
    largest: u64,
    cache_bytes: u64,
}

/// One stream.
#[derive(Debug)]
pub(crate) struct Stream {
    number: u64,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    window: u64,
    /// Where its last reads have ended, the newest last.
    ends: VecDeque<Offset>,
    /// Up to which block was asked for ahead, of the segment at hand and of the next ones.
    asked: VecDeque<(SegmentUuid, u32)>,
    /// What goes on behind a segment, as far as it was looked for; nothing where nothing was found, or who looks is still at it.
    behind: VecDeque<(SegmentUuid, Option<Guess>)>,
}

/// A segment that probably goes on where another has ended.
#[derive(Debug, Clone)]
pub(super) struct Guess {
    pub(super) of: Arc<SegmentRef>,
    /// Whether a caller has named it, rather than a manifest.
    pub(super) named: bool,
}

impl Stream {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first block of a segment that was not asked for ahead yet.
    pub(crate) fn asked_to(&self, segment: SegmentUuid) -> u32 {
        self.told().asked.iter().find(|(of, _)| *of == segment).map_or(0, |(_, to)| *to)
    }

    /// What goes on behind a segment, if that was looked for; else whoever asks is to look, once.
    pub(super) fn behind(&self, segment: SegmentUuid) -> Option<Option<Guess>> {
        let behind = &mut self.told().behind;
        if let Some((_, known)) = behind.iter().find(|(of, _)| *of == segment) {
            return Some(known.clone());
        }
        behind.push_back((segment, None));
        if behind.len() > SEGMENTS_AHEAD + 1 {
            behind.pop_front();
        }
        None
    }

    pub(super) fn found_behind(&self, segment: SegmentUuid, guess: Guess) {
        let behind = &mut self.told().behind;
        if let Some((_, known)) = behind.iter_mut().find(|(of, _)| *of == segment) {
            *known = Some(guess);
        }
    }

    /// What lies below `to` was asked for.
    pub(crate) fn ask_to(&self, segment: SegmentUuid, to: u32) {
        let asked = &mut self.told().asked;
        match asked.iter_mut().find(|(of, _)| *of == segment) {
            Some((_, known)) => *known = to.max(*known),
            None => {
                asked.push_back((segment, to));
                if asked.len() > SEGMENTS_AHEAD + 1 {
                    asked.pop_front();
                }
            }
        }
    }
}

/// Where a stream reads: a stretch of a segment so long that streams within it find each other's blocks in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Whereabouts {
    segment: SegmentUuid,
    stretch: u64,
}

/// The length of such a stretch, in raw bytes.
const STRETCH_BYTES: u64 = 32 << 20;

impl Whereabouts {
    /// Those of the raw byte at `position` of `segment`.
    pub(crate) fn of(segment: SegmentUuid, position: u64) -> Self {
        Self { segment, stretch: position / STRETCH_BYTES }
    }
}

/// At how many places streams are alive: those of the last half minute or of the one before, whichever are more.
#[derive(Debug, Default)]
struct Alive {
    /// Where each is that went on in this half minute.
    streams: HashMap<u64, Whereabouts>,
    /// How many are at each place.
    places: HashMap<Whereabouts, u32>,
    before: usize,
    since: Option<Instant>,
    next: u64,
}

impl Alive {
    fn note(&mut self, number: u64, at: Whereabouts, now: Instant) -> u64 {
        let age = now.saturating_duration_since(*self.since.get_or_insert(now));
        if age >= ALIVE {
            self.before = if age < 2 * ALIVE { self.places.len() } else { 0 };
            self.streams.clear();
            self.places.clear();
            self.since = Some(now);
        }
        if (self.streams.len() as u64) < PLACES || self.streams.contains_key(&number) {
            *self.places.entry(at).or_default() += 1;
            if let Some(last) = self.streams.insert(number, at)
                && let Entry::Occupied(mut streams) = self.places.entry(last)
            {
                *streams.get_mut() -= 1;
                if *streams.get() == 0 {
                    streams.remove();
                }
            }
        }
        self.places.len().max(self.before) as u64
    }
}

impl Streams {
    /// Windows of up to `largest` raw bytes, for which blocks have `cache_bytes` of memory.
    pub(crate) fn new(largest: u64, cache_bytes: u64) -> Self {
        let places = moka::sync::Cache::builder()
            .max_capacity(PLACES)
            .eviction_policy(moka::policy::EvictionPolicy::lru())
            .build();
        Self { places, alive: Mutex::default(), largest, cache_bytes }
    }

    /// Takes note of a read from `from` on, which is at a place; gives the stream that it goes on with, and how far to read
    /// ahead of it, in raw bytes.
    pub(crate) fn goes_on(
        &self,
        tip: &TopicIdPartition,
        from: Offset,
        at: Whereabouts,
    ) -> Option<(Arc<Stream>, u64)> {
        let stream = self.places.get(&(tip.clone(), from))?;
        let alive = self.alive().note(stream.number, at, Instant::now());
        let share = self.cache_bytes / 2 / alive.max(1);
        let mut told = stream.told();
        let window = told.window.min(self.largest).min(share);
        told.window = told.window.saturating_mul(GROWTH).min(self.largest);
        drop(told);
        (window > 0).then_some((stream, window))
    }

    /// Takes note of where a read from `from` on has ended, after so many bytes: its stream goes on there, or, where `begins`,
    /// one begins.
    pub(crate) fn moved(
        &self,
        tip: &TopicIdPartition,
        (from, next): (Offset, Offset),
        bytes: usize,
        begins: bool,
    ) {
        if let Some(stream) = self.places.get(&(tip.clone(), from)) {
            self.put(tip, &stream, next);
        } else if begins {
            self.begin(tip, next, bytes as u64);
        }
    }

    fn begin(&self, tip: &TopicIdPartition, next: Offset, bytes: u64) {
        let place = (tip.clone(), next);
        if !self.places.contains_key(&place) {
            let mut alive = self.alive();
            let number = alive.next;
            alive.next += 1;
            drop(alive);
            let window = FIRST_WINDOW_BYTES.max(bytes.saturating_mul(2)).min(self.largest);
            let told = Told { window, ends: VecDeque::from([next]), ..Told::default() };
            self.places.insert(place, Arc::new(Stream { number, told: Mutex::new(told) }));
        }
    }

    /// A stream goes on at `next`, unless another does; its oldest place is forgotten.
    fn put(&self, tip: &TopicIdPartition, stream: &Arc<Stream>, next: Offset) {
        let place = (tip.clone(), next);
        if self.places.contains_key(&place) {
            return;
        }
        self.places.insert(place, Arc::clone(stream));
        let mut told = stream.told();
        told.ends.push_back(next);
        let oldest = if told.ends.len() > ENDS { told.ends.pop_front() } else { None };
        drop(told);
        if let Some(oldest) = oldest {
            self.places.invalidate(&(tip.clone(), oldest));
        }
    }

    fn alive(&self) -> MutexGuard<'_, Alive> {
        self.alive.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a window covers of a segment, and how much of it is left for the next one.
pub(super) struct Ahead {
    pub(super) blocks: Range<u32>,
    pub(super) beyond: u64,
}

/// Where a stream is that goes on at the block `first`.
pub(super) fn whereabouts(segment: &Segment, first: u32) -> Whereabouts {
    Whereabouts::of(segment.entry().uuid, start_of(segment, first))
}

/// Where a block begins, in raw bytes; the end of them where there is none.
fn start_of(segment: &Segment, block: u32) -> u64 {
    let index = segment.index();
    index.entry(block).map_or(index.raw_len(), |entry| entry.raw.start)
}

/// The blocks within `window` raw bytes from the block `first` on, which is the number of blocks where none is left.
pub(super) fn blocks_ahead(segment: &Segment, first: u32, window: u64) -> Ahead {
    let index = segment.index();
    let end = start_of(segment, first).saturating_add(window);
    let last = if window == 0 {
        Some(first)
    } else {
        index.find_raw(RawPosition::new(end - 1)).map(|last| last + 1)
    };
    Ahead { blocks: first..last.unwrap_or(index.len()), beyond: end.saturating_sub(index.raw_len()) }
}
