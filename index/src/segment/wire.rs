//! The footer's message, version 1; version 0, its preview, has the same. Field numbers are never used twice; 18 to 31 are kept for later.

use prost::Message;

use super::{
    BlockCodec, Footer, FooterError, MAX_EPOCHS, MAX_REPLACES, MAX_SECTIONS, MAX_SOFTWARE_LEN, Section,
    SectionKind,
};
use crate::ids::{
    ByteCount, Crc32c, LeaderEpoch, Offset, OffsetRange, RemoteLogSegmentId, SegmentUuid, StoredPosition,
    TimestampMs, TopicName, ValueError,
};
use crate::lineage::{EpochStart, Lineage};
use crate::manifest::{EntryKind, Kip405};

#[derive(Clone, PartialEq, Message)]
struct FooterV1 {
    #[prost(int64, tag = "1")]
    base_offset: i64,
    #[prost(int64, tag = "2")]
    end_offset: i64,
    #[prost(message, repeated, tag = "3")]
    epochs: Vec<EpochV1>,
    #[prost(int64, optional, tag = "4")]
    min_timestamp_ms: Option<i64>,
    #[prost(int64, optional, tag = "5")]
    max_timestamp_ms: Option<i64>,
    #[prost(uint64, tag = "6")]
    log_bytes: u64,
    #[prost(uint32, tag = "7")]
    blocks: u32,
    #[prost(uint64, tag = "8")]
    batches: u64,
    #[prost(uint64, optional, tag = "9")]
    records: Option<u64>,
    /// 1 none, 2 zstd.
    #[prost(uint32, tag = "10")]
    codec: u32,
    #[prost(uint32, tag = "11")]
    block_size: u32,
    #[prost(string, tag = "12")]
    topic: String,
    #[prost(string, tag = "13")]
    software: String,
    /// 1 segment, 2 tail piece.
    #[prost(uint32, tag = "14")]
    kind: u32,
    #[prost(bytes = "vec", repeated, tag = "15")]
    replaces: Vec<Vec<u8>>,
    #[prost(message, optional, tag = "16")]
    kip405: Option<Kip405V1>,
    #[prost(message, repeated, tag = "17")]
    sections: Vec<SectionV1>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct EpochV1 {
    #[prost(int32, tag = "1")]
    epoch: i32,
    #[prost(int64, tag = "2")]
    start: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Kip405V1 {
    #[prost(bytes = "vec", tag = "1")]
    segment_id: Vec<u8>,
    #[prost(message, repeated, tag = "2")]
    epochs: Vec<EpochV1>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct SectionV1 {
    #[prost(uint32, tag = "1")]
    kind: u32,
    #[prost(uint64, tag = "2")]
    position: u64,
    #[prost(uint64, tag = "3")]
    length: u64,
    #[prost(fixed32, tag = "4")]
    crc32c: u32,
}

impl Footer {
    pub(super) fn encode(&self) -> Vec<u8> {
        let message = FooterV1 {
            base_offset: self.range.start().get(),
            end_offset: self.range.end().get(),
            epochs: epochs_out(&self.epochs),
            min_timestamp_ms: self.min_timestamp.map(TimestampMs::get),
            max_timestamp_ms: self.max_timestamp.map(TimestampMs::get),
            log_bytes: self.log_bytes.get(),
            blocks: self.blocks,
            batches: self.batches,
            records: self.records,
            codec: match self.codec {
                BlockCodec::None => 1,
                BlockCodec::Zstd => 2,
            },
            block_size: self.block_size,
            topic: self.topic.as_str().to_owned(),
            software: self.software.clone(),
            kind: match self.kind {
                EntryKind::Segment => 1,
                EntryKind::TailPiece => 2,
            },
            replaces: self.replaces.iter().map(|uuid| uuid.as_bytes().to_vec()).collect(),
            kip405: self.kip405.as_ref().map(|kip405| Kip405V1 {
                segment_id: kip405.segment_id.as_bytes().to_vec(),
                epochs: epochs_out(&kip405.epochs),
            }),
            sections: self.sections.iter().map(section_out).collect(),
        };
        message.encode_to_vec()
    }

    /// Reads a footer that was found by its trailer and whose checksum was compared. To open a segment that a manifest
    /// names, use [`super::SegmentTail::parse`], which also holds it against everything else.
    ///
    /// # Errors
    /// For anything that is not a sound footer.
    pub fn decode(bytes: &[u8]) -> Result<Self, FooterError> {
        let message = FooterV1::decode(bytes).map_err(FooterError::Decode)?;
        at_most("the list of replaced segments", message.replaces.len(), MAX_REPLACES)?;
        at_most("the section table", message.sections.len(), MAX_SECTIONS)?;
        let range = OffsetRange::new(
            Offset::new(message.base_offset).map_err(value("the base offset"))?,
            Offset::new(message.end_offset).map_err(value("the end offset"))?,
        );
        let software = message.software;
        if software.len() > MAX_SOFTWARE_LEN || !software.bytes().all(|b| b == b' ' || b.is_ascii_graphic()) {
            return Err(FooterError::Field {
                what: "the software's name",
                why: "too long or not plain text",
            });
        }
        Ok(Self {
            range: range.map_err(value("the offset range"))?,
            epochs: epochs_in(&message.epochs, "the epochs")?,
            min_timestamp: timestamp(message.min_timestamp_ms)?,
            max_timestamp: timestamp(message.max_timestamp_ms)?,
            log_bytes: ByteCount::new(message.log_bytes),
            blocks: message.blocks,
            batches: message.batches,
            records: message.records,
            codec: match message.codec {
                1 => BlockCodec::None,
                2 => BlockCodec::Zstd,
                _ => return Err(unknown("the codec")),
            },
            block_size: message.block_size,
            topic: TopicName::new(&message.topic).map_err(value("the topic"))?,
            software,
            kind: match message.kind {
                1 => EntryKind::Segment,
                2 => EntryKind::TailPiece,
                _ => return Err(unknown("the kind")),
            },
            replaces: message
                .replaces
                .iter()
                .map(|bytes| sixteen(bytes, "a replaced segment's id").map(SegmentUuid::from_bytes))
                .collect::<Result<_, _>>()?,
            kip405: message.kip405.map(kip405_in).transpose()?,
            sections: message.sections.iter().map(section_in).collect(),
        })
    }
}

fn epochs_out(epochs: &[EpochStart]) -> Vec<EpochV1> {
    epochs.iter().map(|start| EpochV1 { epoch: start.epoch.get(), start: start.start.get() }).collect()
}

fn epochs_in(epochs: &[EpochV1], what: &'static str) -> Result<Vec<EpochStart>, FooterError> {
    at_most(what, epochs.len(), MAX_EPOCHS)?;
    let starts = epochs.iter().map(|start| {
        Ok(EpochStart {
            epoch: LeaderEpoch::new(start.epoch).map_err(value(what))?,
            start: Offset::new(start.start).map_err(value(what))?,
        })
    });
    let lineage = Lineage::new(starts.collect::<Result<_, FooterError>>()?);
    let lineage = lineage.map_err(|_| FooterError::Field { what, why: "not in rising order" })?;
    Ok(lineage.starts().to_vec())
}

fn kip405_in(message: Kip405V1) -> Result<Kip405, FooterError> {
    let segment_id = sixteen(&message.segment_id, "the remote log segment id")?;
    let epochs = epochs_in(&message.epochs, "the broker's epoch map")?;
    Ok(Kip405 { segment_id: RemoteLogSegmentId::from_bytes(segment_id), epochs })
}

fn section_out(section: &Section) -> SectionV1 {
    SectionV1 {
        kind: section.kind.number(),
        position: section.position.get(),
        length: section.length.get(),
        crc32c: section.crc.get(),
    }
}

fn section_in(section: &SectionV1) -> Section {
    Section {
        kind: SectionKind::from_number(section.kind),
        position: StoredPosition::new(section.position),
        length: ByteCount::new(section.length),
        crc: Crc32c::new(section.crc32c),
    }
}

fn timestamp(ms: Option<i64>) -> Result<Option<TimestampMs>, FooterError> {
    ms.map(TimestampMs::new).transpose().map_err(value("a timestamp"))
}

fn sixteen(bytes: &[u8], what: &'static str) -> Result<[u8; 16], FooterError> {
    bytes.try_into().map_err(|_| FooterError::Field { what, why: "not 16 bytes long" })
}

fn at_most(what: &'static str, found: usize, limit: usize) -> Result<(), FooterError> {
    if found > limit {
        Err(FooterError::Field { what, why: "longer than this version allows" })
    } else {
        Ok(())
    }
}

fn value(what: &'static str) -> impl Fn(ValueError) -> FooterError {
    move |source| FooterError::Value { what, source }
}

fn unknown(what: &'static str) -> FooterError {
    FooterError::Field { what, why: "absent or unknown to this version" }
}
