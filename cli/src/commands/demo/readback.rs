//! Reading every record of a tier and holding it against the ledger.

use std::time::Duration;

use firnline_index::{Offset, OffsetRange};
use firnline_reader::{Isolation, Reader, ReaderSettings, ScanItem};
use firnline_store::Store;
use futures::StreamExt as _;
use sha2::{Digest as _, Sha256};

use super::log::{Hash, Ledger, PartitionLedger};
use crate::commands::batches::walk;
use crate::failure::{Failure, Result, codes, of};
use crate::output::Progress;

/// Partitions read at once.
const PARALLEL: usize = 2;

/// What was read of all partitions.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReadBack {
    /// Records, markers not counted.
    pub records: u64,
    /// Bytes of batches.
    pub bytes: u64,
    /// Partitions.
    pub partitions: u64,
    /// Partitions whose hash is the ledger's.
    pub equal: u64,
    /// Records in the ledger and not read.
    pub lost: u64,
    /// Records read a second time.
    pub doubled: u64,
    /// How long it took.
    pub took: Duration,
}

impl ReadBack {
    /// Whether exactly what was written came back.
    pub fn is_whole(&self) -> bool {
        self.equal == self.partitions && self.lost == 0 && self.doubled == 0
    }
}

/// What was read of one partition.
struct One {
    records: u64,
    bytes: u64,
    doubled: u64,
    hash: Hash,
}

/// Reads everything below each partition's sealed end, from a reader with empty caches.
pub async fn all(store: &Store, ledger: &Ledger, progress: &Progress) -> Result<ReadBack> {
    let started = tokio::time::Instant::now();
    let reader = Reader::new(store.clone(), ReaderSettings::default());
    let mut sum = ReadBack::default();
    let mut reads = Vec::with_capacity(ledger.partitions.len());
    for partition in &ledger.partitions {
        let reader = &reader;
        reads.push(async move { one(reader, partition, progress).await.map(|one| (partition, one)) });
    }
    let mut reads = futures::stream::iter(reads).buffer_unordered(PARALLEL);
    while let Some(read) = reads.next().await {
        let (partition, one) = read?;
        sum.partitions += 1;
        sum.records += one.records;
        sum.bytes += one.bytes;
        sum.doubled += one.doubled;
        sum.equal += u64::from(one.hash == partition.sealed_hash);
        sum.lost += partition.sealed_records.saturating_sub(one.records - one.doubled);
    }
    sum.took = started.elapsed();
    Ok(sum)
}

async fn one(reader: &Reader, partition: &PartitionLedger, progress: &Progress) -> Result<One> {
    let range = OffsetRange::new(Offset::ZERO, partition.sealed_end)
        .map_err(|error| Failure::new(&codes::INTERNAL, "the ledger runs backwards").caused_by(error))?;
    let mut scan = reader.scan(&partition.tip, range, Isolation::ReadUncommitted);
    let (mut hash, mut next) = (Sha256::new(), Offset::ZERO);
    let mut one = One { records: 0, bytes: 0, doubled: 0, hash: Hash::default() };
    while let Some(item) = scan.next().await.map_err(of::reader)? {
        let ScanItem::Batches(batches) = item else { continue };
        let from = batches.range.start();
        let work = move || {
            for part in batches.chain.parts() {
                hash.update(part);
            }
            let (mut records, mut bytes, mut doubled) = (0, 0, 0);
            walk(&batches.chain, from, |header, batch| {
                let count = if header.control { 0 } else { u64::from(header.record_count.unwrap_or(0)) };
                records += count;
                bytes += batch.len() as u64;
                if header.base_offset < next {
                    doubled += count;
                }
                next = next.max(header.next_offset());
                Ok(())
            })?;
            Ok((hash, next, records, bytes, doubled))
        };
        let (records, bytes, doubled);
        (hash, next, records, bytes, doubled) = super::blocking(work).await?;
        progress.add(bytes);
        one.records += records;
        one.bytes += bytes;
        one.doubled += doubled;
    }
    one.hash = hash.finalize().into();
    Ok(one)
}
