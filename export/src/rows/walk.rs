//! From batches to the records that are wanted of them, one at a time, with a way to put one back.

use bytes::Bytes;
use firnline_index::batch::BatchHeader;
use firnline_index::{Offset, PartitionIndex};
use firnline_records::{DecodeLimits, Record, RecordError, Records, decode_batch};

use crate::source::RawBatches;

/// What a walk has come to.
pub(super) enum Walked {
    /// A record.
    Record,
    /// From here on a batch cannot be taken apart. What stands for the rest of it is a record at the place of the first one
    /// that could not be read, with the batch's bytes as its value.
    Broken(RecordError),
    /// The end.
    End,
}

/// Batches being walked.
pub(super) struct Walk {
    raw: RawBatches,
    limits: DecodeLimits,
    /// The batch at hand.
    at: usize,
    records: Option<Records>,
    /// Whether nothing more is to come of the batch at hand.
    done: bool,
    /// The smallest offset that the next record of it may have.
    least: Offset,
    /// The record at hand. It stays here: records are large, and moving them costs.
    record: Option<Record>,
    /// Whether the record at hand comes once more.
    again: bool,
}

impl Walk {
    pub(super) fn new(raw: RawBatches, limits: DecodeLimits) -> Self {
        let least = raw.range().start();
        Self { raw, limits, at: 0, records: None, done: false, least, record: None, again: false }
    }

    pub(super) fn partition(&self) -> PartitionIndex {
        self.raw.partition()
    }

    pub(super) fn raw(&self) -> &RawBatches {
        &self.raw
    }

    /// The header of the batch that the last record given came from.
    pub(super) fn header(&self) -> Option<&BatchHeader> {
        self.raw.batches().get(self.at).map(|batch| &batch.header)
    }

    /// The record at hand.
    pub(super) fn record(&self) -> Option<&Record> {
        self.record.as_ref()
    }

    /// Has the record at hand come once more.
    pub(super) fn put_back(&mut self) {
        self.again = true;
    }

    /// Goes on to the next record with an offset in the range wanted.
    pub(super) fn advance(&mut self) -> Walked {
        if std::mem::take(&mut self.again) {
            return Walked::Record;
        }
        let wanted = self.raw.range();
        loop {
            if self.done {
                (self.done, self.records) = (false, None);
                self.at += 1;
            }
            let Some(batch) = self.raw.batches().get(self.at) else { return Walked::End };
            let records = match &mut self.records {
                Some(records) => records,
                none => {
                    self.least = batch.header.base_offset.max(self.least);
                    match decode_batch(&batch.header, batch.bytes.clone(), &self.limits) {
                        Ok(records) => none.insert(records),
                        Err(error) => {
                            if self.broken() {
                                return Walked::Broken(error);
                            }
                            continue;
                        }
                    }
                }
            };
            match records.next() {
                None => self.done = true,
                Some(Ok(record)) if record.offset >= wanted.end() => self.done = true,
                Some(Ok(record)) => {
                    self.least = record.offset.next().unwrap_or(Offset::MAX);
                    if record.offset >= wanted.start() {
                        self.record = Some(record);
                        return Walked::Record;
                    }
                }
                Some(Err(error)) => {
                    if self.broken() {
                        return Walked::Broken(error);
                    }
                }
            }
        }
    }

    /// Makes what stands for the rest of the batch at hand the record at hand; `false` where that lies outside of what is
    /// wanted, and was told, or will be, by who wants it.
    fn broken(&mut self) -> bool {
        self.done = true;
        let Some(batch) = self.raw.batches().get(self.at) else { return false };
        let offset = self.least.min(batch.header.last_offset);
        let record = Record {
            offset,
            timestamp: batch.header.max_timestamp,
            timestamp_type: batch.header.timestamp_type,
            key: None,
            value: Some(Bytes::clone(&batch.bytes)),
            headers: Vec::new(),
        };
        self.record = Some(record);
        self.raw.range().contains(offset)
    }
}
