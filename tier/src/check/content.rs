//! One segment, byte by byte.

use crc_fast::{CrcAlgorithm, Digest};
use firnline_index::batch::{
    Batch, BatchError, BatchHeader, BatchLimits, Batches, Sequence, control_marker, verify_crc,
};
use firnline_index::block_index::BlockEntry;
use firnline_index::ids::{Crc32c, RawPosition, TimestampMs};
use firnline_index::lineage::EpochStart;
use firnline_index::manifest::{Entry, EntryKind};
use firnline_index::segment::{Footer, SegmentTail};
use firnline_index::transactions::{
    AbortedTransaction, SegmentTransactions, TransactionStart, TransactionTracker,
};

use super::AnomalyKind;
use crate::segments::BlockRun;

/// Follows a segment's blocks in order and keeps what is wrong with them. Blocks; runs on a worker.
pub(super) struct Content {
    limits: BatchLimits,
    sequence: Sequence,
    /// `None` from the first damage on: what follows it can no longer be told.
    tracker: Option<TransactionTracker>,
    /// Whether it is known what was open where the segment begins. Else only markers can be compared.
    from_known: bool,
    /// The same without what was open before, of a segment that a broker has copied: whoever copies has that segment's files
    /// alone, and names the segment's base for data before it.
    alone: Option<TransactionTracker>,
    digest: Digest,
    found: Vec<AnomalyKind>,
    tally: Tally,
    pub(super) blocks: u64,
    pub(super) batches: u64,
    pub(super) log_bytes: u64,
}

impl Content {
    /// `start` is what is open where the segment begins; `None` where that is not known.
    pub(super) fn new(entry: &Entry, start: Option<TransactionStart>, limits: BatchLimits) -> Self {
        let from_known = start.is_some();
        let unknown = TransactionStart::Unknown { span_start: entry.range.start() };
        Self {
            limits,
            sequence: Sequence::from(entry.range.start()),
            alone: entry.kip405.is_some().then(|| TransactionTracker::new(unknown.clone())),
            tracker: Some(TransactionTracker::new(start.unwrap_or(unknown))),
            from_known,
            digest: Digest::new(CrcAlgorithm::Crc32Iscsi),
            found: Vec::new(),
            tally: Tally { records: Some(0), ..Tally::default() },
            blocks: 0,
            batches: 0,
            log_bytes: 0,
        }
    }

    /// What was found since the last call.
    pub(super) fn take_found(&mut self) -> Vec<AnomalyKind> {
        std::mem::take(&mut self.found)
    }

    /// Blocks that could not be read: what follows from them is unknown, and so is the object's checksum.
    pub(super) fn skip(&mut self) {
        self.tracker = None;
    }

    /// Checks a run of blocks.
    pub(super) fn take(mut self, run: BlockRun) -> Self {
        self.digest.update(&run.stored);
        let decoder = run.decoder.clone();
        for (block, stored) in run.split() {
            let position = block.stored.start;
            match decoder.decode(&block, stored) {
                Ok(raw) => self.block(&block, &raw),
                Err(error) => {
                    self.found.push(AnomalyKind::Block { position, error });
                    self.lose_track();
                }
            }
        }
        self
    }

    fn lose_track(&mut self) {
        self.tracker = None;
    }

    fn block(&mut self, block: &BlockEntry, raw: &[u8]) {
        self.blocks += 1;
        let at = RawPosition::new(block.raw.start);
        // Behind a damaged block, the index is all there is to go by.
        if self.tracker.is_none() && self.sequence.next_offset() < block.first_offset {
            self.sequence = Sequence::from(block.first_offset);
        }
        let mut batches = Batches::resume(raw, at, self.sequence, self.limits);
        let (mut first, mut newest) = (None, None);
        for batch in batches.by_ref() {
            let batch = match batch {
                Ok(batch) => batch,
                Err(error) => {
                    self.bad_batch(at, error);
                    break;
                }
            };
            first.get_or_insert(batch.header.base_offset);
            newest = newest.max(batch.header.max_timestamp);
            self.batch(&batch);
        }
        self.sequence = batches.sequence();
        let number = block.number;
        let mismatch =
            |what, index: String, batches: String| AnomalyKind::Index { number, what, index, batches };
        // The first block begins at the segment's base, which may lie below its first batch where a cleaner left a hole.
        let begins = number == 0 && first > Some(block.first_offset);
        if first != Some(block.first_offset) && !begins {
            let found = first.map_or_else(|| "absent".to_owned(), |offset| offset.to_string());
            self.found.push(mismatch("first offset", block.first_offset.to_string(), found));
        }
        if newest != block.max_timestamp {
            let (index, found) = (format!("{:?}", block.max_timestamp), format!("{newest:?}"));
            self.found.push(mismatch("largest timestamp", index, found));
        }
    }

