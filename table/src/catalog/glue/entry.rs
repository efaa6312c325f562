//! A table's entry in the catalog, and the one that replaces it.

use super::columns;
use crate::catalog::TableName;
use crate::catalog::error::Cause;
use crate::metadata::TableMetadata;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What marks a table as one of Iceberg's; compared without regard to case.
const ICEBERG: &str = "ICEBERG";

/// What others keep in an entry and a replacement would drop, as far as a replacement can hold it.
const CARRIED_OVER: [&str; 3] = ["Description", "Owner", "Retention"];

/// The answer to `GetTable`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetTable {
    pub(super) table: Entry,
}

/// The answer to `GetTables`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetTables {
    #[serde(default)]
    table_list: Vec<Listed>,
    #[serde(default)]
    pub(super) next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    name: String,
    #[serde(default)]
    parameters: Option<BTreeMap<String, String>>,
}

impl GetTables {
    /// The names of Iceberg's tables.
    pub(super) fn iceberg_tables(&self) -> impl Iterator<Item = &str> {
        self.table_list
            .iter()
            .filter(|table| is_iceberg(table.parameters.as_ref()))
            .map(|table| table.name.as_str())
    }
}

fn is_iceberg(parameters: Option<&BTreeMap<String, String>>) -> bool {
    parameters.and_then(|all| all.get("table_type")).is_some_and(|kind| kind.eq_ignore_ascii_case(ICEBERG))
}

/// A table's entry.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Entry {
    #[serde(default)]
    parameters: Option<BTreeMap<String, String>>,
    #[serde(default)]
    version_id: Option<String>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl Entry {
    /// The version for `UpdateTable`.
    pub(super) fn version(&self) -> Option<&str> {
        self.version_id.as_deref().filter(|version| !version.is_empty())
    }

    /// The metadata file that it names.
    pub(super) fn metadata_location(&self) -> Result<String, Cause> {
        if !is_iceberg(self.parameters.as_ref()) {
            return Err(
                "the catalog has a table of this name that is no Iceberg table; choose another name".into()
            );
        }
        let location = self.parameters.as_ref().and_then(|all| all.get("metadata_location"));
        location.cloned().ok_or_else(|| "the table's entry names no metadata file".into())
    }
}

/// The entry of a table with this metadata, with what `old` holds besides.
pub(super) fn input(
    name: &TableName,
    old: Option<&Entry>,
    metadata: &TableMetadata,
    metadata_location: &str,
    previous: Option<&str>,
) -> Value {
    let mut parameters = old.and_then(|old| old.parameters.clone()).unwrap_or_default();
    parameters.insert("table_type".to_owned(), ICEBERG.to_owned());
    parameters.insert("metadata_location".to_owned(), metadata_location.to_owned());
    if let Some(previous) = previous {
        parameters.insert("previous_metadata_location".to_owned(), previous.to_owned());
    }
    let mut input = Map::new();
    for key in CARRIED_OVER {
        if let Some(value) = old.and_then(|old| old.rest.get(key)).filter(|value| !value.is_null()) {
            input.insert(key.to_owned(), value.clone());
        }
    }
    input.insert("Name".to_owned(), json!(name.name()));
    input.insert("TableType".to_owned(), json!("EXTERNAL_TABLE"));
    input.insert("Parameters".to_owned(), json!(parameters));
    let storage =
        json!({ "Location": metadata.location(), "Columns": columns::of(metadata.current_schema()) });
    input.insert("StorageDescriptor".to_owned(), storage);
    Value::Object(input)
}

/// The number of the metadata file after this one: `00007-<uuid>.metadata.json` is followed by number 8.
pub(super) fn next_number(metadata_location: &str) -> u32 {
    let name = metadata_location.rsplit('/').next().unwrap_or_default();
    let digits = name.split('-').next().unwrap_or_default();
    let number: Option<u32> =
        digits.parse().ok().filter(|_| digits.bytes().all(|digit| digit.is_ascii_digit()));
    number.map_or(0, |number| number.saturating_add(1))
}
