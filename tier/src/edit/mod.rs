//! Changing a manifest: the only way one changes.
//!
//! ```text
//!        ┌────────────────────────────────────────────────────────────────────────┐
//!        ▼                                                                        │ anything else than a plain refusal
//!   read manifest ──► fence ──► apply ──────►  put pages ──► put manifest if unchanged ┘
//!                       │      │ ▲  │          (fresh commit id)
//!                       │      │ └──┴ a page or the end of a segment is read first
//!                       │      └──► nothing to do, or refused
//!                       └─────────► a later leader has claimed
//! ```
//!
//! Whatever the put answered, the manifest is read again and decides: that is both the reading back of a success and
//! the settling of an unknown outcome. A put whose answer was lost may still be on its way; it is conditional on a
//! version older than the one the next attempt is built from, so the two cannot both land.
//!
//! Changes to one partition pass one queue per process. Cancel safety: a dropped one may or may not have landed; the
//! next look at the manifest tells. Cost: one GET and one PUT, one GET to read back, one PUT more for each page that
//! it makes and one GET for each page that it needs; a lost race costs one GET.

mod attempt;
mod error;
mod known;
mod queue;
mod refused;

use std::fmt;
use std::time::Duration;

use firnline_index::ids::{CommitId, LeaderEpoch, TopicIdPartition};
use firnline_index::manifest::{Dropped, Manifest, ManifestKind, Rewrite, Unmade, Writer};
use firnline_store::Version;
use firnline_store::env::RandomExt;

pub use error::EditError;
pub use known::Known;
pub(crate) use queue::Queues;
pub use refused::{Fence, Lost, Refused};

use crate::{LoadedManifest, Step, Tier};

/// The limit of the random pause before the first repetition; doubles with each.
const PAUSE: Duration = Duration::from_millis(50);
/// The longest limit of that pause.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// A change to one partition's manifest, as a pure function of it.
///
/// [`Tier::edit`] calls [`Edit::apply`] once for each version of the manifest that it meets, and once more after each
/// page that the answer asked for. It must answer the same to the same: the commit id, the reading back and the repetition
/// are not its affair.
pub trait Edit: fmt::Debug + Send + Sync {
    /// Who may make it. See [`Fence`].
    fn fence(&self) -> Fence;

    /// Whose manifests it changes; others are refused.
    fn kind(&self) -> ManifestKind {
        ManifestKind::Sidecar
    }

    /// What it makes of `head`, the manifest as it was just read; `None` where the partition has none.
    ///
    /// # Errors
    /// [`Unmade::Needs`] where it must be given a page or the end of a segment first: it is loaded into `known` and this
    /// is called again. Else where the change does not fit the manifest, although nothing of what it was to check for refuses it.
    fn apply(&self, head: Option<&Manifest>, known: &Known<'_>) -> Result<Applied, Unmade>;

    /// Whether `head` shows by something that nobody else could have put there that the change has landed. Commit ids
    /// prove it as far back as the manifest remembers them; this is for the time after.
    fn shows_in(&self, head: &Manifest) -> bool {
        let _ = head;
        false
    }

    /// For a change that makes the manifest of a partition that has none: one more than the highest partition of the
    /// topic that the caller knows of, for the topic's object.
    fn topic_partitions(&self) -> u32 {
        0
    }
}

/// What a change makes of a manifest.
#[derive(Debug)]
pub enum Applied {
    /// This takes its place. It is stamped and its head spilled before it is put.
    Changed(Box<Rewrite>),
    /// It is as the change would make it.
    Nothing,
    /// It must not be made.
    Refused(Refused),
}

impl Applied {
    /// A new head that needs no new page and drops nothing.
    #[must_use]
    pub fn head(head: Manifest) -> Self {
        Self::Changed(Box::new(Rewrite { head, pages: Vec::new(), dropped: Dropped::default() }))
    }
}

impl From<Rewrite> for Applied {
    fn from(rewrite: Rewrite) -> Self {
        Self::Changed(Box::new(rewrite))
    }
}

impl From<Lost> for Applied {
    fn from(lost: Lost) -> Self {
        Self::Refused(Refused::Lost(lost))
    }
}

/// How a change ended. All are answers, not failures.
#[derive(Debug)]
pub enum EditOutcome {
    /// It is part of the manifest.
    Changed {
        /// The manifest that shows it, as read back.
        now: Box<LoadedManifest>,
        /// What no manifest names any more. Objects of it may be deleted after twice the age that a reader's manifest
        /// may have, once a manifest read then still does not name them; gc finds what is forgotten.
        dropped: Dropped,
    },
    /// There was nothing to change. The manifest is here, where there is one.
    Nothing(Option<Box<LoadedManifest>>),
    /// It must not be made.
    Refused(Refused),
}

/// One attempt to put the manifest.
struct Tried {
    id: CommitId,
    dropped: Dropped,
}

impl Tier {
    /// Makes a change to a partition's manifest in the name of `writer`; `None` stands for an operator's change. Waits its
    /// turn; see the module's text for cost and cancel safety.
    pub async fn edit(
        &self,
        tip: &TopicIdPartition,
        writer: Option<Writer>,
        edit: &dyn Edit,
    ) -> Result<EditOutcome, EditError> {
        let epoch = writer.and_then(|writer| writer.leader_epoch);
        self.edit_under(tip, writer, epoch, edit).await
    }

