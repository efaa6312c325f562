//! Taking back what a plan names: files written anew, positions set back, one commit for each of the two tables.

use std::sync::Arc;

use arrow_select::filter::filter_record_batch;
use firnline_store::env::RandomExt as _;
use firnline_table::{DataFile, RemovedFile};

use super::RepairError;
use super::rows::{Places, Planned, RepairPlan, Side, open, planned, set_back};
use crate::files::{FileSet, Given, Naming};
use crate::job::table::{IoSink, TableError, current_snapshot, data_file_in, data_prefix};
use crate::job::{Context, Job, JobError, JobParts, Repair};
use crate::settings::JobSettings;

/// How often it is planned anew because somebody else has committed.
const ATTEMPTS: u32 = 8;

/// What was repaired.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repaired {
    /// What was done; `None` where there was nothing to repair.
    pub done: Option<RepairPlan>,
}

/// Takes back what is in the table and no longer in the log, and sets the positions back. Whoever exports to the table is
/// stopped by it.
///
/// # Errors
/// Where the table cannot be repaired; then nothing was changed, or dead letters alone, and the next call does the rest.
pub async fn repair(parts: JobParts, settings: JobSettings) -> Result<Repaired, RepairError> {
    let job = Job::new(parts, settings);
    let context = &job.context;
    for _ in 0..ATTEMPTS {
        let Some(plan) = planned(context).await? else { return Ok(Repaired::default()) };
        match perform(context, &plan).await {
            Ok(()) => return Ok(Repaired { done: Some(plan.plan) }),
            Err(RepairError::Job(JobError::MovedOn { .. })) => {}
            Err(error) => return Err(error),
        }
    }
    Err(RepairError::Restless { table: context.table.to_string() })
}

async fn perform(context: &Context, plan: &Planned) -> Result<(), RepairError> {
    if let Some(dead) = &plan.dead {
        take_back(context, plan, dead).await?;
    }
    take_back(context, plan, &plan.main).await
}

async fn take_back(context: &Context, plan: &Planned, side: &Side) -> Result<(), RepairError> {
    let positions = set_back(&side.exported.positions, &plan.back_to);
    if positions == side.exported.positions && side.touched.is_empty() {
        return Ok(());
    }
    let id = context.env.random.hex_id();
    let (mut add, mut remove) = (Vec::new(), Vec::new());
    for (count, (number, _)) in side.touched.iter().enumerate() {
        let Some(file) = side.live.file(*number) else { continue };
        add.extend(without(context, plan, side, file, format!("{id}-{count}")).await?);
        remove.push(RemovedFile::of(file));
    }
    let repair = Repair { id, head: current_snapshot(&side.table), positions, add, remove };
    context.land_repair(side.table.clone(), &repair).await?;
    Ok(())
}

/// A file's rows that stay, in a new file; none where none do.
async fn without(
    context: &Context,
    plan: &Planned,
    side: &Side,
    file: &DataFile,
    stem: String,
) -> Result<Vec<DataFile>, RepairError> {
    let at = |error: TableError| RepairError::from(context.of_table(error));
    let opened = open(context, &side.table, file).await?;
    let lacking = || at(TableError::columns(format!("{} has not the columns that it had", file.path)));
    let places = Places::of(&opened, &side.table).ok_or_else(lacking)?;
    let naming = Naming { prefix: data_prefix(&side.table), stem };
    // The file's own columns, and its own partition: nothing about its rows changes but their number.
    let same = Given { key: (), path: String::new() };
    let sink = Arc::new(IoSink::new(side.table.io.clone()));
    let mut files = FileSet::new(
        Arc::clone(opened.schema()),
        context.settings.files.clone(),
        naming,
        same,
        sink,
        context.workers,
    )
    .map_err(JobError::from)?;
    let mut batches = opened.batches(None).map_err(|error| at(error.into()))?;
    while let Some((_, rows)) = batches.next().await.map_err(|error| at(error.into()))? {
        let keep = places.staying(&rows, &plan.back_to).map_err(at)?;
        let rows = filter_record_batch(&rows, &keep).map_err(|error| at(error.into()))?;
        if rows.num_rows() > 0 {
            files.push(rows).await.map_err(JobError::from)?;
        }
    }
    let written = files.finish().await.map_err(JobError::from)?;
    Ok(written.iter().map(|new| data_file_in(new, file)).collect())
}
