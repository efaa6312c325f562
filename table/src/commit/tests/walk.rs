//! A walk from a snapshot to its files that shares no code with what is tested.

use crate::catalog::Table;
use crate::snapshot::Snapshot;
use apache_avro::types::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A file as its entry has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Walked {
    pub(super) content: i64,
    pub(super) sequence_number: i64,
    pub(super) rows: i64,
    pub(super) first_row_id: Option<i64>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    /// Live files by path.
    pub(super) files: BTreeMap<String, Walked>,
    /// Entries that say that a file was removed, with who removed it.
    pub(super) removed: Vec<(String, i64)>,
    pub(super) manifests: BTreeSet<String>,
}

fn get<'a>(record: &'a Value, name: &str) -> &'a Value {
    let Value::Record(fields) = record else { panic!("{record:?}") };
    match &fields.iter().find(|(field, _)| field == name).unwrap_or_else(|| panic!("{name}")).1 {
        Value::Union(_, value) => value,
        value => value,
    }
}

fn maybe(record: &Value, name: &str) -> Option<i64> {
    match get(record, name) {
        Value::Int(value) => Some((*value).into()),
        Value::Long(value) => Some(*value),
        Value::Null => None,
        other => panic!("{name}: {other:?}"),
    }
}

fn int(record: &Value, name: &str) -> i64 {
    maybe(record, name).unwrap_or_else(|| panic!("{name} is null"))
}

fn text(record: &Value, name: &str) -> String {
    let Value::String(text) = get(record, name) else { panic!("{name}") };
    text.clone()
}

async fn records(table: &Table, location: &str) -> Vec<Value> {
    let bytes = table.io.get(location).await.unwrap();
    apache_avro::Reader::new(&bytes[..]).unwrap().map(Result::unwrap).collect()
}

pub(super) async fn walk(table: &Table, snapshot: &Snapshot) -> Found {
    let mut found = Found::default();
    let is_v3 = table.metadata.format_version() == 3;
    let mut numbered = BTreeMap::new();
    for manifest in records(table, snapshot.manifest_list.as_deref().unwrap()).await {
        let path = text(&manifest, "manifest_path");
        assert!(found.manifests.insert(path.clone()), "{path} is listed twice");
        let size = table.io.size(&path).await.unwrap();
        assert_eq!(int(&manifest, "manifest_length"), i64::try_from(size).unwrap());
        let (number, added_by) = (int(&manifest, "sequence_number"), int(&manifest, "added_snapshot_id"));
        let mut next_row = if is_v3 { maybe(&manifest, "first_row_id") } else { None };
        assert_eq!(next_row.is_some(), is_v3 && int(&manifest, "content") == 0);
        let (mut counts, mut least) = ([(0, 0); 3], None);
        for entry in records(table, &path).await {
            let status = usize::try_from(int(&entry, "status")).unwrap();
            let file = get(&entry, "data_file");
            let rows = int(file, "record_count");
            counts[status].0 += 1;
            counts[status].1 += rows;
            let own = maybe(&entry, "sequence_number");
            assert!(own.is_some() || status == 1, "only what was added inherits");
            let sequence_number = own.unwrap_or(number);
            let path = text(file, "file_path");
            let content = int(file, "content");
            assert_eq!(content > 0, int(&manifest, "content") == 1);
            if status == 2 {
                let by = int(&entry, "snapshot_id");
                assert_eq!(by, added_by, "a manifest says what its own snapshot removed");
                found.removed.push((path, by));
                continue;
            }
            if status == 1 {
                assert_eq!(int(&entry, "snapshot_id"), added_by);
            }
            least = Some(least.unwrap_or(sequence_number).min(sequence_number));
            let mut first_row_id = None;
            if is_v3 && content == 0 {
                first_row_id = maybe(file, "first_row_id").or(next_row);
                if maybe(file, "first_row_id").is_none() {
                    next_row = next_row.map(|next| next + rows);
                }
                for row in 0..rows {
                    let id = first_row_id.unwrap() + row;
                    assert!(numbered.insert(id, path.clone()).is_none(), "row {id} is there twice");
                }
            }
            let walked = Walked { content, sequence_number, rows, first_row_id };
            assert!(found.files.insert(path.clone(), walked).is_none(), "{path} is there twice");
        }
        for (status, word) in ["existing", "added", "deleted"].into_iter().enumerate() {
            assert_eq!(int(&manifest, &format!("{word}_files_count")), counts[status].0);
            assert_eq!(int(&manifest, &format!("{word}_rows_count")), counts[status].1);
        }
        assert_eq!(int(&manifest, "min_sequence_number"), least.unwrap_or(number));
    }
    found
}

pub(super) async fn live(table: &Table) -> Found {
    match table.metadata.current_snapshot() {
        Some(snapshot) => walk(table, snapshot).await,
        None => Found::default(),
    }
}

/// Everything in the table's directory.
pub(super) async fn listed(table: &Table) -> BTreeSet<String> {
    let mut listing = table.io.list(table.metadata.location()).unwrap();
    let mut all = BTreeSet::new();
    while let Some(page) = listing.next_page().await.unwrap() {
        all.extend(page.into_iter().map(|file| file.location));
    }
    all
}
