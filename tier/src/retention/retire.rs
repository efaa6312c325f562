//! Raising the tier's start.

use std::collections::{BTreeMap, HashSet};

use firnline_index::ids::SegmentUuid;
use firnline_index::manifest::{Dropped, Manifest, Unmade, Writer};
use firnline_index::{Offset, TopicIdPartition};

use super::plan::below;
use super::{RetentionDecision, RetentionPlan};
use crate::gc::{Condemned, Doomed, Striker, Why};
use crate::{Applied, Edit, EditError, EditOutcome, Fence, Known, LoadedManifest, Refused, Step, Tier};

/// How a retirement ended. All are answers, not failures.
#[derive(Debug)]
pub enum RetireOutcome {
    /// The tier's start is raised; pass this to [`Tier::delete_condemned`]. What is forgotten, gc finds.
    Retired(Condemned),
    /// There was nothing to do.
    Nothing,
    /// It must not be made.
    Refused(Refused),
}

/// A retirement without an answer. Nothing was deleted.
#[derive(Debug, thiserror::Error)]
#[error("raise the tier's start of {tip}")]
pub struct RetireError {
    /// The partition.
    pub tip: TopicIdPartition,
    /// Why not.
    #[source]
    pub source: Box<EditError>,
}

impl RetireError {
    /// Whether another run may succeed without anybody doing anything.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        self.source.is_passing()
    }
}

/// What would go is not what was planned: the manifest changed meanwhile. Plan again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("segment {uuid} would be retired, which was not planned: the manifest changed meanwhile")]
pub struct NotAsPlanned {
    /// A segment that was not planned to go.
    pub uuid: SegmentUuid,
}

/// Raises the tier's start to where the plan says, if that retires what the plan says and nothing else.
#[derive(Debug)]
struct RetireTo {
    to: Offset,
    planned: HashSet<SegmentUuid>,
}

impl Edit for RetireTo {
    fn fence(&self) -> Fence {
        Fence::Anyone
    }

    fn apply(&self, head: Option<&Manifest>, known: &Known<'_>) -> Result<Applied, Unmade> {
        let Some(head) = head else { return Ok(Applied::Refused(Refused::NoManifest)) };
        if head.tier_start >= self.to {
            return Ok(Applied::Nothing);
        }
        let rewrite = head.retire_to(self.to, known.loaded())?;
        let other = rewrite.dropped.entries.iter().find(|entry| !self.planned.contains(&entry.uuid));
        match other {
            Some(other) => Ok(Applied::Refused(Refused::own(NotAsPlanned { uuid: other.uuid }))),
            None => Ok(rewrite.into()),
        }
    }
}

impl Tier {
    /// Carries out a plan: raises the tier's start in the name of `writer` (`None` for an operator). One commit, and one GET of
    /// each page that reaches into what goes. Nothing is deleted yet.
    pub async fn retire(
        &self,
        plan: &RetentionPlan,
        writer: Option<Writer>,
    ) -> Result<RetireOutcome, RetireError> {
        let RetentionDecision::Retire { to, segments, log_bytes, .. } = &plan.decision else {
            return Ok(RetireOutcome::Nothing);
        };
        let tip = &plan.tip;
        let edit = RetireTo { to: *to, planned: plan.segments.iter().copied().collect() };
        self.before(Step::Retire).await;
        let outcome = self.edit(tip, writer, &edit).await;
        match outcome.map_err(|source| RetireError { tip: tip.clone(), source: Box::new(source) })? {
            EditOutcome::Changed { now, dropped } => {
                tracing::info!(%tip, tier_start = %to, segments, log_bytes, "segments retired");
                Ok(RetireOutcome::Retired(condemn(self, &now, &dropped)))
            }
            EditOutcome::Nothing(_) => Ok(RetireOutcome::Nothing),
            EditOutcome::Refused(refused) => Ok(RetireOutcome::Refused(refused)),
        }
    }
}

/// What a change dropped, on its way out. An object that holds more than one segment stays for a human to judge: no build
/// writes one.
pub(crate) fn condemn(tier: &Tier, now: &LoadedManifest, dropped: &Dropped) -> Condemned {
    let tip = &now.manifest.tip;
    let doomed = |why, size| Doomed { why, size, last_modified_ms: None };
    let mut objects = BTreeMap::new();
    let mut to = Offset::ZERO;
    for entry in dropped.entries.iter().filter(|entry| entry.location.key.is_none()) {
        to = to.max(entry.range.end());
        objects.insert(entry.object_key(tip), doomed(Why::Retired, entry.location.length.get()));
    }
    for page in &dropped.pages {
        to = to.max(page.range.end());
        objects.insert(page.object_key(tip).to_string(), doomed(Why::Page, page.length.get()));
    }
    Condemned::new(tier, now, objects, below(to), Striker::default())
}
