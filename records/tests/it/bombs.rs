//! Content that unfolds far beyond its size, and numbers that claim more than is there.

use bytes::Bytes;
use firnline_index::Crc32c;
use firnline_index::batch::{Compression, TimestampType};
use firnline_records::encode::{BatchBuilder, LegacyMagic, MessageSet, NewRecord, message_set};
use firnline_records::{DecodeLimits, Problem, decode_batch};

use crate::support::{CODECS, LEGACY_CODECS, chain, decode_unchecked, header, offset};

/// 16 MiB of zeros: 1000:1 and more in gzip and zstd, 250:1 in lz4, 20:1 in snappy.
const UNFOLDED: usize = 16 << 20;

fn bomb(codec: Compression) -> Vec<u8> {
    let zeros = vec![0; UNFOLDED];
    let mut builder = BatchBuilder::new(offset(70)).compression(codec);
    builder.push(NewRecord { value: Some(&zeros), ..NewRecord::default() }).unwrap();
    builder.build().unwrap()
}

/// A batch with other content than its builder gave it.
fn with_content(codec: Compression, count: u32, content: &[u8]) -> Vec<u8> {
    let mut builder = BatchBuilder::new(offset(70));
    builder.extend_to(offset(70 + i64::from(count))).unwrap();
    let mut batch = builder.build().unwrap();
    batch[22] |= codec as u8;
    batch[57..61].copy_from_slice(&count.to_be_bytes());
    batch.extend_from_slice(content);
    let length = u32::try_from(batch.len() - 12).unwrap();
    batch[8..12].copy_from_slice(&length.to_be_bytes());
    let crc = Crc32c::of(&batch[21..]).get();
    batch[17..21].copy_from_slice(&crc.to_be_bytes());
    batch
}

#[test]
fn every_codec_stops_at_the_limit() {
    for codec in CODECS {
        let batch = bomb(codec);
        if matches!(codec, Compression::Gzip | Compression::Zstd) {
            assert!(batch.len() * 900 < UNFOLDED, "{codec:?}: {} bytes are no bomb", batch.len());
        }
        let limits = DecodeLimits { max_output: 1 << 20 };
        let error = decode_unchecked(&batch, limits).unwrap_err();
        assert!(matches!(error.problem, Problem::TooLarge { limit: 1_048_576 }), "{codec:?}: {error:?}");
        assert_eq!(error.base_offset, offset(70));
        assert_eq!(decode_unchecked(&batch, DecodeLimits::default()).unwrap().len(), 1);
    }
}

#[test]
fn the_limit_itself_may_be_reached() {
    for codec in CODECS {
        let mut builder = BatchBuilder::new(offset(0)).compression(codec);
        builder.push(NewRecord { value: Some(&[7; 5000]), ..NewRecord::default() }).unwrap();
        let exact = builder.content_len();
        let batch = builder.build().unwrap();
        assert!(decode_unchecked(&batch, DecodeLimits { max_output: exact }).is_ok(), "{codec:?}");
        let error = decode_unchecked(&batch, DecodeLimits { max_output: exact - 1 }).unwrap_err();
        assert!(matches!(error.problem, Problem::TooLarge { .. }), "{codec:?}: {error:?}");
    }
}

#[test]
fn wrappers_of_magic_1_stop_at_the_limit() {
    let zeros = vec![0; 4 << 20];
    for compression in LEGACY_CODECS {
        let set = MessageSet {
            magic: LegacyMagic::One,
            compression,
            base_offset: offset(3),
            timestamp_type: TimestampType::Create,
        };
        let record = NewRecord { value: Some(&zeros), ..NewRecord::default() };
        let batch = message_set(&set, &[record]).unwrap();
        if compression != Compression::None {
            let error = decode_unchecked(&batch, DecodeLimits { max_output: 1 << 20 }).unwrap_err();
            assert!(matches!(error.problem, Problem::TooLarge { .. }), "{compression:?}: {error:?}");
        }
        assert_eq!(decode_unchecked(&batch, DecodeLimits::default()).unwrap().len(), 1);
    }
}

