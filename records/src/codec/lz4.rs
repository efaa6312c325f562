//! LZ4 frames, and the one byte in which magic 0 differs.
//!
//! A frame begins `04 22 4d 18 | FLG | BD | content size (8, if FLG says so) | dictionary id (4, likewise) | HC`.
//! HC is the second byte of the XXH32 of the descriptor, that is, of FLG up to but not including HC. Kafka's clients
//! up to 0.9 (KAFKA-3160) took it over the four magic bytes too, so every frame in a message of magic 0 has a wrong one.
//! Kafka therefore does not look at HC in magic 0, and neither do we: it is replaced by the right one before the
//! frame is read. The message's own CRC covers that byte. In magic 1 and 2 a wrong HC is damage.

use std::io::{self, Cursor, Read, Write};

use bytes::{Bytes, BytesMut};
use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};

const MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];
const FLG_CONTENT_SIZE: u8 = 0b0000_1000;
const FLG_DICTIONARY_ID: u8 = 0b0000_0001;

pub(super) fn reader(packed: Bytes, magic: u8) -> io::Result<Box<dyn Read + Send>> {
    let packed = if magic == 0 { mend_header(packed)? } else { packed };
    Ok(Box::new(FrameDecoder::new(Cursor::new(packed))))
}

pub(super) fn compress(plain: &[u8], magic: u8) -> io::Result<Vec<u8>> {
    let info = FrameInfo::new().block_mode(BlockMode::Independent).block_size(BlockSize::Max64KB);
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(plain)?;
    let mut packed = encoder.finish()?;
    if magic == 0 {
        let at = checksum_position(&packed).ok_or_else(|| invalid("the encoder wrote no frame header"))?;
        packed[at] = header_checksum(&packed[..at]);
    }
    Ok(packed)
}

fn mend_header(packed: Bytes) -> io::Result<Bytes> {
    let at = checksum_position(&packed).ok_or_else(|| invalid("the frame header is damaged or cut short"))?;
    let right = header_checksum(&packed[MAGIC.len()..at]);
    if packed[at] == right {
        return Ok(packed);
    }
    let mut mended = BytesMut::from(&packed[..]);
    mended[at] = right;
    Ok(mended.freeze())
}

/// Where HC stands, if this is a frame that reaches so far.
fn checksum_position(packed: &[u8]) -> Option<usize> {
    let rest = packed.strip_prefix(&MAGIC)?;
    let flags = *rest.first()?;
    let content_size = if flags & FLG_CONTENT_SIZE == 0 { 0 } else { 8 };
    let dictionary_id = if flags & FLG_DICTIONARY_ID == 0 { 0 } else { 4 };
    let at = MAGIC.len() + 2 + content_size + dictionary_id;
    (at < packed.len()).then_some(at)
}

/// The second byte of the XXH32 of `descriptor`.
fn header_checksum(descriptor: &[u8]) -> u8 {
    xxh32(descriptor).to_le_bytes()[1]
}

/// XXH32 with seed 0. The longest thing hashed here is 18 bytes: magic, FLG, BD, content size and dictionary id.
fn xxh32(bytes: &[u8]) -> u32 {
    const P1: u32 = 0x9E37_79B1;
    const P2: u32 = 0x85EB_CA77;
    const P3: u32 = 0xC2B2_AE3D;
    const P4: u32 = 0x27D4_EB2F;
    const P5: u32 = 0x1656_67B1;
    let word = |bytes: &[u8]| bytes.iter().rev().fold(0_u32, |word, &byte| (word << 8) | u32::from(byte));

    let (stripes, rest) = bytes.as_chunks::<16>();
    let mut hash = P5;
    if !stripes.is_empty() {
        let mut lanes = [P1.wrapping_add(P2), P2, 0, 0_u32.wrapping_sub(P1)];
        for stripe in stripes {
            for (lane, input) in lanes.iter_mut().zip(stripe.chunks_exact(4)) {
                *lane = lane.wrapping_add(word(input).wrapping_mul(P2)).rotate_left(13).wrapping_mul(P1);
            }
        }
        let [a, b, c, d] = lanes;
        hash = a
            .rotate_left(1)
            .wrapping_add(b.rotate_left(7))
            .wrapping_add(c.rotate_left(12))
            .wrapping_add(d.rotate_left(18));
    }
    // The specification takes the length modulo 2^32.
    hash = hash.wrapping_add(bytes.len().try_into().unwrap_or(u32::MAX));
    let (words, tail) = rest.as_chunks::<4>();
    for input in words {
        hash = hash.wrapping_add(word(input).wrapping_mul(P3)).rotate_left(17).wrapping_mul(P4);
    }
    for &byte in tail {
        hash = hash.wrapping_add(u32::from(byte).wrapping_mul(P5)).rotate_left(11).wrapping_mul(P1);
    }
    hash = (hash ^ (hash >> 15)).wrapping_mul(P2);
    hash = (hash ^ (hash >> 13)).wrapping_mul(P3);
    hash ^ (hash >> 16)
}

fn invalid(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xxh32_gives_the_published_values() {
        assert_eq!(xxh32(b""), 0x02CC_5D05);
        assert_eq!(xxh32(b"a"), 0x550D_7456);
        assert_eq!(xxh32(b"abc"), 0x32D1_53FF);
        assert_eq!(xxh32(b"Nobody inspects the spammish repetition"), 0xE229_3B2F);
    }

    #[test]
    fn magic_0_writes_the_checksum_that_old_clients_wrote() {
        let right = compress(b"hello", 1).unwrap();
        let old = compress(b"hello", 0).unwrap();
        // FLG 0x60: version 1, independent blocks. BD 0x40: 64 KiB. Both sums are xxHash's own.
        assert_eq!(right[..7], [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82]);
        assert_eq!(old[..7], [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x1a]);
        assert_eq!(old[7..], right[7..]);
    }

    #[test]
    fn a_wrong_header_checksum_is_damage_only_from_magic_1_on() {
        let old = Bytes::from(compress(b"hello", 0).unwrap());
        let read = |magic| {
            let mut plain = Vec::new();
            reader(old.clone(), magic).and_then(|mut reader| reader.read_to_end(&mut plain)).map(|_| plain)
        };
        assert_eq!(read(0).unwrap(), b"hello");
        assert!(read(1).is_err());
        assert!(read(2).is_err());
    }
}
