//! Who keeps one table in shape: between a job's rounds, or by a command.

use std::sync::Arc;

use firnline_store::Env;
use firnline_store::env::RandomExt as _;
use firnline_table::manifest::ManifestError;
use firnline_table::{BuildError, Catalog, CommitError, RandomIds, Table, TableName};

use super::commit::{Landed, dropping_spent, replacing};
use super::error::TendError;
use super::live::Live;
use super::plan::plan;
use super::report::{Outcome, TendReport};
use super::rewrite;
use super::schedule::{Duty, Schedule, Standing};
use super::settings::TendSettings;
use crate::workers::Workers;

/// How many rewrites a command makes in one go. Each one leaves fewer files or fewer deletes, so that this is never met.
const MAX_REWRITES: usize = 10_000;

/// After so many rewrites in a row that others have overtaken, looking ends.
const MAX_OVERTAKEN: usize = 3;

/// Keeps one table in shape. Not cancel safe in the sense that what was begun is lost, but never harmful to drop.
pub struct Tender {
    catalog: Arc<dyn Catalog>,
    table: TableName,
    settings: TendSettings,
    env: Env,
    workers: Workers,
    schedule: Schedule,
}

impl Tender {
    /// For a table. Nothing is done yet.
    #[must_use]
    pub fn new(
        catalog: Arc<dyn Catalog>,
        table: TableName,
        settings: TendSettings,
        env: Env,
        workers: Workers,
    ) -> Self {
        let schedule = Schedule::new();
        Self { catalog, table, settings, env, workers, schedule }
    }

