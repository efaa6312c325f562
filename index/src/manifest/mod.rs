//! The manifest: which remote segments a partition has.
//!
//! One mutable object per partition, the *head*, names the newest segments; immutable *pages* of 1,000 name the older
//! ones, pages of pages the oldest, so that the bytes of a commit do not grow with history. This module turns both
//! into bytes and back, changes them (as values; the caller writes them), and says what is wrong with them. Writing
//! them in the right order and under the right condition is left to `tier`.
//!
//! ```text
//!  manifest (head) ── pages: level 1 ── page of 64 references ── page of 1,000 entries
//!      │                     level 0 ── page of 1,000 entries
//!      └ entries: the newest ≤ 1,000
//! ```

mod anomaly;
mod change;
mod check;
mod covers;
mod entry;
mod envelope;
mod error;
mod find;
mod limits;
mod model;
mod page;
mod spill;
mod table;
mod totals;
mod wire;

pub use anomaly::{Anomaly, Part};
pub use change::{Cut, Dropped, Loaded, Need, NewPage, Projected, Rewrite, Unmade};
pub use covers::Coverage;
pub use entry::{Entry, EntryKind, FirstAbort, Kip405, Location};
pub use envelope::{EnvelopeError, EnvelopeKind};
pub use error::{AlgebraError, ManifestError};
pub use find::{Found, FoundTime};
pub use limits::*;
pub use model::{
    Claim, DeadBranch, DeadReason, Gap, GapReason, Manifest, ManifestKind, Tombstone, Totals, Writer,
};
pub use page::{Page, PageBody, PageFound, PageFoundTime, PageRef};
pub use spill::Spill;
pub use table::EntryTable;
