//! The end of a Parquet file in a store: how many rows it has, and what we noted there.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_schema::Schema;
use firnline_store::Store;
use parquet::arrow::parquet_to_arrow_schema;
use parquet::errors::ParquetError;
use parquet::file::FOOTER_SIZE;
use parquet::file::metadata::{FooterTail, ParquetMetaData, ParquetMetaDataReader};

use super::PlainError;
use super::files::store_error;

/// The key of the footer with the topic's id.
pub(super) const TOPIC_ID: &str = "firnline.topic_id";
/// The key with where the columns come from: a JSON object from a column's name to a path.
pub(super) const COLUMNS: &str = "firnline.export.columns";

/// How much of a file's end is read at first.
const FIRST: u64 = 64 << 10;

/// The longest footer that is read.
const LONGEST: u64 = 64 << 20;

/// What a footer says.
#[derive(Debug)]
pub(super) struct Footer {
    pub(super) rows: u64,
    pub(super) noted: BTreeMap<String, String>,
    pub(super) schema: Schema,
}

/// Reads a file's footer: one GET, two where it is long.
pub(super) async fn read(store: &Store, key: &str) -> Result<Footer, PlainError> {
    let tail = |length| async move {
        store.get_suffix(key, length).await.map_err(|error| store_error(store, key, error))
    };
    let wrong = |source: ParquetError| PlainError::Footer { key: key.to_owned(), source: Arc::new(source) };
    let (mut bytes, size) = tail(FIRST).await?;
    let needed = metadata_length(&bytes).map_err(wrong)?.saturating_add(FOOTER_SIZE as u64);
    if needed > size.min(LONGEST) {
        return Err(wrong(ParquetError::General(format!("a footer of {needed} bytes in {size}"))));
    }
    if needed > bytes.len() as u64 {
        bytes = tail(needed).await?.0;
    }
    let end = bytes.len() - FOOTER_SIZE;
    let start = end.saturating_sub(usize::try_from(needed).unwrap_or(usize::MAX) - FOOTER_SIZE);
    let metadata = ParquetMetaDataReader::decode_metadata(&bytes[start..end]).map_err(wrong)?;
    Footer::of(&metadata).map_err(wrong)
}

fn metadata_length(end: &[u8]) -> Result<u64, ParquetError> {
    let last = end.last_chunk::<FOOTER_SIZE>();
    let last = last.ok_or_else(|| ParquetError::General(format!("a file of {} bytes", end.len())))?;
    Ok(FooterTail::try_new(last)?.metadata_length() as u64)
}

impl Footer {
    fn of(metadata: &ParquetMetaData) -> Result<Self, ParquetError> {
        let file = metadata.file_metadata();
        let noted = file.key_value_metadata().into_iter().flatten();
        let noted = noted.filter_map(|noted| Some((noted.key.clone(), noted.value.clone()?)));
        Ok(Self {
            rows: u64::try_from(file.num_rows()).unwrap_or(0),
            noted: noted.collect(),
            schema: parquet_to_arrow_schema(file.schema_descr(), None)?,
        })
    }
}
