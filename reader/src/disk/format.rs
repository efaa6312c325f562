//! The bytes of a slab: header, records, and, once it is full, a table of them. `docs/formats/disk-cache.md` draws them.
//!
//! ```text
//! 0        unit 1                                                          end of the file
//! │ header │ record │ record │ … │ record │ table: entries │ table end │
//!            └ header, payload, up to the next unit of 512 bytes
//! ```
//!
//! Pure, and bounded by what is there: any bytes may be given. Whether a payload is what was stored is for who has read it.

use firnline_index::{Crc32c, SegmentUuid, TopicId};

/// Records begin at multiples of so many bytes.
pub(crate) const UNIT: u64 = 512;
/// The length of a slab's header in bytes; the rest of its unit is empty.
pub(crate) const SLAB_HEADER_LEN: usize = 16;
/// The length of a record's header in bytes.
pub(crate) const RECORD_HEADER_LEN: usize = 60;
/// Its checksum covers what is before it.
const RECORD_CRC_AT: usize = 56;
/// The length of an entry of the table in bytes.
pub(crate) const ENTRY_LEN: usize = 12;
/// The length of what stands behind the table's entries in bytes.
pub(crate) const TABLE_END_LEN: usize = 20;

const SLAB_MAGIC: [u8; 8] = *b"FIRNSLAB";
const RECORD_MAGIC: [u8; 4] = *b"FREC";
const TABLE_MAGIC: [u8; 8] = *b"FIRNTABL";
const VERSION: u16 = 1;

/// What is kept of a segment, and under which name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct RecordKey {
    /// The topic's id: a recreated topic has another one.
    pub(crate) topic_id: TopicId,
    /// The id of the upload: it is never used twice, and what was uploaded under it never changes.
    pub(crate) segment: SegmentUuid,
    /// The checksum of the whole object, as the manifest has it: should an id be used twice all the same.
    pub(crate) object_crc: Crc32c,
    /// Which part of it.
    pub(crate) part: Part,
}

/// A part of a segment, as it is stored in the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    /// The block of this number.
    Block(u32),
    /// Everything behind the blocks.
    Tail,
}

impl Part {
    fn kind_and_number(self) -> (u8, u32) {
        match self {
            Self::Block(number) => (0, number),
            Self::Tail => (1, 0),
        }
    }
}

impl RecordKey {
    /// Short enough to be held in memory for each record. Two keys may share one: the record says whose it is.
    pub(crate) fn fingerprint(&self) -> u64 {
        let (kind, number) = self.part.kind_and_number();
        let mut sum = mixed(u64::from(number) << 32 | u64::from(self.object_crc.get())) ^ u64::from(kind);
        for id in [self.segment.as_bytes(), self.topic_id.as_bytes()] {
            for half in id.as_chunks::<8>().0 {
                sum = mixed(sum ^ u64::from_le_bytes(*half));
            }
        }
        sum
    }
}

/// The last step of SplitMix64: every bit of the input moves half of the output's.
fn mixed(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// What stands before a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordHeader {
    pub(crate) key: RecordKey,
    pub(crate) length: u32,
    pub(crate) crc: Crc32c,
}

/// Bytes that are none of ours, or not as they were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FormatError {
    #[error("it ends too early")]
    Short,
    #[error("it begins with other bytes than such a thing does")]
    Magic,
    #[error("it is of version {0}, which this build does not know")]
    Version(u16),
    #[error("a value in it is out of its bounds")]
    Value,
    #[error("its checksum does not hold")]
    Crc,
}

/// A slab's first bytes.
pub(crate) fn slab_header() -> [u8; SLAB_HEADER_LEN] {
    let mut bytes = [0; SLAB_HEADER_LEN];
    bytes[..8].copy_from_slice(&SLAB_MAGIC);
    bytes[8..10].copy_from_slice(&VERSION.to_le_bytes());
    let crc = Crc32c::of(&bytes[..12]);
    bytes[12..].copy_from_slice(&crc.get().to_le_bytes());
    bytes
}

/// Whether these are a slab's first bytes.
pub(crate) fn check_slab_header(bytes: &[u8]) -> Result<(), FormatError> {
    let bytes: &[u8; SLAB_HEADER_LEN] = bytes.first_chunk().ok_or(FormatError::Short)?;
    if field(bytes, 0) != SLAB_MAGIC {
        return Err(FormatError::Magic);
    }
    check_version(u16::from_le_bytes(field(bytes, 8)))?;
    if field(bytes, 10) != [0; 2] {
        return Err(FormatError::Value);
    }
    check_crc(&bytes[..12], u32::from_le_bytes(field(bytes, 12)))
}

impl RecordHeader {
    pub(crate) fn encode(&self) -> [u8; RECORD_HEADER_LEN] {
        let (kind, number) = self.key.part.kind_and_number();
        let mut bytes = [0; RECORD_HEADER_LEN];
        bytes[..4].copy_from_slice(&RECORD_MAGIC);
        bytes[4..6].copy_from_slice(&VERSION.to_le_bytes());
        bytes[6] = kind;
        bytes[8..24].copy_from_slice(self.key.topic_id.as_bytes());
        bytes[24..40].copy_from_slice(self.key.segment.as_bytes());
        bytes[40..44].copy_from_slice(&self.key.object_crc.get().to_le_bytes());
        bytes[44..48].copy_from_slice(&number.to_le_bytes());
        bytes[48..52].copy_from_slice(&self.length.to_le_bytes());
        bytes[52..56].copy_from_slice(&self.crc.get().to_le_bytes());
        let crc = Crc32c::of(&bytes[..RECORD_CRC_AT]);
        bytes[RECORD_CRC_AT..].copy_from_slice(&crc.get().to_le_bytes());
        bytes
    }

