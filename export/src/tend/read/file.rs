//! One Parquet file.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::DecodeResult;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::push_decoder::{ParquetPushDecoder, ParquetPushDecoderBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataPushDecoder};

use super::bytes::{FileBytes, ranges};
use super::error::FileReadError;
use crate::workers::Workers;

/// How much of a file's end is asked for first.
const TAIL_BYTES: u64 = 256 << 10;

/// The longest footer that is read, in bytes: that of a file with a hundred thousand columns in its row groups.
const MAX_FOOTER_BYTES: u64 = 256 << 20;

/// How many bytes the rows of a batch have, about.
const BATCH_BYTES: u64 = 8 << 20;

/// How many rows a batch has at most.
const BATCH_ROWS: u64 = 8192;

/// A file whose footer has been read.
#[derive(Clone)]
pub struct TableFile {
    bytes: Arc<dyn FileBytes>,
    location: Arc<str>,
    metadata: ArrowReaderMetadata,
    workers: Workers,
}

impl TableFile {
    /// Reads a file's footer. `expected` is the length that the table says it has.
    ///
    /// # Errors
    /// Where the file is not there, is no Parquet file, or has another length.
    pub async fn open(
        bytes: Arc<dyn FileBytes>,
        location: &str,
        expected: Option<u64>,
        workers: Workers,
    ) -> Result<Self, FileReadError> {
        let (tail, size) = bytes.tail(location, TAIL_BYTES).await?;
        if let Some(expected) = expected.filter(|expected| *expected != size) {
            return Err(FileReadError::Size { location: location.to_owned(), expected, found: size });
        }
        let decode = |error| FileReadError::decode(location, error);
        let mut footer = ParquetMetaDataPushDecoder::try_new(size)
            .map_err(decode)?
            .with_page_index_policy(PageIndexPolicy::Skip);
        let start = size.saturating_sub(u64::try_from(tail.len()).unwrap_or(u64::MAX));
        footer.push_range(start..size, tail).map_err(decode)?;
        let metadata = loop {
            match footer.try_decode().map_err(decode)? {
                DecodeResult::Data(metadata) => break metadata,
                DecodeResult::NeedsData(wanted) => {
                    let length: u64 = wanted.iter().map(|range| range.end.saturating_sub(range.start)).sum();
                    if length > MAX_FOOTER_BYTES || wanted.iter().any(|range| range.end > size) {
                        return Err(FileReadError::unsupported(location, "the footer claims to be too long"));
                    }
                    let got = ranges(bytes.as_ref(), location, &wanted).await?;
                    footer.push_ranges(wanted, got).map_err(decode)?;
                }
                DecodeResult::Finished => {
                    return Err(FileReadError::unsupported(location, "the file has no footer"));
                }
            }
        };
        // The Arrow schema that some writers add says how they held the rows in memory, which is nothing to us.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let metadata = ArrowReaderMetadata::try_new(Arc::new(metadata), options).map_err(decode)?;
        Ok(Self { bytes, location: location.into(), metadata, workers })
    }

    /// The file's columns; each has its id in `PARQUET:field_id` where the file tells it.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        self.metadata.schema()
    }

    /// Where it is.
    #[must_use]
    pub fn location(&self) -> &str {
        &self.location
    }

    /// Its rows in order; of the columns only those at `columns`, or all.
    ///
    /// # Errors
    /// Where its columns cannot be read.
    pub fn batches(&self, columns: Option<&[usize]>) -> Result<FileBatches, FileReadError> {
        let parquet = self.metadata.metadata();
        let mut builder = ParquetPushDecoderBuilder::new_with_metadata(self.metadata.clone())
            .with_batch_size(batch_rows(parquet, columns));
        if let Some(columns) = columns {
            let mask = ProjectionMask::roots(self.metadata.parquet_schema(), columns.iter().copied());
            builder = builder.with_projection(mask);
        }
        let decoder = builder.build().map_err(|error| FileReadError::decode(&self.location, error))?;
        Ok(FileBatches { file: self.clone(), decoder: Some(Box::new(decoder)), rows: 0 })
    }
}

