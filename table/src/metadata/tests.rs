use super::testing::{new_table, table_of};
use super::*;
use crate::catalog::NewTable;
use crate::partition::Transform;
use crate::snapshot::MAIN;
use crate::types::{Field, PrimitiveType, Type};
use crate::update::{LAST_ADDED, TableUpdate};
use serde_json::json;

fn schema() -> Schema {
    let fields = vec![
        Field::required(11, "id", PrimitiveType::Long),
        Field::optional(12, "at", PrimitiveType::TimestampTz),
        Field::optional(13, "l", Type::list(14, false, PrimitiveType::String)),
    ];
    Schema::new(5, fields, vec![11]).unwrap()
}

fn new(format_version: u8) -> NewTable {
    let schema = schema();
    NewTable {
        spec: PartitionSpec::of(&schema, &[("at", Transform::Day)]).unwrap(),
        sort_order: SortOrder::ascending(1, &[11]),
        format_version,
        ..new_table(schema)
    }
}

fn table() -> TableMetadata {
    table_of(new(2))
}

fn snapshot(id: i64, parent: Option<i64>, sequence_number: i64, timestamp_ms: i64) -> Snapshot {
    serde_json::from_value(json!({
        "snapshot-id": id, "parent-snapshot-id": parent, "sequence-number": sequence_number, "timestamp-ms": timestamp_ms,
        "manifest-list": format!("memory:/l{id}"), "summary": {"operation": "append"}, "schema-id": 0,
    }))
    .unwrap()
}

fn commit(snapshot: Snapshot) -> [TableUpdate; 2] {
    let reference = SnapshotRef::branch(snapshot.snapshot_id);
    [
        TableUpdate::AddSnapshot { snapshot },
        TableUpdate::SetSnapshotRef { ref_name: MAIN.to_owned(), reference },
    ]
}

fn three() -> TableMetadata {
    let mut metadata = table();
    for (id, parent, at) in [(1, None, 2_000), (2, Some(1), 3_000), (3, Some(2), 2_500)] {
        metadata = metadata.apply(&commit(snapshot(id, parent, id, at)), &format!("m{id}"), at).unwrap();
    }
    metadata
}

#[test]
fn a_new_table_has_ids_of_its_own_and_is_read_as_it_is_written() {
    for version in [2, 3] {
        let metadata = table_of(new(version));
        let ids: Vec<i32> = metadata.current_schema().ids().collect();
        assert_eq!(ids, [1, 2, 3, 4]);
        assert_eq!(metadata.current_schema().identifier_field_ids(), [1]);
        assert_eq!(metadata.default_spec().fields[0].source_id, 2);
        assert_eq!(
            (metadata.default_sort_order().order_id, metadata.default_sort_order().fields[0].source_id),
            (1, 1)
        );
        assert_eq!((metadata.last_column_id(), metadata.last_partition_id()), (4, 1000));
        assert_eq!(TableMetadata::parse(&metadata.to_json().unwrap()).unwrap(), metadata);
        let json: Value = serde_json::from_slice(&metadata.to_json().unwrap()).unwrap();
        let none = if version == 2 { json!(-1) } else { Value::Null };
        assert_eq!(
            (&json["current-snapshot-id"], &json["next-row-id"]),
            (&none, &if version == 2 { Value::Null } else { json!(0) })
        );
    }
    let plain = table_of(new_table(schema()));
    assert_eq!((plain.last_partition_id(), plain.default_sort_order().order_id), (999, 0));
}

#[test]
fn what_is_not_known_is_kept_at_every_level() {
    let mut json = serde_json::to_value(three()).unwrap();
    json["encryption-keys"] = json!([{"key-id": "k"}]);
    json["new-thing"] = json!({"a": [1, 2]});
    json["snapshots"][0]["key-id"] = json!("k");
    json["refs"]["main"]["note"] = json!("n");
    json["refs"]["old"] = json!({"snapshot-id": 1, "type": "tag", "max-ref-age-ms": 5});
    json["schemas"][0]["fields"][0]["initial-default"] = json!(7);
    json["partition-specs"][0]["fields"][0]["x"] = json!(1);
    json["statistics"] = json!([{"snapshot-id": 1, "statistics-path": "memory:/s", "blob-metadata": []}]);
    let read = TableMetadata::parse(json.to_string().as_bytes()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&read.to_json().unwrap()).unwrap(), json);
    let set = TableUpdate::SetProperties { updates: BTreeMap::from([("a".to_owned(), "b".to_owned())]) };
    let applied = read.apply(&[set], "", 9_000).unwrap();
    json["properties"] = json!({"a": "b"});
    json["last-updated-ms"] = json!(9_000);
    assert_eq!(serde_json::from_slice::<Value>(&applied.to_json().unwrap()).unwrap(), json);
}

