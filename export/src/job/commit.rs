//! From a written set to a snapshot: attempts, until it is known what became of it.
//!
//! One attempt: [`settle`] looks at the table as it was loaded, the commit is built on it, and asked for once. Whatever the
//! answer, if it is not a plain yes, the table is loaded again and looked at: even a conflict may mean that the commit landed,
//! where something on the way has sent it twice. All attempts carry one id, so any of them is recognised.
//!
//! Nothing is deleted here, whatever the outcome: a leak is found by orphan removal, by age.

use std::collections::BTreeMap;

use firnline_table::{Change, DataFile, Operation, RemovedFile, SchemaChange, Table};

use super::Context;
use super::error::JobError;
use super::retry::Pauses;
use super::settle::{Now, Ours, Settled, Why, settle};
use super::state::Exported;
use super::table::{Ground, current_snapshot, in_ancestry, live_files};
use super::written::{DeadSet, Written};
use crate::metrics::Failure;
use crate::position::{
    Advance, COLUMNS, COMMIT, CONTINUED, EPOCH, OFFSETS, OWNER, Positions, SOURCE, SUMMARY_COMMIT,
    SUMMARY_GAPS, SUMMARY_RANGES, Source, ranges_text,
};
use crate::rows::Layout;

/// The longest positions that go into a snapshot's summary as well, where they only help a person, or a repair of a table that
/// was rolled back: summaries are written again with every commit, as many as there are snapshots.
const LONGEST_SUMMARY: usize = 16 << 10;

/// What is to become part of a table.
pub(super) enum Wanted<'a> {
    /// Rows.
    Rows(&'a Written),
    /// Dead letters.
    Dead(&'a Written, &'a DeadSet),
    /// Ownership, and whatever columns are missing.
    Claim(Claim<'a>),
    /// What a repair makes of it.
    Repair(&'a Repair),
}

/// Files in the place of others, and positions, of one head and no other.
#[derive(Debug)]
pub(crate) struct Repair {
    /// The commit's id.
    pub(crate) id: String,
    /// The snapshot that it was made for.
    pub(crate) head: Option<i64>,
    /// All positions, as they will be.
    pub(crate) positions: Positions,
    /// Files in the place of others.
    pub(crate) add: Vec<DataFile>,
    /// The others.
    pub(crate) remove: Vec<RemovedFile>,
}

/// Ownership of a table.
#[derive(Clone, Copy)]
pub(super) struct Claim<'a> {
    /// The commit's id.
    pub(super) id: &'a str,
    /// Where records come from.
    pub(super) source: &'a Source,
    /// Whether they begin anew: another topic's were there before.
    pub(super) restart: bool,
    /// The table that it was made for.
    pub(super) ground: &'a Ground,
    /// Its columns.
    pub(super) columns: &'a Columns,
}

/// A table's columns as an export fills them.
pub(super) struct Columns {
    pub(super) layout: Layout,
    /// What the table's schema becomes by it.
    pub(super) schema: Option<SchemaChange>,
    /// Whether the table lacks some of them, or does not know that they are filled.
    pub(super) completes: bool,
}

impl Wanted<'_> {
    fn id(&self) -> &str {
        match self {
            Self::Rows(written) | Self::Dead(written, _) => &written.commit,
            Self::Claim(claim) => claim.id,
            Self::Repair(repair) => &repair.id,
        }
    }

    fn ranges(&self) -> &[Advance] {
        match self {
            Self::Rows(written) => &written.ranges,
            Self::Dead(_, dead) => &dead.ranges,
            Self::Claim(_) | Self::Repair(_) => &[],
        }
    }

    /// The table that it was made for.
    fn same_ground(&self, now: &Table) -> bool {
        match self {
            Self::Rows(written) => written.ground.is_under(now, written.schema.is_some()),
            Self::Dead(_, dead) => dead.ground.is_under(now, false),
            Self::Claim(claim) => claim.columns.schema.is_none() || claim.ground.is_under(now, true),
            // Positions are of one head as well.
            Self::Repair(repair) => repair.head == current_snapshot(now),
        }
    }
}

