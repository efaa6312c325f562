//! Sizes and durations as people write them.

mod size;
mod span;

pub use size::Size;
pub use span::Span;
