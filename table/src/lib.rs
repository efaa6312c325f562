//! Iceberg tables: metadata, manifests, commits and catalogs.
//!
//! It knows no record, no topic and no tier: whoever writes a data file says what is in it, and this crate makes it part of a
//! table. Format version 2 is written by default and version 3 where a table asks for it; version 1 is refused. Whatever other
//! writers put into metadata and this crate does not know is kept as it is.
//!
//! What it must never do: repeat a commit by itself, delete a file that a kept snapshot names, take a table's file outside its
//! warehouse for its own.

pub mod catalog;
pub mod commit;
pub mod evolve;
pub mod io;
pub mod manifest;
pub mod metadata;
pub mod partition;
pub mod schema;
pub mod snapshot;
pub mod sort;
pub mod types;
pub mod update;
pub mod value;

pub use catalog::{
    Catalog, CatalogError, CatalogVersion, CommitError, NameError, Namespace, NewTable, Table, TableName,
};
pub use commit::{BuildError, Change, Ids, Operation, Prepared, RandomIds, RemovedFile, build, landed};
pub use evolve::{EvolveError, SchemaChange, SchemaUpdate};
pub use io::{FileIo, FileWriter, IoError};
pub use manifest::{DataFile, FileContent, FileFormat, LiveFile, live_files};
pub use metadata::{MetadataError, TableMetadata};
pub use partition::{PartitionField, PartitionSpec, Transform};
pub use schema::Schema;
pub use snapshot::{Snapshot, SnapshotRef};
pub use sort::{Direction, NullOrder, SortField, SortOrder};
pub use types::{Field, ListType, MapType, PrimitiveType, Type};
pub use update::{TableRequirement, TableUpdate};
pub use value::Literal;
