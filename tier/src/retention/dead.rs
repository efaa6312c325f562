//! Dead branches leave, too: by age, or by an operator's word.
//!
//! What a truncation took out of the log stays readable by name until retention would have ended it: a branch goes as a whole once
//! every segment of it is older than the limit, and so is the cut itself. Size never ends one: it is no part of the log. One run
//! takes one branch.

use firnline_index::ids::ObjectUuid;
use firnline_index::manifest::{
    DeadBranch, Dropped, Entry, Manifest, ManifestKind, PageBody, PageRef, Rewrite, Unmade, Writer,
};
use firnline_index::{Offset, TimestampMs, TopicIdPartition};

use super::decide::believe;
use super::plan::newest_commit;
use super::{RetentionRequest, RetentionSettings, RetireError, RetireOutcome, condemn};
use crate::{Applied, Edit, EditOutcome, Fence, Known, ReadError, Refused, Step, Tier};

/// One dead branch, as an operator names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeadBranchId {
    /// Where the live log went on without it.
    pub cut_at: Offset,
    /// When the cut was recorded.
    pub recorded_at: TimestampMs,
    /// The id of its first page, or of its first segment where it has no page: two cuts at one place in one millisecond
    /// are told apart.
    pub first: Option<ObjectUuid>,
}

impl DeadBranchId {
    /// The id of a branch.
    #[must_use]
    pub fn of(branch: &DeadBranch) -> Self {
        let segment = || branch.entries.first().map(|entry| ObjectUuid::from_bytes(*entry.uuid.as_bytes()));
        let first = branch.pages.first().map(|page| page.uuid).or_else(segment);
        Self { cut_at: branch.cut_at, recorded_at: branch.recorded_at, first }
    }
}

/// Takes one branch out of the manifest.
#[derive(Debug)]
struct DropBranch(DeadBranchId);

impl Edit for DropBranch {
    fn fence(&self) -> Fence {
        Fence::Anyone
    }

    fn apply(&self, head: Option<&Manifest>, known: &Known<'_>) -> Result<Applied, Unmade> {
        let Some(head) = head else { return Ok(Applied::Refused(Refused::NoManifest)) };
        let mut next = head.clone();
        let at = next.dead_branches.iter().position(|branch| DeadBranchId::of(branch) == self.0);
        let Some(at) = at else { return Ok(Applied::Nothing) };
        let branch = next.dead_branches.remove(at);
        let mut dropped = Dropped { entries: branch.entries, pages: Vec::new() };
        let mut pages: Vec<PageRef> = branch.pages;
        while let Some(page) = pages.pop() {
            match &known.loaded().page(&page)?.body {
                PageBody::Refs(refs) => pages.extend(refs.iter()),
                PageBody::Entries { entries, .. } => dropped.entries.extend(entries.iter()),
            }
            dropped.pages.push(page);
        }
        Ok(Rewrite { head: next, pages: Vec::new(), dropped }.into())
    }
}

impl Tier {
    /// The oldest dead branch that is older than the limit by age, if there is one and nothing contradicts it. One GET, and
    /// one of each page of a branch that was cut long enough ago.
    pub async fn plan_dead_branch(
        &self,
        request: &RetentionRequest<'_>,
        settings: &RetentionSettings,
    ) -> Result<Option<DeadBranchId>, ReadError> {
        let RetentionRequest { tip, limits, paused, clocks } = *request;
        let Some(limit) = limits.ms.filter(|_| !paused) else { return Ok(None) };
        self.before(Step::RetentionRead).await;
        let Some(loaded) = self.manifest(tip).await? else { return Ok(None) };
        let head = loaded.manifest;
        if head.kind != ManifestKind::Sidecar {
            return Ok(None);
        }
        let Ok(now) = believe(clocks, newest_commit(&head), settings.skew) else { return Ok(None) };
        let old = |born: TimestampMs| {
            let age = now.get().checked_sub(born.get()).and_then(|age| u64::try_from(age).ok());
            age.is_some_and(|age| age > limit)
        };
        let mut branches: Vec<&DeadBranch> = head.dead_branches.iter().collect();
        branches.sort_by_key(|branch| branch.recorded_at);
        for branch in branches.into_iter().filter(|branch| old(branch.recorded_at)) {
            let of_head = branch.entries.iter().all(|entry| old(born(entry)));
            if of_head && self.all_old(&head, branch, &old).await? {
                return Ok(Some(DeadBranchId::of(branch)));
            }
        }
        Ok(None)
    }

    /// Takes a dead branch out of the manifest: what retention planned, or an operator named. Nothing is deleted yet. One commit,
    /// and one GET of each page of the branch.
    pub async fn drop_dead_branch(
        &self,
        tip: &TopicIdPartition,
        branch: DeadBranchId,
        writer: Option<Writer>,
    ) -> Result<RetireOutcome, RetireError> {
        self.before(Step::Retire).await;
        let outcome = self.edit(tip, writer, &DropBranch(branch)).await;
        match outcome.map_err(|source| RetireError { tip: tip.clone(), source: Box::new(source) })? {
            EditOutcome::Changed { now, dropped } => {
                tracing::info!(%tip, cut_at = %branch.cut_at, segments = dropped.entries.len(), "dead branch dropped");
                Ok(RetireOutcome::Retired(condemn(self, &now, &dropped)))
            }
            EditOutcome::Nothing(_) => Ok(RetireOutcome::Nothing),
            EditOutcome::Refused(refused) => Ok(RetireOutcome::Refused(refused)),
        }
    }

    async fn all_old(
        &self,
        head: &Manifest,
        branch: &DeadBranch,
        old: &impl Fn(TimestampMs) -> bool,
    ) -> Result<bool, ReadError> {
        let mut pages = branch.pages.clone();
        while let Some(page) = pages.pop() {
            match self.page(&head.tip, &page).await?.body {
                PageBody::Refs(refs) => pages.extend(refs),
                PageBody::Entries { entries, .. } => {
                    if !entries.iter().all(|entry| old(born(&entry))) {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }
}

fn born(entry: &Entry) -> TimestampMs {
    entry.max_timestamp.map_or(entry.committed_at, |newest| newest.max(entry.committed_at))
}
