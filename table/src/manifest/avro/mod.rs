//! Avro object container files, as far as manifests need them: written with literal schemas, read whoever wrote them.
//!
//! Values are read as they are stored, without logical types: what they mean is the table's business. Nothing is allocated for
//! a number that a file claims; what a file can make of one byte is bounded.

mod container;
mod datum;
mod encode;
mod schema;
#[cfg(test)]
mod tests;

pub(super) use container::{Container, Reader};
pub(super) use datum::Datum;
pub(super) use encode::Encoder;

/// Why bytes are no Avro file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AvroError {
    /// The first bytes are others.
    #[error("it is no Avro file")]
    Magic,
    /// It ends where more has to come.
    #[error("it ends too early, or a length in it is wrong")]
    Short,
    /// The marker behind a block is not the file's.
    #[error("a block does not end where it should")]
    Sync,
    /// There are bytes behind a block's last value.
    #[error("a block has bytes behind its last value")]
    Trailing,
    /// A compression that is not read here.
    #[error("it is compressed by `{0}`, which this program does not read")]
    Codec(String),
    /// Compressed bytes that cannot be decompressed.
    #[error("a block cannot be decompressed")]
    Damaged,
    /// More than any manifest has.
    #[error("it is larger than {0}")]
    TooLarge(&'static str),
    /// A number that its type cannot have.
    #[error("a number is out of range")]
    Range,
    /// Bytes that are no text.
    #[error("a text is not in UTF-8")]
    Utf8,
    /// A schema that cannot be understood.
    #[error("its schema cannot be used: {0}")]
    Schema(&'static str),
}
