//! Undoing in a table what was undone in the log: the tier was cut by an unclean election, and rows are in the table whose
//! records are no longer part of the log.
//!
//! ```text
//!  plan ── each partition's position held against the tier ── cut? ── its rows' epochs held against the lineage (seek.rs)
//!                                                                          └► taken back: rows behind the last one that both have
//!  perform ── dead letters first, then the table: files rewritten without those rows, positions set back, ONE snapshot each
//! ```
//!
//! What it promises: nothing but rows of the partitions cut goes, and no row that the log still has; whoever exports to the table
//! meanwhile is stopped (the repair takes the table over); a commit that meets another one is planned anew, never forced.
//! Planning changes nothing: that is the dry run. Run again after a crash it does what is left.
//!
//! What it refuses: tables with delete files (compact them first), tables that went on with a topic that was made anew, and
//! cuts further back than the tier's lineage reaches (rebuild the table from the tier instead).

mod error;
mod perform;
mod rolled_back;
mod rows;
mod seek;

pub use error::RepairError;
pub use perform::{Repaired, repair};
pub use rolled_back::{RolledBack, repair_rolled_back};
pub use rows::{PartitionRepair, RepairPlan, plan};
