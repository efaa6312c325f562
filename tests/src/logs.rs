//! What a stopped broker left on disk, read without any of Firnline's own code.

use std::path::{Path, PathBuf};

/// The log files of one partition in offset order.
#[derive(Debug, Clone)]
pub struct PartitionLog {
    segments: Vec<(i64, PathBuf)>,
}

impl PartitionLog {
    /// Lists `*.log` of a partition's directory.
    pub fn open(directory: &Path) -> Self {
        let mut segments: Vec<(i64, PathBuf)> = std::fs::read_dir(directory)
            .unwrap_or_else(|error| panic!("list {}: {error}", directory.display()))
            .map(|entry| entry.expect("list the partition").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
            .map(|path| {
                let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("a segment has a name");
                (stem.parse().expect("a segment's name is its base offset"), path)
            })
            .collect();
        segments.sort();
        assert!(!segments.is_empty(), "{} holds no segment", directory.display());
        Self { segments }
    }

    /// How many segments are sealed: all but the last.
    pub fn sealed(&self) -> usize {
        self.segments.len() - 1
    }

    /// The base offset of the active segment, which is where the sealed ones end.
    pub fn sealed_end(&self) -> i64 {
        self.segments[self.segments.len() - 1].0
    }

    /// The bytes of all sealed segments, one after the other.
    pub fn sealed_bytes(&self) -> Vec<u8> {
        let sealed = &self.segments[..self.sealed()];
        sealed.iter().flat_map(|(_, path)| std::fs::read(path).expect("read a segment")).collect()
    }

    /// The bytes of all segments, one after the other, and the offset behind them.
    pub fn all(&self) -> (Vec<u8>, i64) {
        let read = |(_, path): &(i64, PathBuf)| std::fs::read(path).expect("read a segment");
        let bytes: Vec<u8> = self.segments.iter().flat_map(read).collect();
        let end = batches(&bytes).last().map_or(self.sealed_end(), |last| {
            let delta: [u8; 4] = bytes[last.start + 23..last.start + 27].try_into().expect("four bytes");
            read_i64(&bytes, last.start) + i64::from(i32::from_be_bytes(delta)) + 1
        });
        (bytes, end)
    }

    /// The sealed bytes again and again under rising offsets, this long at least, and the offset behind them. A batch's
    /// base offset lies outside its checksum.
    pub fn repeated(&self, bytes: usize) -> (Vec<u8>, i64) {
        let sealed = self.sealed_bytes();
        let span = self.sealed_end() - self.segments[0].0;
        let (mut all, mut shift) = (Vec::with_capacity(bytes + sealed.len()), 0);
        while all.len() < bytes {
            let mut copy = sealed.clone();
            for batch in batches(&sealed) {
                let base = read_i64(&sealed, batch.start) + shift;
                copy[batch.start..batch.start + 8].copy_from_slice(&base.to_be_bytes());
            }
            all.extend(copy);
            shift += span;
        }
        (all, self.segments[0].0 + shift)
    }

    /// The file of the `index`th segment.
    pub fn file(&self, index: usize) -> &Path {
        &self.segments[index].1
    }
}

/// What the head of a record batch says.
#[derive(Debug, Clone, Copy)]
pub struct Batch {
    /// Where it begins.
    pub start: usize,
    /// Where the next one begins.
    pub end: usize,
    /// Kafka's number of the codec: none, gzip, snappy, lz4, zstd.
    pub codec: u8,
    /// Whether it belongs to a transaction.
    pub transactional: bool,
    /// Whether it is a marker that ends one.
    pub control: bool,
    /// The producer's id; −1 without idempotence.
    pub producer_id: i64,
}

/// The batches that some bytes of a log consist of, all of the format that brokers write today.
pub fn batches(bytes: &[u8]) -> Vec<Batch> {
    let mut found = Vec::new();
    let mut start = 0;
    while start < bytes.len() {
        let length: [u8; 4] = bytes[start + 8..start + 12].try_into().expect("four bytes");
        let end = start + 12 + usize::try_from(i32::from_be_bytes(length)).expect("a length");
        assert_eq!(bytes[start + 16], 2, "the batch at {start} has another magic");
        let attributes = bytes[start + 22];
        found.push(Batch {
            start,
            end,
            codec: attributes & 7,
            transactional: attributes & 0x10 != 0,
            control: attributes & 0x20 != 0,
            producer_id: read_i64(bytes, start + 43),
        });
        start = end;
    }
    found
}

fn read_i64(bytes: &[u8], at: usize) -> i64 {
    i64::from_be_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}
