//! How a table's files are partitioned.
//!
//! A spec is a list of fields, each a transform of one column. Files keep the spec that they were written by; a table may have
//! several. Transforms that are not known here are kept by their names: files of such specs can be kept and removed, but none
//! can be added.

mod transform;

pub use transform::Transform;

use crate::schema::Schema;
use crate::types::PrimitiveType;
use crate::value::Literal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The number before the first of a partition field's.
pub(crate) const BEFORE_FIRST_ID: i32 = 999;

/// What stands for null in a directory's name.
const NULL: &str = "null";

/// A spec that does not fit its table, or values that do not fit their spec.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartitionError {
    /// A column that is not there.
    #[error("there is no column `{0}` to partition by")]
    NoColumn(String),
    /// A transform that cannot be made of the column.
    #[error("a column of the type {column_type} cannot be partitioned by `{transform}`")]
    Misfit {
        /// The transform.
        transform: String,
        /// The column's type.
        column_type: String,
    },
    /// A column that has several values in a row.
    #[error("column `{0}` lies within a list or a map and cannot partition a table")]
    Repeated(String),
    /// Two fields of one name, or one name for a column and something made of another.
    #[error("the partition field `{0}` would have a name that is taken")]
    TwiceName(String),
    /// A transform that this program does not know.
    #[error("partitioning by `{0}` is not known to this program")]
    NotKnown(String),
    /// Values that are not those of the spec.
    #[error("a file of partition spec {spec} has the partition values {values:?}, which are not its")]
    Values {
        /// The spec.
        spec: i32,
        /// The values.
        values: Vec<Option<Literal>>,
    },
}

/// One field of a spec.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PartitionField {
    /// The column; 0 where a transform of several is kept.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub source_id: i32,
    /// Its own id, from 1000.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub field_id: i32,
    /// Its name, which is in the names of directories.
    pub name: String,
    /// What is made of the column.
    pub transform: Transform,
    /// What is kept without being understood.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde calls")]
fn is_zero(id: &i32) -> bool {
    *id == 0
}

/// How files are partitioned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PartitionSpec {
    /// Its number among the table's specs.
    pub spec_id: i32,
    /// Its fields; none where the table is not partitioned.
    pub fields: Vec<PartitionField>,
    /// What is kept without being understood.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// One value of a partition, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionColumn {
    /// The field's id.
    pub id: i32,
    /// The field's name.
    pub name: String,
    /// The column that it is made of.
    pub source_id: i32,
    /// What is made of it.
    pub transform: Transform,
    /// The type of the column.
    pub source_type: PrimitiveType,
    /// The type of what is made of it.
    pub value_type: PrimitiveType,
}

impl PartitionSpec {
    /// All files in one partition.
    #[must_use]
    pub fn unpartitioned() -> Self {
        Self { spec_id: 0, fields: Vec::new(), extra: Map::new() }
    }

    /// Partitions by these columns, with the names that other engines give: `at_day`, `key_bucket`, `name_trunc`.
    ///
    /// # Errors
    /// A column that is not there or cannot be partitioned so; a name that is taken.
    pub fn of(schema: &Schema, parts: &[(&str, Transform)]) -> Result<Self, PartitionError> {
        let mut spec = Self::unpartitioned();
        for (field_id, (column, transform)) in (BEFORE_FIRST_ID + 1..).zip(parts) {
            let source =
                schema.by_path(column).ok_or_else(|| PartitionError::NoColumn((*column).to_owned()))?;
            spec.fields.push(PartitionField {
                source_id: source.id,
                field_id,
                name: transform.name_for(column),
                transform: transform.clone(),
                extra: Map::new(),
            });
        }
        spec.check(schema)?;
        Ok(spec)
    }

    /// Whether it fits the schema.
    ///
    /// # Errors
    /// The first field that does not.
    pub fn check(&self, schema: &Schema) -> Result<(), PartitionError> {
        let mut names = BTreeSet::new();
        for field in &self.fields {
            if !names.insert(field.name.as_str()) {
                return Err(PartitionError::TwiceName(field.name.clone()));
            }
            let identity = field.transform == Transform::Identity;
            let taken =
                schema.column(&field.name).is_some_and(|column| !identity || column.id != field.source_id);
            if taken && field.transform != Transform::Void {
                return Err(PartitionError::TwiceName(field.name.clone()));
            }
            if schema.is_repeated(field.source_id) {
                let name = schema.path_name(field.source_id).unwrap_or_default();
                return Err(PartitionError::Repeated(name));
            }
        }
        self.columns(|id| schema.field(id)?.primitive().cloned()).map(|_| ())
    }

    /// The fields with their types. `source` tells a column's type.
    ///
    /// # Errors
    /// A column that is not there, or a transform that does not fit it or is not known.
    pub fn columns(
        &self,
        source: impl Fn(i32) -> Option<PrimitiveType>,
    ) -> Result<Vec<PartitionColumn>, PartitionError> {
        self.fields
            .iter()
            .map(|field| {
                if let Transform::Other(text) = &field.transform {
                    return Err(PartitionError::NotKnown(text.clone()));
                }
                let (source_type, value_type) = match source(field.source_id) {
                    Some(of) => {
                        let result =
                            field.transform.result_type(&of).ok_or_else(|| PartitionError::Misfit {
                                transform: field.transform.to_string(),
                                column_type: of.to_string(),
                            })?;
                        (of, result)
                    }
                    // The column is gone, but what was made of it has this type whatever it was.
                    None => {
                        let result = field.transform.type_of_any();
                        let result = result.ok_or_else(|| PartitionError::NoColumn(field.name.clone()))?;
                        (PrimitiveType::Unknown, result)
                    }
                };
                Ok(PartitionColumn {
                    id: field.field_id,
                    name: field.name.clone(),
                    source_id: field.source_id,
                    transform: field.transform.clone(),
                    source_type,
                    value_type,
                })
            })
            .collect()
    }

    /// Whether all files lie in one partition.
    #[must_use]
    pub fn is_unpartitioned(&self) -> bool {
        self.fields.iter().all(|field| field.transform == Transform::Void)
    }

    /// Whether the other one partitions in the same way, whatever its number.
    #[must_use]
    pub fn same_fields(&self, other: &Self) -> bool {
        let key = |field: &PartitionField| (field.source_id, field.name.clone(), field.transform.clone());
        self.fields.iter().map(key).eq(other.fields.iter().map(key))
    }

    /// The highest id of its fields, 999 where there are none.
    #[must_use]
    pub fn highest_field_id(&self) -> i32 {
        self.fields.iter().map(|field| field.field_id).max().unwrap_or(BEFORE_FIRST_ID).max(BEFORE_FIRST_ID)
    }
}

/// The directories of a partition, as other engines name them: `at_day=2024-02-29/key_bucket=3`. Empty where there are none.
#[must_use]
pub fn path(columns: &[PartitionColumn], values: &[Option<Literal>]) -> String {
    let escaped = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let part = |(column, value): (&PartitionColumn, &Option<Literal>)| {
        let text = value
            .as_ref()
            .map_or_else(|| NULL.to_owned(), |value| column.transform.text(value, &column.value_type));
        format!("{}={}", escaped(&column.name), escaped(&text))
    };
    columns.iter().zip(values).map(part).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests;