/// How many rows a batch may have, so that it stays small where rows are large.
fn batch_rows(metadata: &ParquetMetaData, columns: Option<&[usize]>) -> usize {
    let schema = metadata.file_metadata().schema_descr();
    let wanted = |leaf: usize| {
        columns.is_none_or(|columns| {
            leaf < schema.num_columns() && columns.contains(&schema.get_column_root_idx(leaf))
        })
    };
    let rows = metadata.row_groups().iter().map(|group| {
        let bytes: i64 = group
            .columns()
            .iter()
            .enumerate()
            .filter(|(leaf, _)| wanted(*leaf))
            .map(|(_, column)| column.uncompressed_size().max(0))
            .sum();
        let (bytes, rows) = (u64::try_from(bytes).unwrap_or(0), u64::try_from(group.num_rows()).unwrap_or(0));
        let each = (bytes / rows.max(1)).max(1);
        BATCH_BYTES / each
    });
    let rows = rows.min().unwrap_or(BATCH_ROWS).clamp(1, BATCH_ROWS);
    usize::try_from(rows).unwrap_or(1)
}

/// A file's rows on their way.
pub struct FileBatches {
    file: TableFile,
    /// `None` at the end, and after an error.
    decoder: Option<Box<ParquetPushDecoder>>,
    rows: u64,
}

type Step = (Box<ParquetPushDecoder>, Result<DecodeResult<RecordBatch>, ParquetError>);

impl FileBatches {
    /// The next rows and the position of the first of them in the file. Not cancel safe: a dropped call ends the file.
    ///
    /// # Errors
    /// Where the bytes are not there or damaged.
    pub async fn next(&mut self) -> Result<Option<(u64, RecordBatch)>, FileReadError> {
        let Some(mut decoder) = self.decoder.take() else { return Ok(None) };
        let location = Arc::clone(&self.file.location);
        loop {
            let (back, step): Step = self
                .file
                .workers
                .run(move || {
                    let step = decoder.try_decode();
                    (decoder, step)
                })
                .await;
            decoder = back;
            match step.map_err(|error| FileReadError::decode(&location, error))? {
                DecodeResult::Finished => return Ok(None),
                DecodeResult::Data(batch) => {
                    let first = self.rows;
                    self.rows += u64::try_from(batch.num_rows()).unwrap_or(0);
                    self.decoder = Some(decoder);
                    return Ok(Some((first, batch)));
                }
                DecodeResult::NeedsData(wanted) => {
                    let got = ranges(self.file.bytes.as_ref(), &location, &wanted).await?;
                    decoder
                        .push_ranges(wanted, got)
                        .map_err(|error| FileReadError::decode(&location, error))?;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use arrow_array::cast::AsArray as _;
    use arrow_array::types::Int64Type;
    use arrow_array::{ArrayRef, BinaryArray, Int64Array};
    use bytes::Bytes;
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::WriterProperties;

    use super::super::bytes::tests::Files;
    use super::*;

    fn written(rows: i64) -> Bytes {
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
        let big = vec![7_u8; 20_000];
        let blobs: ArrayRef = Arc::new(BinaryArray::from_iter_values((0..rows).map(|_| &big)));
        let batch = RecordBatch::try_from_iter([("id", ids), ("blob", blobs)]).unwrap();
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(300)).build();
        let mut out = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut out, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        out.into()
    }

    async fn open(file: Bytes, expected: Option<u64>) -> Result<TableFile, FileReadError> {
        let files = Files(BTreeMap::from([("f".to_owned(), file)]));
        TableFile::open(Arc::new(files), "f", expected, Workers::Inline).await
    }

    #[tokio::test]
    async fn rows_come_in_order_with_their_positions() {
        let file = open(written(1000), None).await.unwrap();
        let mut batches = file.batches(Some(&[0])).unwrap();
        let mut next = 0;
        while let Some((first, batch)) = batches.next().await.unwrap() {
            assert_eq!(first, next);
            assert_eq!(batch.num_columns(), 1);
            let ids = batch.column(0).as_primitive::<Int64Type>();
            assert_eq!(ids.value(0), i64::try_from(first).unwrap());
            next += u64::try_from(batch.num_rows()).unwrap();
        }
        assert_eq!(next, 1000);
        assert!(batches.next().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_file_of_another_length_and_other_bytes_are_told() {
        let file = written(10);
        let size = u64::try_from(file.len()).unwrap();
        assert!(matches!(open(file.clone(), Some(size + 1)).await, Err(FileReadError::Size { .. })));
        assert!(open(file.clone(), Some(size)).await.is_ok());
        assert!(open(Bytes::from_static(b"PAR1"), None).await.is_err());
        let mut short = file.to_vec();
        short.truncate(file.len() - 9);
        assert!(open(short.into(), None).await.is_err());
    }
}