#[test]
fn what_other_writers_leave_out_or_write_as_null_is_understood() {
    let mut json = serde_json::to_value(table()).unwrap();
    for key in ["properties", "snapshots", "snapshot-log", "metadata-log", "refs"] {
        json[key] = Value::Null;
    }
    json["current-snapshot-id"] = json!(-1);
    json["location"] = json!("memory:/db/t/");
    json["partition-specs"][0]["fields"][0].as_object_mut().unwrap().remove("field-id");
    let read = TableMetadata::parse(json.to_string().as_bytes()).unwrap();
    assert_eq!(read, table());

    let mut json = serde_json::to_value(three()).unwrap();
    json.as_object_mut().unwrap().remove("refs");
    assert_eq!(TableMetadata::parse(json.to_string().as_bytes()).unwrap(), three());
}

#[test]
fn metadata_that_a_commit_could_lose_something_on_is_refused() {
    let broken = |key: &str, value: Value| {
        let mut json = serde_json::to_value(three()).unwrap();
        json[key] = value;
        TableMetadata::parse(json.to_string().as_bytes()).unwrap_err().to_string()
    };
    for (key, value, why) in [
        ("format-version", json!(1), "format version 1"),
        ("format-version", json!(4), "format version 4"),
        ("current-snapshot-id", json!(9), "current snapshot"),
        ("current-snapshot-id", Value::Null, "current snapshot"),
        ("current-schema-id", json!(9), "no schema 9"),
        ("default-spec-id", json!(9), "no partition spec 9"),
        ("default-sort-order-id", json!(9), "no sort order 9"),
        ("last-column-id", json!(3), "given twice"),
        ("last-sequence-number", json!(2), "sequence number 3"),
        (
            "refs",
            json!({"main": {"snapshot-id": 3, "type": "branch"}, "x": {"snapshot-id": 9, "type": "tag"}}),
            "no snapshot 9",
        ),
        ("snapshots", json!([]), "no snapshot 3"),
    ] {
        let error = broken(key, value);
        assert!(error.contains(why), "{key}: {error}");
    }
    assert!(TableMetadata::parse(b"{}").is_err());
    assert!(TableMetadata::parse(b"[1]").is_err());
}

#[test]
fn commits_move_main_and_the_logs_and_never_go_back_in_time() {
    let metadata = three();
    let current = metadata.current_snapshot().unwrap();
    assert_eq!(
        (current.snapshot_id, metadata.last_sequence_number(), metadata.last_updated_ms()),
        (3, 3, 3_000)
    );
    let log: Vec<_> =
        metadata.snapshot_log().iter().map(|entry| (entry.timestamp_ms, entry.snapshot_id)).collect();
    assert_eq!(log, [(2_000, 1), (3_000, 2), (3_000, 3)]);
    let log: Vec<_> = metadata
        .metadata_log()
        .iter()
        .map(|entry| (entry.timestamp_ms, entry.metadata_file.as_str()))
        .collect();
    assert_eq!(log, [(1_000, "m1"), (2_000, "m2"), (3_000, "m3")]);
    let history: Vec<_> = metadata.history().map(|snapshot| snapshot.snapshot_id).collect();
    assert_eq!(history, [3, 2, 1]);
}

#[test]
fn snapshots_that_do_not_follow_are_refused() {
    let metadata = three();
    for bad in [
        snapshot(3, Some(2), 4, 1),
        snapshot(4, Some(3), 3, 1),
        Snapshot { manifest_list: None, ..snapshot(4, Some(3), 4, 1) },
    ] {
        assert!(metadata.apply(&commit(bad), "", 1).is_err());
    }
    let dangling = TableUpdate::SetSnapshotRef { ref_name: "x".to_owned(), reference: SnapshotRef::tag(99) };
    assert!(metadata.apply(&[dangling], "", 1).is_err());
    let tag = TableUpdate::SetSnapshotRef { ref_name: MAIN.to_owned(), reference: SnapshotRef::tag(1) };
    assert!(metadata.apply(&[tag], "", 1).is_err());
}

