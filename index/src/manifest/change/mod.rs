//! Changes to a manifest. All are pure, and a refused one leaves it as it was.
//!
//! | change | what it moves | |
//! |---|---|---|
//! | [`Manifest::append`], [`Manifest::replace`], [`Manifest::record_gap`] | the tier's end | `append` |
//! | [`Manifest::claim`] | who may commit | `claim` |
//! | [`Manifest::cut`] | the tier's end, back | `cut` |
//! | [`Manifest::add_dead`] | nothing; bytes kept for the record | `dead` |
//! | [`Manifest::retire_to`], [`Manifest::raise_floor`] | the tier's start | `start` |
//! | [`Manifest::set_gc_boundary`], [`Manifest::mark_deleted`] | marks | `marks` |
//! | [`Manifest::project`] | all of a manifest that mirrors a broker's metadata | `project` |
//!
//! Those that reach into pages ([`Manifest::cut`], [`Manifest::retire_to`], [`Manifest::raise_floor`],
//! [`Manifest::project`]) give a [`Rewrite`], or say what they must be given first: a [`Need`]. A lost range is never filled later: the segment behind
//! it was written without knowing what the range had opened, and what stands in its transactions would be taken for damage.

mod append;
mod claim;
mod cut;
mod dead;
mod marks;
mod project;
mod rewrite;
mod split;
mod start;

pub use cut::Cut;
pub use project::Projected;
pub use rewrite::{Dropped, Loaded, Need, NewPage, Rewrite, Unmade};

use super::Manifest;
use crate::ids::Offset;

impl Manifest {
    /// The first offset that the partition's manifest ever began at. What lies below it was never in the tier; what lies
    /// between it and the tier's start was, and has been retired.
    ///
    /// Manifests of builds that did not write it down were never retired: for them it is the tier's start.
    pub fn began(&self) -> Offset {
        self.began_at.unwrap_or(self.tier_start)
    }

    /// Keeps the tier's start at the floor where the tier's end has come closer to a floor beyond it.
    fn keep_floor(&mut self) {
        let Some(floor) = self.floor.map(|floor| floor.min(self.tier_end)) else { return };
        if floor > self.tier_start {
            self.began_at.get_or_insert(self.tier_start);
            self.tier_start = floor;
            self.serving_start = self.serving_start.max(floor);
        }
    }
}