/// librdkafka writes snappy without xerial's chunks, so one block holds everything and says how long it is.
#[test]
fn a_bare_snappy_block_beyond_the_limit_is_not_unpacked() {
    let bare = snap::raw::Encoder::new().compress_vec(&vec![0; UNFOLDED]).unwrap();
    let batch = with_content(Compression::Snappy, 1, &bare);
    let error = decode_unchecked(&batch, DecodeLimits { max_output: 1 << 20 }).unwrap_err();
    assert!(matches!(error.problem, Problem::TooLarge { limit: 1_048_576 }), "{error:?}");
}

#[test]
fn records_before_the_fault_are_given_and_the_fault_is_named() {
    let mut content = Vec::new();
    content.extend([12, 0, 0, 0, 1, 1, 0]); // length 6: attributes, deltas 0 and 0, null key, null value, no headers
    content.extend([12, 0, 0, 2, 1, 1, 0]); // the same at offset delta 1
    content.extend([12, 0, 0, 2, 1, 1, 0]); // delta 1 again
    let batch = with_content(Compression::None, 3, &content);
    let header = header(&batch);
    let mut records = decode_batch(&header, Bytes::from(batch), &DecodeLimits::default()).unwrap();
    assert_eq!(records.next().unwrap().unwrap().offset, offset(70));
    assert_eq!(records.next().unwrap().unwrap().offset, offset(71));
    let error = records.next().unwrap().unwrap_err();
    assert_eq!(
        chain(&error),
        "decode record 2 of the batch at offset 70: offset 71 is out of place: expected 72 to 72"
    );
    assert!(records.next().is_none());
}

#[test]
fn lies_about_counts_and_lengths_are_refused_without_memory() {
    let two_gib = [0xfe, 0xff, 0xff, 0xff, 0x0f];
    let cases: [(&str, u32, Vec<u8>); 9] = [
        ("the record count is 1000, with 7 bytes left", 1000, vec![12, 0, 0, 0, 1, 1, 0]),
        ("bytes left behind a record's fields", 1, vec![14, 0, 0, 0, 1, 1, 0, 9]),
        ("a record's length of 2 GiB", 1, two_gib.to_vec()),
        ("a negative record length", 1, vec![1]),
        ("a key length of 2 GiB", 1, [&[26, 0, 0, 0][..], &two_gib, &[0, 0, 0, 0, 0]].concat()),
        ("a key length of -2", 1, vec![12, 0, 0, 0, 3, 1, 0]),
        ("a header count of 2 GiB", 1, [&[20, 0, 0, 0, 1, 1][..], &two_gib].concat()),
        ("a null header name", 1, vec![16, 0, 0, 0, 1, 1, 2, 1, 1]),
        ("an offset below the batch", 1, vec![12, 0, 0, 1, 1, 1, 0]),
    ];
    for (name, count, content) in cases {
        for codec in [Compression::None, Compression::Zstd] {
            let packed = match codec {
                Compression::None => content.clone(),
                _ => zstd_of(&content),
            };
            let batch = with_content(codec, count, &packed);
            let error = decode_unchecked(&batch, DecodeLimits::default()).unwrap_err();
            let expected = matches!(
                error.problem,
                Problem::Length { .. } | Problem::Truncated { .. } | Problem::OffsetOrder { .. }
            );
            assert!(expected, "{name}, {codec:?}: {}", chain(&error));
        }
    }
}

#[test]
fn bytes_behind_the_last_record_are_refused() {
    let content = [12, 0, 0, 0, 1, 1, 0, 99];
    for (codec, packed) in [(Compression::None, content.to_vec()), (Compression::Zstd, zstd_of(&content))] {
        let error = decode_unchecked(&with_content(codec, 1, &packed), DecodeLimits::default()).unwrap_err();
        assert!(matches!(error.problem, Problem::Trailing { records: 1 }), "{error:?}");
    }
}

#[test]
fn a_batch_of_another_size_than_its_header_is_refused() {
    let batch = with_content(Compression::None, 1, &[12, 0, 0, 0, 1, 1, 0]);
    let header = header(&batch);
    let short = Bytes::copy_from_slice(&batch[..batch.len() - 1]);
    let error = decode_batch(&header, short, &DecodeLimits::default()).unwrap_err();
    assert_eq!(chain(&error), "decode the batch at offset 70: the batch has 67 bytes, its header says 68");
}

/// Packs through a batch, as the crate's codecs are its own affair.
fn zstd_of(content: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(content, 3).unwrap()
}
