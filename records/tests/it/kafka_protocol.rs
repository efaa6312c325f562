//! Both ways against the `kafka-protocol` crate, which shares none of this code. Where it is weaker the tests stay within
//! what it can: it takes no repeated header names, and no message sets of magic 0 and 1 (see `golden` for those).

use bytes::{Bytes, BytesMut};
use firnline_index::batch::{Compression, ProducerInfo, TimestampType};
use firnline_index::{LeaderEpoch, ProducerId};
use firnline_records::encode::{BatchBuilder, NewRecord};
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records as theirs;

use crate::support::{CODECS, decode, header, offset, time};

fn their_codec(codec: Compression) -> theirs::Compression {
    match codec {
        Compression::None => theirs::Compression::None,
        Compression::Gzip => theirs::Compression::Gzip,
        Compression::Snappy => theirs::Compression::Snappy,
        Compression::Lz4 => theirs::Compression::Lz4,
        Compression::Zstd => theirs::Compression::Zstd,
    }
}

/// Timestamp, key and value.
type Fields = (i64, Option<Vec<u8>>, Option<Vec<u8>>);

/// 200 records with everything that differs from record to record; large enough that every codec has several blocks.
fn values() -> Vec<Fields> {
    (0..200_i64)
        .map(|n| {
            let key = (n % 3 > 0).then(|| format!("key {n}").into_bytes());
            let value = (n % 7 > 0).then(|| format!("value {} ", n * n).repeat(60).into_bytes());
            (1_700_000_000_000 + (n * 7919) % 1000, key, value)
        })
        .collect()
}

#[test]
fn what_we_write_they_read() {
    for codec in CODECS {
        let producer = ProducerInfo { id: ProducerId::new(77).unwrap(), epoch: 4, base_sequence: 9 };
        let mut builder = BatchBuilder::new(offset(5000))
            .leader_epoch(LeaderEpoch::from_kafka(6))
            .compression(codec)
            .producer(producer)
            .transactional();
        for (timestamp, key, value) in values() {
            let headers = [("a", Some(&b"1"[..])), ("b", None)];
            builder
                .push(NewRecord {
                    timestamp: Some(time(timestamp)),
                    key: key.as_deref(),
                    value: value.as_deref(),
                    headers: &headers,
                })
                .unwrap();
        }
        let mut batch = Bytes::from(builder.build().unwrap());
        let set = theirs::RecordBatchDecoder::decode(&mut batch).unwrap();
        assert_eq!(set.compression, their_codec(codec));
        assert_eq!(set.records.len(), 200, "{codec:?}");
        for ((n, record), (timestamp, key, value)) in (0..).zip(&set.records).zip(values()) {
            assert_eq!(record.offset, 5000 + n);
            assert_eq!(record.timestamp, timestamp);
            assert_eq!(record.key.as_deref(), key.as_deref());
            assert_eq!(record.value.as_deref(), value.as_deref());
            assert_eq!(record.partition_leader_epoch, 6);
            assert_eq!((record.producer_id, record.producer_epoch, record.transactional), (77, 4, true));
            assert_eq!(record.headers.get(&StrBytes::from_static_str("a")), Some(&Some(Bytes::from("1"))));
            assert_eq!(record.headers.get(&StrBytes::from_static_str("b")), Some(&None));
        }
    }
}

#[test]
fn what_they_write_we_read() {
    for codec in CODECS {
        let records: Vec<theirs::Record> = (0..)
            .zip(values())
            .map(|(n, (timestamp, key, value))| theirs::Record {
                transactional: false,
                control: false,
                delete_horizon: false,
                partition_leader_epoch: 3,
                producer_id: -1,
                producer_epoch: -1,
                timestamp_type: theirs::TimestampType::Creation,
                offset: 90 + n,
                sequence: -1 + n as i32,
                timestamp,
                key: key.map(Bytes::from),
                value: value.map(Bytes::from),
                headers: IndexMap::from([(StrBytes::from_static_str("name"), Some(Bytes::from("of it")))]),
            })
            .collect();
        let mut bytes = BytesMut::new();
        let options = theirs::RecordEncodeOptions { version: 2, compression: their_codec(codec) };
        theirs::RecordBatchEncoder::encode(&mut bytes, &records, &options).unwrap();

        assert_eq!(header(&bytes).compression, codec);
        assert_eq!(header(&bytes).leader_epoch, LeaderEpoch::from_kafka(3));
        let decoded = decode(&bytes).unwrap();
        assert_eq!(decoded.len(), 200, "{codec:?}");
        for ((n, record), (timestamp, key, value)) in (0..).zip(&decoded).zip(values()) {
            assert_eq!(record.offset, offset(90 + n));
            assert_eq!(record.timestamp, Some(time(timestamp)));
            assert_eq!(record.timestamp_type, TimestampType::Create);
            assert_eq!(record.key.as_deref(), key.as_deref());
            assert_eq!(record.value.as_deref(), value.as_deref());
            assert_eq!(record.headers, [(Bytes::from("name"), Some(Bytes::from("of it")))]);
        }
    }
}
