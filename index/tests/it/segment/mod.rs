//! Remote segments: written, opened, read, damaged.

mod contents;
mod damage;
mod golden;
mod overhead;
mod refused;
pub(crate) mod sample;