#[test]
fn old_metadata_files_are_forgotten_beyond_the_tables_own_number() {
    let mut metadata = table();
    let keep = BTreeMap::from([(PREVIOUS_VERSIONS.to_owned(), "3".to_owned())]);
    metadata = metadata.apply(&[TableUpdate::SetProperties { updates: keep }], "m0", 2).unwrap();
    for number in 1..9 {
        metadata = metadata.apply(&[], &format!("m{number}"), 2).unwrap();
    }
    let files: Vec<_> = metadata.metadata_log().iter().map(|entry| entry.metadata_file.as_str()).collect();
    assert_eq!(files, ["m6", "m7", "m8"]);
    let mut metadata = table();
    for number in 0..105 {
        metadata = metadata.apply(&[], &format!("m{number}"), 2).unwrap();
    }
    assert_eq!(
        (metadata.metadata_log().len(), metadata.metadata_log()[0].metadata_file.as_str()),
        (100, "m5")
    );
}

#[test]
fn snapshots_are_forgotten_with_their_statistics_and_the_log_before_them() {
    let mut json = serde_json::to_value(three()).unwrap();
    json["statistics"] = json!([
        {"snapshot-id": 2, "statistics-path": "memory:/s2"}, {"snapshot-id": 3, "statistics-path": "memory:/s3"}]);
    let metadata = TableMetadata::parse(json.to_string().as_bytes()).unwrap();
    let after = metadata.apply(&[TableUpdate::RemoveSnapshots { snapshot_ids: vec![2] }], "", 5_000).unwrap();
    assert_eq!(after.snapshots().len(), 2);
    let log: Vec<_> = after.snapshot_log().iter().map(|entry| entry.snapshot_id).collect();
    assert_eq!(log, [3]);
    assert_eq!(after.statistics_files().collect::<Vec<_>>(), [(3, "memory:/s3")]);
    assert_eq!(after.history().count(), 1);
    assert!(metadata.apply(&[TableUpdate::RemoveSnapshots { snapshot_ids: vec![3] }], "", 5_000).is_err());
    assert!(TableMetadata::parse(&after.to_json().unwrap()).is_ok());
}

#[test]
fn row_ids_are_taken_once() {
    let metadata = table_of(new(3));
    assert!(metadata.apply(&commit(snapshot(1, None, 1, 2)), "", 2).is_err());
    let rows = |id, first, rows| Snapshot {
        first_row_id: Some(first),
        added_rows: Some(rows),
        ..snapshot(id, None, id, 2)
    };
    let one = metadata.apply(&commit(rows(1, 0, 10)), "", 2).unwrap();
    assert_eq!(one.next_row_id(), Some(10));
    assert!(one.apply(&commit(rows(2, 9, 1)), "", 2).is_err());
    assert_eq!(one.apply(&commit(rows(2, 12, 1)), "", 2).unwrap().next_row_id(), Some(13));
}

#[test]
fn a_table_is_upgraded_and_never_downgraded() {
    let to = |version| [TableUpdate::UpgradeFormatVersion { format_version: version }];
    let three = three().apply(&to(3), "", 1).unwrap();
    assert_eq!((three.format_version(), three.next_row_id()), (3, Some(0)));
    assert!(three.apply(&to(2), "", 1).is_err());
    assert!(three.apply(&to(4), "", 1).is_err());
}

