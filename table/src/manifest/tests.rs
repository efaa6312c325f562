use super::schemas::{entry, file};
use super::*;
use crate::catalog::NewTable;
use crate::metadata::TableMetadata;
use crate::metadata::testing::{new_table, table_of};
use crate::partition::{PartitionSpec, Transform};
use crate::schema::Schema;
use crate::snapshot::Snapshot;
use crate::types::{Field, PrimitiveType as T};
use crate::value::Literal;
use proptest::prelude::*;
use std::collections::BTreeMap;

const FOR: For = For { snapshot_id: 77, sequence_number: 9 };

fn types() -> [T; 14] {
    [
        T::Boolean,
        T::Int,
        T::Long,
        T::Float,
        T::Double,
        T::Decimal { precision: 10, scale: 2 },
        T::Date,
        T::Time,
        T::TimestampTz,
        T::Timestamp,
        T::String,
        T::Uuid,
        T::Fixed(3),
        T::Binary,
    ]
}

/// A table that is partitioned by a column of every type.
fn table(format_version: u8) -> TableMetadata {
    let fields =
        types().into_iter().zip(1..).map(|(of, id)| Field::optional(id, format!("c.{id}"), of)).collect();
    let schema = Schema::new(0, fields, vec![]).unwrap();
    let fields = (1..15).map(|id| crate::partition::PartitionField {
        source_id: id,
        field_id: 999 + id,
        name: format!("c.{id}"),
        transform: Transform::Identity,
        extra: serde_json::Map::new(),
    });
    let spec = PartitionSpec { fields: fields.collect(), ..PartitionSpec::unpartitioned() };
    table_of(NewTable { spec, format_version, ..new_table(schema) })
}

fn plain(format_version: u8) -> TableMetadata {
    let schema = Schema::new(0, vec![Field::optional(1, "a", T::Int)], vec![]).unwrap();
    table_of(NewTable { format_version, ..new_table(schema) })
}

fn partition() -> impl Strategy<Value = Vec<Option<Literal>>> {
    let float = any::<f32>().prop_map(Literal::Float);
    let double = any::<f64>().prop_map(Literal::Double);
    let low = (
        proptest::option::of(any::<bool>().prop_map(Literal::Boolean)),
        proptest::option::of(any::<i32>().prop_map(Literal::Int)),
        proptest::option::of(any::<i64>().prop_map(Literal::Long)),
        proptest::option::of(float),
        proptest::option::of(double),
        proptest::option::of((-9_999_999_999_i128..=9_999_999_999).prop_map(Literal::Decimal)),
        proptest::option::of(any::<i32>().prop_map(Literal::Int)),
    );
    let high = (
        proptest::option::of(any::<i64>().prop_map(Literal::Long)),
        proptest::option::of(any::<i64>().prop_map(Literal::Long)),
        proptest::option::of(any::<i64>().prop_map(Literal::Long)),
        proptest::option::of(".{0,5}".prop_map(Literal::String)),
        proptest::option::of(any::<[u8; 16]>().prop_map(Literal::Uuid)),
        proptest::option::of(any::<[u8; 3]>().prop_map(|v| Literal::Fixed(v.to_vec()))),
        proptest::option::of(proptest::collection::vec(any::<u8>(), 0..5).prop_map(Literal::Binary)),
    );
    (low, high).prop_map(|(l, h)| vec![l.0, l.1, l.2, l.3, l.4, l.5, l.6, h.0, h.1, h.2, h.3, h.4, h.5, h.6])
}

fn counts() -> impl Strategy<Value = BTreeMap<i32, u64>> {
    proptest::collection::btree_map(any::<i32>(), 0..=u64::try_from(i64::MAX).unwrap(), 0..3)
}

fn bounds() -> impl Strategy<Value = BTreeMap<i32, Vec<u8>>> {
    proptest::collection::btree_map(any::<i32>(), proptest::collection::vec(any::<u8>(), 0..4), 0..3)
}

