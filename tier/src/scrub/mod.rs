//! Reading everything again, at a trickle: damage is found before somebody needs what is damaged.
//!
//! One segment after the other, oldest first, one partition after the other, round and round; as fast as covering everything
//! in the time stated takes, and never faster than the limit. Where it stands is kept in memory alone. A process begins at a
//! random place, so that one that is restarted often reads the end of its tier as often as the beginning.
//!
//! What it finds are the findings of [`crate::check`], with their stable names. It changes nothing.

mod place;
mod rate;

use std::collections::HashMap;
use std::time::Duration;

use firnline_index::NodeId;
use firnline_index::ids::TopicIdPartition;
use firnline_index::manifest::{Manifest, ManifestKind};
use firnline_store::env::RandomExt;

use crate::check::{Anomaly, AnomalyKind, CheckReport, Finding, OnFinding, Pace};
use crate::{ReadError, Step, Tier};
use place::Place;
use rate::rate;

/// How a scrub works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScrubSettings {
    /// Everything is read once in this time.
    pub cover_within: Duration,
    /// Stored bytes a second at most, even if that takes longer.
    pub most_bytes_per_second: u64,
    /// Which of the partitions that are given.
    pub of: ScrubOf,
}

/// Which partitions a scrub reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScrubOf {
    /// All.
    Given,
    /// Those whose manifests mirror the metadata of brokers with KIP-405, and were last written by this node: whoever leads
    /// writes them.
    Mirrors {
        /// The node.
        node: NodeId,
        /// How much later than the object a segment that a broker has deleted is gone from the manifest.
        lag: Duration,
    },
}

impl ScrubOf {
    fn takes(self, head: &Manifest) -> bool {
        match self {
            Self::Given => true,
            Self::Mirrors { node, .. } => {
                head.kind == ManifestKind::Kip405
                    && head.writer.as_ref().is_some_and(|writer| writer.node == node)
            }
        }
    }
}

impl Default for ScrubSettings {
    fn default() -> Self {
        Self {
            cover_within: Duration::from_secs(30 * 24 * 3600),
            most_bytes_per_second: 8 << 20,
            of: ScrubOf::Given,
        }
    }
}

/// What one step was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScrubStep {
    /// A segment was read.
    Segment(CheckReport),
    /// The next partition was begun, or given up because its manifest or a page of it could not be read.
    Moved,
    /// All partitions were gone through; the next step begins anew.
    Round,
    /// There is nothing to scrub.
    Idle,
}

/// How far a scrub is, and whether it is fast enough.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScrubProgress {
    /// Rounds that were completed.
    pub rounds: u64,
    /// Stored bytes that were read.
    pub bytes: u64,
    /// Findings that are damage.
    pub anomalies: u64,
    /// Stored bytes a second that it reads at now.
    pub bytes_per_second: u64,
    /// Whether the limit keeps it from covering everything in time.
    pub too_slow: bool,
}

/// A scrub under way. Owned by one task, which calls [`Scrub::step`] again and again.
#[derive(Debug)]
pub struct Scrub {
    settings: ScrubSettings,
    partitions: Vec<TopicIdPartition>,
    /// Which is next.
    next: usize,
    /// Where in a partition it is.
    place: Option<Place>,
    /// Whether the random beginning is made.
    begun: bool,
    /// Stored bytes of the partitions that were visited.
    sizes: HashMap<TopicIdPartition, u64>,
    progress: ScrubProgress,
}

impl Scrub {
    /// A scrub of nothing yet.
    #[must_use]
    pub fn new(settings: ScrubSettings) -> Self {
        Self {
            settings,
            partitions: Vec::new(),
            next: 0,
            place: None,
            begun: false,
            sizes: HashMap::new(),
            progress: ScrubProgress::default(),
        }
    }

    /// Says which partitions are to be scrubbed: those that this node leads. The one under way is finished first; the order of
    /// the others is that of their names.
    pub fn set_partitions(&mut self, mut partitions: Vec<TopicIdPartition>) {
        partitions.sort();
        partitions.dedup();
        let behind = self.next.checked_sub(1).and_then(|last| self.partitions.get(last)).cloned();
        self.next = behind.map_or(0, |behind| partitions.partition_point(|tip| *tip <= behind));
        self.sizes.retain(|tip, _| partitions.binary_search(tip).is_ok());
        self.partitions = partitions;
    }