impl Context {
    /// Makes it part of the table, or finds out that it must not be.
    ///
    /// # Errors
    /// [`JobError::Fenced`], [`JobError::MovedOn`]: it is not part of it and will not be. [`JobError::Unsettled`]: it may be.
    pub(super) async fn land(&self, mut table: Table, wanted: &Wanted<'_>) -> Result<Table, JobError> {
        let mut pauses = Pauses::new(&self.settings.retry, &self.env.random);
        let attempts = self.settings.retry.commit_attempts.max(1);
        let (mut last, mut refused) = (None, None);
        for _ in 0..attempts {
            // Before the first attempt as well: what was written may be of a table as it was long ago.
            match self.settled(&table, wanted)? {
                Settled::Landed => return Ok(table),
                Settled::Abandon(Why::Fenced) => return Err(self.fenced(&table)?),
                Settled::Abandon(Why::Moved | Why::Changed) => {
                    self.metrics.abandoned();
                    return Err(JobError::MovedOn { table: table.name.to_string() });
                }
                Settled::Again => {}
            }
            if let Some(source) = refused {
                return Err(JobError::Refused { table: table.name.to_string(), source });
            }
            let change = self.change(&table, wanted).await?;
            let now_ms = self.env.clock.now_ms();
            let prepared = match firnline_table::build(&table, change, &mut self.ids(), now_ms).await {
                Ok(prepared) => prepared,
                Err(source) if source.is_retriable() || source.is_stale() => {
                    tracing::info!(table = %table.name, error = %source, "a commit is put together again");
                    if let Some(now) = self.reload(&table, &mut pauses).await? {
                        table = now;
                    }
                    pauses.pause().await;
                    continue;
                }
                Err(source) => return Err(JobError::Build { table: table.name.to_string(), source }),
            };
            let error = match self.catalog.commit(&table, &prepared.requirements, &prepared.updates).await {
                Ok(table) => return Ok(table),
                Err(error) => error,
            };
            let kind = failure(&error);
            self.metrics.commit_failed(kind);
            tracing::info!(table = %table.name, kind = kind.word(), error = %error, "a commit was not plainly accepted");
            if let Some(now) = self.reload(&table, &mut pauses).await? {
                table = now;
                if kind == Failure::Refused {
                    refused = Some(error);
                    continue;
                }
            }
            last = Some(error);
            pauses.pause().await;
        }
        Err(JobError::Unsettled { table: table.name.to_string(), attempts, source: last })
    }

    /// Makes what a repair has prepared part of the table.
    ///
    /// # Errors
    /// [`JobError::MovedOn`] where the table has another head now.
    pub(crate) async fn land_repair(&self, table: Table, repair: &Repair) -> Result<Table, JobError> {
        self.land(table, &Wanted::Repair(repair)).await
    }

    /// The table as it is now; `None` where the catalog does not answer.
    async fn reload(&self, table: &Table, pauses: &mut Pauses) -> Result<Option<Table>, JobError> {
        match self.catalog.load(&table.name).await {
            Ok(Some(now)) => Ok(Some(now)),
            Ok(None) => Err(JobError::Vanished { table: table.name.to_string() }),
            Err(source) if source.is_retriable() => {
                pauses.pause().await;
                Ok(None)
            }
            Err(source) => Err(JobError::Catalog { table: table.name.to_string(), source }),
        }
    }

    /// What the table says of its exporters, as far as it concerns this.
    fn said(&self, table: &Table, wanted: &Wanted<'_>) -> Result<Exported, JobError> {
        match wanted {
            Wanted::Dead(..) => self.exported_dead(table, &self.source()),
            Wanted::Rows(_) | Wanted::Claim(_) | Wanted::Repair(_) => self.exported(table),
        }
    }

    fn settled(&self, now: &Table, wanted: &Wanted<'_>) -> Result<Settled, JobError> {
        let exported = self.said(now, wanted)?;
        let in_ancestry = in_ancestry(now, wanted.id());
        let same_ground = wanted.same_ground(now);
        let owner = match wanted {
            Wanted::Rows(_) => self.instance.clone(),
            // Of the two tables one is owned. Nobody who has been replaced gets as far as here with dead letters twice: their
            // positions have moved then.
            Wanted::Dead(..) => exported.owner.clone().unwrap_or_default(),
            Wanted::Claim(_) | Wanted::Repair(_) => {
                // Where it has landed and was overtaken, whoever overtook it is found when the table is looked at next.
                let landed = in_ancestry || exported.commit.as_deref() == Some(wanted.id());
                return Ok(match (landed, same_ground) {
                    (true, _) => Settled::Landed,
                    (false, true) => Settled::Again,
                    (false, false) => Settled::Abandon(Why::Changed),
                });
            }
        };
        let ours = Ours { owner: &owner, commit: wanted.id(), ranges: wanted.ranges() };
        let owned = Exported { owner: Some(exported.owner.clone().unwrap_or_default()), ..exported };
        Ok(settle(ours, Now { exported: &owned, in_ancestry, same_ground }))
    }