    /// [`Tier::edit`] under a leader epoch that the manifest is not told where no node is known.
    pub(crate) async fn edit_under(
        &self,
        tip: &TopicIdPartition,
        writer: Option<Writer>,
        epoch: Option<LeaderEpoch>,
        edit: &dyn Edit,
    ) -> Result<EditOutcome, EditError> {
        let mut turn = self.queues().turn(tip, self.settings().commit_interval).await;
        let mut tried: Vec<Tried> = Vec::new();
        // The version that an attempt without an answer was conditional on: while the manifest is that, it may land.
        let mut unanswered: Option<Option<Version>> = None;
        let most = usize::try_from(self.settings().commit_attempts).unwrap_or(usize::MAX);
        let mut known = Known::new(self, tip);
        loop {
            let step = if tried.is_empty() { Step::CommitRead } else { Step::CommitReadBack };
            self.before(step).await;
            let loaded = self.manifest(tip).await.map_err(|source| match tried.is_empty() {
                true => EditError::Read { tip: tip.clone(), source },
                false => EditError::Unknown { tip: tip.clone(), source },
            })?;
            let loaded = match loaded {
                Some(loaded) => match landed(&loaded.manifest, &mut tried, edit) {
                    Some(dropped) => {
                        return Ok(EditOutcome::Changed { now: Box::new(loaded), dropped });
                    }
                    None => Some(loaded),
                },
                None => None,
            };
            let version = loaded.as_ref().map(|loaded| loaded.version.clone());
            unanswered = unanswered.filter(|expected| *expected == version);
            let doubt = |error| match unanswered {
                Some(_) => EditError::InDoubt(Box::new(error)),
                None => error,
            };
            let head = loaded.as_ref().map(|loaded| &loaded.manifest);
            let next = match self.apply(tip, epoch, edit, head, &mut known).await.map_err(doubt)? {
                Applied::Changed(next) => next,
                Applied::Nothing => return Ok(EditOutcome::Nothing(loaded.map(Box::new))),
                Applied::Refused(refused) => return Ok(EditOutcome::Refused(refused)),
            };
            if tried.len() >= most {
                let attempts = self.settings().commit_attempts;
                return Err(doubt(EditError::Contended { tip: tip.clone(), attempts }));
            }
            self.pause_before_attempt(tried.len()).await;
            let id = CommitId::from_bytes(self.env().random.uuid());
            let Rewrite { mut head, pages, dropped } = *next;
            tried.push(Tried { id, dropped });
            turn.mark();
            head.stamp(id, writer);
            let attempt = attempt::Attempt { tip, known: version.as_ref(), id };
            let partitions = edit.topic_partitions();
            if !self.attempt(attempt, head, pages, partitions).await.map_err(doubt)? {
                unanswered = Some(version);
            }
        }
    }

    /// Applies the change, and loads what it needs until it has all.
    async fn apply(
        &self,
        tip: &TopicIdPartition,
        epoch: Option<LeaderEpoch>,
        edit: &dyn Edit,
        head: Option<&Manifest>,
        known: &mut Known<'_>,
    ) -> Result<Applied, EditError> {
        if let Some(head) = head
            && let Err(lost) = refused::pass(head, epoch, edit)
        {
            return Ok(lost.into());
        }
        known.begin(self.now());
        loop {
            match edit.apply(head, known) {
                Ok(applied) => return Ok(applied),
                Err(Unmade::Needs(need)) => self.load(tip, need, known).await?,
                Err(Unmade::Refused(source)) => {
                    return Err(EditError::Algebra { tip: tip.clone(), source: Box::new(source) });
                }
                Err(Unmade::Page(source)) => {
                    return Err(EditError::Encode { tip: tip.clone(), source: Box::new(source) });
                }
            }
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
}

/// What the attempt that has landed dropped; `None` where none has. A commit id of ours among those that the manifest
/// remembers proves it. So does what only this change could have put there: it still does after others have committed so
/// often that our id is forgotten.
fn landed(head: &Manifest, tried: &mut Vec<Tried>, edit: &dyn Edit) -> Option<Dropped> {
    let remembered = tried.iter().position(|tried| head.has_commit(tried.id));
    let at = remembered.or_else(|| {
        let last = tried.len().checked_sub(1)?;
        edit.shows_in(head).then_some(last)
    })?;
    Some(tried.swap_remove(at).dropped)
}