    /// How far it is.
    #[must_use]
    pub fn progress(&self) -> ScrubProgress {
        self.progress
    }

    /// Whether it is between two partitions: no manifest is in hand that would grow old over a pause.
    #[must_use]
    pub fn is_between(&self) -> bool {
        self.place.is_none()
    }

    /// Reads one segment, or moves on to the next partition. Takes as long as the segment's bytes do at the rate of the
    /// scrub. May be dropped at any time: the next call goes on behind the segment that was not finished.
    pub async fn step(&mut self, tier: &Tier, on_finding: OnFinding<'_>) -> ScrubStep {
        let Some(place) = &mut self.place else { return self.move_on(tier, on_finding).await };
        let entry = match place.next(tier).await {
            Ok(Some(entry)) => entry,
            Ok(None) => {
                self.place = None;
                return ScrubStep::Moved;
            }
            Err(error) => {
                self.progress.anomalies += u64::from(tell(place.tip(), error, on_finding));
                return ScrubStep::Moved;
            }
        };
        let tip = place.tip().clone();
        let (per_second, too_slow) = rate(&self.settings, self.partitions.len(), &self.sizes);
        (self.progress.bytes_per_second, self.progress.too_slow) = (per_second, too_slow);
        if let ScrubOf::Mirrors { lag, .. } = self.settings.of
            && tier.store().head(&entry.object_key(&tip)).await.is_err_and(|error| error.is_not_found())
        {
            tokio::time::sleep(lag).await;
        }
        let report = tier.check_segment(&tip, &entry, Pace::per_second(per_second), on_finding).await;
        self.progress.bytes = self.progress.bytes.saturating_add(report.object_bytes);
        self.progress.anomalies += report.anomalies;
        ScrubStep::Segment(report)
    }

    async fn move_on(&mut self, tier: &Tier, on_finding: OnFinding<'_>) -> ScrubStep {
        if self.partitions.is_empty() {
            return ScrubStep::Idle;
        }
        let mut skip = None;
        if !self.begun {
            self.begun = true;
            let random = tier.env().random.u64();
            self.next = usize::try_from(random % self.partitions.len() as u64).unwrap_or(0);
            skip = Some(tier.env().random.u64());
        }
        let Some(tip) = self.partitions.get(self.next).cloned() else {
            self.next = 0;
            self.progress.rounds += 1;
            return ScrubStep::Round;
        };
        self.next += 1;
        tier.before(Step::ScrubRead).await;
        match tier.manifest(&tip).await {
            Ok(Some(loaded)) if !self.settings.of.takes(&loaded.manifest) => {
                self.sizes.insert(tip, 0);
            }
            Ok(Some(loaded)) => {
                self.sizes.insert(tip, loaded.manifest.totals.object_bytes.get());
                self.place = Some(Place::begin(loaded.manifest, skip));
            }
            Ok(None) => {
                self.sizes.insert(tip, 0);
            }
            Err(error) => self.progress.anomalies += u64::from(tell(&tip, error, on_finding)),
        }
        ScrubStep::Moved
    }
}

/// Tells what kept a manifest or page from being read. Gives whether that is damage.
fn tell(tip: &TopicIdPartition, error: ReadError, on_finding: OnFinding<'_>) -> bool {
    use firnline_index::keys::ObjectKey;
    let finding = match error {
        ReadError::Store(source) => {
            let key = ObjectKey::Manifest { tip: tip.clone() }.to_string();
            Finding::Unreadable { key, source }
        }
        ReadError::PageMissing { key } => {
            Finding::Anomaly(Anomaly { key: key.to_string(), kind: AnomalyKind::PageMissing })
        }
        ReadError::Damaged { key, source } => {
            let kind = match key {
                ObjectKey::Page { .. } => AnomalyKind::Page(*source),
                _ => AnomalyKind::Manifest(*source),
            };
            Finding::Anomaly(Anomaly { key: key.to_string(), kind })
        }
    };
    let damage = matches!(finding, Finding::Anomaly(_));
    on_finding(finding);
    damage
}