    pub(super) fn fenced(&self, now: &Table) -> Result<JobError, JobError> {
        let exported = self.exported(now)?;
        Ok(JobError::Fenced {
            table: now.name.to_string(),
            by: exported.owner.unwrap_or_else(|| "nobody".to_owned()),
            epoch: exported.epoch,
        })
    }

    /// The commit, as it looks on this head.
    async fn change(&self, table: &Table, wanted: &Wanted<'_>) -> Result<Change, JobError> {
        let exported = self.said(table, wanted)?;
        let mut change = Change::new(Operation::Append);
        // Its snapshot is what makes the check of the head a check of the positions.
        change.snapshot_always = true;
        change.summary.insert(SUMMARY_COMMIT.to_owned(), wanted.id().to_owned());
        let mut positions = exported.positions.clone();
        match wanted {
            Wanted::Rows(written) => {
                positions.advance(&written.ranges);
                change.add = written.add.clone();
                change.add_deletes = written.add_deletes.clone();
                if !written.add_deletes.is_empty() {
                    change.operation = Operation::RowDelta;
                }
                if written.replaces_all {
                    change.operation = Operation::Overwrite;
                    change.remove = live_files(table).await.map_err(|error| self.of_table(error))?.removed();
                }
                change.schema = written.schema.clone();
                change.set_properties.insert(COLUMNS.to_owned(), written.columns.clone());
                summarise(&mut change.summary, &written.ranges, written);
            }
            Wanted::Dead(written, dead) => {
                positions.advance(&dead.ranges);
                change.add = dead.add.clone();
                change.set_properties.insert(SOURCE.to_owned(), self.source().to_text());
                change.set_properties.insert(OWNER.to_owned(), self.instance.clone());
                summarise(&mut change.summary, &dead.ranges, written);
            }
            Wanted::Repair(repair) => {
                positions = repair.positions.clone();
                change.operation = Operation::Overwrite;
                change.add = repair.add.clone();
                change.remove = repair.remove.clone();
                // Whoever exports to it meanwhile stops.
                change.set_properties.insert(EPOCH.to_owned(), exported.epoch.saturating_add(1).to_string());
                change.set_properties.insert(OWNER.to_owned(), self.instance.clone());
            }
            Wanted::Claim(Claim { source, restart, columns, .. }) => {
                if let Some(before) = exported.source.as_ref().filter(|_| *restart) {
                    positions = Positions::default();
                    change.set_properties.insert(CONTINUED.to_owned(), before.to_text());
                }
                change.schema = columns.schema.clone();
                let epoch = exported.epoch.saturating_add(1);
                change.set_properties.insert(SOURCE.to_owned(), source.to_text());
                change.set_properties.insert(EPOCH.to_owned(), epoch.to_string());
                change.set_properties.insert(OWNER.to_owned(), self.instance.clone());
                change.set_properties.insert(COLUMNS.to_owned(), columns_text(&columns.layout));
            }
        }
        let offsets = positions.to_text();
        if offsets.len() <= LONGEST_SUMMARY {
            change.summary.insert(OFFSETS.to_owned(), offsets.clone());
        }
        change.set_properties.insert(OFFSETS.to_owned(), offsets);
        change.set_properties.insert(COMMIT.to_owned(), wanted.id().to_owned());
        Ok(change)
    }
}

fn failure(error: &firnline_table::CommitError) -> Failure {
    match error {
        error if error.is_conflict() => Failure::Conflict,
        error if error.may_have_landed() => Failure::Unknown,
        error if error.is_retriable() => Failure::Unavailable,
        _ => Failure::Refused,
    }
}

fn summarise(summary: &mut BTreeMap<String, String>, ranges: &[Advance], written: &Written) {
    summary.insert(SUMMARY_RANGES.to_owned(), ranges_text(ranges));
    if !written.missing.is_empty() {
        let gaps: Vec<_> = written
            .missing
            .iter()
            .map(|(partition, range)| (partition.get(), range.start().get(), range.end().get()))
            .collect();
        summary.insert(SUMMARY_GAPS.to_owned(), serde_json::to_string(&gaps).unwrap_or_default());
    }
}

/// Where columns come from, by field id: `{"14":"value.n"}`.
pub(super) fn columns_text(layout: &Layout) -> String {
    serde_json::to_string(&layout.origins()).unwrap_or_default()
}
