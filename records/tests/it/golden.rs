//! Bytes that kafka-python 3.0 wrote: an implementation that shares no code and no codec with this one. The files are
//! never edited; its old lz4 frames carry the header checksum that early clients took wrongly.

use std::path::Path;

use bytes::Bytes;
use firnline_index::batch::TimestampType;
use firnline_records::Record;

use crate::support::{decode, header, offset, split, time};

fn read(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}

/// The three records that every file holds, as `magic` can tell them.
fn expected(magic: u8) -> Vec<Record> {
    let timestamp_type = if magic == 0 { TimestampType::None } else { TimestampType::Create };
    let record = |at, timestamp, key: Option<&'static str>, value: Option<String>, headers| Record {
        offset: offset(at),
        timestamp: (magic > 0).then(|| time(timestamp)),
        timestamp_type,
        key: key.map(Bytes::from),
        value: value.map(Bytes::from),
        headers: if magic == 2 { headers } else { Vec::new() },
    };
    let headers = vec![
        (Bytes::from("trace"), Some(Bytes::from_static(&[0, 1]))),
        (Bytes::from("trace"), None),
        (Bytes::from("hé"), Some(Bytes::new())),
    ];
    vec![
        record(0, 1_700_000_000_000, Some("key-1"), Some("value one ".repeat(20)), headers),
        record(1, 1_700_000_000_005, None, Some(String::new()), Vec::new()),
        record(2, 1_699_999_999_990, Some("key-3"), None, Vec::new()),
    ]
}

#[test]
fn batches_of_magic_2_read_as_written_in_every_codec() {
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let batch = read(&format!("magic2-{codec}.hex"));
        assert_eq!(header(&batch).compression.name(), codec);
        assert_eq!(decode(&batch).unwrap(), expected(2), "{codec}");
    }
}

#[test]
fn a_transactional_batch_reads_as_written() {
    let batch = read("magic2-transactional.hex");
    let header = header(&batch);
    assert!(header.transactional);
    let producer = header.producer.unwrap();
    assert_eq!((producer.id.get(), producer.epoch, producer.base_sequence), (4711, 3, 42));
    assert_eq!(decode(&batch).unwrap(), expected(2));
}

#[test]
fn wrappers_of_magic_0_and_1_read_as_written_in_every_codec() {
    for magic in [0, 1] {
        for codec in ["gzip", "snappy", "lz4"] {
            let batch = read(&format!("magic{magic}-{codec}.hex"));
            assert_eq!(header(&batch).compression.name(), codec);
            assert_eq!(decode(&batch).unwrap(), expected(magic), "magic {magic}, {codec}");
        }
    }
}

#[test]
fn plain_messages_of_magic_0_and_1_read_as_written() {
    for magic in [0, 1] {
        let set = read(&format!("magic{magic}-none.hex"));
        let records: Vec<Record> = split(&set).into_iter().flat_map(|batch| decode(batch).unwrap()).collect();
        assert_eq!(records, expected(magic), "magic {magic}");
    }
}