    /// Parses the first bytes of `bytes`.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let bytes: &[u8; RECORD_HEADER_LEN] = bytes.first_chunk().ok_or(FormatError::Short)?;
        if field(bytes, 0) != RECORD_MAGIC {
            return Err(FormatError::Magic);
        }
        check_version(u16::from_le_bytes(field(bytes, 4)))?;
        check_crc(&bytes[..RECORD_CRC_AT], u32::from_le_bytes(field(bytes, RECORD_CRC_AT)))?;
        let word = |at| u32::from_le_bytes(field(bytes, at));
        let part = match (bytes[6], bytes[7], word(44)) {
            (0, 0, number) => Part::Block(number),
            (1, 0, 0) => Part::Tail,
            _ => return Err(FormatError::Value),
        };
        let key = RecordKey {
            topic_id: TopicId::from_bytes(field(bytes, 8)),
            segment: SegmentUuid::from_bytes(field(bytes, 24)),
            object_crc: Crc32c::new(word(40)),
            part,
        };
        Ok(Self { key, length: word(48), crc: Crc32c::new(word(52)) })
    }
}

/// A record of `length` bytes of payload with its header, up to where the next one may begin.
pub(crate) fn record_len(length: u32) -> u64 {
    (RECORD_HEADER_LEN as u64 + u64::from(length)).next_multiple_of(UNIT)
}

/// A record in a slab, by its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TableEntry {
    /// Of its key.
    pub(crate) fingerprint: u64,
    /// Where it begins, in units.
    pub(crate) at: u32,
}

/// How long the table of so many records is, in bytes.
pub(crate) fn table_len(records: usize) -> u64 {
    (records as u64).saturating_mul(ENTRY_LEN as u64).saturating_add(TABLE_END_LEN as u64)
}

/// The table of a slab.
pub(crate) fn encode_table(entries: &[TableEntry]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(entries.len() * ENTRY_LEN + TABLE_END_LEN);
    for entry in entries {
        bytes.extend_from_slice(&entry.fingerprint.to_le_bytes());
        bytes.extend_from_slice(&entry.at.to_le_bytes());
    }
    let count = u32::try_from(entries.len()).expect("a slab has fewer units");
    bytes.extend_from_slice(&TABLE_MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&[0; 2]);
    bytes.extend_from_slice(&count.to_le_bytes());
    let crc = Crc32c::of(&bytes);
    bytes.extend_from_slice(&crc.get().to_le_bytes());
    bytes
}

/// How many entries the table has whose last bytes are these. It is not believed before [`parse_table`].
pub(crate) fn table_entries(bytes: &[u8]) -> Result<u32, FormatError> {
    let end: &[u8; TABLE_END_LEN] = bytes.last_chunk().ok_or(FormatError::Short)?;
    if field(end, 0) != TABLE_MAGIC {
        return Err(FormatError::Magic);
    }
    check_version(u16::from_le_bytes(field(end, 8)))?;
    Ok(u32::from_le_bytes(field(end, 12)))
}

/// Parses a whole table that begins at byte `from` of its slab, where the records end.
pub(crate) fn parse_table(bytes: &[u8], from: u64) -> Result<Vec<TableEntry>, FormatError> {
    let count = table_entries(bytes)?;
    if bytes.len() as u64 != table_len(usize::try_from(count).map_err(|_| FormatError::Value)?) {
        return Err(FormatError::Short);
    }
    let crc_at = bytes.len() - 4;
    check_crc(&bytes[..crc_at], u32::from_le_bytes(field(bytes, crc_at)))?;
    if field(bytes, bytes.len() - 10) != [0; 2] {
        return Err(FormatError::Value);
    }
    let parse = |bytes: &[u8; ENTRY_LEN]| TableEntry {
        fingerprint: u64::from_le_bytes(field(bytes, 0)),
        at: u32::from_le_bytes(field(bytes, 8)),
    };
    let entries: Vec<_> = bytes[..bytes.len() - TABLE_END_LEN].as_chunks().0.iter().map(parse).collect();
    let inside = |entry: &TableEntry| entry.at > 0 && u64::from(entry.at) * UNIT < from;
    if entries.iter().all(inside) { Ok(entries) } else { Err(FormatError::Value) }
}

fn check_version(found: u16) -> Result<(), FormatError> {
    if found == VERSION { Ok(()) } else { Err(FormatError::Version(found)) }
}

fn check_crc(bytes: &[u8], stored: u32) -> Result<(), FormatError> {
    if Crc32c::of(bytes).get() == stored { Ok(()) } else { Err(FormatError::Crc) }
}

/// `N` bytes from `at` on, which are there.
fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    *bytes[at..].first_chunk().expect("lengths were checked before")
}
