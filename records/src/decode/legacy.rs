//! Magic 0 and 1.
//!
//! ```text
//! message: offset i64 | size i32 | crc u32 | magic i8 | attributes i8 | timestamp i64 (magic 1) | key | value
//! ```
//! Key and value carry their length before them as i32, −1 for null. The CRC (IEEE) covers everything after it. A
//! message whose attributes name a codec is a wrapper: its value is a compressed run of messages. Their offsets are
//! absolute in magic 0; in magic 1 they count from 0 and the wrapper's own offset is the last one's. With
//! log-append time the wrapper's timestamp holds for all of them.

use bytes::Bytes;
use firnline_index::batch::{BatchHeader, Compression, TimestampType};
use firnline_index::{Offset, TimestampMs};

use super::DecodeLimits;
use super::cursor::Cursor;
use super::feed::Feed;
use crate::{Problem, Record};

const CODEC_MASK: u8 = 0b0000_0111;
/// The CRC stands first in what a message's size counts.
const CRC_LEN: usize = 4;

/// Either one plain message, or the content of a wrapper.
pub(super) struct LegacyRecords {
    single: Option<Record>,
    inner: Option<Inner>,
}

impl LegacyRecords {
    pub(super) fn new(header: &BatchHeader, batch: Bytes, limits: &DecodeLimits) -> Result<Self, Problem> {
        let outer = Message::read(&mut Cursor::new(batch))?;
        if header.compression == Compression::None {
            let single = outer.into_record(header.last_offset, header.timestamp_type);
            return Ok(Self { single: Some(single), inner: None });
        }
        Ok(Self { single: None, inner: Some(Inner::new(header, outer, limits)?) })
    }

    pub(super) fn next_record(&mut self) -> Result<Option<Record>, Problem> {
        match (self.single.take(), &mut self.inner) {
            (Some(record), _) => Ok(Some(record)),
            (None, Some(inner)) => inner.next_record(),
            (None, None) => Ok(None),
        }
    }
}

/// The messages in a wrapper. The content stands in memory decompressed; messages are parsed as they are taken.
struct Inner {
    content: Cursor,
    magic: u8,
    timestamp_type: TimestampType,
    /// For wrappers whose timestamp the broker set: the one that holds for all messages.
    append_time: Option<TimestampMs>,
    /// What is added to the offsets as they stand.
    base: i64,
    /// The smallest offset that the next message may have.
    least: i64,
    /// The wrapper's offset.
    last: i64,
}

impl Inner {
    fn new(header: &BatchHeader, outer: Message, limits: &DecodeLimits) -> Result<Self, Problem> {
        let packed = outer.value.ok_or(Problem::EmptyWrapper)?;
        let content = Feed::new(header.compression, packed, header.magic, limits.max_output)?.take_all()?;
        let last_inner = last_offset(content.clone())?;
        let last = header.last_offset.get();
        let append_time = header.magic > 0 && header.timestamp_type == TimestampType::LogAppend;
        Ok(Self {
            content: Cursor::new(content),
            magic: header.magic,
            timestamp_type: header.timestamp_type,
            append_time: header.max_timestamp.filter(|_| append_time),
            base: if header.magic == 0 { 0 } else { last.saturating_sub(last_inner) },
            least: 0,
            last,
        })
    }

    fn next_record(&mut self) -> Result<Option<Record>, Problem> {
        if self.content.remaining() == 0 {
            return Ok(None);
        }
        let message = Message::read(&mut self.content)?;
        if message.magic != self.magic {
            return Err(Problem::InnerMagic { outer: self.magic, inner: message.magic });
        }
        if message.attributes & CODEC_MASK != 0 {
            return Err(Problem::InnerCompressed);
        }
        message.check_crc()?;
        let offset = self.base.saturating_add(message.offset);
        let placed = (self.least..=self.last).contains(&offset).then(|| Offset::from_kafka(offset)).flatten();
        let placed = placed.ok_or(Problem::OffsetOrder { offset, least: self.least, most: self.last })?;
        self.least = offset.saturating_add(1);
        let mut record = message.into_record(placed, self.timestamp_type);
        record.timestamp = self.append_time.or(record.timestamp);
        Ok(Some(record))
    }
}

/// Hops over the messages to the last one and gives its offset as it stands.
fn last_offset(content: Bytes) -> Result<i64, Problem> {
    let mut content = Cursor::new(content);
    let mut last = None;
    while content.remaining() > 0 {
        last = Some(i64::from_be_bytes(content.array("a message's offset")?));
        let size = i64::from(i32::from_be_bytes(content.array("a message's size")?));
        content.sized(size, "a message")?;
    }
    last.ok_or(Problem::EmptyWrapper)
}

/// One message as it stands, wrapper or not.
struct Message {
    offset: i64,
    crc: u32,
    magic: u8,
    attributes: u8,
    timestamp: Option<TimestampMs>,
    key: Option<Bytes>,
    value: Option<Bytes>,
    /// What the CRC covers.
    covered: Bytes,
}

impl Message {
    fn read(from: &mut Cursor) -> Result<Self, Problem> {
        let offset = i64::from_be_bytes(from.array("a message's offset")?);
        let size = i64::from(i32::from_be_bytes(from.array("a message's size")?));
        let missized =
            Problem::Length { what: "a message's size", value: size, remaining: from.remaining() as u64 };
        let Some(mut body) = from.sized(size, "a message")?.filter(|body| body.len() > CRC_LEN) else {
            return Err(missized);
        };
        let covered = body.split_off(CRC_LEN);
        let mut fields = Cursor::new(covered.clone());
        let crc = u32::from_be_bytes(Cursor::new(body).array("a message's CRC")?);
        let [magic, attributes] = fields.array("a message's magic")?;
        let timestamp = match magic {
            0 => None,
            _ => TimestampMs::from_kafka(i64::from_be_bytes(fields.array("a message's timestamp")?)),
        };
        let mut field = |what| {
            let length = i64::from(i32::from_be_bytes(fields.array(what)?));
            fields.sized(length, what)
        };
        let (key, value) = (field("the key")?, field("the value")?);
        if fields.remaining() > 0 {
            return Err(Problem::Length {
                what: "a message's size",
                value: size,
                remaining: fields.remaining() as u64,
            });
        }
        Ok(Self { offset, crc, magic, attributes, timestamp, key, value, covered })
    }

    fn check_crc(&self) -> Result<(), Problem> {
        let mut crc = flate2::Crc::new();
        crc.update(&self.covered);
        if crc.sum() != self.crc {
            return Err(Problem::InnerCrc { expected: self.crc, actual: crc.sum() });
        }
        Ok(())
    }

    fn into_record(self, offset: Offset, timestamp_type: TimestampType) -> Record {
        Record {
            offset,
            timestamp: self.timestamp,
            timestamp_type,
            key: self.key,
            value: self.value,
            headers: Vec::new(),
        }
    }
}
