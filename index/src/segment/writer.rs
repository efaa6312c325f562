//! Batches in, the object's bytes out, in one pass.

use bytes::Bytes;

use super::crc::combine;
use super::cutter::{Blocks, Cutter};
use super::seal::{Part, SealOrigin, SegmentKey};
use super::{
    BlockCodec, BlockCompression, Footer, MAX_BLOCK_SIZE, MAX_EPOCHS, MAX_FOOTER_LEN, MAX_REPLACES,
    MAX_TAIL_LEN, MIN_BLOCK_SIZE, Section, SectionKind, SegmentOptions, SegmentSummary, SegmentWriteError,
    TRAILER_LEN, Trailer,
};
use crate::batch::{Batch, BatchHeader, Batches, Sequence, control_marker, verify_crc};
use crate::ids::{ByteCount, Crc32c, Offset, OffsetRange, RawPosition, StoredPosition, TimestampMs};
use crate::lineage::EpochStart;
use crate::transactions::{OpenTransaction, SegmentTransactions, TransactionTracker};

/// Name and version written into footers.
const SOFTWARE: &str = concat!("firnline ", env!("CARGO_PKG_VERSION"));

/// Writes one remote segment.
///
/// Each batch is checked before it is taken: header, Kafka's own CRC, offset order, epoch order. Raw blocks are passed on
/// without a copy, as slices of what was pushed; memory is the tables (about 40 bytes a block) and, with zstd, the block
/// being built. An error spends the writer: what it has put out so far is no segment and must be thrown away.
pub struct SegmentWriter {
    options: SegmentOptions,
    key: Option<SegmentKey>,
    cutter: Cutter,
    sequence: Sequence,
    tracker: TransactionTracker,
    tally: Tally,
    /// The broker's files, as their sections hold them in the clear.
    files: Vec<(SectionKind, Vec<u8>)>,
    failed: bool,
}

impl SegmentWriter {
    /// Starts a segment. Compresses the broker's files, which takes about 10 ms for those of a gigabyte.
    ///
    /// # Errors
    /// A setting out of range; files of the broker's that are too long.
    pub fn new(mut options: SegmentOptions) -> Result<Self, SegmentWriteError> {
        let size = i64::from(options.block_size);
        let (min, max) = (i64::from(MIN_BLOCK_SIZE), i64::from(MAX_BLOCK_SIZE));
        if !(min..=max).contains(&size) {
            return Err(SegmentWriteError::Setting { what: "block size", value: size, min, max });
        }
        if let BlockCompression::Zstd { level } = options.compression
            && !(1..=19).contains(&level)
        {
            return Err(SegmentWriteError::Setting {
                what: "zstd level",
                value: level.into(),
                min: 1,
                max: 19,
            });
        }
        at_most("replaced segments", options.replaces.len(), MAX_REPLACES)?;
        at_most(
            "leader epochs",
            options.kip405.as_ref().map_or(0, |kip405| kip405.epochs.len()),
            MAX_EPOCHS,
        )?;
        let files = std::mem::take(&mut options.broker_files).packed()?;
        let key = options.seal.as_ref().map(|topic_key| {
            let origin = &options.origin;
            let of = SealOrigin {
                cluster_id: &origin.cluster_id,
                topic_id: origin.topic_id,
                partition: origin.partition,
                uuid: origin.uuid,
                salt: options.salt,
            };
            SegmentKey::derive(topic_key, of)
        });
        Ok(Self {
            cutter: Cutter::new(options.block_size, options.base, options.compression, key.clone())?,
            key,
            sequence: Sequence::from(options.base),
            tracker: TransactionTracker::new(options.transactions.clone()),
            tally: Tally { records: Some(0), ..Tally::default() },
            files,
            failed: false,
            options,
        })
    }

    /// Takes the next whole batches in log order and appends to `out` the stored bytes that are ready, in object order.
    ///
    /// # Errors
    /// A batch that is damaged, out of order or cut off (the cause names its position and value); more epochs or
    /// transactions than a segment may hold; a failing codec. The writer is spent then.
    pub fn push(&mut self, run: Bytes, out: &mut Vec<Bytes>) -> Result<(), SegmentWriteError> {
        if self.failed {
            return Err(SegmentWriteError::Spent);
        }
        let outcome = self.take_run(run, out);
        self.failed = outcome.is_err();
        outcome
    }

    /// Raw bytes taken so far.
    pub fn log_bytes(&self) -> ByteCount {
        ByteCount::new(self.cutter.position())
    }

