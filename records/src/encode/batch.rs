//! Magic 2.

use firnline_index::batch::{Compression, ProducerInfo, TimestampType};
use firnline_index::{Crc32c, LeaderEpoch, Offset, TimestampMs};

use super::{EncodeError, fit_i32, put_nullable};
use crate::{codec, varint};

/// Where the length field ends, from which it counts.
const LENGTH_END: usize = 12;
/// Where the attributes stand; the CRC covers everything from here on.
const ATTRIBUTES: usize = 21;

const TIMESTAMP_TYPE: i16 = 1 << 3;
const TRANSACTIONAL: i16 = 1 << 4;
const CONTROL: i16 = 1 << 5;
const DELETE_HORIZON: i16 = 1 << 6;

/// What goes into a batch as one record.
#[derive(Debug, Clone, Copy, Default)]
pub struct NewRecord<'a> {
    /// Milliseconds since 1970; `None` is written as −1.
    pub timestamp: Option<TimestampMs>,
    /// The key, if there is one.
    pub key: Option<&'a [u8]>,
    /// The value; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Names and values of the headers.
    pub headers: &'a [(&'a str, Option<&'a [u8]>)],
}

/// Builds one batch of magic 2.
#[derive(Debug, Clone)]
pub struct BatchBuilder {
    base_offset: Offset,
    leader_epoch: Option<LeaderEpoch>,
    compression: Compression,
    timestamp_type: TimestampType,
    producer: Option<ProducerInfo>,
    flags: i16,
    /// The records, not yet compressed.
    content: Vec<u8>,
    count: u32,
    next_offset: i64,
    base_timestamp: Option<i64>,
    max_timestamp: i64,
}

impl BatchBuilder {
    /// A batch whose first record will stand at `base_offset`: not compressed, epoch 0, create time, no producer.
    pub fn new(base_offset: Offset) -> Self {
        Self {
            base_offset,
            leader_epoch: Some(LeaderEpoch::ZERO),
            compression: Compression::None,
            timestamp_type: TimestampType::Create,
            producer: None,
            flags: 0,
            content: Vec::new(),
            count: 0,
            next_offset: base_offset.get(),
            base_timestamp: None,
            max_timestamp: -1,
        }
    }

    /// Sets the leader epoch; `None` is written as −1.
    #[must_use]
    pub fn leader_epoch(mut self, epoch: Option<LeaderEpoch>) -> Self {
        self.leader_epoch = epoch;
        self
    }

    /// Sets the codec.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Says who set the timestamps. With log-append time all records read as the latest of them.
    #[must_use]
    pub fn timestamp_type(mut self, timestamp_type: TimestampType) -> Self {
        self.timestamp_type = timestamp_type;
        self
    }

    /// Names an idempotent producer.
    #[must_use]
    pub fn producer(mut self, producer: ProducerInfo) -> Self {
        self.producer = Some(producer);
        self
    }

    /// Marks the batch as part of its producer's transaction.
    #[must_use]
    pub fn transactional(mut self) -> Self {
        self.flags |= TRANSACTIONAL;
        self
    }

    /// Marks the batch as one whose base timestamp a cleaner has replaced by the time from which its tombstones may
    /// go. To be called before the first record, whose timestamps are written relative to it.
    #[must_use]
    pub fn delete_horizon(mut self, horizon: TimestampMs) -> Self {
        self.flags |= DELETE_HORIZON;
        self.base_timestamp = Some(horizon.get());
        self
    }

    pub(super) fn control(mut self) -> Self {
        self.flags |= CONTROL;
        self
    }

    /// Adds a record at the next offset.
    pub fn push(&mut self, record: NewRecord<'_>) -> Result<(), EncodeError> {
        let offset = self.next_offset;
        self.put(offset, record)
    }

    /// Adds a record at `offset`, leaving a hole as compaction does.
    pub fn push_at(&mut self, offset: Offset, record: NewRecord<'_>) -> Result<(), EncodeError> {
        self.put(offset.get(), record)
    }

    /// Makes the batch reach up to but not including `next`, as compaction leaves it when the last records are gone.
    pub fn extend_to(&mut self, next: Offset) -> Result<(), EncodeError> {
        if next.get() < self.next_offset {
            return Err(EncodeError::OffsetOrder { offset: next.get(), least: self.next_offset });
        }
        self.next_offset = next.get();
        Ok(())
    }

    /// How many records there are so far.
    pub fn record_count(&self) -> u32 {
        self.count
    }

    /// How many bytes the records have so far, before compression.
    pub fn content_len(&self) -> usize {
        self.content.len()
    }

