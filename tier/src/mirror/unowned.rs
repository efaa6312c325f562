//! Objects that no broker owns.
//!
//! ```text
//!  list the segments ─► read the brokers' metadata to its end ─► judge ─► [operator] ─► delete
//! ```
//! The order is the proof: a broker writes down that it begins a copy before it writes the object, so that what was listed is
//! spoken of in metadata that is read after that, whoever copies meanwhile. No clock is asked whether an object is unknown;
//! clocks decide only how long an unfinished copy is waited for.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use firnline_index::{OffsetRange, SegmentUuid, TopicIdPartition};
use firnline_store::StoreError;

use super::{Listed, MirrorError};
use crate::Tier;
use crate::cluster::Clocks;
use crate::gc::{Bound, ClocksApart, TooMuch, Words};
use crate::retention::Share;

/// What a broker has said last of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrokerWord {
    /// Its copy has begun at this time, by the broker's clock, and nobody has said how it ended.
    Copying {
        /// When, in milliseconds since 1970.
        since_ms: i64,
    },
    /// It is there.
    Copied,
    /// It is to be deleted, and the broker that leads does so, again and again.
    Deleting,
    /// It was deleted.
    Deleted,
}

/// What the brokers' metadata says of one partition, read to its end after the segments were listed.
#[derive(Debug, Clone, Default)]
pub struct BrokersSay<'a> {
    /// Of each segment, by the id that the broker gave it: its offsets, and the last word.
    pub segments: HashMap<SegmentUuid, (OffsetRange, BrokerWord)>,
    /// Objects that segments of any partition lie in by other ids than the broker's: those of attached buckets.
    pub elsewhere: Cow<'a, HashSet<SegmentUuid>>,
}

/// How objects are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SweepSettings {
    /// Objects younger than this are left alone, and so are copies that have begun less long ago.
    pub min_age: Duration,
    /// What may go of the segments that are there, and of their bytes.
    pub share: Share,
    /// So many may always go.
    pub at_least: u64,
}

/// Why an object is nobody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unowned {
    /// No broker has ever spoken of it.
    Unknown,
    /// Its broker has deleted it, and it is there again: a write that came late.
    Deleted,
    /// Its copy never ended, and others have its offsets.
    Unfinished,
}

impl Unowned {
    /// The reason's name: lower case, stable.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Deleted => "deleted",
            Self::Unfinished => "unfinished",
        }
    }
}

/// Why an object that is not as it should be stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Owned {
    /// Its copy never ended, and it may be all there is of its offsets.
    UnfinishedAlone,
    /// It is not what its key says, or is no broker's.
    Foreign,
    /// It is sealed, and its key is not at hand.
    Sealed,
}

impl Owned {
    /// The reason's name: lower case, stable.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnfinishedAlone => "unfinished_alone",
            Self::Foreign => "foreign",
            Self::Sealed => "sealed",
        }
    }
}

/// What is nobody's.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// What may go, by key, with its length.
    pub unowned: BTreeMap<String, (Unowned, u64)>,
    /// What stays and should be looked at, by key.
    pub odd: BTreeMap<String, Owned>,
    /// Segments that are there.
    pub segments: u64,
}

