//! Collecting what no manifest names: uploads that were never committed, what was retired and not deleted, pages that
//! were replaced, floors that were folded.
//!
//! ```text
//!  read manifest ─► list ─► strike what it names ─► judge ─► commit a new gc boundary ─► strike and judge again,
//!                              │                     │        by the manifest that carries the boundary
//!                              └ nothing left: done  └ evidence of a lost commit: refuse
//!                                                              ─► [wait, look again] ─► delete
//! ```
//!
//! An object that was listed before the boundary and that the manifest which carries it does not name can never be named
//! again: a writer's commit is conditional on the boundary that its upload began under, and its object's id was drawn after
//! that. So neither a paused writer nor a paused collector can lose anything, and no clock decides it. Clocks decide only
//! what is left alone for being young, which saves uploads.
//!
//! What is no key of a segment, page or floor of this partition is never touched.

mod bound;
mod condemned;
mod footer;
mod judge;
mod listing;
mod memory;
mod names;
mod run;

pub use bound::{ClocksApart, TooMuch};
pub use condemned::{Condemned, DeleteError, Deleted, Doomed, Why};
pub use judge::GcRefusal;
pub use memory::GcMemory;
pub use run::{GcError, GcOutcome, GcRequest, GcSettings, GcSurvey};

pub(crate) use bound::Bound;
pub(crate) use footer::Words;
pub(crate) use names::Striker;