    /// One past the last offset of the batch as it stands.
    pub fn next_offset(&self) -> Offset {
        Offset::from_kafka(self.next_offset).unwrap_or(self.base_offset)
    }

    fn put(&mut self, offset: i64, record: NewRecord<'_>) -> Result<(), EncodeError> {
        let misplaced = EncodeError::OffsetOrder { offset, least: self.next_offset };
        if offset < self.next_offset {
            return Err(misplaced);
        }
        let next = offset.checked_add(1).ok_or(misplaced)?;
        let timestamp = record.timestamp.map_or(-1, TimestampMs::get);
        let base_timestamp = *self.base_timestamp.get_or_insert(timestamp);

        let mut body = Vec::with_capacity(32);
        body.push(0);
        // Wrapping, as Kafka's own difference is.
        varint::write(timestamp.wrapping_sub(base_timestamp), &mut body);
        varint::write(offset - self.base_offset.get(), &mut body);
        put_nullable(record.key, &mut body)?;
        put_nullable(record.value, &mut body)?;
        varint::write(i64::from(fit_i32(record.headers.len(), "the header count")?), &mut body);
        for (name, value) in record.headers {
            put_nullable(Some(name.as_bytes()), &mut body)?;
            put_nullable(*value, &mut body)?;
        }
        varint::write(i64::from(fit_i32(body.len(), "a record's length")?), &mut self.content);
        self.content.extend_from_slice(&body);

        self.count += 1;
        self.next_offset = next;
        self.max_timestamp = self.max_timestamp.max(timestamp);
        Ok(())
    }

    /// The bytes of the batch. A batch without records is legal: a cleaner leaves such to keep a producer's sequence;
    /// it covers its base offset, or as much as [`BatchBuilder::extend_to`] said.
    pub fn build(self) -> Result<Vec<u8>, EncodeError> {
        let last_delta = (self.next_offset - self.base_offset.get() - 1).max(0);
        let last_delta = i32::try_from(last_delta).map_err(|_| EncodeError::TooLarge {
            what: "the span of offsets",
            value: last_delta.unsigned_abs(),
        })?;
        let count = i32::try_from(self.count)
            .map_err(|_| EncodeError::TooLarge { what: "the record count", value: u64::from(self.count) })?;
        let content = if self.compression == Compression::None || self.content.is_empty() {
            self.content
        } else {
            codec::compress(self.compression, &self.content, 2).map_err(EncodeError::Codec)?
        };
        let mut attributes = self.flags | codec_bits(self.compression);
        if self.timestamp_type == TimestampType::LogAppend {
            attributes |= TIMESTAMP_TYPE;
        }
        let (producer_id, producer_epoch, sequence) =
            self.producer.map_or((-1, -1, -1), |p| (p.id.get(), p.epoch, p.base_sequence));

        let mut batch = Vec::with_capacity(firnline_index::batch::HEADER_PEEK + content.len());
        batch.extend_from_slice(&self.base_offset.get().to_be_bytes());
        batch.extend_from_slice(&[0; 4]); // length, set below
        batch.extend_from_slice(&self.leader_epoch.map_or(-1, LeaderEpoch::get).to_be_bytes());
        batch.push(2);
        batch.extend_from_slice(&[0; 4]); // CRC, set below
        batch.extend_from_slice(&attributes.to_be_bytes());
        batch.extend_from_slice(&last_delta.to_be_bytes());
        batch.extend_from_slice(&self.base_timestamp.unwrap_or(-1).to_be_bytes());
        batch.extend_from_slice(&self.max_timestamp.to_be_bytes());
        batch.extend_from_slice(&producer_id.to_be_bytes());
        batch.extend_from_slice(&producer_epoch.to_be_bytes());
        batch.extend_from_slice(&sequence.to_be_bytes());
        batch.extend_from_slice(&count.to_be_bytes());
        batch.extend_from_slice(&content);

        let length = fit_i32(batch.len() - LENGTH_END, "the batch's length")?;
        batch[8..LENGTH_END].copy_from_slice(&length.to_be_bytes());
        let crc = Crc32c::of(&batch[ATTRIBUTES..]);
        batch[17..ATTRIBUTES].copy_from_slice(&crc.get().to_be_bytes());
        Ok(batch)
    }
}

/// The codec's number, which is the lowest three bits of the attributes in every magic.
pub(super) fn codec_bits(compression: Compression) -> i16 {
    match compression {
        Compression::None => 0,
        Compression::Gzip => 1,
        Compression::Snappy => 2,
        Compression::Lz4 => 3,
        Compression::Zstd => 4,
    }
}
