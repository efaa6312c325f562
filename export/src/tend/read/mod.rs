//! Reading a table's files: rows in the table's columns, without those that are deleted.
//!
//! ```text
//!  footer (one GET of the tail) ─► row group: its columns' bytes (8 MiB a request) ─► batches ─► deletes ─► columns by id
//! ```
//!
//! Memory: the bytes of one row group's wanted columns and one batch. Sizes that files claim are held against their length.

mod bytes;
mod deletes;
mod error;
mod file;
mod project;

pub use bytes::FileBytes;
pub use deletes::{DeleteFile, Deletes};
pub use error::FileReadError;
pub use file::{FileBatches, TableFile};
pub use project::{field_id, project};
