//! Commits over a store in memory, checked by a walk that shares no code with them: it reads Avro by names, with another library.

mod history;
mod rules;
mod walk;

use super::*;
use crate::catalog::{CatalogVersion, NewTable, Table};
use crate::io::FileIo;
use crate::manifest::{DataFile, FileContent};
use crate::metadata::TableMetadata;
use crate::metadata::testing::new_table;
use crate::partition::{PartitionSpec, Transform};
use crate::schema::Schema;
use crate::types::{Field, PrimitiveType};
use crate::value::Literal;
use firnline_store::env::SeededRandom;
use firnline_store::{Env, Store};
use std::sync::Arc;
use uuid::Uuid;

fn ids() -> RandomIds {
    RandomIds::new(Arc::new(SeededRandom::new(11)))
}

fn table(format_version: u8) -> Table {
    let fields =
        vec![Field::required(1, "id", PrimitiveType::Long), Field::optional(2, "at", PrimitiveType::Date)];
    let schema = Schema::new(0, fields, vec![1]).unwrap();
    let spec = PartitionSpec::of(&schema, &[("at", Transform::Identity)]).unwrap();
    let new = NewTable { spec, format_version, ..new_table(schema) };
    let io = FileIo::new(Store::memory(Env::system())).unwrap();
    let location = io.location("db/t");
    let metadata = TableMetadata::create(new, &location, Uuid::from_u128(5), 1_000).unwrap();
    Table {
        name: "db.t".parse().unwrap(),
        metadata: Arc::new(metadata),
        metadata_location: String::new(),
        version: CatalogVersion::default(),
        io,
    }
}

fn with_properties(table: &Table, properties: &[(&str, &str)]) -> Table {
    let updates = properties.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let set = crate::update::TableUpdate::SetProperties { updates };
    with(table, table.metadata.apply(&[set], "", 1_000).unwrap())
}

fn with(table: &Table, metadata: TableMetadata) -> Table {
    Table { metadata: Arc::new(metadata), ..table.clone() }
}

/// What a catalog does: looks whether all requirements hold, and applies all updates.
fn commit(
    table: &Table,
    requirements: &[crate::TableRequirement],
    updates: &[crate::TableUpdate],
    now_ms: i64,
) -> Table {
    for requirement in requirements {
        requirement.check(Some(&table.metadata)).unwrap();
    }
    let metadata = table.metadata.apply(updates, "", now_ms).unwrap();
    // As another process would see it.
    with(table, TableMetadata::parse(&metadata.to_json().unwrap()).unwrap())
}

async fn land(table: &Table, change: Change, ids: &mut RandomIds, now_ms: i64) -> Table {
    let prepared = build(table, change, ids, now_ms).await.unwrap();
    commit(table, &prepared.requirements, &prepared.updates, now_ms)
}

async fn file(table: &Table, name: &str, day: i32, rows: u64) -> DataFile {
    content(table, name, day, rows, FileContent::Data).await
}

async fn content(table: &Table, name: &str, day: i32, rows: u64, content: FileContent) -> DataFile {
    let path = format!("{}/data/{name}.parquet", table.metadata.location());
    table.io.put(&path, b"x".to_vec()).await.unwrap();
    let mut file = DataFile::new(content, path, 0, vec![Some(Literal::Int(day))], rows, 1);
    if content == FileContent::EqualityDeletes {
        file.equality_ids = vec![1];
    }
    file
}

fn append(files: Vec<DataFile>) -> Change {
    Change { add: files, ..Change::new(Operation::Append) }
}
