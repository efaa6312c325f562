//! A table that somebody rolled back, whose positions were not: they are set to what the head was made with.

use firnline_store::env::RandomExt as _;

use super::RepairError;
use crate::job::table::{current_snapshot, is_rolled_back, summary_in_ancestry};
use crate::job::{Job, JobParts, Repair};
use crate::position::{OFFSETS, Positions};
use crate::settings::JobSettings;

/// What was set back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolledBack {
    /// The positions before.
    pub from: Positions,
    /// The positions now.
    pub to: Positions,
}

/// Sets the positions of a table that was rolled back to those of the newest of our snapshots that is still part of it. With
/// `dry_run` nothing is changed. `None` where the table was not rolled back.
///
/// # Errors
/// Where no snapshot that is left tells how far the table had come.
pub async fn repair_rolled_back(
    parts: JobParts,
    settings: JobSettings,
    dry_run: bool,
) -> Result<Option<RolledBack>, RepairError> {
    let job = Job::new(parts, settings);
    let context = &job.context;
    let (table, exported) = context.loaded().await?;
    if !is_rolled_back(&table, exported.commit.as_deref()) {
        return Ok(None);
    }
    let forgotten = || RepairError::Forgotten { table: table.name.to_string() };
    let text = summary_in_ancestry(&table, OFFSETS).ok_or_else(forgotten)?;
    let to: Positions = text.parse().map_err(|_| forgotten())?;
    let set = RolledBack { from: exported.positions, to: to.clone() };
    if !dry_run {
        let id = context.env.random.hex_id();
        let head = current_snapshot(&table);
        let repair = Repair { id, head, positions: to, add: Vec::new(), remove: Vec::new() };
        context.land_repair(table, &repair).await?;
    }
    Ok(Some(set))
}
