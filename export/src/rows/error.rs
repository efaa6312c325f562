//! Why rows cannot be made. Bad records are not among these: they are dead letters.

use std::sync::Arc;

use arrow_schema::{ArrowError, DataType};
use firnline_decode::{RegistryError, SchemaError};

use super::Side;
use crate::codes::{self, Code};

/// Rows that cannot be made.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RowsError {
    /// A column of the table has another type than what is to be written there.
    #[error(
        "column {column} of the table is {found}, but the export writes {expected} there: give it another name"
    )]
    Type {
        /// The column.
        column: String,
        /// What is to be written.
        expected: DataType,
        /// What the table has.
        found: DataType,
    },
    /// A column of somebody else must not be null, and nobody here knows its values.
    #[error(
        "column {column} of the table must not be null, and no field of the records goes there: make it optional"
    )]
    Required {
        /// The column.
        column: String,
    },
    /// The columns given are not those of the layout.
    #[error("the table's columns are not those that were laid out: {what}")]
    Columns {
        /// The first difference.
        what: String,
    },
    /// A column cannot be built.
    #[error("build columns of {}", side.word())]
    Unsupported {
        /// Whose fields they are.
        side: Side,
        /// Why.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// A schema that was declared cannot be used.
    #[error("use the declared schema of {}s", side.word())]
    Declared {
        /// Whose schema it is.
        side: Side,
        /// Why.
        #[source]
        source: Arc<SchemaError>,
    },
    /// The registry did not answer. Ask again later; nothing was consumed.
    #[error("ask the schema registry for the schema of a {}", side.word())]
    Registry {
        /// Whose schema was asked for.
        side: Side,
        /// Why there is none.
        #[source]
        source: Arc<RegistryError>,
    },
    /// Records name schemas in a registry, and none is configured.
    #[error("{}s are to be read by a schema registry, and none is configured: set export.registry.urls", side.word())]
    NoRegistry {
        /// Whose schema was asked for.
        side: Side,
    },
    /// Columns did not come to rows: a bug here.
    #[error("put columns together")]
    Arrow(#[source] Arc<ArrowError>),
    /// A decoder left a column too short or too long: a bug here.
    #[error("the decoder of {}s left its columns uneven", side.word())]
    Uneven {
        /// Whose columns.
        side: Side,
        /// Which.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// A call before this one was dropped before its end.
    #[error("an earlier call was cut short; begin again where the export stands")]
    Broken,
}

impl RowsError {
    pub(super) fn arrow(error: ArrowError) -> Self {
        Self::Arrow(Arc::new(error))
    }

    /// Whether the same may work later, without anybody's doing.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        matches!(self, Self::Registry { .. })
    }

    /// The stable code for the error page.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Type { .. } | Self::Required { .. } | Self::Declared { .. } | Self::Unsupported { .. } => {
                codes::LAYOUT
            }
            Self::Registry { .. } | Self::NoRegistry { .. } => codes::REGISTRY,
            Self::Columns { .. } | Self::Arrow(_) | Self::Uneven { .. } | Self::Broken => codes::COLUMNS,
        }
    }
}
