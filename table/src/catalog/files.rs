//! Metadata files: reading them, bounded, and making the next one where a catalog leaves that to its clients.

use super::error::Cause;
use super::{CatalogError, CommitError, NewTable, Table, TableName};
use crate::io::FileIo;
use crate::metadata::TableMetadata;
use crate::update::{TableRequirement, TableUpdate};
use bytes::Bytes;
use firnline_store::Env;
use firnline_store::env::RandomExt;
use flate2::bufread::MultiGzDecoder;
use std::io::Read as _;
use uuid::Uuid;

/// The longest metadata, in bytes, once decompressed: more than any table that is looked after ever has.
const MAX_METADATA: u64 = 256 << 20;

/// The property that says how metadata files are compressed.
const COMPRESSION: &str = "write.metadata.compression-codec";

/// The bytes that every gzip file begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Metadata and the bytes of its file.
pub(crate) struct NewMetadata {
    pub(crate) metadata: TableMetadata,
    pub(crate) bytes: Bytes,
}

/// Metadata from its file. One GET.
pub(crate) async fn read(
    io: &FileIo,
    name: &TableName,
    location: &str,
) -> Result<TableMetadata, CatalogError> {
    let doing = || format!("load table {name}");
    let bytes = io.get(location).await.map_err(|source| CatalogError::File { doing: doing(), source })?;
    let malformed = |source: Cause| CatalogError::Malformed {
        doing: doing(),
        source: Box::new(BadFile { location: location.to_owned(), source }),
    };
    let text = if bytes.starts_with(&GZIP) { inflate(&bytes).map_err(malformed)? } else { bytes };
    parse(&text).map_err(malformed)
}

#[derive(Debug, thiserror::Error)]
#[error("metadata file {location}")]
struct BadFile {
    location: String,
    #[source]
    source: Cause,
}

/// Metadata from its text.
pub(crate) fn parse(text: &[u8]) -> Result<TableMetadata, Cause> {
    Ok(TableMetadata::parse(text)?)
}

fn inflate(bytes: &[u8]) -> Result<Bytes, Cause> {
    let mut text = Vec::new();
    MultiGzDecoder::new(bytes).take(MAX_METADATA + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MAX_METADATA {
        return Err(format!("it is longer than {MAX_METADATA} bytes when decompressed").into());
    }
    Ok(text.into())
}

/// A table whose files lie elsewhere cannot be written with the warehouse's credentials, and must not be with others.
pub(crate) fn check_place(
    io: &FileIo,
    name: &TableName,
    metadata: &TableMetadata,
) -> Result<(), CatalogError> {
    match io.key(metadata.location()) {
        Ok(_) => Ok(()),
        Err(source) => Err(CatalogError::File { doing: format!("load table {name}"), source }),
    }
}

/// Whether a metadata file's name says that it is compressed.
pub(crate) fn is_compressed(location: &str) -> bool {
    location.ends_with(".gz") || location.ends_with(".gz.metadata.json")
}

/// Whether others will compress the next metadata file.
pub(crate) fn will_be_compressed(metadata: &TableMetadata) -> bool {
    metadata.properties().get(COMPRESSION).is_some_and(|codec| !codec.eq_ignore_ascii_case("none"))
}

/// The first metadata of a new table.
pub(crate) fn new_table(
    name: &TableName,
    new: NewTable,
    location: &str,
    env: &Env,
) -> Result<NewMetadata, CatalogError> {
    let doing = || format!("create table {name}");
    let refused = |source: Cause| CatalogError::Refused { doing: doing(), source };
    let uuid = Uuid::from_bytes(env.random.uuid());
    let metadata = TableMetadata::create(new, location, uuid, env.clock.now_ms())
        .map_err(|error| refused(error.into()))?;
    let bytes = bytes_of(&metadata).map_err(refused)?;
    Ok(NewMetadata { metadata, bytes })
}

/// The metadata that follows from a commit, if its requirements hold.
pub(crate) fn commit(
    table: &Table,
    requirements: &[TableRequirement],
    updates: &[TableUpdate],
    env: &Env,
) -> Result<NewMetadata, CommitError> {
    let name = || table.name.clone();
    for requirement in requirements {
        requirement
            .check(Some(&table.metadata))
            .map_err(|error| CommitError::Conflict { table: name(), source: error.into() })?;
    }
    let refused = |source: Cause| CommitError::Refused { table: name(), source };
    let metadata = table
        .metadata
        .apply(updates, &table.metadata_location, env.clock.now_ms())
        .map_err(|error| refused(error.into()))?;
    let bytes = bytes_of(&metadata).map_err(refused)?;
    Ok(NewMetadata { metadata, bytes })
}

/// What is written has to be read again, by us at least.
fn bytes_of(metadata: &TableMetadata) -> Result<Bytes, Cause> {
    let bytes = metadata.to_json()?;
    if bytes.len() as u64 > firnline_store::MAX_WHOLE_GET {
        let why = "the metadata has grown beyond 64 MiB; expire snapshots, and lower write.metadata.previous-versions-max";
        return Err(why.into());
    }
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn compressed_metadata_is_inflated_and_bounded() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(b"{}").unwrap();
        assert_eq!(inflate(&encoder.finish().unwrap()).unwrap(), "{}");
        assert!(inflate(&[0x1f, 0x8b, 8, 0]).is_err());

        let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        let zeros = vec![0; 1 << 20];
        for _ in 0..=MAX_METADATA >> 20 {
            bomb.write_all(&zeros).unwrap();
        }
        let error = inflate(&bomb.finish().unwrap()).unwrap_err();
        assert!(error.to_string().contains("longer than"), "{error}");
    }

    #[test]
    fn names_tell_compression() {
        assert!(is_compressed("s3://b/t/metadata/v1.gz.metadata.json"));
        assert!(is_compressed("s3://b/t/metadata/v1.metadata.json.gz"));
        assert!(!is_compressed("s3://b/t/metadata/v1.metadata.json"));
    }
}