#[test]
fn schemas_specs_and_orders_are_added_once() {
    let metadata = table();
    let mut spec = PartitionSpec::of(metadata.current_schema(), &[("id", Transform::Bucket(4))]).unwrap();
    spec.fields[0].field_id = 0;
    let order = SortOrder::ascending(0, &[2]);
    let updates = [
        TableUpdate::AddSpec { spec: spec.clone() },
        TableUpdate::SetDefaultSpec { spec_id: LAST_ADDED },
        TableUpdate::AddSortOrder { sort_order: order.clone() },
        TableUpdate::SetDefaultSortOrder { sort_order_id: LAST_ADDED },
    ];
    let after = metadata.apply(&updates, "", 1).unwrap();
    assert_eq!((after.default_spec().spec_id, after.default_spec().fields[0].field_id), (1, 1001));
    assert_eq!((after.last_partition_id(), after.default_sort_order().order_id), (1001, 2));
    let again = after.apply(&updates, "", 1).unwrap();
    assert_eq!((again.specs().len(), again.sort_orders().len()), (2, 2));

    let clash = PartitionSpec::of(metadata.current_schema(), &[("id", Transform::Bucket(8))]).unwrap();
    assert!(after.apply(&[TableUpdate::AddSpec { spec: clash }], "", 1).is_err());
    assert!(metadata.apply(&[TableUpdate::SetDefaultSpec { spec_id: LAST_ADDED }], "", 1).is_err());
    assert!(metadata.apply(&[TableUpdate::SetCurrentSchema { schema_id: 3 }], "", 1).is_err());
    let back = TableUpdate::AddSchema { schema: metadata.current_schema().clone(), last_column_id: Some(1) };
    assert!(metadata.apply(&[back], "", 1).is_err());
}

#[test]
fn types_of_the_next_format_wait_for_it() {
    let fields = vec![Field::optional(1, "v", PrimitiveType::Other("variant".to_owned()))];
    let schema = Schema::new(0, fields, vec![]).unwrap();
    let create = |format_version| {
        let new = NewTable { format_version, ..new_table(schema.clone()) };
        TableMetadata::create(new, "memory:/t", Uuid::nil(), 1)
    };
    assert!(matches!(create(2), Err(MetadataError::TooNew { needs: 3, has: 2 })));
    assert!(create(3).is_ok());
    assert!(matches!(create(1), Err(MetadataError::FormatVersion(1))));
    assert!(matches!(create(4), Err(MetadataError::FormatVersion(4))));
    let update = TableUpdate::AddSchema { schema: schema.clone(), last_column_id: None };
    assert!(table().apply(&[update], "", 1).is_err());
}

#[test]
fn what_asks_for_something_at_creation_is_no_property() {
    let mut new = new(2);
    new.properties =
        BTreeMap::from([("format-version".to_owned(), "2".to_owned()), ("a".to_owned(), "b".to_owned())]);
    let metadata = table_of(new);
    assert_eq!(metadata.properties().keys().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn a_chain_of_parents_that_bites_its_tail_ends() {
    let mut json = serde_json::to_value(three()).unwrap();
    json["snapshots"][0]["parent-snapshot-id"] = json!(3);
    let metadata = TableMetadata::parse(json.to_string().as_bytes()).unwrap();
    assert_eq!(metadata.history().count(), 3);
}

#[test]
fn requirements_name_what_differs() {
    use crate::update::TableRequirement as R;
    let metadata = three();
    let main = |snapshot_id| R::AssertRefSnapshotId { ref_name: MAIN.to_owned(), snapshot_id };
    assert!(main(Some(3)).check(Some(&metadata)).is_ok());
    let error = main(Some(2)).check(Some(&metadata)).unwrap_err().to_string();
    assert_eq!(error, "the table's snapshot of `main` is 3, not 2 as when the commit was made");
    assert!(main(None).check(Some(&metadata)).is_err());
    assert!(main(None).check(Some(&table())).is_ok());
    assert!(R::AssertTableUuid { uuid: metadata.uuid() }.check(Some(&metadata)).is_ok());
    assert!(R::AssertTableUuid { uuid: Uuid::nil() }.check(Some(&metadata)).is_err());
    assert!(R::AssertLastAssignedFieldId { last_assigned_field_id: 4 }.check(Some(&metadata)).is_ok());
    assert!(R::AssertCurrentSchemaId { current_schema_id: 1 }.check(Some(&metadata)).is_err());
    assert!(R::AssertDefaultSpecId { default_spec_id: 0 }.check(Some(&metadata)).is_ok());
    assert!(R::AssertDefaultSortOrderId { default_sort_order_id: 0 }.check(Some(&metadata)).is_err());
    assert!(
        R::AssertLastAssignedPartitionId { last_assigned_partition_id: 1000 }.check(Some(&metadata)).is_ok()
    );
    assert!(R::AssertCreate.check(Some(&metadata)).is_err());
}
