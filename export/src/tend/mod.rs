//! Keeping a table in shape: small files put together, deletes applied, manifests merged, old snapshots and files that nobody
//! names removed.
//!
//! ```text
//!  Schedule ─► look: Live (all manifests) ─► plan ─► rewrite: read − deletes ─► new files ─► `replace` commit
//!           └► expire ─► commit ─► delete what only the expired named
//!           └► orphans: list − named, older than 3 days ─► delete
//! ```
//!
//! **What it promises.** The table's rows are the same before and after, whoever else writes meanwhile: a rewrite keeps a data
//! sequence number up to which all deletes have been applied, and is given up where one of its files is gone or has got deletes
//! by position in between. Files of a commit whose outcome is not known are never deleted by it; they are orphans by age if it
//! did not land. Every duty has a dry run, which tells the same and changes nothing. Memory is bounded by the settings.
//!
//! **What it leaves to others.** Single commits and what they do to metadata (`firnline-table`), files (`files/`). Dropping a
//! future here is as good as a crash: it costs at most files that become orphans.

mod commit;
mod error;
mod facts;
mod live;
mod plan;
pub mod read;
mod report;
mod rewrite;
mod schedule;
mod settings;
mod tender;
mod upkeep;
mod window;

pub use error::TendError;
pub use facts::{Content, FileFact};
pub use live::{Live, LiveFile, schema_of};
pub use plan::{Rewrite, RewritePlan, Skipped, Why, plan, spent_equality_deletes};
pub use report::{Outcome, TendReport};
pub use schedule::{Duty, Schedule, Standing};
pub use settings::{MIN_ORPHAN_AGE, TendSettings};
pub use tender::Tender;