    /// What the batches so far demand of the next one.
    pub fn sequence(&self) -> Sequence {
        self.sequence
    }

    fn take_run(&mut self, run: Bytes, out: &mut Vec<Bytes>) -> Result<(), SegmentWriteError> {
        let position = RawPosition::new(self.cutter.position());
        let mut batches = Batches::resume(&run, position, self.sequence, self.options.limits);
        let mut at = 0;
        for batch in batches.by_ref() {
            let batch = batch.map_err(SegmentWriteError::Batch)?;
            self.observe(&batch)?;
            self.cutter.add(&batch.header, batch.bytes, &run, at, out)?;
            at += batch.bytes.len();
        }
        self.sequence = batches.sequence();
        self.cutter.end_run(run, out);
        Ok(())
    }

    fn observe(&mut self, batch: &Batch<'_>) -> Result<(), SegmentWriteError> {
        let placed = |error: crate::batch::BatchError| SegmentWriteError::Batch(error.at(batch.position));
        verify_crc(&batch.header, batch.bytes).map_err(placed)?;
        let marker = if batch.header.control && batch.header.record_count != Some(0) {
            Some(control_marker(&batch.header, batch.bytes).map_err(placed)?)
        } else {
            None
        };
        self.tracker.observe(&batch.header, marker);
        at_most("transactions", self.tracker.len(), SegmentTransactions::MAX_ITEMS)?;
        self.tally.observe(&batch.header)
    }

    /// Ends the last block and appends index, transactions, footer and trailer to `out`.
    ///
    /// # Errors
    /// A segment without batches, one whose tail is longer than readers take, or a writer that has failed before.
    pub fn finish(self, out: &mut Vec<Bytes>) -> Result<SegmentSummary, SegmentWriteError> {
        if self.failed {
            return Err(SegmentWriteError::Spent);
        }
        if self.tally.batches == 0 {
            return Err(SegmentWriteError::Empty);
        }
        let Self { options, key, cutter, sequence, tracker, tally, files, .. } = self;
        let Blocks { index, crc } = cutter.finish(out)?;
        let end = sequence.next_offset();
        let range = OffsetRange::new(options.base, end).expect("no batch lies below the base");
        let transactions = open_at_end(tracker.finish(end), options.open_at_end, end)?;
        let blocks = u32::try_from(index.len()).expect("the block index counts in 32 bits");
        let (log_bytes, tail_position) =
            (ByteCount::new(index.raw_len()), StoredPosition::new(index.stored_len()));
        let mut tail = TailBuilder { key, position: tail_position, bytes: Vec::new(), sections: Vec::new() };
        tail.section(SectionKind::BlockIndex, index.finish());
        tail.section(SectionKind::Transactions, transactions.encode());
        for (kind, bytes) in files {
            tail.section(kind, bytes);
        }
        let TailBuilder { key, mut bytes, sections, .. } = tail;
        let footer = Footer {
            range,
            epochs: tally.epochs.clone(),
            min_timestamp: tally.min_timestamp,
            max_timestamp: tally.max_timestamp,
            log_bytes,
            blocks,
            batches: tally.batches,
            records: tally.records,
            codec: match options.compression {
                BlockCompression::None => BlockCodec::None,
                BlockCompression::Zstd { .. } => BlockCodec::Zstd,
            },
            block_size: options.block_size,
            topic: options.origin.topic,
            software: SOFTWARE.to_owned(),
            kind: options.kind,
            replaces: options.replaces,
            kip405: options.kip405,
            sections,
        }
        .encode();
        let footer = stored(key.as_ref(), SectionKind::Footer, footer);
        bytes.extend_from_slice(&footer);
        let length = u64::try_from(bytes.len() + TRAILER_LEN).unwrap_or(u64::MAX);
        let tail_length = u32::try_from(length).ok().filter(|length| *length <= MAX_TAIL_LEN);
        let tail_length =
            tail_length.ok_or(SegmentWriteError::TailTooLong { length, limit: MAX_TAIL_LEN })?;
        let trailer = Trailer {
            footer_length: limited("bytes of footer", footer.len(), MAX_FOOTER_LEN)?,
            footer_crc: Crc32c::of(&footer),
            tail_length,
            partition: options.origin.partition,
            key_id: key.as_ref().map(SegmentKey::id),
            salt: options.salt,
            topic_id: options.origin.topic_id,
            uuid: options.origin.uuid,
            cluster_id: options.origin.cluster_id,
        };
        bytes.extend_from_slice(&trailer.encode());
        let object_crc = combine(crc, Crc32c::of(&bytes), u64::from(tail_length));
        out.push(bytes.into());
        Ok(SegmentSummary {
            range,
            epochs: tally.epochs,
            log_bytes,
            object_bytes: ByteCount::new(tail_position.get() + u64::from(tail_length)),
            tail_position,
            blocks,
            batches: tally.batches,
            records: tally.records,
            min_timestamp: tally.min_timestamp,
            max_timestamp: tally.max_timestamp,
            transactions,
            object_crc,
            key_id: trailer.key_id,
        })
    }
}