fn data_file() -> impl Strategy<Value = DataFile> {
    let ids = (proptest::collection::vec(any::<i64>(), 0..3), proptest::collection::vec(any::<i32>(), 0..3));
    let metrics = (counts(), counts(), counts(), counts(), bounds(), bounds());
    let rest =
        (proptest::option::of(any::<i32>()), proptest::option::of(".{0,9}"), proptest::option::of(bounds()));
    (".{0,9}", partition(), 0..1_000_000_u64, ids, metrics, rest).prop_map(
        |(path, partition, rows, ids, metrics, rest)| {
            let mut file = DataFile::new(FileContent::Data, path, 0, partition, rows, rows * 3);
            (file.split_offsets, file.equality_ids) = ids;
            file.column_sizes = metrics.0;
            file.value_counts = metrics.1;
            file.null_counts = metrics.2;
            file.nan_counts = metrics.3;
            (file.lower_bounds, file.upper_bounds) = (metrics.4, metrics.5);
            file.sort_order_id = rest.0;
            file.referenced_data_file = rest.1;
            file.key_metadata = rest.2.map(|bytes| bytes.into_values().flatten().collect());
            file
        },
    )
}

fn write(metadata: &TableMetadata, content: ManifestContent, entries: &[Entry]) -> (Vec<u8>, ManifestFile) {
    let mut writer =
        ManifestWriter::new(metadata, 0, content, "memory:/m.avro".to_owned(), FOR, [3; 16]).unwrap();
    entries.iter().for_each(|entry| writer.push(entry).unwrap());
    let written = writer.finish().unwrap();
    (written.bytes.to_vec(), written.manifest)
}

