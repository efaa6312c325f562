//! Magic 2.
//!
//! ```text
//! batch header, 61 bytes (base timestamp at 27..35) | records, compressed together
//! record: length | attributes i8 | timestamp delta | offset delta | key | value | header count | (name | value)*
//! ```
//! Numbers without a width are zigzag of variable length; keys, values and names carry their length before them,
//! −1 for null.

use bytes::Bytes;
use firnline_index::batch::{BatchHeader, Compression, HEADER_PEEK, TimestampType};
use firnline_index::{Offset, TimestampMs};

use super::DecodeLimits;
use super::cursor::Cursor;
use super::feed::Feed;
use crate::record::Header;
use crate::{Problem, Record};

/// The shortest header: two lengths.
const HEADER_MIN: usize = 2;

pub(super) struct CurrentRecords {
    feed: Feed,
    announced: u32,
    left: u32,
    base_offset: i64,
    last_offset: i64,
    /// The smallest offset that the next record may have.
    least: i64,
    base_timestamp: i64,
    timestamp_type: TimestampType,
    /// For batches whose timestamps the broker set: the one that holds for all records.
    append_time: Option<TimestampMs>,
}

impl CurrentRecords {
    pub(super) fn new(header: &BatchHeader, batch: Bytes, limits: &DecodeLimits) -> Result<Self, Problem> {
        let mut batch = Cursor::new(batch);
        let fixed: [u8; HEADER_PEEK] = batch.array("the batch header")?;
        let content = batch.take(batch.remaining(), "the records")?;
        // The header type holds no negative time, but deltas are relative to the number as it is.
        let mut base_timestamp = [0; 8];
        base_timestamp.copy_from_slice(&fixed[27..35]);
        let announced = header.record_count.unwrap_or(0);
        if header.compression == Compression::None && u64::from(announced) > content.len() as u64 {
            return Err(Problem::Length {
                what: "the record count",
                value: i64::from(announced),
                remaining: content.len() as u64,
            });
        }
        // A batch that a cleaner emptied keeps its header and nothing behind it, not even an empty frame of its codec.
        let compression = if content.is_empty() { Compression::None } else { header.compression };
        Ok(Self {
            feed: Feed::new(compression, content, header.magic, limits.max_output)?,
            announced,
            left: announced,
            base_offset: header.base_offset.get(),
            last_offset: header.last_offset.get(),
            least: header.base_offset.get(),
            base_timestamp: i64::from_be_bytes(base_timestamp),
            timestamp_type: header.timestamp_type,
            append_time: header.max_timestamp,
        })
    }

    pub(super) fn next_record(&mut self) -> Result<Option<Record>, Problem> {
        let Some(left) = self.left.checked_sub(1) else {
            return if self.feed.is_at_end()? {
                Ok(None)
            } else {
                Err(Problem::Trailing { records: self.announced })
            };
        };
        let length = self.feed.take_varint("the record length")?;
        let length = usize::try_from(length)
            .ok()
            .filter(|&length| i32::try_from(length).is_ok())
            .ok_or(Problem::Length { what: "the record length", value: length, remaining: 0 })?;
        let body = self.feed.take(length, "a record")?;
        let record = self.parse(Cursor::new(body))?;
        self.left = left;
        Ok(Some(record))
    }

    fn parse(&mut self, mut body: Cursor) -> Result<Record, Problem> {
        let [_attributes] = body.array("the record attributes")?;
        let timestamp_delta = body.varint("the timestamp delta")?;
        let offset = self.place(body.varint("the offset delta")?)?;
        let timestamp = match self.timestamp_type {
            TimestampType::LogAppend => self.append_time,
            TimestampType::Create | TimestampType::None => {
                // Wrapping, as Kafka's own sum is: the distance from −1 to the largest time has no other form.
                TimestampMs::from_kafka(self.base_timestamp.wrapping_add(timestamp_delta))
            }
        };
        let key = body.nullable("the key")?;
        let value = body.nullable("the value")?;
        let headers = headers(&mut body)?;
        if body.remaining() > 0 {
            return Err(Problem::Length {
                what: "the record length",
                value: 0,
                remaining: body.remaining() as u64,
            });
        }
        Ok(Record { offset, timestamp, timestamp_type: self.timestamp_type, key, value, headers })
    }

    /// Offsets grow from record to record and stay in the batch; compaction leaves holes between them.
    fn place(&mut self, delta: i64) -> Result<Offset, Problem> {
        let offset = self.base_offset.saturating_add(delta);
        let placed = (self.least..=self.last_offset).contains(&offset).then(|| Offset::from_kafka(offset));
        let Some(placed) = placed.flatten() else {
            return Err(Problem::OffsetOrder { offset, least: self.least, most: self.last_offset });
        };
        self.least = offset.saturating_add(1);
        Ok(placed)
    }
}

fn headers(body: &mut Cursor) -> Result<Vec<Header>, Problem> {
    let announced = body.varint("the header count")?;
    let count = usize::try_from(announced).ok().filter(|&count| count <= body.remaining() / HEADER_MIN);
    let count = count.ok_or(Problem::Length {
        what: "the header count",
        value: announced,
        remaining: body.remaining() as u64,
    })?;
    let mut headers = Vec::with_capacity(count);
    for _ in 0..count {
        let length = body.varint("a header name")?;
        let name = body.sized(length, "a header name")?.ok_or(Problem::Length {
            what: "a header name",
            value: length,
            remaining: body.remaining() as u64,
        })?;
        headers.push((name, body.nullable("a header value")?));
    }
    Ok(headers)
}
