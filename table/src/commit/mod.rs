//! Commits: what has to be asked of a table and done to it so that files become part of it, or cease to be.
//!
//! Everything here *builds*: it reads manifests, writes new ones under names that nobody else uses, and gives requirements and
//! updates for [`Catalog::commit`](crate::Catalog::commit). Nothing is part of the table before that. A commit that met another
//! one is built anew on the table as it is then; whether it should be is the caller's business.
//!
//! Every commit asks for the table's id and for the snapshot that it was built on. Properties are set in the same commit.
//!
//! What is never done: a file is not deleted but for what [`build`] itself has just written and failed to finish. What expiry
//! leaves behind is told by [`unreferenced`], what crashes leave behind by [`orphans()`].

mod change;
mod check;
mod error;
mod expire;
mod ids;
mod landed;
mod merge;
mod orphans;
mod produce;
mod reach;
mod remove;
#[cfg(test)]
mod tests;
mod totals;

pub use change::{Change, Operation, Prepared, RemovedFile};
pub use error::BuildError;
pub use expire::{ExpirePolicy, Expiry, expire};
pub use ids::{Ids, RandomIds};
pub use landed::{COMMIT, landed};
pub use orphans::orphans;
pub use produce::{build, merge_manifests};
pub use reach::{Unreferenced, unreferenced};
