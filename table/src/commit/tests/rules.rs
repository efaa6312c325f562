//! One rule each.

use super::walk::{listed, live};
use super::*;
use crate::evolve::SchemaUpdate;
use crate::io::IoError;
use crate::manifest::{FileFormat, live_files, manifests};
use crate::snapshot::{MAIN, SnapshotRef};
use crate::update::{TableRequirement, TableUpdate};
use std::collections::BTreeMap;

#[tokio::test]
async fn an_append_asks_for_the_table_and_its_head_and_sets_properties_with_the_files() {
    let table = table(2);
    let mut change = append(vec![file(&table, "a", 1, 3).await]);
    change.summary.insert("firnline.commit".to_owned(), "u1".to_owned());
    change.set_properties.insert("firnline.export.offsets".to_owned(), "{}".to_owned());
    let prepared = build(&table, change, &mut ids(), 5_000).await.unwrap();
    assert_eq!(
        prepared.requirements,
        [
            TableRequirement::AssertTableUuid { uuid: table.metadata.uuid() },
            TableRequirement::AssertRefSnapshotId { ref_name: MAIN.to_owned(), snapshot_id: None },
        ]
    );
    let actions: Vec<String> = prepared
        .updates
        .iter()
        .map(|update| serde_json::to_value(update).unwrap()["action"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(actions, ["add-snapshot", "set-snapshot-ref", "set-properties"]);
    assert_eq!(prepared.written.len(), 2);
    let after = commit(&table, &prepared.requirements, &prepared.updates, 5_000);
    let snapshot = after.metadata.current_snapshot().unwrap();
    assert_eq!(Some(snapshot.snapshot_id), prepared.snapshot_id);
    assert_eq!(
        (snapshot.operation(), snapshot.timestamp_ms, snapshot.schema_id),
        (Some("append"), 5_000, Some(0))
    );
    for (key, value) in [
        ("added-data-files", "1"),
        ("added-records", "3"),
        ("added-files-size", "1"),
        ("changed-partition-count", "1"),
        ("total-records", "3"),
        ("total-data-files", "1"),
        ("total-delete-files", "0"),
        ("total-files-size", "1"),
        ("total-position-deletes", "0"),
        ("total-equality-deletes", "0"),
        ("firnline.commit", "u1"),
    ] {
        assert_eq!(snapshot.summary(key), Some(value), "{key}");
    }
    assert_eq!(snapshot.summary("deleted-records"), None);
    assert!(landed(&after.metadata, "u1") && !landed(&after.metadata, "u2"));
    assert_eq!(after.metadata.properties()["firnline.export.offsets"], "{}");
}

#[tokio::test]
async fn a_commit_found_in_the_ancestry_has_landed_whatever_came_since() {
    let (mut table, mut ids) = (table(2), ids());
    for name in ["a", "b", "c"] {
        let mut change = append(vec![file(&table, name, 1, 1).await]);
        change.summary.insert(COMMIT.to_owned(), name.to_owned());
        table = land(&table, change, &mut ids, 2_000).await;
    }
    assert!(landed(&table.metadata, "a") && landed(&table.metadata, "c") && !landed(&table.metadata, "d"));
}

#[tokio::test]
async fn two_commits_on_one_head_cannot_both_land() {
    let (table, mut ids) = (table(2), ids());
    let one = build(&table, append(vec![file(&table, "a", 1, 1).await]), &mut ids, 1).await.unwrap();
    let two = build(&table, append(vec![file(&table, "b", 1, 1).await]), &mut ids, 1).await.unwrap();
    let after = commit(&table, &one.requirements, &one.updates, 1);
    assert!(two.requirements.iter().any(|requirement| requirement.check(Some(&after.metadata)).is_err()));
    // Built anew, it has both.
    let again = build(&after, append(vec![file(&table, "b", 1, 1).await]), &mut ids, 1).await.unwrap();
    let after = commit(&after, &again.requirements, &again.updates, 1);
    assert_eq!(live(&after).await.files.len(), 2);
}

#[tokio::test]
async fn a_change_of_nothing_makes_a_snapshot_only_where_it_is_asked_for() {
    let (table, mut ids) = (table(2), ids());
    let mut change = Change::new(Operation::Append);
    change.set_properties.insert("a".to_owned(), "b".to_owned());
    change.remove_properties.push("c".to_owned());
    let prepared = build(&table, change.clone(), &mut ids, 1).await.unwrap();
    assert_eq!((prepared.snapshot_id, prepared.updates.len(), prepared.written.len()), (None, 2, 0));
    change.snapshot_always = true;
    let prepared = build(&table, change, &mut ids, 1).await.unwrap();
    let after = commit(&table, &prepared.requirements, &prepared.updates, 1);
    assert!(after.metadata.current_snapshot().is_some());
    assert_eq!(live(&after).await.files.len(), 0);
    assert_eq!(after.metadata.current_snapshot().unwrap().count("total-records"), Some(0));
}

#[tokio::test]
async fn many_appends_are_merged_and_what_each_added_stays() {
    let (mut table, mut ids) = (table(2), ids());
    for number in 0..205 {
        let change = append(vec![file(&table, &format!("f{number}"), number % 3, 1).await]);
        table = land(&table, change, &mut ids, 2_000 + i64::from(number)).await;
    }
    let found = live(&table).await;
    assert_eq!(found.files.len(), 205);
    assert!(found.manifests.len() < 10, "{}", found.manifests.len());
    let number = |name: &str| found.files[&format!("memory:/db/t/data/{name}.parquet")].sequence_number;
    assert_eq!((number("f0"), number("f204")), (1, 205));
    let never = with_properties(
        &table,
        &[("commit.manifest-merge.enabled", "false"), ("commit.manifest.min-count-to-merge", "2")],
    );
    let after = land(&never, append(vec![file(&table, "x", 1, 1).await]), &mut ids, 9_000).await;
    assert_eq!(live(&after).await.manifests.len(), found.manifests.len() + 1);
}

#[tokio::test]
async fn a_removed_file_is_told_once_and_the_manifest_that_tells_it_is_carried_on() {
    let (table, mut ids) = (table(2), ids());
    let a = file(&table, "a", 1, 3).await;
    let one = land(&table, append(vec![a.clone()]), &mut ids, 2_000).await;
    let change = Change { remove: vec![RemovedFile::of(&a)], ..Change::new(Operation::Delete) };
    let two = land(&one, change, &mut ids, 3_000).await;
    let remover = two.metadata.current_snapshot().unwrap();
    assert_eq!(
        (remover.operation(), remover.count("deleted-records"), remover.count("total-records")),
        (Some("delete"), Some(3), Some(0))
    );
    let found = live(&two).await;
    assert_eq!((found.files.len(), found.removed), (0, vec![(a.path.clone(), remover.snapshot_id)]));
    let three = land(&two, append(vec![file(&table, "b", 1, 1).await]), &mut ids, 4_000).await;
    let found = live(&three).await;
    assert_eq!((found.files.len(), found.removed.len(), found.manifests.len()), (1, 1, 2));
}

#[tokio::test]
async fn rows_that_replace_rows_keep_their_number_so_that_later_deletes_apply() {
    let (table, mut ids) = (table(2), ids());
    let (a, b) = (file(&table, "a", 1, 3).await, file(&table, "b", 2, 4).await);
    let one = land(&table, append(vec![a.clone(), b.clone()]), &mut ids, 2_000).await;
    let read = one.metadata.current_snapshot().unwrap().snapshot_id;
    let deletes = content(&table, "d", 1, 1, FileContent::EqualityDeletes).await;
    let change = Change { add_deletes: vec![deletes.clone()], ..Change::new(Operation::RowDelta) };
    let two = land(&one, change, &mut ids, 3_000).await;
    assert_eq!(two.metadata.current_snapshot().unwrap().operation(), Some("delete"));

    let mut change = Change::new(Operation::Replace);
    change.add = vec![file(&table, "ab", 1, 7).await];
    change.remove = vec![RemovedFile::of(&a), RemovedFile::of(&b)];
    change.made_from = Some(read);
    let lost = build(&two, change.clone(), &mut ids, 4_000).await;
    assert!(
        matches!(lost, Err(BuildError::Overtaken { .. })),
        "a new number would put them behind the deletes"
    );
    change.keep_sequence = Some(1);
    let three = land(&two, change, &mut ids, 4_000).await;
    let found = live(&three).await;
    let number = |file: &DataFile| found.files[&file.path].sequence_number;
    assert_eq!(found.files[&format!("{}/data/ab.parquet", table.metadata.location())].sequence_number, 1);
    assert_eq!(number(&deletes), 2);
    assert_eq!(three.metadata.current_snapshot().unwrap().operation(), Some("replace"));
}

#[tokio::test]
async fn positions_deleted_meanwhile_stop_a_replacement_of_their_file_only() {
    let (table, mut ids) = (table(2), ids());
    let (a, b) = (file(&table, "a", 1, 3).await, file(&table, "b", 2, 4).await);
    let one = land(&table, append(vec![a.clone(), b.clone()]), &mut ids, 2_000).await;
    let read = one.metadata.current_snapshot().unwrap().snapshot_id;
    let mut deletes = content(&table, "d", 2, 1, FileContent::PositionDeletes).await;
    deletes.referenced_data_file = Some(b.path.clone());
    let change = Change { add_deletes: vec![deletes], ..Change::new(Operation::RowDelta) };
    let two = land(&one, change, &mut ids, 3_000).await;
    for (name, replaced, stops) in [("x", &a, false), ("y", &b, true)] {
        let mut change = Change::new(Operation::Replace);
        change.add = vec![file(&table, name, 1, 1).await];
        change.remove = vec![RemovedFile::of(replaced)];
        (change.keep_sequence, change.made_from) = (Some(1), Some(read));
        let built = build(&two, change, &mut ids, 4_000).await;
        assert_eq!(matches!(built, Err(BuildError::Overtaken { .. })), stops, "{name}");
    }
}

#[tokio::test]
async fn files_that_are_gone_stop_a_change_and_leave_nothing_behind() {
    let (table, mut ids) = (table(2), ids());
    let (a, b) = (file(&table, "a", 1, 3).await, file(&table, "b", 2, 4).await);
    let one = land(&table, append(vec![a.clone()]), &mut ids, 2_000).await;
    let before = listed(&one).await;
    let remove = vec![RemovedFile::of(&a), RemovedFile::of(&b)];
    let change = Change { remove, ..Change::new(Operation::Overwrite) };
    let error = build(&one, change, &mut ids, 3_000).await.unwrap_err();
    assert!(
        matches!(&error, BuildError::NotThere { count: 1, named } if named == "db/t/data/b.parquet"),
        "{error}"
    );
    assert!(error.is_stale() && !error.is_retriable());
    assert_eq!(listed(&one).await, before);
}

#[tokio::test]
async fn one_of_several_vectors_in_a_file_is_removed_alone() {
    let (table, mut ids) = (table(3), ids());
    let vector = |offset| DataFile {
        format: FileFormat::Puffin,
        content_offset: Some(offset),
        content_size: Some(10),
        referenced_data_file: Some(format!("memory:/db/t/data/{offset}.parquet")),
        ..DataFile::new(FileContent::PositionDeletes, "memory:/db/t/data/dv.puffin", 0, vec![None], 1, 50)
    };
    let change = Change { add_deletes: vec![vector(4), vector(14)], ..Change::new(Operation::RowDelta) };
    let one = land(&table, change, &mut ids, 2_000).await;
    let change = Change { remove: vec![RemovedFile::of(&vector(4))], ..Change::new(Operation::Overwrite) };
    let two = land(&one, change, &mut ids, 3_000).await;
    let left: Vec<_> = live_files(&two).await.unwrap().into_iter().map(|live| live.file).collect();
    assert_eq!(left, [vector(14)]);
    assert_eq!(two.metadata.current_snapshot().unwrap().count("total-files-size"), Some(10));
}

#[tokio::test]
async fn columns_are_added_with_the_files_that_have_them_or_not_at_all() {
    let (table, mut ids) = (table(2), ids());
    let column = |name: &str| arrow_schema::Field::new(name, arrow_schema::DataType::Utf8, true);
    let mut update = SchemaUpdate::of(&table.metadata);
    update.add(None, &column("x")).unwrap();
    let mut change = append(vec![file(&table, "a", 1, 1).await]);
    change.schema = update.finish().unwrap();
    let after = land(&table, change.clone(), &mut ids, 2_000).await;
    assert_eq!(after.metadata.current_schema().column("x").unwrap().id, 3);
    assert_eq!(after.metadata.current_snapshot().unwrap().schema_id, Some(1));
    let error = build(&after, change, &mut ids, 3_000).await.unwrap_err();
    assert!(matches!(error, BuildError::SchemaMoved) && error.is_stale());
}

#[tokio::test]
async fn rows_of_old_tables_are_numbered_by_the_first_commit_after_their_upgrade() {
    let (table, mut ids) = (table(2), ids());
    let one = land(&table, append(vec![file(&table, "a", 1, 10).await]), &mut ids, 2_000).await;
    let upgraded = commit(&one, &[], &[TableUpdate::UpgradeFormatVersion { format_version: 3 }], 2_000);
    let two = land(&upgraded, append(vec![file(&table, "b", 1, 5).await]), &mut ids, 3_000).await;
    assert_eq!(two.metadata.next_row_id(), Some(15));
    let snapshot = two.metadata.current_snapshot().unwrap();
    assert_eq!((snapshot.first_row_id, snapshot.added_rows), (Some(0), Some(15)));
    let first: Vec<_> =
        live_files(&two).await.unwrap().into_iter().map(|live| live.file.first_row_id).collect();
    assert_eq!(first, [Some(0), Some(5)]);
}

#[tokio::test]
async fn changes_that_no_table_would_take_are_refused_before_anything_is_written() {
    let (table, mut ids) = (table(2), ids());
    let a = file(&table, "a", 1, 1).await;
    let equality = content(&table, "e", 1, 1, FileContent::EqualityDeletes).await;
    let vector = DataFile {
        format: FileFormat::Puffin,
        ..content(&table, "v", 1, 1, FileContent::PositionDeletes).await
    };
    let new = Change::new;
    let before = listed(&table).await;
    for change in [
        Change { add: vec![a.clone()], add_deletes: vec![equality.clone()], ..new(Operation::Append) },
        Change { remove: vec![RemovedFile::of(&a)], ..new(Operation::Append) },
        Change { add: vec![a.clone()], ..new(Operation::Delete) },
        Change { add: vec![a.clone()], ..new(Operation::Replace) },
        Change { add: vec![a.clone()], keep_sequence: Some(1), ..new(Operation::Append) },
        Change { add: vec![a.clone(), a.clone()], ..new(Operation::Append) },
        Change { add: vec![equality.clone()], ..new(Operation::Overwrite) },
        Change { add_deletes: vec![a.clone()], ..new(Operation::RowDelta) },
        Change {
            add_deletes: vec![DataFile { equality_ids: vec![], ..equality }],
            ..new(Operation::RowDelta)
        },
        Change { add_deletes: vec![vector], ..new(Operation::RowDelta) },
    ] {
        let text = format!("{change:?}");
        assert!(matches!(build(&table, change, &mut ids, 1).await, Err(BuildError::Invalid(_))), "{text}");
    }
    let elsewhere = DataFile { path: "s3://other/a.parquet".to_owned(), ..a.clone() };
    let error = build(&table, append(vec![elsewhere]), &mut ids, 1).await.unwrap_err();
    assert!(matches!(error, BuildError::Io(IoError::Outside { .. })));
    let unknown = DataFile { spec_id: 7, ..a.clone() };
    assert!(build(&table, append(vec![unknown]), &mut ids, 1).await.is_err());
    let short = DataFile { partition: vec![], ..a };
    assert!(build(&table, append(vec![short]), &mut ids, 1).await.is_err());
    assert_eq!(listed(&table).await, before);
}

#[tokio::test]
async fn tags_and_rules_of_their_own_keep_snapshots() {
    let (mut table, mut ids) = (table(2), ids());
    let mut snapshots = Vec::new();
    for number in 0..6 {
        let change = append(vec![file(&table, &format!("f{number}"), 1, 1).await]);
        table = land(&table, change, &mut ids, 10_000 + i64::from(number) * 1_000).await;
        snapshots.push(table.metadata.current_snapshot().unwrap().snapshot_id);
    }
    let tag =
        TableUpdate::SetSnapshotRef { ref_name: "t".to_owned(), reference: SnapshotRef::tag(snapshots[0]) };
    let old = SnapshotRef { max_ref_age_ms: Some(1), ..SnapshotRef::tag(snapshots[1]) };
    let old = TableUpdate::SetSnapshotRef { ref_name: "old".to_owned(), reference: old };
    let table = commit(&table, &[], &[tag, old], 15_000);
    let policy = ExpirePolicy { keep_min: 2, max_age_ms: 500 };
    let expiry = expire(&table, &policy, 15_000).unwrap();
    assert_eq!(expiry.snapshots, snapshots[1..4]);
    assert_eq!(expiry.refs, ["old"]);
    assert_eq!(expiry.requirements.len(), 4);
    let after = commit(&table, &expiry.requirements, &expiry.updates, 15_000);
    assert_eq!(after.metadata.snapshots().len(), 3);
    assert!(expire(&after, &policy, 15_000).is_none());

    let by_age = ExpirePolicy { keep_min: 1, max_age_ms: 2_500 };
    assert_eq!(expire(&table, &by_age, 15_000).unwrap().snapshots, snapshots[1..3]);
    let mut main = table.metadata.refs()[MAIN].clone();
    main.min_snapshots_to_keep = Some(5);
    let own = commit(
        &table,
        &[],
        &[TableUpdate::SetSnapshotRef { ref_name: MAIN.to_owned(), reference: main }],
        15_000,
    );
    assert_eq!(expire(&own, &policy, 15_000).map(|expiry| expiry.snapshots), Some(vec![]));
    let next = land(&own, append(vec![file(&table, "z", 1, 1).await]), &mut ids, 20_000).await;
    assert_eq!(next.metadata.refs()[MAIN].min_snapshots_to_keep, Some(5), "a branch keeps its rules");
}

#[tokio::test]
async fn a_file_that_came_back_is_not_deleted_by_expiry() {
    let (table, mut ids) = (table(2), ids());
    let a = file(&table, "a", 1, 1).await;
    let one = land(&table, append(vec![a.clone()]), &mut ids, 2_000).await;
    let change = Change { remove: vec![RemovedFile::of(&a)], ..Change::new(Operation::Delete) };
    let two = land(&one, change, &mut ids, 3_000).await;
    let three = land(&two, append(vec![a.clone()]), &mut ids, 4_000).await;
    let expiry = expire(&three, &ExpirePolicy { keep_min: 1, max_age_ms: 0 }, 9_000).unwrap();
    let after = commit(&three, &expiry.requirements, &expiry.updates, 9_000);
    let files = unreferenced(&three, &after).await.unwrap();
    assert_eq!((files.data.len(), files.manifests.len(), files.lists.len()), (0, 1, 2));
    // What was committed between the expiry and the look counts as well.
    let other = with(&three, three.metadata.apply(&[], "", 1).unwrap());
    assert_eq!(unreferenced(&three, &other).await.unwrap(), Unreferenced::default());
}

#[tokio::test]
async fn orphans_are_old_and_nobodys() {
    let (table, mut ids) = (table(2), ids());
    let table = land(&table, append(vec![file(&table, "a", 1, 1).await]), &mut ids, 2_000).await;
    let location = table.metadata.location().to_owned();
    for name in [
        "data/crashed.parquet",
        "metadata/crashed-m0.avro",
        "metadata/version-hint.text",
        "metadata/v1.metadata.json",
    ] {
        table.io.put(&format!("{location}/{name}"), b"x".to_vec()).await.unwrap();
    }
    let names = |found: Vec<crate::io::ListedFile>| -> Vec<String> {
        found.into_iter().map(|file| file.key).collect()
    };
    let found = names(orphans(&table, i64::MAX).await.unwrap());
    assert_eq!(found, ["db/t/data/crashed.parquet", "db/t/metadata/crashed-m0.avro"]);
    assert!(orphans(&table, 0).await.unwrap().is_empty());

    let located =
        Table { metadata_location: format!("{location}/metadata/v2.metadata.json"), ..table.clone() };
    let found = names(orphans(&located, i64::MAX).await.unwrap());
    assert!(found.contains(&"db/t/metadata/v1.metadata.json".to_owned()), "{found:?}");
    let logged = with(
        &located,
        located.metadata.apply(&[], &format!("{location}/metadata/v1.metadata.json"), 1).unwrap(),
    );
    assert_eq!(orphans(&logged, i64::MAX).await.unwrap().len(), 2);

    let kept = with_properties(&table, &[("gc.enabled", "false")]);
    assert!(matches!(orphans(&kept, i64::MAX).await, Err(BuildError::GcDisabled)));
    table.io.put(&format!("{location}/inner/metadata/v1.metadata.json"), b"x".to_vec()).await.unwrap();
    assert!(matches!(orphans(&table, i64::MAX).await, Err(BuildError::Nested { .. })));
}

#[tokio::test]
async fn a_clock_that_lags_behind_makes_no_snapshot_older_than_the_last() {
    let (table, mut ids) = (table(2), ids());
    let one = land(&table, append(vec![file(&table, "a", 1, 1).await]), &mut ids, 9_000).await;
    let two = land(&one, append(vec![file(&table, "b", 1, 1).await]), &mut ids, 3_000).await;
    assert_eq!(two.metadata.current_snapshot().unwrap().timestamp_ms, 9_000);
}

#[tokio::test]
async fn large_changes_are_written_as_several_manifests() {
    let (table, mut ids) =
        (with_properties(&table(2), &[("commit.manifest.target-size-bytes", "6000")]), ids());
    let file = |number: u32| {
        let mut file = DataFile::new(
            FileContent::Data,
            format!("memory:/db/t/data/{number}.parquet"),
            0,
            vec![None],
            1,
            1,
        );
        let bound = (0..40)
            .map(|byte| u8::try_from((number.wrapping_mul(2_654_435_761) >> (byte % 24)) & 0xff).unwrap())
            .collect();
        file.lower_bounds = BTreeMap::from([(1, bound)]);
        file
    };
    let after = land(&table, append((0..2_000).map(file).collect()), &mut ids, 2_000).await;
    let all = manifests(&after.io, after.metadata.current_snapshot().unwrap()).await.unwrap();
    assert!(all.len() > 2, "{}", all.len());
    assert_eq!(live_files(&after).await.unwrap().len(), 2_000);
}

#[test]
fn building_can_move_between_threads() {
    fn is_send(_: &impl Send) {}
    let (table, mut ids) = (table(2), ids());
    is_send(&build(&table, Change::new(Operation::Append), &mut ids, 1));
    is_send(&merge_manifests(&table, &mut RandomIds::new(Arc::new(SeededRandom::new(1))), 1));
    is_send(&unreferenced(&table, &table));
    is_send(&orphans(&table, 1));
    is_send(&live_files(&table));
}
