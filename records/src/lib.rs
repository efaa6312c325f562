//! What stands inside a record batch: keys, values, headers, timestamps.
//!
//! The data path (offload, read, restore) moves batches as bytes and must never call this crate: P3 holds because
//! nothing there can decode and re-encode. `cat`, the demo, the tests and the export do.
//!
//! Everything given to [`decode_batch`] may be hostile. Decoding must never panic, never allocate by a count or a
//! length that the bytes only claim, and never produce more than [`DecodeLimits::max_output`].
//!
//! This crate must never open a file, make a request, read a clock or start a task.

#![forbid(unsafe_code)]

mod codec;
mod decode;
pub mod encode;
mod error;
mod record;
mod varint;

pub use decode::{DecodeLimits, Records, decode_batch};
pub use error::{Problem, RecordError};
pub use record::{Header, Record};