    /// The same, with what was done last by another one.
    #[must_use]
    pub fn with_schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = schedule;
        self
    }

    /// What is due now, done: called between rounds. At most one rewrite is made in a call, so that rounds go on.
    ///
    /// # Errors
    /// Any of [`TendError`]; the table is as whole as before, and what was not done is due again.
    pub async fn tend(&mut self) -> Result<TendReport, TendError> {
        let mut report = TendReport::default();
        let table = self.load().await?;
        let standing = self.standing(&table);
        let now_ms = self.now_ms();
        for duty in self.schedule.due(&standing, &self.settings, now_ms) {
            match duty {
                Duty::Look => {
                    let looked = self.look(1, false).await?;
                    // While there is something to be rewritten, the next call looks again.
                    if looked.rewrites.is_empty() {
                        self.schedule.looked(now_ms, standing.current);
                    }
                    report.take(looked);
                }
                Duty::Expire => report.take(self.expire(false).await?),
                Duty::Orphans => {
                    report.take(self.remove_orphans(false).await?);
                    self.schedule.removed_orphans(now_ms);
                }
            }
        }
        Ok(report)
    }

    /// These duties now, whether they are due or not. A dry run changes nothing and tells what would be done.
    ///
    /// # Errors
    /// Any of [`TendError`].
    pub async fn maintain(&self, duties: &[Duty], dry_run: bool) -> Result<TendReport, TendError> {
        let mut report = TendReport { dry_run, ..TendReport::default() };
        for duty in duties {
            report.take(match duty {
                Duty::Look => self.look(MAX_REWRITES, dry_run).await?,
                Duty::Expire => self.expire(dry_run).await?,
                Duty::Orphans => self.remove_orphans(dry_run).await?,
            });
        }
        Ok(report)
    }

    /// Looks at all files, and makes at most so many rewrites.
    async fn look(&self, most: usize, dry_run: bool) -> Result<TendReport, TendError> {
        let mut report = TendReport { dry_run, ..TendReport::default() };
        loop {
            let table = self.load().await?;
            let live = self.live(&table).await?;
            let plan = plan(&live.facts(), live.sequence, &self.settings, self.now_ms());
            report.skipped = plan.skipped;
            if dry_run {
                report.rewrites =
                    plan.rewrites.into_iter().map(|rewrite| (rewrite, Outcome::Planned)).collect();
                if let Some(change) = dropping_spent(&live) {
                    report.spent_deletes = change.remove.iter().map(|file| file.path.clone()).collect();
                }
                report.take(self.merge(&table, true).await?);
                return Ok(report);
            }
            let Some(rewrite) = plan.rewrites.into_iter().next().filter(|_| report.rewrites.len() < most)
            else {
                if let Some(change) = dropping_spent(&live) {
                    let dropped: Vec<_> = change.remove.iter().map(|file| file.path.clone()).collect();
                    if let Landed::Yes = self.land(&self.id(), &[], |_, live| dropping_spent(live)).await? {
                        report.spent_deletes = dropped;
                    }
                }
                let skipped = std::mem::take(&mut report.skipped);
                report.take(self.merge(&table, false).await?);
                report.skipped = skipped;
                return Ok(report);
            };
            let commit = self.id();
            let written =
                rewrite::write(&table, &live, &rewrite, commit.clone(), &self.settings, self.workers).await?;
            let paths: Vec<&str> = written.files.iter().map(|file| file.path.as_str()).collect();
            let landed = self.land(&commit, &paths, |_, live| replacing(&rewrite, &written, live)).await?;
            let outcome = match landed {
                Landed::Yes => Outcome::Landed {
                    files: written.files.len(),
                    bytes: written.files.iter().map(|file| file.file_size).sum(),
                    rows: written.files.iter().map(|file| file.record_count).sum(),
                    deletes: rewrite.deletes.len(),
                },
                Landed::Overtaken => Outcome::Overtaken,
            };
            tracing::info!(
                table = %table.name, why = %rewrite.why, files = rewrite.files.len(), bytes = rewrite.bytes,
                outcome = ?outcome, "files were rewritten"
            );
            let overtaken = outcome == Outcome::Overtaken;
            report.rewrites.push((rewrite, outcome));
            let last = report.rewrites.iter().rev().take(MAX_OVERTAKEN);
            if overtaken
                && last.filter(|(_, outcome)| *outcome == Outcome::Overtaken).count() == MAX_OVERTAKEN
            {
                report.notes.push(
                    "others rewrite the same files all the time; try again when they do not".to_owned(),
                );
                return Ok(report);
            }
        }
    }

    pub(super) async fn load(&self) -> Result<Table, TendError> {
        let name = || self.table.to_string();
        let table = self.catalog.load(&self.table).await;
        table
            .map_err(|source| TendError::Catalog { table: name(), source })?
            .ok_or_else(|| TendError::Vanished { table: name() })
    }

    pub(super) async fn live(&self, table: &Table) -> Result<Live, TendError> {
        Live::of(table).await.map_err(|source| self.manifests(source))
    }

    /// What the table's metadata says by itself.
    pub(super) fn standing(&self, table: &Table) -> Standing {
        Standing {
            snapshots_ms: table.metadata.snapshots().iter().map(|snapshot| snapshot.timestamp_ms).collect(),
            current: table.metadata.current_snapshot().map(|snapshot| snapshot.snapshot_id),
        }
    }

    pub(super) fn catalog(&self) -> &dyn Catalog {
        self.catalog.as_ref()
    }

    pub(super) fn settings(&self) -> &TendSettings {
        &self.settings
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.env.clock.now_ms()
    }

    pub(super) fn ids(&self) -> RandomIds {
        RandomIds::new(Arc::clone(&self.env.random))
    }

    fn id(&self) -> String {
        self.env.random.hex_id()
    }

    pub(super) fn manifests(&self, source: ManifestError) -> TendError {
        TendError::Manifests { table: self.table.to_string(), source }
    }

    pub(super) fn build(&self, source: BuildError) -> TendError {
        TendError::Build { table: self.table.to_string(), source }
    }

    pub(super) fn commit_failed(&self, source: CommitError) -> TendError {
        TendError::Commit { table: self.table.to_string(), source }
    }
}

impl std::fmt::Debug for Tender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tender").field("table", &self.table.to_string()).finish_non_exhaustive()
    }
}
