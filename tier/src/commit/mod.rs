//! Making uploaded segments part of the tier: the only way a manifest changes.
//!
//! ```text
//!        ┌──────────────────────────────────────────────────────────────┐
//!        ▼                                                              │ anything else than a plain refusal
//!   read manifest ── build ──►  put pages ──► put manifest if unchanged ┘
//!                     │  │                    (fresh commit id)
//!                     │  └──► lost: somebody else's history came first
//!                     └─────► landed: our id is the head's or among the recent ones
//! ```
//!
//! Whatever the put answered, the manifest is read again and decides: that is both the reading back of a success and
//! the settling of an unknown outcome. A put whose answer was lost may still be on its way; it is conditional on a
//! version older than the one the next attempt is built from, so the two cannot both land.
//!
//! Commits to one partition pass one queue per process. Cancel safety: a dropped commit may or may not have landed; the
//! next one finds out by what the tier's end is. Cost: one GET and one PUT, one GET to read back, one PUT more in a
//! thousand segments; a lost race costs one GET.

mod decide;
mod queue;

use std::time::Duration;

use firnline_index::ids::{CommitId, LeaderEpoch, NodeId, ObjectUuid, TopicIdPartition};
use firnline_index::keys::ObjectKey;
use firnline_index::manifest::{AlgebraError, Manifest, ManifestError, ManifestKind, Writer};
use firnline_store::env::RandomExt;
use firnline_store::{CreateOutcome, ErrorKind, StoreError, UpdateOutcome, Version};

pub use decide::{Basis, Lost};
use decide::{build, landed};
pub(crate) use queue::Queues;

use crate::catalog::TopicObjectError;
use crate::upload::UploadedSegment;
use crate::{LoadedManifest, ReadError, Step, Tier};

/// The limit of the random pause before the first repetition; doubles with each.
const PAUSE: Duration = Duration::from_millis(50);
/// The longest limit of that pause.
const PAUSE_MAX: Duration = Duration::from_secs(5);

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
    /// They must not become part of it.
    Lost(Lost),
}

/// A commit without an answer.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The manifest could not be read, and nothing was put yet.
    #[error("read the manifest of {tip} before a commit")]
    Read {
        /// The partition.
        tip: TopicIdPartition,
        /// Why not.
        #[source]
        source: ReadError,
    },
    /// The manifest could not be read back. Whether the commit landed is unknown; the next pass sees it.
    #[error(
        "read the manifest of {tip} back; whether the commit landed is not known, and the next pass finds out"
    )]
    Unknown {
        /// The partition.
        tip: TopicIdPartition,
        /// Why not.
        #[source]
        source: ReadError,
    },
    /// The topic's object could not be written.
    #[error("make the topic of {tip} known")]
    Topic {
        /// The partition.
        tip: TopicIdPartition,
        /// Why not.
        #[source]
        source: TopicObjectError,
    },
    /// The store refused a write.
    #[error("write the manifest of {tip}")]
    Store {
        /// The partition.
        tip: TopicIdPartition,
        /// Why.
        #[source]
        source: Box<StoreError>,
    },
    /// The segments do not fit the manifest, although nothing changed: the log and the tier have diverged.
    #[error("the segments uploaded do not continue the manifest of {tip}")]
    Algebra {
        /// The partition.
        tip: TopicIdPartition,
        /// What does not fit.
        #[source]
        source: Box<AlgebraError>,
    },
    /// The new manifest cannot be written.
    #[error("encode the manifest of {tip}")]
    Encode {
        /// The partition.
        tip: TopicIdPartition,
        /// Why not.
        #[source]
        source: Box<ManifestError>,
    },
    /// Others were faster each time although nothing of theirs is in the way.
    #[error("the manifest of {tip} changed under each of {attempts} attempts to commit; try again later")]
    Contended {
        /// The partition.
        tip: TopicIdPartition,
        /// How many times it was tried.
        attempts: u32,
    },
    /// An attempt was not answered, and the manifest is still the one that it was conditional on: it may arrive yet.
    #[error("an attempt to commit that was not answered may still arrive; the next pass finds out")]
    InDoubt(#[source] Box<CommitError>),
}

impl CommitError {
    /// Whether the segments may be part of the tier although no answer says so.
    #[must_use]
    pub fn may_have_landed(&self) -> bool {
        match self {
            Self::Unknown { .. } | Self::InDoubt(_) => true,
            Self::Store { source, .. } => source.is_ambiguous(),
            _ => false,
        }
    }

    /// Whether another pass may succeed without anybody doing anything.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Read { source: ReadError::Store(error), .. }
            | Self::Unknown { source: ReadError::Store(error), .. }
            | Self::Topic { source: TopicObjectError::Store(error), .. }
            | Self::Store { source: error, .. } => error.is_retriable(),
            Self::Contended { .. } => true,
            Self::InDoubt(source) => source.is_passing(),
            Self::Read { .. }
            | Self::Unknown { .. }
            | Self::Topic { .. }
            | Self::Algebra { .. }
            | Self::Encode { .. } => false,
        }
    }
}