    fn batch(&mut self, batch: &Batch<'_>) {
        self.batches += 1;
        self.log_bytes += u64::from(batch.header.size);
        self.tally.take(&batch.header);
        if let Err(error) = verify_crc(&batch.header, batch.bytes) {
            self.bad_batch(batch.position, error);
        }
        let Some(tracker) = &mut self.tracker else { return };
        let is_marker = batch.header.control && batch.header.record_count != Some(0);
        let marker = match is_marker.then(|| control_marker(&batch.header, batch.bytes)).transpose() {
            Ok(marker) => marker,
            Err(error) => return self.bad_batch(batch.position, error),
        };
        tracker.observe(&batch.header, marker);
        if let Some(alone) = &mut self.alone {
            alone.observe(&batch.header, marker);
        }
    }

    fn bad_batch(&mut self, at: RawPosition, error: BatchError) {
        let position = error.position().unwrap_or(at);
        self.found.push(AnomalyKind::Batch { position, error: error.fault().clone() });
        self.lose_track();
    }

    /// Compares what was seen with what tail and entry say. Gives what is open behind the segment, as the batches tell it
    /// or, where they cannot, as the segment does.
    pub(super) fn finish(mut self, entry: &Entry, tail: &SegmentTail, tail_bytes: &[u8]) -> Finished {
        let end = entry.range.end();
        let recorded = tail.transactions();
        let open = match self.tracker.take() {
            Some(tracker) => {
                if self.sequence.next_offset() != end {
                    let (object, manifest) = (self.sequence.next_offset().to_string(), end.to_string());
                    self.found.push(AnomalyKind::Footer { what: "end of the batches", object, manifest });
                }
                let computed = tracker.finish(end);
                let alone = self.alone.take().map(|alone| alone.finish(end).aborted);
                self.compare(recorded, &computed, alone.as_ref().unwrap_or(&computed.aborted));
                let (batches, footer) = (self.batches, tail.footer());
                self.found.extend(self.tally.differences(batches, footer));
                self.digest.update(tail_bytes);
                if self.from_known { computed.open } else { recorded.open.clone() }
            }
            None => {
                self.digest.update(tail_bytes);
                recorded.open.clone()
            }
        };
        let found = Crc32c::new(u32::try_from(self.digest.finalize()).expect("a crc32c has 32 bits"));
        Finished { found: self.found, object_crc: found, open: TransactionStart::Known(open) }
    }

    /// Text is made only of what differs: the lists may have millions of items.
    fn compare(
        &mut self,
        recorded: &SegmentTransactions,
        computed: &SegmentTransactions,
        aborted: &Vec<AbortedTransaction>,
    ) {
        self.differ("first markers", &recorded.first_markers, &computed.first_markers);
        // Markers are told by the segment's own batches; all else also by what was open before.
        if self.from_known {
            self.differ("aborted transactions", &recorded.aborted, aborted);
            self.differ("open transactions", &recorded.open, &computed.open);
            self.differ("stable end", &recorded.stable_end, &computed.stable_end);
        }
    }

    fn differ<T: PartialEq + std::fmt::Debug>(&mut self, what: &'static str, recorded: &T, computed: &T) {
        if recorded != computed {
            let short = |value: &T| format!("{value:?}").chars().take(300).collect();
            let (recorded, computed) = (short(recorded), short(computed));
            self.found.push(AnomalyKind::Transactions { what, recorded, computed });
        }
    }
}

/// What a footer says of all batches together, counted anew.
#[derive(Default)]
struct Tally {
    records: Option<u64>,
    epochs: Vec<EpochStart>,
    min_timestamp: Option<TimestampMs>,
    max_timestamp: Option<TimestampMs>,
}

