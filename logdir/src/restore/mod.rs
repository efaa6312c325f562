//! Putting `.log` files where a broker will find them.
//!
//! ```text
//! RestoreTarget::check      nothing is changed; refuses what is not surely empty and not surely unused
//!   begin                   marker written, then the leftovers of an empty log removed
//!     segment … finish      NNN.log.restoring, synced                    a broker does not see these
//!   commit                  lock asked again, all renamed to NNN.log, directory synced, marker removed
//! ```
//! A crash before `commit` leaves nothing that a broker would take for a log. A crash inside `commit` may leave some of
//! the segments, each of them whole; the marker still stands then, and the next `check` takes the directory for a target
//! to be emptied, unless a broker has opened it since (which shows by the indexes it makes).

mod epochs;
mod error;
mod target;
mod writer;

pub use epochs::lower_epochs;
pub use error::{RestoreError, RestoreRefused};
pub use target::RestoreTarget;
pub use writer::{RestoreSummary, RestoreWriter, SegmentRestore};