/// The same transactions with what somebody else tells as open at the end in the place of what the batches tell: who does not
/// know what was open at the start cannot know all of what is open at the end.
fn open_at_end(
    found: SegmentTransactions,
    told: Option<Vec<OpenTransaction>>,
    end: Offset,
) -> Result<SegmentTransactions, SegmentWriteError> {
    let Some(mut open) = told else { return Ok(found) };
    at_most("transactions", open.len(), SegmentTransactions::MAX_ITEMS)?;
    open.sort_by_key(|transaction| (transaction.first_offset, transaction.producer));
    if let Some(OpenTransaction { producer, first_offset, .. }) =
        open.last().copied().filter(|last| last.first_offset >= end)
    {
        return Err(SegmentWriteError::OpenBeyondEnd { producer, first_offset, end });
    }
    let stable_end = open.first().map_or(end, |transaction| transaction.first_offset);
    Ok(SegmentTransactions { open, stable_end, ..found })
}

/// What is counted over all batches.
#[derive(Default)]
struct Tally {
    epochs: Vec<EpochStart>,
    batches: u64,
    records: Option<u64>,
    min_timestamp: Option<TimestampMs>,
    max_timestamp: Option<TimestampMs>,
}

impl Tally {
    fn observe(&mut self, header: &BatchHeader) -> Result<(), SegmentWriteError> {
        self.batches += 1;
        self.records = self.records.zip(header.record_count).map(|(sum, count)| sum + u64::from(count));
        // With a delete horizon the base timestamp is no record's.
        let first = header.base_timestamp.filter(|_| !header.delete_horizon);
        let times = [self.min_timestamp, first, header.max_timestamp];
        self.min_timestamp = times.into_iter().flatten().min();
        self.max_timestamp = self.max_timestamp.max(header.max_timestamp);
        if let Some(epoch) = header.leader_epoch
            && self.epochs.last().is_none_or(|last| last.epoch < epoch)
        {
            self.epochs.push(EpochStart { epoch, start: header.base_offset });
            at_most("leader epochs", self.epochs.len(), MAX_EPOCHS)?;
        }
        Ok(())
    }
}

/// Lays the sections end to end.
struct TailBuilder {
    key: Option<SegmentKey>,
    position: StoredPosition,
    bytes: Vec<u8>,
    sections: Vec<Section>,
}

impl TailBuilder {
    fn section(&mut self, kind: SectionKind, bytes: Vec<u8>) {
        let bytes = &stored(self.key.as_ref(), kind, bytes);
        let length = u64::try_from(bytes.len()).expect("a section's length fits 64 bits");
        let section =
            Section { kind, position: self.position, length: ByteCount::new(length), crc: Crc32c::of(bytes) };
        self.sections.push(section);
        self.position = self.position.checked_add(length).expect("no object is larger than 2^64 bytes");
        self.bytes.extend_from_slice(bytes);
    }
}

/// A section as it is stored: sealed, where the segment is.
fn stored(key: Option<&SegmentKey>, kind: SectionKind, mut bytes: Vec<u8>) -> Vec<u8> {
    if let Some(key) = key {
        key.seal(Part::Section(kind), &mut bytes);
    }
    bytes
}

fn at_most(what: &'static str, found: usize, limit: usize) -> Result<(), SegmentWriteError> {
    if found > limit { Err(SegmentWriteError::TooMany { what, limit }) } else { Ok(()) }
}

fn limited(what: &'static str, length: usize, limit: u32) -> Result<u32, SegmentWriteError> {
    u32::try_from(length)
        .ok()
        .filter(|length| *length <= limit)
        .ok_or(SegmentWriteError::TooMany { what, limit: usize::try_from(limit).unwrap_or(usize::MAX) })
}