impl Tier {
    /// Commits `request`. Waits its turn; see the module's text for cost and cancel safety.
    pub async fn commit(&self, request: &CommitRequest) -> Result<CommitOutcome, CommitError> {
        let tip = &request.tip;
        let mut turn = self.queues().turn(tip, self.settings().commit_interval).await;
        let mut tried: Vec<CommitId> = Vec::new();
        // The version that an attempt without an answer was conditional on: while the manifest is that, it may land.
        let mut unanswered: Option<Option<Version>> = None;
        let most = usize::try_from(self.settings().commit_attempts).unwrap_or(usize::MAX);
        loop {
            let step = if tried.is_empty() { Step::CommitRead } else { Step::CommitReadBack };
            self.before(step).await;
            let loaded = self.manifest(tip).await.map_err(|source| match tried.is_empty() {
                true => CommitError::Read { tip: tip.clone(), source },
                false => CommitError::Unknown { tip: tip.clone(), source },
            })?;
            let loaded = match loaded {
                Some(loaded) if landed(&loaded.manifest, &tried, &request.segments) => {
                    return Ok(CommitOutcome::Committed(Box::new(loaded)));
                }
                other => other,
            };
            let head = loaded.as_ref().map(|loaded| &loaded.manifest);
            let CommitRequest { basis, segments, bound_epoch, .. } = request;
            let built =
                build(head, basis, segments, *bound_epoch, self.now(), || self.empty_manifest(request));
            let next = match built {
                Ok(Ok(next)) => next,
                Ok(Err(lost)) => return Ok(CommitOutcome::Lost(lost)),
                Err(source) => {
                    return Err(CommitError::Algebra { tip: tip.clone(), source: Box::new(source) });
                }
            };
            let version = loaded.map(|loaded| loaded.version);
            unanswered = unanswered.filter(|expected| *expected == version);
            let doubt = |error| match unanswered {
                Some(_) => CommitError::InDoubt(Box::new(error)),
                None => error,
            };
            if tried.len() >= most {
                let attempts = self.settings().commit_attempts;
                return Err(doubt(CommitError::Contended { tip: tip.clone(), attempts }));
            }
            self.pause_before_attempt(tried.len()).await;
            let id = CommitId::from_bytes(self.env().random.uuid());
            tried.push(id);
            turn.mark();
            if !self.attempt(request, next, version.as_ref(), id).await.map_err(doubt)? {
                unanswered = Some(version);
            }
        }
    }

    /// One attempt to replace the manifest `known` by `next`; gives whether it was answered. Neither says what came of it:
    /// the caller reads the manifest. Only what cannot have been applied, and would not be by another attempt, is an error.
    async fn attempt(
        &self,
        request: &CommitRequest,
        mut next: Manifest,
        known: Option<&Version>,
        id: CommitId,
    ) -> Result<bool, CommitError> {
        let tip = &request.tip;
        let store_error = |source| CommitError::Store { tip: tip.clone(), source: Box::new(source) };
        let encode_error = |source| CommitError::Encode { tip: tip.clone(), source: Box::new(source) };
        let writer = request.node.map(|node| Writer {
            node,
            leader_epoch: request.bound_epoch,
            incarnation: self.incarnation(),
        });
        next.stamp(id, writer);
        let fresh = || ObjectUuid::from_bytes(self.env().random.uuid());
        while let Some(spill) = next.spill(fresh).map_err(encode_error)? {
            self.before(Step::CommitPage).await;
            self.store().put_unique(&spill.key.to_string(), spill.bytes).await.map_err(store_error)?;
            next = spill.head;
        }
        let bytes = next.encode().map_err(encode_error)?;
        let key = ObjectKey::Manifest { tip: tip.clone() }.to_string();
        let put = match known {
            Some(version) => {
                self.before(Step::CommitPut).await;
                self.store().update(&key, bytes, version).await.map(|outcome| match outcome {
                    UpdateOutcome::Updated(_) => "updated",
                    UpdateOutcome::Conflict => "conflict",
                })
            }
            None => {
                let ensured = self.ensure_topic(tip, request.topic_partitions).await;
                ensured.map_err(|source| CommitError::Topic { tip: tip.clone(), source })?;
                self.before(Step::CommitPut).await;
                self.store().create(&key, bytes).await.map(|outcome| match outcome {
                    CreateOutcome::Created(_) => "created",
                    CreateOutcome::Exists => "exists",
                })
            }
        };
        match put {
            Ok(answer) => {
                tracing::debug!(%tip, commit = %id, answer, "manifest put");
                Ok(true)
            }
            // What is not durable may be undone by a power cut, so that it can be read back proves nothing.
            Err(error) if error.is_ambiguous() && *error.kind() != ErrorKind::NotDurable => {
                tracing::debug!(%tip, commit = %id, %error, "manifest put without a clear answer");
                Ok(false)
            }
            Err(error) => Err(store_error(error)),
        }
    }

    /// Several who lose the same race would meet again in the next one.
    async fn pause_before_attempt(&self, tried: usize) {
        if tried == 0 {
            return;
        }
        let doublings = u32::try_from(tried - 1).unwrap_or(u32::MAX).min(16);
        let limit = PAUSE.saturating_mul(1 << doublings).min(PAUSE_MAX);
        tokio::time::sleep(self.env().random.jitter(limit)).await;
    }

    fn empty_manifest(&self, request: &CommitRequest) -> Manifest {
        Manifest::new(
            ManifestKind::Sidecar,
            self.cluster_id().clone(),
            request.tip.clone(),
            request.basis.base,
            CommitId::from_bytes(self.env().random.uuid()),
        )
    }
}
