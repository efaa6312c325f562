use std::collections::{BTreeMap, HashSet};

use arrow_array::{Int32Array, Int64Array, StringArray};
use arrow_schema::{Field, SchemaRef};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use proptest::prelude::*;

use super::super::bytes::tests::Files;
use super::*;
use crate::workers::Workers;

fn field(name: &str, data_type: DataType, id: i32) -> Field {
    Field::new(name, data_type, true).with_metadata([("PARQUET:field_id".to_owned(), id.to_string())])
}

fn batch(fields: Vec<Field>, columns: Vec<ArrayRef>) -> RecordBatch {
    let schema: SchemaRef = Arc::new(Schema::new(fields));
    RecordBatch::try_new(schema, columns).unwrap()
}

async fn file(batch: &RecordBatch) -> TableFile {
    let mut out = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut out, batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    let files = Files(BTreeMap::from([("d".to_owned(), Bytes::from(out))]));
    TableFile::open(Arc::new(files), "d", None, Workers::Inline).await.unwrap()
}

fn of(sequence: i64, ids: &[i32]) -> DeleteFile {
    DeleteFile { location: "d".to_owned(), sequence, equality_ids: ids.to_vec() }
}

fn stays(deletes: &Deletes, location: &str, sequence: i64, first: u64, batch: &RecordBatch) -> Vec<bool> {
    let stays = deletes.staying(location, sequence, first, batch).unwrap();
    stays.map_or_else(|| vec![true; batch.num_rows()], |stays| stays.iter().map(Option::unwrap).collect())
}

#[tokio::test]
async fn keys_reach_only_files_of_smaller_sequence_numbers() {
    let keys: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), None]));
    let deletes_file = file(&batch(vec![field("id", DataType::Int32, 3)], vec![keys])).await;
    let mut deletes = Deletes::new();
    deletes.load_keys(&deletes_file, &of(5, &[3])).await.unwrap();
    assert_eq!((deletes.len(), deletes.key_ids()), (2, vec![3]));
    // The column has been widened and renamed since.
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), Some(2), None]));
    let rows = batch(vec![field("key", DataType::Int64, 3)], vec![ids]);
    assert_eq!(stays(&deletes, "f", 4, 0, &rows), [false, true, false]);
    assert_eq!(stays(&deletes, "f", 5, 0, &rows), [true, true, true], "rows beside the deletes stay");
    // A file from before the column was there has null in it.
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
    let old = batch(vec![field("other", DataType::Utf8, 4)], vec![texts]);
    assert_eq!(stays(&deletes, "f", 4, 0, &old), [false]);
}

#[tokio::test]
async fn positions_reach_their_file_up_to_their_own_sequence_number() {
    let paths: ArrayRef = Arc::new(StringArray::from(vec!["a", "a", "b"]));
    let at: ArrayRef = Arc::new(Int64Array::from(vec![1, 3, 0]));
    let fields =
        vec![field("file_path", DataType::Utf8, PATH_ID), field("pos", DataType::Int64, POSITION_ID)];
    let deletes_file = file(&batch(fields, vec![paths, at])).await;
    let mut deletes = Deletes::new();
    let mut seen = HashSet::new();
    let mut note = |path: &str| {
        seen.insert(path.to_owned());
    };
    deletes.load_positions(&deletes_file, &of(5, &[]), &|path| path == "a", &mut note).await.unwrap();
    assert_eq!(seen, HashSet::from(["a".to_owned(), "b".to_owned()]));
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![0, 0]));
    let rows = batch(vec![field("id", DataType::Int64, 3)], vec![ids]);
    assert_eq!(stays(&deletes, "a", 5, 0, &rows), [true, false]);
    assert_eq!(stays(&deletes, "a", 5, 2, &rows), [true, false]);
    assert_eq!(stays(&deletes, "a", 6, 0, &rows), [true, true]);
    assert_eq!(stays(&deletes, "b", 5, 0, &rows), [true, true], "not wanted");
}

#[tokio::test]
async fn files_of_another_kind_are_refused() {
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![0]));
    let other = file(&batch(vec![field("id", DataType::Int64, 3)], vec![ids])).await;
    let mut deletes = Deletes::new();
    assert!(deletes.load_positions(&other, &of(1, &[]), &|_| true, &mut |_| ()).await.is_err());
    assert!(deletes.load_keys(&other, &of(1, &[])).await.is_err());
}

proptest! {
    /// The largest sequence number of a key is all that has to be kept.
    #[test]
    fn deletes_by_key_act_as_if_each_were_applied(
        deletes in proptest::collection::vec((0_i64..5, 1_i64..9), 0..12),
        rows in proptest::collection::vec(0_i64..5, 1..8),
        sequence in 0_i64..9,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut all = Deletes::new();
        for (key, of_sequence) in &deletes {
            let keys: ArrayRef = Arc::new(Int64Array::from(vec![*key]));
            let one = batch(vec![field("id", DataType::Int64, 3)], vec![keys]);
            runtime.block_on(async {
                let file = file(&one).await;
                all.load_keys(&file, &of(*of_sequence, &[3])).await.unwrap();
            });
        }
        let ids: ArrayRef = Arc::new(Int64Array::from(rows.clone()));
        let data = batch(vec![field("id", DataType::Int64, 3)], vec![ids]);
        let expected: Vec<bool> = rows
            .iter()
            .map(|row| !deletes.iter().any(|(key, of_sequence)| key == row && sequence < *of_sequence))
            .collect();
        prop_assert_eq!(stays(&all, "f", sequence, 0, &data), expected);
    }
}
