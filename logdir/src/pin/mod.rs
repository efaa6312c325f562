//! Pins: hard links that keep a segment's bytes after the broker has deleted its file.

mod content;
mod dir;
mod epochs;
mod name;
mod problem;

pub use content::PinContent;
pub use dir::{DirIdentity, PinDir, PinSource, PinStat};
pub use epochs::pin_epochs;
pub use name::PinName;
pub use problem::PinProblem;
