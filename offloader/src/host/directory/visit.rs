//! One partition's directory: what is in it, and pins for what has none.

use firnline_index::{PartitionIndex, TopicId, TopicIdPartition, TopicName};
use firnline_logdir::{DirIdentity, IoProblem, PartitionDir, PinName, PinProblem, PinSource, RefusedReason};

use super::shared::{Place, Shared};

/// A directory that was read.
#[derive(Debug)]
pub(super) struct Visit<'a> {
    pub(super) place: Place,
    pub(super) source: PinSource<'a>,
    pub(super) found: PartitionDir,
    pub(super) wanted: bool,
}

/// Why a directory could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum VisitProblem {
    /// It is gone, or another one by now: look again.
    #[error("the directory changed while it was read")]
    Changed,
    /// It has no topic id yet: the broker writes it a moment after it has made the directory.
    #[error("{0}")]
    Waiting(RefusedReason),
    /// It cannot be read as it stands.
    #[error("the directory cannot be read as it stands")]
    Refused(#[source] RefusedReason),
    /// A system call failed.
    #[error(transparent)]
    Io(#[from] IoProblem),
}

impl Shared {
    /// Watches the directory, then reads it, so that nothing falls between. `Ok(None)` where it is gone.
    pub(super) fn visit(
        &self,
        place: &Place,
        topic: &TopicName,
        partition: PartitionIndex,
    ) -> Result<Option<Visit<'_>>, VisitProblem> {
        let pins = &self.dirs[place.0].pins;
        let Some(source) = pins.source(&place.1)? else { return Ok(None) };
        self.watch(place, source.identity.inode)?;
        let found = PartitionDir::read(source.path(), topic, partition).map_err(|why| match why {
            RefusedReason::NoPartitionMetadata => VisitProblem::Waiting(why),
            RefusedReason::Changing => VisitProblem::Changed,
            RefusedReason::Io(problem) if problem.is_not_found() => VisitProblem::Changed,
            RefusedReason::Io(problem) => VisitProblem::Io(problem),
            why => VisitProblem::Refused(why),
        })?;
        // Names and topic id were read by path: both must be of the directory that is open.
        if pins.identity(&place.1)?.map(|now| now.inode) != Some(source.identity.inode) {
            return Err(VisitProblem::Changed);
        }
        let wanted = self.wants(&found.tip);
        self.know(place, wanted.then(|| found.tip.clone()));
        Ok(Some(Visit { place: place.clone(), source, found, wanted }))
    }

    /// Pins a file that has just appeared in a directory that was known to have this inode.
    pub(super) fn pin_new(
        &self,
        place: &Place,
        inode: u64,
        tip: &TopicIdPartition,
        base: firnline_index::Offset,
    ) -> Result<Option<PinName>, PinProblem> {
        let Some(source) = self.dirs[place.0].pins.source(&place.1)? else { return Ok(None) };
        if source.identity.inode != inode {
            return Ok(None);
        }
        source.pin(tip.topic_id, tip.partition, base)
    }
}

impl Visit<'_> {
    /// Which directory it was when its names were read.
    pub(super) fn identity(&self) -> DirIdentity {
        self.source.identity
    }

    /// The topic whose name must be kept before anything is pinned.
    pub(super) fn name(&self) -> Option<(TopicId, &TopicName)> {
        self.wanted.then_some((self.found.tip.topic_id, &self.found.tip.topic))
    }

    /// Pins each file that is wanted and for which `needs` says so. Gives the pins made, and the first problem.
    pub(super) fn pin(
        &self,
        needs: impl Fn(&firnline_logdir::SegmentFile) -> bool,
    ) -> (Vec<PinName>, Option<PinProblem>) {
        let (mut made, mut problem) = (Vec::new(), None);
        let tip = &self.found.tip;
        for segment in self.found.segments.iter().filter(|segment| self.wanted && needs(segment)) {
            match self.source.pin(tip.topic_id, tip.partition, segment.base) {
                Ok(pin) => made.extend(pin),
                Err(error) => problem = problem.or(Some(error)),
            }
        }
        (made, problem)
    }
}
