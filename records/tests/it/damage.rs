//! Damaged bytes: never a panic, never other records than were written.

use bytes::Bytes;
use firnline_index::batch::{BatchHeader, BatchLimits, Parsed, verify_crc};
use firnline_index::{LeaderEpoch, Offset};
use firnline_records::encode::{BatchBuilder, NewRecord};
use firnline_records::{DecodeLimits, Record, decode_batch};

use crate::support::{CODECS, offset, time};

fn batch(codec: firnline_index::batch::Compression) -> Vec<u8> {
    let mut builder =
        BatchBuilder::new(offset(40)).leader_epoch(LeaderEpoch::from_kafka(3)).compression(codec);
    for n in 0..5_u8 {
        let value = [n; 60];
        builder
            .push(NewRecord {
                timestamp: Some(time(1_000 + i64::from(n))),
                key: Some(b"key"),
                value: Some(&value),
                headers: &[("h", Some(b"v"))],
            })
            .unwrap();
    }
    builder.build().unwrap()
}

/// What a caller does: header, CRC, records. `None` where any of them refuses.
fn read(bytes: &[u8], check_crc: bool) -> Option<Vec<Record>> {
    let parsed = BatchHeader::parse(bytes, Offset::ZERO, &BatchLimits::default());
    let Ok(Parsed::Header(header)) = parsed else { return None };
    let whole = bytes.get(..header.size as usize)?;
    if check_crc {
        verify_crc(&header, whole).ok()?;
    }
    let records = decode_batch(&header, Bytes::copy_from_slice(whole), &DecodeLimits::default()).ok()?;
    records.collect::<Result<_, _>>().ok()
}

#[test]
fn a_flipped_bit_anywhere_under_the_crc_is_refused() {
    for codec in CODECS {
        let good = batch(codec);
        assert!(read(&good, true).is_some());
        for at in 17..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                assert_eq!(read(&bad, true), None, "{codec:?}: byte {at}, bit {bit}");
            }
        }
    }
}

#[test]
fn a_flipped_bit_never_panics_even_when_nobody_checks_the_crc() {
    for codec in CODECS {
        let good = batch(codec);
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[at] ^= 1 << bit;
                let _ = read(&bad, false);
            }
        }
    }
}

#[test]
fn a_batch_cut_anywhere_is_refused() {
    for codec in CODECS {
        let good = batch(codec);
        for end in 0..good.len() {
            assert_eq!(read(&good[..end], false), None, "{codec:?}: cut at {end}");
        }
    }
}

#[test]
fn content_cut_anywhere_is_refused_by_the_codec_or_the_records() {
    for codec in CODECS {
        let good = batch(codec);
        for end in 61..good.len() {
            let mut bad = good[..end].to_vec();
            let length = u32::try_from(end - 12).unwrap();
            bad[8..12].copy_from_slice(&length.to_be_bytes());
            let records = read(&bad, false);
            // An lz4 frame may lack its end mark: the records are all there, and the CRC tells of the cut.
            let all = records.is_none_or(|records| records == read(&good, true).unwrap());
            assert!(all, "{codec:?}: cut at {end}");
        }
    }
}
