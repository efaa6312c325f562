//! One partition: read what the tier has, plan, upload, commit.
//!
//! Segments are uploaded one after another and committed several at a time. A crash anywhere leaves at most objects that nothing names; the next pass plans from the
//! tier's end as it is then.

use std::ops::ControlFlow;
use std::sync::Arc;

use firnline_index::manifest::{EntryKind, Manifest, ManifestKind};
use firnline_index::{NodeId, Offset};
use firnline_tier::{
    Basis, CommitOutcome, CommitRequest, LoadedManifest, Lost, SegmentForm, Tier, Unpaced, UploadError,
    UploadedSegment,
};

use crate::history::must_continue;
use crate::holes::Holes;
use crate::log::PartitionLog;
use crate::plan::{CommitBound, PlanPolicy, PlannedSegment, plan};
use crate::progress::Progress;
use crate::report::{CommittedSegment, PartitionReport, Problem};
use crate::upload::{Start, Uploaded, Uploads};

/// How often a lost race is answered by planning again.
const REPLANS: u32 = 4;

/// What one partition's offload needs besides its log.
#[derive(Debug, Clone)]
pub struct PartitionJob {
    /// The tier.
    pub tier: Tier,
    /// The broker beside which this runs.
    pub node: Option<NodeId>,
    /// How far the log is committed.
    pub bound: CommitBound,
    /// The shape of the segments.
    pub plan: PlanPolicy,
    /// How they are stored.
    pub form: SegmentForm,
    /// Whether the log may leave out offsets.
    pub holes: Holes,
    /// One more than the highest partition of the topic that is known, for the topic's object.
    pub topic_partitions: u32,
    /// Who is told.
    pub progress: Arc<dyn Progress>,
}

impl PartitionJob {
    /// Brings `log` into the tier up to its last sealed extent, as far as that goes; what stopped it is in the report.
    /// `may_commit` is asked right before each commit.
    pub async fn run(
        &self,
        log: &Arc<dyn PartitionLog>,
        may_commit: &(dyn Fn() -> Result<(), Problem> + Sync),
    ) -> PartitionReport {
        let mut report = PartitionReport {
            tip: log.tip().clone(),
            path: None,
            tier_end_before: None,
            tier_end: None,
            committed: Vec::new(),
            orphans: Vec::new(),
            problem: None,
        };
        report.problem = self.drive(log, may_commit, &mut report).await.err();
        self.progress.done(log.tip());
        report
    }

    async fn drive(
        &self,
        log: &Arc<dyn PartitionLog>,
        may_commit: &(dyn Fn() -> Result<(), Problem> + Sync),
        report: &mut PartitionReport,
    ) -> Result<(), Problem> {
        let tip = log.tip();
        let mut policy = self.plan;
        let mut lost_races = 0;
        let mut loaded = self.tier.manifest(tip).await.map_err(Problem::Read)?;
        report.tier_end_before = tier_end(loaded.as_ref());
        loop {
            report.tier_end = tier_end(loaded.as_ref());
            let planned = self.plan(log, report.tier_end, &policy).await?;
            let Some(first) = planned.first() else { return Ok(()) };
            if let Some(loaded) = &loaded {
                self.must_be_ours(&loaded.manifest)?;
                self.must_continue(log, &loaded.manifest).await?;
            }
            let basis = Basis::of(loaded.as_ref().map(|l| &l.manifest), first.start);
            let uploads = Uploads {
                tier: self.tier.clone(),
                holes: self.holes,
                kind: EntryKind::Segment,
                replaces: Vec::new(),
                form: self.form.clone(),
                progress: Arc::clone(&self.progress),
                pace: Arc::new(Unpaced),
            };
            let go_on = |_: &PlannedSegment| ControlFlow::Continue(());
            let Uploaded { segments, stopped } = uploads.run(log, &planned, Start::of(&basis), go_on).await;
            if segments.is_empty() && stopped.is_none() {
                // All that is left are files without a batch.
                return Ok(());
            }
            if !segments.is_empty() {
                may_commit().inspect_err(|_| note_orphans(report, log, &segments))?;
                match self.commit(log, basis, segments, report).await? {
                    Ok(now) => {
                        report.tier_end = Some(now.manifest.tier_end);
                        loaded = Some(now);
                    }
                    Err(lost) => {
                        lost_races += 1;
                        if lost_races > REPLANS || !lost_by_speed(&lost) {
                            return Err(Problem::Lost { times: lost_races, last: lost });
                        }
                        loaded = self.tier.manifest(tip).await.map_err(Problem::Read)?;
                        continue;
                    }
                }
            }
            match stopped {
                None => {}
                // A damaged file must not keep back the good ones that were to be joined with it.
                Some((_, error)) if policy.target_bytes > 0 && error.is_damage() => policy.target_bytes = 0,
                Some((from, error)) => return Err(Problem::Upload { from, source: Box::new(error) }),
            }
        }
    }

