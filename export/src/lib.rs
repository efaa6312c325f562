//! Tier to Parquet files and Iceberg tables, exactly once.
//!
//! ```text
//!  source ─► rows ─► files ─► a commit (job) or names in directories (plain)
//! ```
//!
//! | question | where |
//! |---|---|
//! | decided records of a topic's partitions, from a position on | [`source`] |
//! | rows and dead letters of records | [`rows`] |
//! | Parquet files of rows, and what manifests want to know of them | [`files`] |
//! | rounds of an Iceberg table's export, exactly once | [`job`] |
//! | a table whose tier was cut | [`repair`] |
//! | changes that Debezium captured, as rows | [`cdc`] |
//! | small files, deletes, old snapshots | [`tend`] |
//! | whether a table has what the log has | [`verify`] |
//! | files in Hive's directories, without a catalog | [`plain`] |
//!
//! This crate must never write to the tier, list it, or load a broker; never read the environment or a file of its own
//! accord; never call a record exported that is not in a file that was written whole.

#![forbid(unsafe_code)]

pub mod cdc;
mod codes;
pub mod files;
pub mod job;
pub mod metrics;
pub mod plain;
pub mod position;
pub mod repair;
pub mod rows;
pub mod settings;
pub mod source;
pub mod tend;
pub mod verify;
mod workers;

pub use codes::{ALL as CODES, Code};
pub use workers::Workers;