fn existing(file: DataFile, number: i64) -> Entry {
    Entry {
        status: Status::Existing,
        snapshot_id: Some(5),
        sequence_number: Some(number),
        file_sequence_number: Some(number),
        file,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn manifests_are_read_as_they_were_written(files in proptest::collection::vec(data_file(), 0..6), version in 2_u8..=3) {
        let metadata = table(version);
        let entries: Vec<Entry> = files.into_iter().map(|file| existing(file, 4)).collect();
        let (bytes, manifest) = write(&metadata, ManifestContent::Data, &entries);
        prop_assert_eq!(&read_entries(&bytes, &metadata, &manifest).unwrap(), &entries);
        prop_assert_eq!(manifest.length, bytes.len() as u64);
        prop_assert_eq!(manifest.existing_files, entries.len() as u64);

        // Another library finds the same in it.
        let theirs: Vec<_> = apache_avro::Reader::new(&bytes[..]).unwrap().map(Result::unwrap).collect();
        prop_assert_eq!(theirs.len(), entries.len());

        for (column, summary) in manifest.partitions.unwrap().into_iter().enumerate() {
            let values = entries.iter().map(|entry| &entry.file.partition[column]);
            prop_assert_eq!(summary.contains_null, values.clone().any(Option::is_none));
            let values = values.flatten().filter(|value| !value.is_nan());
            prop_assert_eq!(summary.lower, values.clone().min().map(Literal::to_bytes));
            prop_assert_eq!(summary.upper, values.max().map(Literal::to_bytes));
        }
    }

    #[test]
    fn a_file_can_be_passed_on_as_json(file in data_file()) {
        let text = serde_json::to_string(&file).unwrap();
        prop_assert_eq!(serde_json::from_str::<DataFile>(&text).unwrap(), file);
    }

    #[test]
    fn damaged_manifests_are_errors_or_other_manifests(file in data_file(), at in any::<prop::sample::Index>(), flip in 1_u8..) {
        let metadata = table(2);
        let (mut bytes, manifest) = write(&metadata, ManifestContent::Data, &[existing(file, 4)]);
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        let _ = read_entries(&bytes, &metadata, &manifest);
        let _ = read_list(&bytes, "l");
    }
}

fn file(path: &str, rows: u64) -> DataFile {
    DataFile::new(FileContent::Data, path, 0, vec![], rows, 1)
}

#[test]
fn only_added_entries_inherit_their_numbers() {
    let metadata = plain(2);
    let kept = Entry::added(file("b", 1), 77, Some(4));
    let (bytes, manifest) = write(
        &metadata,
        ManifestContent::Data,
        &[Entry::added(file("a", 1), 77, None), kept, existing(file("c", 1), 6)],
    );
    assert_eq!(
        (manifest.sequence_number, manifest.min_sequence_number, manifest.added_snapshot_id),
        (9, 4, 77)
    );
    let entries = read_entries(&bytes, &metadata, &manifest).unwrap();
    let numbers: Vec<_> =
        entries.iter().map(|one| (one.sequence_number, one.file_sequence_number, one.snapshot_id)).collect();
    let some = |a, b, c| (Some(a), Some(b), Some(c));
    assert_eq!(numbers, [some(9, 9, 77), some(4, 9, 77), some(6, 6, 5)]);

    // What is on disk says nothing where it is inherited.
    let values: Vec<_> = apache_avro::Reader::new(&bytes[..]).unwrap().map(Result::unwrap).collect();
    let text = format!("{:?}", values[0]);
    assert!(
        text.contains(r#"("sequence_number", Union(0, Null)), ("file_sequence_number", Union(0, Null))"#),
        "{text}"
    );

    let mut writer =
        ManifestWriter::new(&metadata, 0, ManifestContent::Data, "m".to_owned(), FOR, [3; 16]).unwrap();
    let numberless = Entry { sequence_number: None, ..existing(file("d", 1), 6) };
    assert!(writer.push(&numberless).is_err());
}

#[test]
fn entries_of_format_version_1_have_the_number_0() {
    let metadata = plain(2);
    let (bytes, mut manifest) =
        write(&metadata, ManifestContent::Data, &[Entry::added(file("a", 1), 77, None)]);
    manifest.sequence_number = 0;
    let entries = read_entries(&bytes, &metadata, &manifest).unwrap();
    assert_eq!((entries[0].sequence_number, entries[0].file_sequence_number), (Some(0), Some(0)));
}

#[test]
fn rows_are_numbered_from_the_manifest_on_but_for_files_that_have_numbers() {
    let metadata = plain(3);
    let mut numbered = file("b", 5);
    numbered.first_row_id = Some(3);
    let deleted = Entry { status: Status::Deleted, ..existing(file("c", 50), 6) };
    let entries = [
        existing(file("a", 10), 6),
        existing(numbered, 6),
        deleted,
        Entry::added(file("d", 7), 77, None),
        existing(file("e", 1), 6),
    ];
    let (bytes, mut manifest) = write(&metadata, ManifestContent::Data, &entries);
    assert_eq!((manifest.added_rows, manifest.existing_rows, manifest.deleted_rows), (7, 16, 50));
    manifest.first_row_id = Some(100);
    let read = read_entries(&bytes, &metadata, &manifest).unwrap();
    let ids: Vec<_> = read.iter().map(|entry| entry.file.first_row_id).collect();
    assert_eq!(ids, [Some(100), Some(3), None, Some(110), Some(117)]);
}

#[test]
fn the_header_says_what_readers_ask_it() {
    let metadata = table(2);
    let (bytes, _) = write(&metadata, ManifestContent::Deletes, &[]);
    let reader = apache_avro::Reader::new(&bytes[..]).unwrap();
    let header = |key: &str| String::from_utf8(reader.user_metadata().get(key).unwrap().clone()).unwrap();
    assert_eq!(
        (header("content"), header("format-version"), header("schema-id"), header("partition-spec-id")),
        ("deletes".to_owned(), "2".to_owned(), "0".to_owned(), "0".to_owned())
    );
    let schema: Schema = serde_json::from_str(&header("schema")).unwrap();
    assert_eq!(&schema, metadata.current_schema());
    let fields: Vec<crate::partition::PartitionField> =
        serde_json::from_str(&header("partition-spec")).unwrap();
    assert_eq!(fields, metadata.default_spec().fields);
}

#[test]
fn values_that_are_not_the_specs_are_not_written() {
    let metadata = table(2);
    let new =
        || ManifestWriter::new(&metadata, 0, ManifestContent::Data, "m".to_owned(), FOR, [3; 16]).unwrap();
    assert!(new().push(&existing(file("a", 1), 1)).is_err());
    let mut values = vec![None; 14];
    values[0] = Some(Literal::Int(1));
    let wrong = DataFile { partition: values, ..file("a", 1) };
    assert!(new().push(&existing(wrong, 1)).is_err());
    let deletes =
        DataFile { content: FileContent::PositionDeletes, partition: vec![None; 14], ..file("a", 1) };
    assert!(new().push(&existing(deletes, 1)).is_err());
    assert!(ManifestWriter::new(&metadata, 5, ManifestContent::Data, "m".to_owned(), FOR, [3; 16]).is_err());
}

#[test]
fn lists_are_read_as_they_were_written() {
    let summary = PartitionSummary {
        contains_null: true,
        contains_nan: Some(false),
        lower: Some(vec![1]),
        upper: None,
    };
    for version in [2, 3] {
        let manifest = ManifestFile {
            path: "memory:/a".to_owned(),
            length: 4,
            spec_id: 3,
            content: ManifestContent::Deletes,
            sequence_number: 8,
            min_sequence_number: 2,
            added_snapshot_id: -5,
            added_files: 1,
            existing_files: 2,
            deleted_files: 3,
            added_rows: 10,
            existing_rows: 20,
            deleted_rows: 30,
            partitions: Some(vec![summary.clone()]),
            key_metadata: Some(vec![9]),
            first_row_id: (version == 3).then_some(44),
        };
        let other = ManifestFile { partitions: None, content: ManifestContent::Data, ..manifest.clone() };
        let snapshot: Snapshot = serde_json::from_value(serde_json::json!({
            "snapshot-id": 1, "sequence-number": 8, "timestamp-ms": 3, "first-row-id": 12,
        }))
        .unwrap();
        let all = [manifest, other];
        let bytes = write_list(&all, &snapshot, version, [1; 16]).unwrap();
        assert_eq!(read_list(&bytes, "l").unwrap(), all);
        let reader = apache_avro::Reader::new(&bytes[..]).unwrap();
        let header = |key: &str| {
            reader.user_metadata().get(key).map(|bytes| String::from_utf8(bytes.clone()).unwrap())
        };
        assert_eq!(header("parent-snapshot-id").as_deref(), Some("null"));
        assert_eq!(header("first-row-id").as_deref(), (version == 3).then_some("12"));
        assert_eq!(reader.count(), 2);
    }
}

#[test]
fn field_ids_stand_on_elements_keys_and_values() {
    let schema: serde_json::Value = serde_json::from_str(&schemas::entries(&[], 3)).unwrap();
    let data_file = &schema["fields"][4]["type"]["fields"];
    let by_id = |id: i32| {
        data_file.as_array().unwrap().iter().find(|field| field["field-id"] == id).unwrap()["type"][1].clone()
    };
    assert_eq!(schema["fields"][0]["field-id"], entry::STATUS);
    assert_eq!(by_id(file::SPLIT_OFFSETS[0])["element-id"], 133);
    let map = by_id(file::LOWER_BOUNDS[0]);
    assert_eq!((&map["logicalType"], &map["items"]["name"]), (&"map".into(), &"k126_v127".into()));
    assert_eq!(
        (&map["items"]["fields"][0]["field-id"], &map["items"]["fields"][1]["field-id"]),
        (&126.into(), &127.into())
    );
}