    /// Nothing is uploaded that a commit would refuse: a partition that sidecars have claimed or committed to under a
    /// leader's epoch takes nothing of a pass that no leader told a bound.
    fn must_be_ours(&self, manifest: &Manifest) -> Result<(), Problem> {
        if manifest.kind != ManifestKind::Sidecar {
            return Err(Problem::Refused(Lost::NotOurs));
        }
        let ours = match self.bound {
            CommitBound::AssumeLogEnd => None,
            CommitBound::At { epoch, .. } => Some(epoch),
        };
        match manifest.fence() {
            Some(claimed) if ours.is_none_or(|ours| claimed > ours) => {
                Err(Problem::Refused(Lost::Claimed { claimed, ours }))
            }
            _ => Ok(()),
        }
    }

    async fn must_continue(&self, log: &Arc<dyn PartitionLog>, manifest: &Manifest) -> Result<(), Problem> {
        let (opened, manifest, from) = (Arc::clone(log), manifest.clone(), manifest.tier_end);
        let found = self.tier.workers().run(move || must_continue(&*opened, &manifest)).await;
        found.map_err(|source| Problem::Upload { from, source: Box::new(UploadError::Source(source)) })
    }

    async fn plan(
        &self,
        log: &Arc<dyn PartitionLog>,
        tier_end: Option<Offset>,
        policy: &PlanPolicy,
    ) -> Result<Vec<PlannedSegment>, Problem> {
        let extents = log.extents();
        let planned = plan(&extents, tier_end, self.bound, policy).map_err(Problem::Plan)?;
        let Some(tier_end) = tier_end else { return Ok(planned) };
        // The tier reaches into what is still written here. That is in order where another replica has rolled already;
        // where this log does not even reach so far, it must be told.
        if planned.is_empty() && extents.last().is_some_and(|last| tier_end > last.base) {
            self.must_reach(log, tier_end).await?;
        }
        Ok(planned)
    }

    /// Reads the end of the log, which no file name tells.
    async fn must_reach(&self, log: &Arc<dyn PartitionLog>, tier_end: Offset) -> Result<(), Problem> {
        let (opened, last) = (Arc::clone(log), log.extents().last().map_or(tier_end, |last| last.base));
        let found = self.tier.workers().run(move || log_end(&*opened, last)).await;
        let failed = |source| Problem::Upload { from: last, source: Box::new(UploadError::Source(source)) };
        let log_end = found.map_err(failed)?;
        if log_end < tier_end { Err(Problem::Behind { log_end, tier_end }) } else { Ok(()) }
    }

    async fn commit(
        &self,
        log: &Arc<dyn PartitionLog>,
        basis: Basis,
        segments: Vec<UploadedSegment>,
        report: &mut PartitionReport,
    ) -> Result<Result<LoadedManifest, Lost>, Problem> {
        let tip = log.tip().clone();
        let bound_epoch = match self.bound {
            CommitBound::AssumeLogEnd => None,
            CommitBound::At { epoch, .. } => Some(epoch),
        };
        let request = CommitRequest {
            tip,
            basis,
            segments,
            node: self.node,
            bound_epoch,
            topic_partitions: self.topic_partitions,
        };
        match self.tier.commit(&request).await {
            Ok(CommitOutcome::Committed(now)) => {
                for segment in &request.segments {
                    self.progress.committed(&request.tip, segment.entry.range);
                    report.committed.push(CommittedSegment {
                        range: segment.entry.range,
                        key: segment.entry.object_key(&request.tip),
                        log_bytes: segment.entry.log_bytes.get(),
                        object_bytes: segment.entry.location.length.get(),
                    });
                }
                Ok(Ok(*now))
            }
            Ok(CommitOutcome::Lost(lost)) => {
                note_orphans(report, log, &request.segments);
                Ok(Err(lost))
            }
            Err(error) => {
                // Where the outcome is unknown they may be part of the tier; only what surely is not is called orphan.
                if !error.may_have_landed() {
                    note_orphans(report, log, &request.segments);
                }
                Err(Problem::Commit(Box::new(error)))
            }
        }
    }
}

fn tier_end(loaded: Option<&LoadedManifest>) -> Option<Offset> {
    loaded.map(|loaded| loaded.manifest.tier_end)
}

fn note_orphans(report: &mut PartitionReport, log: &Arc<dyn PartitionLog>, segments: &[UploadedSegment]) {
    report.orphans.extend(segments.iter().map(|segment| segment.entry.object_key(log.tip())));
}

/// Whether planning again from the tier's new end makes sense.
fn lost_by_speed(lost: &Lost) -> bool {
    matches!(lost, Lost::TierEndMoved { .. } | Lost::Collected | Lost::HistoryChanged { .. })
}

/// One past the last offset at or above `from` that the log holds.
fn log_end(log: &dyn PartitionLog, from: Offset) -> Result<Offset, firnline_index::log_source::SourceError> {
    let mut source = log.open(from, None)?;
    let mut end = from;
    while let Some(run) = source.next_run(1 << 20)? {
        end = run.range.end();
    }
    Ok(end)
}
