//! The border to Java: the static native methods of `io.firnline.kafka.Native`.
//!
//! `entries` are what the JVM calls: each takes its arguments apart, catches whatever goes wrong, and throws. `calls` are the
//! same without Java: handles and bytes in, values out. `segment` decodes what the shell encodes; docs/decisions has the
//! bytes.

mod arguments;
mod calls;
mod entries;
#[cfg(any(test, debug_assertions))]
mod faults;
mod handles;
mod segment;
mod throw;

pub use calls::Calls;
pub use handles::{HandleKind, Handles};
pub use segment::{MAX_SEGMENT_LEN, SegmentError, decode_segment};
