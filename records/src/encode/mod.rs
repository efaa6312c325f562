//! Batches as a Kafka client or broker would write them: for the demo, for tests and fuzz targets, and for the markers
//! that a restore may have to synthesise. Nothing that is read from a tier is ever encoded again.

mod batch;
mod control;
mod legacy;

use std::io;

pub use batch::{BatchBuilder, NewRecord};
pub use control::{ControlMarker, control_batch};
pub use legacy::{LegacyMagic, MessageSet, message_set};

/// A batch that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// A length, a count or an offset that the format has no room for.
    #[error("{what} does not fit the format: {value}")]
    TooLarge {
        /// What does not fit.
        what: &'static str,
        /// How large it is.
        value: u64,
    },
    /// An offset that does not follow the one before, or lies outside the batch.
    #[error("offset {offset} is out of place: expected at least {least}")]
    OffsetOrder {
        /// The offset given.
        offset: i64,
        /// The smallest that could stand here.
        least: i64,
    },
    /// The codec failed.
    #[error("compress the records")]
    Codec(#[source] io::Error),
}

/// Bytes with their length before them as a number of variable length; −1 for null.
fn put_nullable(bytes: Option<&[u8]>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    match bytes {
        None => crate::varint::write(-1, out),
        Some(bytes) => {
            crate::varint::write(i64::from(fit_i32(bytes.len(), "a field's length")?), out);
            out.extend_from_slice(bytes);
        }
    }
    Ok(())
}

fn fit_i32(length: usize, what: &'static str) -> Result<i32, EncodeError> {
    i32::try_from(length).map_err(|_| EncodeError::TooLarge { what, value: length as u64 })
}