/// Why nothing of a partition goes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SweepRefusal {
    /// The metadata has nothing of this partition.
    #[error(
        "there are {segments} segments, and the brokers' metadata says nothing of this partition: it is another cluster's, or the metadata was lost"
    )]
    NeverHeardOf {
        /// Segments that are there.
        segments: u64,
    },
    /// More than may go.
    #[error(transparent)]
    TooMuch(#[from] TooMuch),
    /// Our clock and the store's are too far apart to tell what is young.
    #[error(transparent)]
    ClocksApart(#[from] ClocksApart),
}

/// How far this machine's clock and the store's may be apart.
const SKEW: Duration = Duration::from_secs(600);

impl Tier {
    /// Which of the segments listed are nobody's. `say` must have been read, to the metadata's end, after they were listed.
    /// Deletes nothing. One GET of each that would go.
    ///
    /// # Errors
    /// The store's; a manifest that is no mirror.
    pub async fn unowned(
        &self,
        tip: &TopicIdPartition,
        listed: &BTreeMap<SegmentUuid, Listed>,
        say: &BrokersSay<'_>,
        clocks: Clocks,
        settings: &SweepSettings,
    ) -> Result<Result<Swept, SweepRefusal>, MirrorError> {
        self.mirror(tip).await?;
        if let Err(apart) = ClocksApart::hold(clocks, SKEW) {
            return Ok(Err(apart.into()));
        }
        let segments = listed.len() as u64;
        if !listed.is_empty() && say.segments.is_empty() {
            return Ok(Err(SweepRefusal::NeverHeardOf { segments }));
        }
        let mut swept = Swept { segments, ..Swept::default() };
        let min_age = i64::try_from(settings.min_age.as_millis()).unwrap_or(i64::MAX);
        let before_ms = clocks.earlier().get().saturating_sub(min_age);
        for (uuid, Listed { key, object }) in listed {
            if object.last_modified_ms > before_ms || say.elsewhere.contains(uuid) {
                continue;
            }
            let why = match say.segments.get(uuid) {
                None => Unowned::Unknown,
                Some((_, BrokerWord::Copied | BrokerWord::Deleting)) => continue,
                Some((_, BrokerWord::Deleted)) => Unowned::Deleted,
                Some((_, BrokerWord::Copying { since_ms })) if *since_ms > before_ms => continue,
                Some((range, BrokerWord::Copying { .. })) if say.have(*range) => Unowned::Unfinished,
                Some((_, BrokerWord::Copying { .. })) => {
                    swept.odd.insert(object.key.clone(), Owned::UnfinishedAlone);
                    continue;
                }
            };
            let words = self.words_of(key).await;
            match words.map_err(|source| MirrorError::Store { tip: tip.clone(), source: Box::new(source) })? {
                Words::Brokers => _ = swept.unowned.insert(object.key.clone(), (why, object.size)),
                Words::Other => _ = swept.odd.insert(object.key.clone(), Owned::Foreign),
                Words::Sealed => _ = swept.odd.insert(object.key.clone(), Owned::Sealed),
                Words::Gone => {}
            }
        }
        Ok(swept.within(listed, settings))
    }

    /// Deletes what [`Tier::unowned`] has found, one DELETE an object. Each deletion is logged. What the store refuses is
    /// given back.
    pub async fn delete_unowned(&self, swept: &Swept) -> Vec<(String, StoreError)> {
        let mut refused = Vec::new();
        for (key, (why, bytes)) in &swept.unowned {
            match self.store().delete(key).await {
                Ok(()) => tracing::info!(%key, bytes, why = why.name(), "object deleted"),
                Err(error) => {
                    tracing::warn!(%key, %error, "an object was not deleted");
                    refused.push((key.clone(), error));
                }
            }
        }
        refused
    }
}

impl BrokersSay<'_> {
    /// Whether segments that are there have all of these offsets.
    fn have(&self, range: OffsetRange) -> bool {
        let there = self.segments.values().filter(|(_, word)| *word == BrokerWord::Copied);
        let mut there: Vec<OffsetRange> = there.map(|(range, _)| *range).collect();
        there.sort_by_key(|range| range.start());
        let mut at = range.start();
        for next in there {
            if next.start() <= at {
                at = at.max(next.end());
            }
        }
        at >= range.end()
    }
}

impl Swept {
    fn within(
        self,
        listed: &BTreeMap<SegmentUuid, Listed>,
        settings: &SweepSettings,
    ) -> Result<Self, SweepRefusal> {
        let sum = |sizes: &mut dyn Iterator<Item = u64>| sizes.fold(0_u64, u64::saturating_add);
        let bytes = sum(&mut self.unowned.values().map(|(_, size)| *size));
        let all = sum(&mut listed.values().map(|listed| listed.object.size));
        let bound = Bound { share: settings.share, at_least: settings.at_least };
        bound.hold((self.unowned.len() as u64, bytes), (self.segments, all))?;
        Ok(self)
    }
}
