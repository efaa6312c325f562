//! Sizes, durations, times and counts: as people write them and as we show them.

mod human;
mod time;

pub use firnline_config::units::{Size, Span};
pub use human::{bytes, count, money, percent, rate, seconds};
pub use time::{parse_time, show_time};
