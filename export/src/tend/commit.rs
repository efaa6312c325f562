//! From new files to a snapshot, against whoever else commits.
//!
//! ```text
//!  load ─► are all old files there, without new deletes by position? ── no ──► Overtaken: own files are deleted
//!   ▲                       │ yes
//!   │                       ▼
//!   │        replace { + new files, − old ones, − deletes that reach nothing more }, sequence number kept
//!   │                       │
//!   └── no plain yes: load: is it in the ancestry, or are its files live? ── yes ──► Landed
//! ```
//!
//! Whatever the answer but a plain yes, it is looked up: even a conflict may be about a second sending of what has landed. Once
//! a commit was asked for, own files are never deleted here.

use std::sync::Arc;
use std::time::Duration;

use firnline_table::{BuildError, Change, CommitError, Operation, RemovedFile, Table};

use super::error::TendError;
use super::facts::Content;
use super::live::Live;
use super::plan::{Rewrite, spent_equality_deletes};
use super::rewrite::Written;
use super::tender::Tender;

/// How often a commit is tried.
pub(super) const ATTEMPTS: u32 = 8;

/// The summary's key for the id of a commit, by which it is found again.
const COMMIT: &str = "firnline.commit";

/// What became of a commit.
#[derive(Debug)]
pub(super) enum Landed {
    /// It is part of the table.
    Yes,
    /// The table has changed so that it must not become part of it.
    Overtaken,
}

/// A change as it looks on a table of now; `None` where it must not be made any more.
pub(super) type Made = Option<Change>;

impl Tender {
    /// Commits what `make` makes of the table, which is loaded anew for each attempt.
    pub(super) async fn land(
        &self,
        commit: &str,
        written: &[&str],
        make: impl Fn(&Table, &Live) -> Made,
    ) -> Result<Landed, TendError> {
        let mut last: Option<CommitError> = None;
        let mut pause = Duration::from_millis(200);
        for _ in 0..ATTEMPTS {
            let table = self.load().await?;
            let live = self.live(&table).await?;
            if last.is_some() && has_landed(&table, &live, commit, written) {
                return Ok(Landed::Yes);
            }
            let Some(mut change) = make(&table, &live) else {
                self.give_up(&table, written, last.is_some()).await;
                return Ok(Landed::Overtaken);
            };
            change.summary.insert(COMMIT.to_owned(), commit.to_owned());
            let prepared = firnline_table::build(&table, change, &mut self.ids(), self.now_ms()).await;
            let prepared = match prepared {
                Ok(prepared) => prepared,
                Err(BuildError::Overtaken { .. }) => {
                    self.give_up(&table, written, last.is_some()).await;
                    return Ok(Landed::Overtaken);
                }
                Err(source) if source.is_stale() || source.is_retriable() => {
                    tokio::time::sleep(pause).await;
                    continue;
                }
                Err(source) => return Err(self.build(source)),
            };
            match self.catalog().commit(&table, &prepared.requirements, &prepared.updates).await {
                Ok(_) => return Ok(Landed::Yes),
                Err(error) if error.is_conflict() || error.is_retriable() || error.may_have_landed() => {
                    tracing::debug!(table = %table.name, error = %error, "a commit of maintenance was not plainly accepted");
                    // That an outcome was not known stays so, whatever the later ones were.
                    if !last.as_ref().is_some_and(CommitError::may_have_landed) {
                        last = Some(error);
                    }
                }
                Err(source) => return Err(self.commit_failed(source)),
            }
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(Duration::from_secs(10));
        }
        let table = self.load().await?;
        let live = self.live(&table).await?;
        if has_landed(&table, &live, commit, written) {
            return Ok(Landed::Yes);
        }
        let name = table.name.to_string();
        match last {
            Some(source) if source.may_have_landed() => {
                Err(TendError::Unsettled { table: name, commit: commit.to_owned(), source })
            }
            _ => Err(TendError::Contended { table: name, attempts: ATTEMPTS }),
        }
    }

    /// Deletes own files of a commit that was never asked for. After any attempt they stay: an answer may be about another
    /// sending of the same, and what snapshot of others leads to them by now is not to be known.
    async fn give_up(&self, table: &Table, written: &[&str], asked: bool) {
        if !asked {
            self.discard(table, written).await;
        }
    }

    /// Deletes files that are certainly in no snapshot. One that stays is an orphan by and by.
    async fn discard(&self, table: &Table, written: &[&str]) {
        for path in written {
            if let Err(error) = table.io.delete(path).await {
                tracing::debug!(%path, error = %error, "a file of a given up rewrite stays until it is old");
            }
        }
    }
}

/// Whether a commit has become part of the table: by its id, or, where the snapshot that carried it has been expired by others,
/// by its files.
fn has_landed(table: &Table, live: &Live, commit: &str, written: &[&str]) -> bool {
    let is_live = |path: &&str| live.file(path).is_some();
    firnline_table::landed(&table.metadata, commit) || (!written.is_empty() && written.iter().all(is_live))
}

/// A rewrite as it looks on the table of now.
pub(super) fn replacing(rewrite: &Rewrite, written: &Written, live: &Live) -> Made {
    let facts = live.facts();
    let is_live = |path: &Arc<str>| facts.iter().any(|file| file.path == *path);
    if !rewrite.files.iter().all(is_live) {
        return None;
    }
    // Deletes by position name rows of the old files: those that came since would be lost with them.
    let late = |deletes: &&super::facts::FileFact| {
        deletes.content == Content::PositionDeletes && !rewrite.deletes.contains(&deletes.path)
    };
    let old = |data: &&super::facts::FileFact| rewrite.files.contains(&data.path);
    if facts.iter().filter(late).any(|deletes| facts.iter().filter(old).any(|data| deletes.reaches(data))) {
        return None;
    }
    let mut change = Change::new(Operation::Replace);
    change.add = written.files.clone();
    change.keep_sequence = Some(rewrite.sequence);
    change.made_from = written.snapshot;
    let spent = spent_equality_deletes(&facts, &rewrite.files, rewrite.sequence);
    let positions = written.named.iter().filter(|(deletes, named)| {
        let stays = |path: &Arc<str>| is_live(path) && !rewrite.files.contains(path);
        is_live(deletes) && !named.iter().any(stays)
    });
    let removed = rewrite.files.iter().chain(&spent).chain(positions.map(|(deletes, _)| deletes));
    change.remove =
        removed.filter_map(|path| live.file(path)).map(|file| RemovedFile::of(&file.file)).collect();
    Some(change)
}

/// Deletes by key that reach nothing, dropped; `None` where there are none.
pub(super) fn dropping_spent(live: &Live) -> Made {
    let spent = spent_equality_deletes(&live.facts(), &[], 0);
    if spent.is_empty() {
        return None;
    }
    let mut change = Change::new(Operation::Replace);
    change.remove =
        spent.iter().filter_map(|path| live.file(path)).map(|file| RemovedFile::of(&file.file)).collect();
    Some(change)
}
