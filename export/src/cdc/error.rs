//! Why changes cannot become a table. Each stops the export in front of the record it names; none is a bad record.

use arrow_schema::{ArrowError, DataType};

/// What stands in the way of a CDC table.
#[derive(Debug, thiserror::Error)]
pub enum CdcError {
    /// The value's schema is neither Debezium's envelope nor its unwrapped form.
    #[error(
        "the values of this topic are no changes: there is neither `op` beside `before` and `after` nor a column \
         beginning with `__` (fields: {fields}); export it without cdc"
    )]
    NotChanges {
        /// The fields that are there.
        fields: String,
    },
    /// A current-state table needs to tell rows apart.
    #[error(
        "a current-state table needs a key, and the records of this topic have none that could be decoded; name the \
         columns in `cdc_keys`, or export a changelog"
    )]
    NoKey,
    /// A column of the key is not in the row.
    #[error("key column `{column}` is neither in the row nor in the record's key; correct `cdc_keys`")]
    NoKeyColumn {
        /// Its name.
        column: String,
    },
    /// Iceberg does not allow such a column to identify rows.
    #[error("key column `{column}` is of type {data_type}, which cannot tell rows apart; export a changelog")]
    KeyType {
        /// Its name.
        column: String,
        /// What it holds.
        data_type: DataType,
    },
    /// The source table was emptied, and the policy is to stop.
    #[error(
        "partition {partition}, offset {offset}: the source table was truncated; set `cdc.truncate = \"delete\"` \
         to empty the current-state table as well"
    )]
    Truncated {
        /// The partition.
        partition: i32,
        /// The record's offset.
        offset: i64,
    },
    /// The source table was emptied, and what came before that cannot be told.
    #[error(
        "partition {partition}, offset {offset}: the source table was truncated, but the topic has {partitions} \
         partitions, between which nothing tells what came before; rebuild the current-state table, or keep such \
         tables in topics of one partition"
    )]
    TruncatedOverPartitions {
        /// The partition.
        partition: i32,
        /// The record's offset.
        offset: i64,
        /// How many partitions the topic has.
        partitions: usize,
    },
    /// A value that the source did not give would overwrite the one in the table.
    #[error(
        "partition {partition}, offset {offset}: column `{column}` was not given by the source, and a current-state \
         table would lose its value; run `ALTER TABLE … REPLICA IDENTITY FULL` at the source and rebuild the table \
         from a new snapshot, or export a changelog"
    )]
    Unavailable {
        /// The column.
        column: String,
        /// The partition.
        partition: i32,
        /// The record's offset.
        offset: i64,
    },
    /// The columns given are not those of the plan.
    #[error("{given} columns of {rows} rows were given where the plan has {planned}: a bug of the exporter")]
    Columns {
        /// How many were given.
        given: usize,
        /// How many rows they should have.
        rows: usize,
        /// How many there should be.
        planned: usize,
    },
    /// A round was ended though its rows wait for columns.
    #[error(
        "the table has not been given the columns that the changes need, but the round was ended: a bug of the exporter"
    )]
    NotGrown,
    /// What is needed of the records was not given.
    #[error(
        "the records were given without `{column}`; a cdc export needs keys and values with fields, or their bytes"
    )]
    Lacking {
        /// What is missing.
        column: String,
    },
    /// The schemas of the records do not end.
    #[error(
        "the records of one round have more than {most} pairs of schemas; somebody writes a new one into each"
    )]
    TooManySchemas {
        /// How many are allowed.
        most: usize,
    },
    /// The columns that tell rows apart have changed.
    #[error(
        "the key of the source table has changed; rows by the old key cannot be told from those by the new: rebuild the \
         current-state table"
    )]
    OtherKey,
    /// The columns do not fit each other.
    #[error("columns of changes do not fit together")]
    Arrow(#[from] ArrowError),
}

impl CdcError {
    /// A stable word for the kind, for codes and metrics.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::NotChanges { .. } => "cdc_not_changes",
            Self::NoKey | Self::NoKeyColumn { .. } | Self::KeyType { .. } | Self::OtherKey => "cdc_no_key",
            Self::Truncated { .. } | Self::TruncatedOverPartitions { .. } => "cdc_truncated",
            Self::Unavailable { .. } => "cdc_unavailable_value",
            Self::TooManySchemas { .. } => "cdc_too_many_schemas",
            Self::NotGrown | Self::Lacking { .. } | Self::Columns { .. } | Self::Arrow(_) => "cdc_internal",
        }
    }
}
