//! The table's side: rows of its files, deletes applied.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow_schema::{DataType, Schema};

use super::error::VerifyError;
use super::record::Compared;
use crate::tend::read::{DeleteFile, Deletes, FileBytes, FileReadError, TableFile, field_id};
use crate::tend::{Content, Live, LiveFile};
use crate::workers::Workers;

/// What one delete costs in memory, in bytes.
const DELETE_BYTES: u64 = 64;

/// A table to be read.
#[derive(Clone)]
pub(super) struct Side {
    pub(super) name: String,
    pub(super) bytes: Arc<dyn FileBytes>,
    pub(super) live: Arc<Live>,
    pub(super) columns: Columns,
    pub(super) memory_bytes: usize,
    pub(super) workers: Workers,
}

/// The ids of the columns that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Columns {
    partition: i32,
    offset: i32,
    key: Option<i32>,
    value: Option<i32>,
}

impl Columns {
    /// Those of a table; `None` where it does not say where its rows come from.
    pub(super) fn of(schema: &Schema) -> Option<Self> {
        let column = |name: &str, types: &[DataType]| {
            let field =
                schema.field_with_name(name).ok().filter(|field| types.contains(field.data_type()))?;
            field_id(field)
        };
        let bytes = [DataType::Binary, DataType::Utf8];
        Some(Self {
            partition: column("kafka_partition", &[DataType::Int32])?,
            offset: column("kafka_offset", &[DataType::Int64])?,
            key: column("kafka_key", &bytes),
            value: column("kafka_value", &bytes),
        })
    }

    /// What can be compared by them in all of the files: a column that was added later is not in the earlier ones.
    pub(super) fn comparable(&self, live: &Live) -> Compared {
        let everywhere = |id: Option<i32>| {
            id.is_some_and(|id| {
                let mut data = live.files.iter().filter(|file| file.fact.content == Content::Data);
                data.all(|file| file.columns.is_empty() || file.columns.contains(&id))
            })
        };
        Compared { key: everywhere(self.key), value: everywhere(self.value) }
    }
}

/// A row: partition, offset, checksum.
type Row = (i32, i64, u128);

impl Side {
    /// Hands all rows to `add`. Files whose offsets all lie outside of `offsets` are passed over.
    pub(super) async fn pass(
        &self,
        compared: Compared,
        offsets: Range<i64>,
        add: &mut (dyn FnMut(i32, i64, u128) + Send),
    ) -> Result<(), VerifyError> {
        let overlaps = |file: &&LiveFile| {
            file.fact.first_offset.is_none_or(|first| first < offsets.end)
                && file.fact.last_offset.is_none_or(|last| last >= offsets.start)
        };
        let mut files: Vec<&LiveFile> = self
            .live
            .files
            .iter()
            .filter(|file| file.fact.content == Content::Data)
            .filter(overlaps)
            .collect();
        files.sort_by(|a, b| a.fact.partition.cmp(&b.fact.partition));
        for partition in files.chunk_by(|a, b| a.fact.partition == b.fact.partition) {
            let deletes = Arc::new(self.deletes(partition).await?);
            for file in partition {
                self.file(file, &deletes, compared, add).await?;
            }
        }
        Ok(())
    }

    /// The deletes that reach some files of one partition.
    async fn deletes(&self, data: &[&LiveFile]) -> Result<Deletes, VerifyError> {
        let reaches = |file: &&LiveFile| data.iter().any(|data| file.fact.reaches(&data.fact));
        let reaching: Vec<_> = self.live.files.iter().filter(reaches).collect();
        let rows: u64 = reaching.iter().map(|file| file.fact.rows).sum();
        if rows.saturating_mul(DELETE_BYTES) > u64::try_from(self.memory_bytes).unwrap_or(u64::MAX) {
            let why = format!(
                "{rows} deletes of one partition do not fit into memory; run `firnline export maintain` first"
            );
            return Err(VerifyError::NotComparable { table: self.name.clone(), why });
        }
        let mut deletes = Deletes::new();
        for file in reaching {
            let fact = &file.fact;
            let opened =
                TableFile::open(Arc::clone(&self.bytes), &fact.path, Some(fact.bytes), self.workers).await?;
            let of = DeleteFile {
                location: fact.path.to_string(),
                sequence: fact.sequence,
                equality_ids: file.equality_ids.clone(),
            };
            match fact.content {
                Content::EqualityDeletes => deletes.load_keys(&opened, &of).await?,
                _ => {
                    let wanted = |path: &str| data.iter().any(|data| &*data.fact.path == path);
                    deletes.load_positions(&opened, &of, &wanted, &mut |_| ()).await?;
                }
            }
        }
        Ok(deletes)
    }

