//! The container: a header with the schema, then blocks of records, each with the file's own marker behind it.

use super::AvroError;
use super::datum::{Cursor, Datum};
use super::encode::Encoder;
use super::schema::{self, Node};
use flate2::Compression;
use flate2::read::{DeflateDecoder, DeflateEncoder};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;

const MAGIC: [u8; 4] = *b"Obj\x01";
const SCHEMA: &str = "avro.schema";
const CODEC: &str = "avro.codec";

/// The longest block, decompressed, and the most that all of a file's have together.
const MAX_BLOCK: u64 = 128 << 20;
const MAX_FILE: u64 = 512 << 20;

/// A block is closed when it has so many bytes.
const BLOCK: usize = 64 << 10;

/// Bytes of a snappy block that are its checksum.
const SNAPPY_CHECKSUM: usize = 4;

#[derive(Clone, Copy)]
enum Codec {
    Null,
    Deflate,
    Snappy,
    Zstandard,
}

/// Reads the records of a file one by one.
pub(in crate::manifest) struct Reader<'a> {
    file: Cursor<'a>,
    schema: Arc<Node>,
    codec: Codec,
    sync: &'a [u8],
    block: Vec<u8>,
    at: usize,
    left: i64,
    total: u64,
}

impl<'a> Reader<'a> {
    pub(in crate::manifest) fn new(bytes: &'a [u8]) -> Result<Self, AvroError> {
        let mut file = Cursor::new(bytes);
        if file.take(MAGIC.len()) != Ok(&MAGIC) {
            return Err(AvroError::Magic);
        }
        let metadata = header(&mut file)?;
        let sync = file.take(16)?;
        let codec = match metadata.get(CODEC).copied().unwrap_or(b"null") {
            b"null" => Codec::Null,
            b"deflate" => Codec::Deflate,
            b"snappy" => Codec::Snappy,
            b"zstandard" => Codec::Zstandard,
            other => return Err(AvroError::Codec(String::from_utf8_lossy(other).into_owned())),
        };
        let schema = schema::parse(metadata.get(SCHEMA).ok_or(AvroError::Schema("there is none"))?)?;
        if !matches!(*schema, Node::Record(_)) {
            return Err(AvroError::Schema("it is no record"));
        }
        Ok(Self { file, schema, codec, sync, block: Vec::new(), at: 0, left: 0, total: 0 })
    }

    /// The next record, `None` behind the last.
    pub(in crate::manifest) fn next(&mut self) -> Result<Option<Datum>, AvroError> {
        while self.left == 0 {
            if self.at != self.block.len() {
                return Err(AvroError::Trailing);
            }
            if self.file.rest().is_empty() {
                return Ok(None);
            }
            self.next_block()?;
        }
        self.left -= 1;
        let mut cursor = Cursor::new(self.block.get(self.at..).unwrap_or_default());
        let record = cursor.record(&self.schema)?;
        let at = self.block.len() - cursor.rest().len();
        if at == self.at && self.left > 0 {
            return Err(AvroError::Schema("its records are empty"));
        }
        self.at = at;
        Ok(Some(record))
    }

    fn next_block(&mut self) -> Result<(), AvroError> {
        let count = self.file.long()?;
        let bytes = self.file.bytes()?;
        if self.file.take(16)? != self.sync {
            return Err(AvroError::Sync);
        }
        self.block = decompress(self.codec, bytes)?;
        self.total = self.total.saturating_add(self.block.len() as u64);
        if self.total > MAX_FILE {
            return Err(AvroError::TooLarge("any manifest"));
        }
        self.at = 0;
        self.left = if count < 0 { return Err(AvroError::Range) } else { count };
        Ok(())
    }
}

