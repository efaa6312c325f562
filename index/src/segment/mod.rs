//! The remote segment: one object that holds a contiguous range of one partition's log.
//!
//! ```text
//! ┌─────────┬─────────┬──┬─────────────┬──────────────┬───────────────┬────────┬─────────┐
//! │ block 0 │ block 1 │ …│ block index │ transactions │ broker files? │ footer │ trailer │
//! └─────────┴─────────┴──┴─────────────┴──────────────┴───────────────┴────────┴─────────┘
//!                        └ tail position                  one read opens the segment ────┘
//! ```
//!
//! [`SegmentWriter`] takes runs of whole batches and yields the object's bytes in order; [`SegmentTail`] opens one from its
//! end; its [`BlockDecoder`] turns stored blocks back into batches, checked. `docs/formats/remote-segment.md` draws the bytes.
//!
//! Left to others: where the object lies, how it gets there, who may read it.

mod block;
mod broker_files;
mod crc;
mod cutter;
mod error;
mod footer;
mod frame;
mod limits;
mod options;
mod origin;
mod seal;
mod summary;
mod tail;
mod trailer;
mod wire;
mod writer;

pub use block::{BlockDecoder, decode_block};
pub use broker_files::{BrokerFile, BrokerFiles, StoredBrokerFiles};
pub use error::{BlockError, FooterError, SegmentReadError, SegmentWriteError, TrailerError};
pub use footer::{BlockCodec, Footer, Section, SectionKind};
pub use limits::*;
pub use options::{BlockCompression, SegmentOptions};
pub use origin::{ExpectedOrigin, SegmentOrigin};
pub use seal::{SEAL_LEN, Unauthentic};
pub use summary::SegmentSummary;
pub use tail::SegmentTail;
pub use trailer::Trailer;
pub use writer::SegmentWriter;

#[cfg(test)]
mod tests;
