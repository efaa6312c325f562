//! Segments of one partition from its log to the store, one after another, since each needs the transactions that the
//! one before leaves open. Nothing here makes them part of the tier.

use std::ops::ControlFlow;
use std::sync::Arc;

use firnline_index::log_source::{LogSource, SourceErrorKind};
use firnline_index::manifest::EntryKind;
use firnline_index::transactions::TransactionStart;
use firnline_index::{LeaderEpoch, Offset, SegmentUuid};
use firnline_tier::{
    Basis, Pace, SegmentForm, SegmentPlan, Tier, UploadError, UploadOutcome, UploadedSegment,
};

use crate::history::must_not_fall;
use crate::holes::{Gapless, Holes};
use crate::log::PartitionLog;
use crate::meter::Metered;
use crate::plan::PlannedSegment;
use crate::progress::Progress;

/// Segments in one commit at most.
const COMMIT_SEGMENTS: usize = 64;
/// Raw bytes after which what was uploaded is committed: what a crash or a lost race can throw away, besides the
/// segment under way.
const COMMIT_BYTES: u64 = 256 << 20;

/// What uploads need besides a log.
#[derive(Debug, Clone)]
pub(crate) struct Uploads<'a> {
    pub(crate) tier: Tier,
    /// Whether the log may leave out offsets.
    pub(crate) holes: Holes,
    /// What the segments are.
    pub(crate) kind: EntryKind,
    /// The tail pieces whose place they take.
    pub(crate) replaces: Vec<SegmentUuid>,
    /// How they are stored.
    pub(crate) form: SegmentForm,
    pub(crate) progress: Arc<dyn Progress>,
    /// How fast they may go.
    pub(crate) pace: Arc<dyn Pace + 'a>,
}

/// What was uploaded, and what stopped it before all was, if anything did.
#[derive(Debug)]
pub(crate) struct Uploaded {
    /// Oldest first, end to end.
    pub(crate) segments: Vec<UploadedSegment>,
    /// Where the next segment was to begin, and why it was not made.
    pub(crate) stopped: Option<(Offset, UploadError)>,
}

/// Where the next segment begins.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    pub(crate) base: Offset,
    /// The transactions open there.
    pub(crate) transactions: TransactionStart,
    /// The newest epoch below.
    pub(crate) last_epoch: Option<LeaderEpoch>,
    /// Whether the newest segment of the tier is sealed.
    pub(crate) sealed: bool,
}

impl Start {
    /// Where what `basis` is taken from ends.
    pub(crate) fn of(basis: &Basis) -> Self {
        Self {
            base: basis.base,
            transactions: basis.transactions.clone(),
            last_epoch: basis.lineage.last().map(|start| start.epoch),
            sealed: basis.sealed,
        }
    }

    fn move_behind(&mut self, segment: &UploadedSegment) {
        self.base = segment.entry.range.end();
        self.transactions = TransactionStart::Known(segment.open.clone());
        self.last_epoch = segment.entry.epochs.last().map(|start| start.epoch).or(self.last_epoch);
        self.sealed = segment.entry.key_id.is_some();
    }
}

impl Uploads<'_> {
    /// Uploads what is planned, up to what one commit takes, or until `go_on`, asked before each segment, says no. What was
    /// uploaded before something went wrong counts.
    pub(crate) async fn run(
        &self,
        log: &Arc<dyn PartitionLog>,
        planned: &[PlannedSegment],
        mut start: Start,
        mut go_on: impl FnMut(&PlannedSegment) -> ControlFlow<()>,
    ) -> Uploaded {
        let mut segments: Vec<UploadedSegment> = Vec::new();
        let mut bytes = 0;
        for next in planned {
            if segments.len() >= COMMIT_SEGMENTS || bytes >= COMMIT_BYTES || go_on(next).is_break() {
                break;
            }
            match self.one(log, next, &start).await {
                Ok(Some(segment)) => {
                    self.progress.uploaded(log.tip(), segment.entry.range);
                    bytes += segment.entry.log_bytes.get();
                    start.move_behind(&segment);
                    segments.push(segment);
                }
                // Files that a cleaner has emptied have no batch to tell their end by; the next one goes on.
                Ok(None) => {}
                Err(error) => return Uploaded { segments, stopped: Some((start.base, error)) },
            }
        }
        Uploaded { segments, stopped: None }
    }

    /// One segment from `start` to where `next` ends; `None` where there is no batch.
    pub(crate) async fn one(
        &self,
        log: &Arc<dyn PartitionLog>,
        next: &PlannedSegment,
        start: &Start,
    ) -> Result<Option<UploadedSegment>, UploadError> {
        let base = start.base;
        self.must_not_fall(log, next.stop).await?;
        let source = self.open(log, base, next.stop).await?;
        let plan = SegmentPlan {
            tip: log.tip().clone(),
            base,
            transactions: start.transactions.clone(),
            last_epoch: start.last_epoch,
            size_hint: next.bytes,
            kind: self.kind,
            replaces: self.replaces.clone(),
            form: SegmentForm { encryption: self.form.encryption.behind(start.sealed), ..self.form.clone() },
        };
        match self.tier.upload_paced(source, plan, &*self.pace).await {
            Ok(UploadOutcome::Uploaded(segment)) => Ok(Some(*segment)),
            Ok(UploadOutcome::Empty) => Ok(None),
            Err(error) => Err(self.placed(log, base, next.stop, error).await),
        }
    }

    async fn must_not_fall(&self, log: &Arc<dyn PartitionLog>, at: Offset) -> Result<(), UploadError> {
        let opened = Arc::clone(log);
        self.tier.workers().run(move || must_not_fall(&*opened, at)).await.map_err(UploadError::Source)
    }

    /// A batch that the upload refused, with the file it stands in: the upload sees bytes, not files.
    async fn placed(
        &self,
        log: &Arc<dyn PartitionLog>,
        from: Offset,
        until: Offset,
        error: UploadError,
    ) -> UploadError {
        if !matches!(error, UploadError::Batch(_)) {
            return error;
        }
        let asked = Arc::clone(log);
        let found = self.tier.workers().run(move || asked.find_damage(from, until)).await;
        found.filter(|found| found.kind == SourceErrorKind::Damaged).map_or(error, UploadError::Source)
    }

    async fn open(
        &self,
        log: &Arc<dyn PartitionLog>,
        from: Offset,
        until: Offset,
    ) -> Result<Box<dyn LogSource>, UploadError> {
        let opened = Arc::clone(log);
        let source = self.tier.workers().run(move || opened.open(from, Some(until))).await;
        let source = source.map_err(UploadError::Source)?;
        let source: Box<dyn LogSource> = match self.holes {
            Holes::Refuse => Box::new(Gapless::new(source, from, until, self.tier.settings().limits)),
            Holes::Allow => source,
        };
        Ok(Box::new(Metered::new(source, log.tip().clone(), Arc::clone(&self.progress))))
    }
}
