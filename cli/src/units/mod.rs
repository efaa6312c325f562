//! Sizes, durations, times and counts: as people write them and as we show them.

mod human;
mod size;
mod span;
mod time;

pub use human::{bytes, count, money, percent, rate, seconds};
pub use size::Size;
pub use span::Span;
pub use time::{parse_time, show_time};