fn header<'a>(file: &mut Cursor<'a>) -> Result<BTreeMap<String, &'a [u8]>, AvroError> {
    let mut metadata = BTreeMap::new();
    loop {
        let mut count = file.long()?;
        if count == 0 {
            return Ok(metadata);
        }
        if count < 0 {
            file.long()?;
            count = count.checked_neg().ok_or(AvroError::Range)?;
        }
        for _ in 0..count {
            let key = std::str::from_utf8(file.bytes()?).map_err(|_| AvroError::Utf8)?.to_owned();
            let value = file.bytes()?;
            metadata.insert(key, value);
        }
    }
}

fn decompress(codec: Codec, bytes: &[u8]) -> Result<Vec<u8>, AvroError> {
    let bounded = |from: &mut dyn std::io::Read| {
        let mut block = Vec::new();
        from.take(MAX_BLOCK + 1).read_to_end(&mut block).map_err(|_| AvroError::Damaged)?;
        if block.len() as u64 > MAX_BLOCK {
            return Err(AvroError::TooLarge("any block of a manifest"));
        }
        Ok(block)
    };
    match codec {
        Codec::Null => bounded(&mut &*bytes),
        Codec::Deflate => bounded(&mut DeflateDecoder::new(bytes)),
        Codec::Zstandard => bounded(&mut zstd::Decoder::new(bytes).map_err(|_| AvroError::Damaged)?),
        Codec::Snappy => {
            // Behind each block is a checksum, which is not needed: whole files are checked where they are stored.
            let length = bytes.len().checked_sub(SNAPPY_CHECKSUM).ok_or(AvroError::Short)?;
            let bytes = bytes.get(..length).unwrap_or_default();
            let claimed = snap::raw::decompress_len(bytes).map_err(|_| AvroError::Damaged)?;
            if claimed as u64 > MAX_BLOCK {
                return Err(AvroError::TooLarge("any block of a manifest"));
            }
            snap::raw::Decoder::new().decompress_vec(bytes).map_err(|_| AvroError::Damaged)
        }
    }
}

/// Writes a file.
pub(in crate::manifest) struct Container {
    bytes: Vec<u8>,
    sync: [u8; 16],
    block: Vec<u8>,
    count: i64,
}

impl Container {
    /// A file with this schema and these values in its header. `sync` is as random as can be: it must not be in the records.
    pub(in crate::manifest) fn new(schema: &str, metadata: &[(&str, String)], sync: [u8; 16]) -> Self {
        let mut encoder = Encoder::default();
        encoder.raw(&MAGIC);
        let own = [(SCHEMA, schema), (CODEC, "deflate")];
        let all = metadata.iter().map(|(key, value)| (*key, value.as_str())).chain(own);
        encoder.array(metadata.len() + own.len(), |encoder| {
            for (key, value) in all {
                encoder.text(key);
                encoder.text(value);
            }
        });
        encoder.raw(&sync);
        Self { bytes: encoder.into_bytes(), sync, block: Vec::new(), count: 0 }
    }

    /// Adds a record.
    pub(in crate::manifest) fn push(&mut self, record: &[u8]) -> std::io::Result<()> {
        self.block.extend_from_slice(record);
        self.count += 1;
        if self.block.len() >= BLOCK { self.close_block() } else { Ok(()) }
    }

    /// About how long the file is by now.
    pub(in crate::manifest) fn length(&self) -> usize {
        self.bytes.len() + self.block.len() / 4
    }

    pub(in crate::manifest) fn finish(mut self) -> std::io::Result<Vec<u8>> {
        self.close_block()?;
        Ok(self.bytes)
    }

    fn close_block(&mut self) -> std::io::Result<()> {
        if self.count == 0 {
            return Ok(());
        }
        let mut compressed = Vec::new();
        DeflateEncoder::new(self.block.as_slice(), Compression::default()).read_to_end(&mut compressed)?;
        let mut encoder = Encoder::default();
        encoder.long(self.count);
        encoder.bytes(&compressed);
        encoder.raw(&self.sync);
        self.bytes.extend(encoder.into_bytes());
        self.block.clear();
        self.count = 0;
        Ok(())
    }
}
