//! The log's side: committed records of a partition, read and decoded apart from the code that exports.

use std::ops::Range;

use bytes::Bytes;
use firnline_index::batch::{BatchHeader, BatchLimits, Batches, verify_crc};
use firnline_index::transactions::AbortedTransaction;
use firnline_index::{Offset, OffsetRange, RawPosition, TopicIdPartition};
use firnline_reader::{Isolation, Reader, ScanBatches, ScanItem};
use firnline_records::{DecodeLimits, decode_batch};

use super::error::VerifyError;
use super::record::Compared;
use crate::workers::Workers;

/// What a pass over a partition has found beside its records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Passed {
    /// Offsets of the range that the tier does not have, lost or let go.
    pub(super) missing: Vec<Range<i64>>,
    /// Where the committed records end.
    pub(super) end: i64,
}

/// Which records count.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    pub(super) compared: Compared,
    /// Whether records without a value are in the table.
    pub(super) tombstones: bool,
}

/// Hands all committed records of a range to `add`, as offset and checksum.
pub(super) async fn pass(
    reader: &Reader,
    tip: &TopicIdPartition,
    range: OffsetRange,
    counted: Counted,
    workers: Workers,
    add: &mut (dyn FnMut(i64, u128) + Send),
) -> Result<Passed, VerifyError> {
    let partition = tip.partition.get();
    let mut scan = reader.scan(tip, range, Isolation::ReadCommitted);
    let mut missing = Vec::new();
    let within =
        |from: Offset, to: Offset| from.get().max(range.start().get())..to.get().min(range.end().get());
    while let Some(item) =
        scan.next().await.map_err(|source| VerifyError::Tier { partition, source: Box::new(source) })?
    {
        match item {
            ScanItem::Gap(gap) => missing.push(within(gap.range.start(), gap.range.end())),
            ScanItem::Gone(gone) => missing.push(within(gone.start(), gone.end())),
            ScanItem::Batches(batches) => {
                let records = workers.run(move || digest(partition, &batches, range, counted)).await?;
                records.into_iter().for_each(|(offset, checksum)| add(offset, checksum));
            }
        }
    }
    let end = scan.undecided_from().unwrap_or(scan.position()).min(range.end()).get();
    Ok(Passed { missing, end })
}

/// The committed records of some batches.
fn digest(
    partition: i32,
    batches: &ScanBatches,
    range: OffsetRange,
    counted: Counted,
) -> Result<Vec<(i64, u128)>, VerifyError> {
    let mut records = Vec::new();
    let mut lower = batches.range.start();
    for part in batches.chain.parts() {
        for batch in Batches::new(part, RawPosition::ZERO, lower, BatchLimits::DEFAULT) {
            let batch = batch.map_err(|source| VerifyError::Batch { partition, source })?;
            lower = batch.header.next_offset();
            let outside = lower <= range.start() || batch.header.base_offset >= range.end();
            if outside || batch.header.control || is_aborted(&batch.header, &batches.aborted) {
                continue;
            }
            decode(partition, &batch.header, part.slice_ref(batch.bytes), range, counted, &mut records)?;
        }
    }
    Ok(records)
}

fn decode(
    partition: i32,
    header: &BatchHeader,
    bytes: Bytes,
    range: OffsetRange,
    counted: Counted,
    records: &mut Vec<(i64, u128)>,
) -> Result<(), VerifyError> {
    verify_crc(header, &bytes).map_err(|source| VerifyError::Batch { partition, source })?;
    let fail = |source| VerifyError::Record { partition, source };
    for record in decode_batch(header, bytes, &DecodeLimits::default()).map_err(fail)? {
        let record = record.map_err(fail)?;
        if !range.contains(record.offset) || (record.value.is_none() && !counted.tombstones) {
            continue;
        }
        let offset = record.offset.get();
        let checksum = counted.compared.checksum(offset, record.key.as_deref(), record.value.as_deref());
        records.push((offset, checksum));
    }
    Ok(())
}

fn is_aborted(header: &BatchHeader, aborted: &[AbortedTransaction]) -> bool {
    let Some(producer) = header.producer.filter(|_| header.transactional) else { return false };
    aborted.iter().any(|transaction| {
        transaction.producer == producer.id
            && transaction.first_offset <= header.base_offset
            && header.last_offset < transaction.marker_offset
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use firnline_index::ProducerId;
    use firnline_index::batch::ProducerInfo;
    use firnline_reader::BatchChain;
    use firnline_records::encode::{BatchBuilder, NewRecord};

    use super::*;

    fn offset(n: i64) -> Offset {
        Offset::new(n).unwrap()
    }

    fn batch(base: i64, producer: Option<i64>, values: &[Option<&'static [u8]>]) -> Bytes {
        let mut batch = BatchBuilder::new(offset(base));
        if let Some(id) = producer {
            let info = ProducerInfo { id: ProducerId::new(id).unwrap(), epoch: 0, base_sequence: 0 };
            batch = batch.producer(info).transactional();
        }
        for value in values {
            batch.push(NewRecord { value: *value, ..NewRecord::default() }).unwrap();
        }
        batch.build().unwrap().into()
    }

    fn offsets(from: i64, to: i64, tombstones: bool) -> Vec<i64> {
        let parts = vec![
            batch(0, None, &[Some(b"a"), None, Some(b"c")]),
            batch(3, Some(7), &[Some(b"d"), Some(b"e")]),
            batch(5, Some(8), &[Some(b"f")]),
        ];
        let aborted = AbortedTransaction {
            producer: ProducerId::new(7).unwrap(),
            first_offset: offset(3),
            marker_offset: offset(9),
        };
        let batches = ScanBatches {
            chain: BatchChain::from(parts),
            range: OffsetRange::new(offset(0), offset(6)).unwrap(),
            aborted: Arc::from([aborted]),
        };
        let range = OffsetRange::new(offset(from), offset(to)).unwrap();
        let counted = Counted { compared: Compared { key: true, value: true }, tombstones };
        digest(0, &batches, range, counted).unwrap().into_iter().map(|(offset, _)| offset).collect()
    }

    #[test]
    fn aborted_records_and_what_lies_outside_are_left_out() {
        assert_eq!(offsets(0, 6, true), [0, 1, 2, 5]);
        assert_eq!(offsets(1, 3, true), [1, 2]);
    }

    #[test]
    fn tombstones_count_where_they_are_rows() {
        assert_eq!(offsets(0, 6, false), [0, 2, 5]);
    }
}
