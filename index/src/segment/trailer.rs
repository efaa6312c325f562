//! The last bytes of a segment: fixed in length, never sealed.
//!
//! ```text
//! 0            4            8            12          16       32     48         64
//! │ footer len │ footer crc │ tail len   │ partition │ key id │ salt │ topic id │ segment uuid │
//! 80                      128        144           146       148    152     160
//! │ len │ cluster id, 47   │ reserved │ trailer len │ version │ crc  │ magic │     little-endian
//! ```

use super::{MAX_FOOTER_LEN, MAX_TAIL_LEN, TRAILER_LEN, TrailerError};
use crate::ids::{ClusterId, Crc32c, KeyId, PartitionIndex, Salt, SegmentUuid, TopicId};
use crate::marker::FORMAT_VERSION;

const MAGIC: [u8; 8] = *b"FIRNLSEG";
const CLUSTER_AT: usize = 80;
const RESERVED_AT: usize = 128;
const LENGTH_AT: usize = 144;
const VERSION_AT: usize = 146;
const CRC_AT: usize = 148;
const MAGIC_AT: usize = 152;
/// An unsealed segment's key id.
const NO_KEY: [u8; 16] = [0; 16];

/// What the end of a segment says without a manifest: whose it is, and where the rest stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trailer {
    /// The footer's length in bytes; it stands right before the trailer.
    pub footer_length: u32,
    /// The footer's checksum.
    pub footer_crc: Crc32c,
    /// The length in bytes of everything behind the blocks, this trailer included.
    pub tail_length: u32,
    /// The partition.
    pub partition: PartitionIndex,
    /// The topic key that the segment is sealed with; `None` where it is not encrypted.
    pub key_id: Option<KeyId>,
    /// Drawn afresh for the upload attempt.
    pub salt: Salt,
    /// The topic's id.
    pub topic_id: TopicId,
    /// The id of the upload.
    pub uuid: SegmentUuid,
    /// The cluster.
    pub cluster_id: ClusterId,
}

impl Trailer {
    /// Parses the trailer at the end of `bytes`, which may be any suffix of the object that is long enough.
    ///
    /// # Errors
    /// In the order length, magic, version, sizes, checksum, values.
    pub fn parse(bytes: &[u8]) -> Result<Self, TrailerError> {
        let short = TrailerError::Short { available: bytes.len(), needed: TRAILER_LEN };
        let bytes: &[u8; TRAILER_LEN] = bytes.last_chunk().ok_or(short)?;
        let magic = field(bytes, MAGIC_AT);
        if magic != MAGIC {
            return Err(TrailerError::Magic { found: magic });
        }
        let version = u16::from_le_bytes(field(bytes, VERSION_AT));
        if version > FORMAT_VERSION {
            return Err(TrailerError::NewerVersion { found: version, supported: FORMAT_VERSION });
        }
        let own = u32::from(u16::from_le_bytes(field(bytes, LENGTH_AT)));
        let word = |at| u32::from_le_bytes(field(bytes, at));
        let (footer, tail) = (word(0), word(8));
        let least = u32::try_from(TRAILER_LEN).unwrap_or(u32::MAX);
        within("trailer length", own, least, least)?;
        within("footer length", footer, 1, MAX_FOOTER_LEN)?;
        within("tail length", tail, least + footer, MAX_TAIL_LEN)?;
        let (stored, computed) = (Crc32c::new(word(CRC_AT)), Crc32c::of(&bytes[..CRC_AT]));
        if stored != computed {
            return Err(TrailerError::Crc { stored, computed });
        }
        if bytes[RESERVED_AT..LENGTH_AT].iter().any(|byte| *byte != 0) {
            return Err(TrailerError::Reserved);
        }
        let key_id = field(bytes, 16);
        Ok(Self {
            footer_length: footer,
            footer_crc: Crc32c::new(word(4)),
            tail_length: tail,
            partition: PartitionIndex::new(i32::from_le_bytes(field(bytes, 12)))
                .map_err(TrailerError::Value)?,
            key_id: (key_id != NO_KEY).then(|| KeyId::from_bytes(key_id)),
            salt: Salt::from_bytes(field(bytes, 32)),
            topic_id: TopicId::from_bytes(field(bytes, 48)),
            uuid: SegmentUuid::from_bytes(field(bytes, 64)),
            cluster_id: cluster_id(&bytes[CLUSTER_AT..RESERVED_AT])?,
        })
    }

    /// The trailer's bytes, in the newest version.
    pub fn encode(&self) -> [u8; TRAILER_LEN] {
        let mut out = [0; TRAILER_LEN];
        let mut put = |at: usize, bytes: &[u8]| out[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &self.footer_length.to_le_bytes());
        put(4, &self.footer_crc.get().to_le_bytes());
        put(8, &self.tail_length.to_le_bytes());
        put(12, &self.partition.get().to_le_bytes());
        put(16, self.key_id.as_ref().map_or(&NO_KEY, |key| key.as_bytes()));
        put(32, self.salt.as_bytes());
        put(48, self.topic_id.as_bytes());
        put(64, self.uuid.as_bytes());
        let cluster = self.cluster_id.as_str().as_bytes();
        put(CLUSTER_AT, &[u8::try_from(cluster.len()).expect("a cluster id has at most 47 bytes")]);
        put(CLUSTER_AT + 1, cluster);
        put(LENGTH_AT, &u16::try_from(TRAILER_LEN).expect("160 fits").to_le_bytes());
        put(VERSION_AT, &FORMAT_VERSION.to_le_bytes());
        put(MAGIC_AT, &MAGIC);
        let crc = Crc32c::of(&out[..CRC_AT]).get().to_le_bytes();
        out[CRC_AT..MAGIC_AT].copy_from_slice(&crc);
        out
    }
}

fn field<const N: usize>(bytes: &[u8; TRAILER_LEN], at: usize) -> [u8; N] {
    std::array::from_fn(|i| bytes[at + i])
}

fn within(what: &'static str, value: u32, min: u32, max: u32) -> Result<(), TrailerError> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(TrailerError::Size { what, value: value.into(), min: min.into(), max: max.into() })
}

/// One length byte, the text, zeros.
fn cluster_id(bytes: &[u8]) -> Result<ClusterId, TrailerError> {
    let length = bytes.first().map_or(0, |length| usize::from(*length));
    let (text, rest) =
        bytes.get(1..).unwrap_or_default().split_at_checked(length).ok_or(TrailerError::Size {
            what: "cluster id length",
            value: u64::try_from(length).unwrap_or(u64::MAX),
            min: 1,
            max: u64::try_from(ClusterId::MAX_LEN).unwrap_or(u64::MAX),
        })?;
    if rest.iter().any(|byte| *byte != 0) {
        return Err(TrailerError::Reserved);
    }
    ClusterId::new(&String::from_utf8_lossy(text)).map_err(TrailerError::Value)
}