impl Tally {
    fn take(&mut self, header: &BatchHeader) {
        self.records = self.records.zip(header.record_count).map(|(sum, count)| sum + u64::from(count));
        // With a delete horizon the base timestamp is no record's.
        let first = header.base_timestamp.filter(|_| !header.delete_horizon);
        self.min_timestamp = [self.min_timestamp, first, header.max_timestamp].into_iter().flatten().min();
        self.max_timestamp = self.max_timestamp.max(header.max_timestamp);
        if let Some(epoch) = header.leader_epoch
            && self.epochs.last().is_none_or(|last| last.epoch != epoch)
        {
            self.epochs.push(EpochStart { epoch, start: header.base_offset });
        }
    }

    fn differences(&self, batches: u64, footer: &Footer) -> Vec<AnomalyKind> {
        let values = [
            ("number of batches", footer.batches.to_string(), batches.to_string()),
            ("number of records", format!("{:?}", footer.records), format!("{:?}", self.records)),
            ("leader epochs", format!("{:?}", footer.epochs), format!("{:?}", self.epochs)),
            (
                "smallest timestamp",
                format!("{:?}", footer.min_timestamp),
                format!("{:?}", self.min_timestamp),
            ),
            ("largest timestamp", format!("{:?}", footer.max_timestamp), format!("{:?}", self.max_timestamp)),
        ];
        let differ = values.into_iter().filter(|(_, footer, batches)| footer != batches);
        differ.map(|(what, footer, batches)| AnomalyKind::Totals { what, footer, batches }).collect()
    }
}

/// What is known at a segment's end.
pub(super) struct Finished {
    pub(super) found: Vec<AnomalyKind>,
    /// The checksum of all bytes that were read.
    pub(super) object_crc: Crc32c,
    /// What is open there.
    pub(super) open: TransactionStart,
}

/// The values that stand both in a segment and in its manifest's entry, where they differ.
pub(super) fn compare_footer(entry: &Entry, tail: &SegmentTail) -> Vec<AnomalyKind> {
    let footer = tail.footer();
    let transactions = tail.transactions();
    let aborts = transactions
        .first_markers
        .iter()
        .filter(|marker| marker.outcome == firnline_index::transactions::Outcome::Aborted);
    let listed: Vec<_> = entry.first_aborts.iter().map(|a| (a.producer, a.marker_offset)).collect();
    let held: Vec<_> = aborts.clone().map(|m| (m.producer, m.marker_offset)).take(listed.len()).collect();
    let truncated = aborts.count() > listed.len();
    // Footers that tail pieces and what takes their place had at first said nothing of either.
    let unsaid = footer.kind == EntryKind::Segment && footer.replaces.is_empty();
    let kind = if unsaid { entry.kind } else { footer.kind };
    let replaces = if unsaid { &entry.replaces } else { &footer.replaces };
    let values = [
        ("range", footer.range.to_string(), entry.range.to_string()),
        ("leader epochs", format!("{:?}", footer.epochs), format!("{:?}", entry.epochs)),
        ("raw length", footer.log_bytes.to_string(), entry.log_bytes.to_string()),
        ("number of batches", footer.batches.to_string(), entry.batches.to_string()),
        ("number of records", format!("{:?}", footer.records), format!("{:?}", entry.records)),
        ("number of blocks", footer.blocks.to_string(), entry.blocks.to_string()),
        ("smallest timestamp", format!("{:?}", footer.min_timestamp), format!("{:?}", entry.min_timestamp)),
        ("largest timestamp", format!("{:?}", footer.max_timestamp), format!("{:?}", entry.max_timestamp)),
        ("topic key", format!("{:?}", tail.trailer().key_id), format!("{:?}", entry.key_id)),
        ("kind", format!("{kind:?}"), format!("{:?}", entry.kind)),
        ("replaced pieces", format!("{replaces:?}"), format!("{:?}", entry.replaces)),
        ("stable end", transactions.stable_end.to_string(), entry.stable_end.to_string()),
        ("first aborts", format!("{held:?}"), format!("{listed:?}")),
        ("more aborts than listed", truncated.to_string(), entry.aborts_truncated.to_string()),
    ];
    let differ = values.into_iter().filter(|(_, object, manifest)| object != manifest);
    differ.map(|(what, object, manifest)| AnomalyKind::Footer { what, object, manifest }).collect()
}
