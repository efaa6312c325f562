//! Making uploaded segments part of the tier.

mod decide;

use firnline_index::ids::{LeaderEpoch, NodeId, TopicIdPartition};
use firnline_index::manifest::{Manifest, ManifestKind, Unmade};

pub use decide::Basis;
use decide::build;

use crate::edit::{Applied, Edit, EditError, EditOutcome, Fence, Known, Lost, Refused};
use crate::upload::UploadedSegment;
use crate::{LoadedManifest, Tier};

/// What is to be committed: segments that lie end to end, uploaded and verified.
#[derive(Debug, Clone)]
pub struct CommitRequest {
    /// The partition.
    pub tip: TopicIdPartition,
    /// What held when the first of the uploads began.
    pub basis: Basis,
    /// The segments, oldest first; the first begins at the basis' base.
    pub segments: Vec<UploadedSegment>,
    /// The broker beside which this runs.
    pub node: Option<NodeId>,
    /// The leader epoch under which the commit bound was told; `None` where no broker was asked.
    pub bound_epoch: Option<LeaderEpoch>,
    /// One more than the highest partition of the topic that the caller knows of; for the topic's object.
    pub topic_partitions: u32,
}

/// How a commit ended. Both are answers, not failures.
#[derive(Debug)]
pub enum CommitOutcome {
    /// The segments are part of the tier; this is the manifest that shows it, as read back.
    Committed(Box<LoadedManifest>),
    /// They must not become part of it. Their objects are named by nothing and stay as orphans; plan again.
    Lost(Lost),
}

/// A commit without an answer.
pub type CommitError = EditError;

impl Tier {
    /// Commits `request`. Waits its turn; cost and cancel safety are those of [`Tier::edit`].
    pub async fn commit(&self, request: &CommitRequest) -> Result<CommitOutcome, CommitError> {
        let epoch = request.bound_epoch;
        let writer = request.node.map(|node| self.writer(node, epoch));
        let commit = Commit { request };
        match self.edit_under(&request.tip, writer, epoch, &commit).await? {
            EditOutcome::Changed { now, .. } => Ok(CommitOutcome::Committed(now)),
            EditOutcome::Refused(Refused::Lost(lost)) => Ok(CommitOutcome::Lost(lost)),
            // A commit has neither: without a manifest it makes one, and segments are always something new.
            EditOutcome::Refused(Refused::NoManifest | Refused::Own(_)) | EditOutcome::Nothing(_) => {
                Ok(CommitOutcome::Lost(Lost::ManifestGone))
            }
        }
    }
}

/// The segments of a request as a change to the manifest.
#[derive(Debug)]
struct Commit<'a> {
    request: &'a CommitRequest,
}

impl Edit for Commit<'_> {
    fn fence(&self) -> Fence {
        Fence::Leader
    }

    fn apply(&self, head: Option<&Manifest>, known: &Known<'_>) -> Result<Applied, Unmade> {
        let CommitRequest { basis, segments, .. } = self.request;
        let empty = || known.new_manifest(ManifestKind::Sidecar, basis.base);
        Ok(match build(head, basis, segments, known.now(), empty)? {
            Ok(next) => Applied::head(next),
            Err(lost) => lost.into(),
        })
    }

    /// The uuids were drawn for these uploads alone.
    fn shows_in(&self, head: &Manifest) -> bool {
        let segments = &self.request.segments;
        segments.iter().all(|s| head.entries.iter().any(|entry| entry.uuid == s.entry.uuid))
    }

    fn topic_partitions(&self) -> u32 {
        self.request.topic_partitions
    }
}