    async fn file(
        &self,
        file: &LiveFile,
        deletes: &Arc<Deletes>,
        compared: Compared,
        add: &mut (dyn FnMut(i32, i64, u128) + Send),
    ) -> Result<(), VerifyError> {
        let fact = &file.fact;
        let opened =
            TableFile::open(Arc::clone(&self.bytes), &fact.path, Some(fact.bytes), self.workers).await?;
        let mut ids = vec![self.columns.partition, self.columns.offset];
        ids.extend(self.columns.key.filter(|_| compared.key));
        ids.extend(self.columns.value.filter(|_| compared.value));
        ids.extend(deletes.key_ids());
        let fields = opened.schema().fields().iter().enumerate();
        let wanted = |field: &arrow_schema::Field| field_id(field).is_some_and(|id| ids.contains(&id));
        let roots: Vec<_> = fields.filter(|(_, field)| wanted(field)).map(|(at, _)| at).collect();
        let mut batches = opened.batches(Some(&roots))?;
        while let Some((first, batch)) = batches.next().await? {
            let (columns, deletes, path) = (self.columns, Arc::clone(deletes), Arc::clone(&fact.path));
            let sequence = fact.sequence;
            let rows = self.workers.run(move || {
                let stays = deletes.staying(&path, sequence, first, &batch)?;
                rows(&path, &columns, compared, &batch, stays.as_ref())
            });
            rows.await?
                .into_iter()
                .for_each(|(partition, offset, checksum)| add(partition, offset, checksum));
        }
        Ok(())
    }
}

fn rows(
    path: &str,
    columns: &Columns,
    compared: Compared,
    batch: &RecordBatch,
    stays: Option<&BooleanArray>,
) -> Result<Vec<Row>, FileReadError> {
    let schema = batch.schema();
    let column = |id: i32| {
        let at = schema.fields().iter().position(|field| field_id(field) == Some(id))?;
        batch.columns().get(at)
    };
    let partitions = column(columns.partition).and_then(|column| column.as_primitive_opt::<Int32Type>());
    let offsets = column(columns.offset).and_then(|column| column.as_primitive_opt::<Int64Type>());
    let (Some(partitions), Some(offsets)) = (partitions, offsets) else {
        return Err(FileReadError::unsupported(
            path,
            "it has no columns `kafka_partition` and `kafka_offset`",
        ));
    };
    let key = columns.key.filter(|_| compared.key).and_then(column);
    let value = columns.value.filter(|_| compared.value).and_then(column);
    let mut rows = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        if stays.is_some_and(|stays| !stays.value(row)) {
            continue;
        }
        // Rows without a position are somebody else's.
        if partitions.is_null(row) || offsets.is_null(row) {
            continue;
        }
        let (partition, offset) = (partitions.value(row), offsets.value(row));
        rows.push((partition, offset, compared.checksum(offset, bytes(key, row), bytes(value, row))));
    }
    Ok(rows)
}

fn bytes(column: Option<&ArrayRef>, row: usize) -> Option<&[u8]> {
    let column = column.filter(|column| column.is_valid(row))?;
    match column.data_type() {
        DataType::Utf8 => Some(column.as_string::<i32>().value(row).as_bytes()),
        _ => column.as_binary_opt::<i32>().map(|column| column.value(row)),
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{BinaryArray, Int32Array, Int64Array, StringArray};
    use arrow_schema::Field;

    use super::*;

    fn field(name: &str, data_type: DataType, id: i32) -> Field {
        Field::new(name, data_type, true).with_metadata([("PARQUET:field_id".to_owned(), id.to_string())])
    }

    fn schema() -> Schema {
        Schema::new(vec![
            field("kafka_partition", DataType::Int32, 1),
            field("kafka_offset", DataType::Int64, 2),
            field("kafka_value", DataType::Binary, 3),
        ])
    }

    #[test]
    fn what_is_kept_as_bytes_is_compared() {
        let columns = Columns::of(&schema()).unwrap();
        let compared = columns.comparable(&Live::default());
        assert_eq!(compared, Compared { key: false, value: true });
        assert_eq!(Columns::of(&Schema::new(vec![field("id", DataType::Int64, 1)])), None);
    }

    #[test]
    fn rows_give_the_same_checksums_as_records_and_deleted_ones_none() {
        let compared = Compared { key: false, value: true };
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int32Array::from(vec![Some(4), Some(4), None])),
            Arc::new(Int64Array::from(vec![7, 8, 9])),
            Arc::new(BinaryArray::from(vec![Some(&b"v"[..]), None, None])),
        ];
        let batch = RecordBatch::try_new(Arc::new(schema()), columns).unwrap();
        let of = Columns::of(&schema()).unwrap();
        let all = rows("f", &of, compared, &batch, None).unwrap();
        let expected =
            [(4, 7, compared.checksum(7, None, Some(b"v"))), (4, 8, compared.checksum(8, None, None))];
        assert_eq!(all, expected);
        let stays = BooleanArray::from(vec![false, true, true]);
        assert_eq!(rows("f", &of, compared, &batch, Some(&stays)).unwrap(), expected[1..]);
        let text: ArrayRef = Arc::new(StringArray::from(vec!["v"]));
        assert_eq!(bytes(Some(&text), 0), Some(&b"v"[..]));
    }
}
