//! Batches as a broker would write them, and segments made of them. Also used by the `golden` and `lookup` examples.

use bytes::Bytes;
use firnline_index::batch::BatchLimits;
use firnline_index::lineage::EpochStart;
use firnline_index::manifest::{EntryKind, Kip405};
use firnline_index::segment::{
    BlockCompression, BrokerFile, BrokerFiles, ExpectedOrigin, SegmentOptions, SegmentOrigin, SegmentSummary,
    SegmentTail, SegmentWriter,
};
use firnline_index::topic_key::TopicKey;
use firnline_index::transactions::{OpenTransaction, TransactionStart};
use firnline_index::{
    ClusterId, Crc32c, KeyId, LeaderEpoch, Offset, PartitionIndex, ProducerId, RemoteLogSegmentId, Salt,
    SegmentUuid, StoredPosition, TimestampMs, TopicId, TopicName,
};

/// When the first record was written.
pub(crate) const START_MS: i64 = 1_700_000_000_000;

/// A batch of magic 2 around an opaque body.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub(crate) base: i64,
    pub(crate) last_delta: i32,
    pub(crate) records: i32,
    pub(crate) epoch: i32,
    pub(crate) producer: i64,
    pub(crate) attributes: i16,
    pub(crate) base_ms: i64,
    pub(crate) max_ms: i64,
}

impl Batch {
    /// `records` plain records from `base` on, one a millisecond, in epoch 4.
    pub(crate) fn new(base: i64, records: i32) -> Self {
        Self {
            base,
            last_delta: records - 1,
            records,
            epoch: 4,
            producer: -1,
            attributes: 0,
            base_ms: START_MS + base,
            max_ms: START_MS + base + i64::from(records) - 1,
        }
    }

    /// The same in a transaction of `producer`.
    pub(crate) fn of_transaction(base: i64, records: i32, producer: i64) -> Self {
        Self { producer, attributes: 0x10, ..Self::new(base, records) }
    }

    /// The batch's bytes.
    pub(crate) fn around(&self, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(61 + body.len());
        out.extend(self.base.to_be_bytes());
        out.extend(i32::try_from(49 + body.len()).unwrap().to_be_bytes());
        out.extend(self.epoch.to_be_bytes());
        out.push(2);
        out.extend([0; 4]);
        out.extend(self.attributes.to_be_bytes());
        out.extend(self.last_delta.to_be_bytes());
        out.extend(self.base_ms.to_be_bytes());
        out.extend(self.max_ms.to_be_bytes());
        out.extend(self.producer.to_be_bytes());
        out.extend(0_i16.to_be_bytes());
        out.extend(0_i32.to_be_bytes());
        out.extend(self.records.to_be_bytes());
        out.extend(body);
        let crc = crc_fast::crc32_iscsi(&out[21..]);
        out[17..21].copy_from_slice(&crc.to_be_bytes());
        out
    }
}

/// A transaction marker: one control record with key (version 0, kind) and value (version 0, coordinator epoch 0).
pub(crate) fn marker(base: i64, producer: i64, commit: bool) -> Vec<u8> {
    let batch = Batch { attributes: 0x30, producer, ..Batch::new(base, 1) };
    batch.around(&[32, 0, 0, 0, 8, 0, 0, 0, u8::from(commit), 12, 0, 0, 0, 0, 0, 0, 0])
}

/// A message of magic 0 or 1 whose offset is `offset`; with a codec it is a wrapper around opaque bytes.
pub(crate) fn message(magic: u8, offset: i64, codec: u8, body: &[u8]) -> Vec<u8> {
    let mut content = vec![magic, codec];
    if magic == 1 {
        content.extend((START_MS + offset).to_be_bytes());
    }
    content.extend((-1_i32).to_be_bytes());
    content.extend(i32::try_from(body.len()).unwrap().to_be_bytes());
    content.extend(body);
    let mut out = offset.to_be_bytes().to_vec();
    out.extend(i32::try_from(content.len() + 4).unwrap().to_be_bytes());
    out.extend(crc_fast::crc32_iso_hdlc(&content).to_be_bytes());
    out.extend(content);
    out
}

/// A small log: text that compresses, an aborted transaction, a committed one, one that stays open, two epochs.
pub(crate) fn small_log() -> Vec<u8> {
    let text = b"the same words again and again ".repeat(20);
    [
        Batch::new(0, 5).around(&text),
        Batch::of_transaction(5, 1, 40).around(b"lost"),
        marker(6, 40, false),
        Batch::of_transaction(7, 2, 41).around(&text),
        marker(9, 41, true),
        Batch { epoch: 5, ..Batch::of_transaction(10, 3, 42) }.around(&text),
        Batch { epoch: 5, ..Batch::new(13, 2) }.around(&noise(7, 900)),
    ]
    .concat()
}

pub(crate) fn origin() -> SegmentOrigin {
    SegmentOrigin {
        cluster_id: ClusterId::new("J8nB1x9RTGqN3oGQx5Lk2A").unwrap(),
        topic: TopicName::new("orders").unwrap(),
        topic_id: TopicId::from_bytes([7; 16]),
        partition: PartitionIndex::new(3).unwrap(),
        uuid: SegmentUuid::from_bytes([9; 16]),
    }
}

/// Options with nothing open at the start and small blocks, so that a small log has several.
pub(crate) fn options(compression: BlockCompression) -> SegmentOptions {
    SegmentOptions {
        block_size: 1 << 10,
        compression,
        transactions: TransactionStart::Known(vec![]),
        limits: BatchLimits::DEFAULT,
        ..SegmentOptions::new(origin(), Salt::from_bytes([1; 16]), Offset::ZERO)
    }
}

/// A segment kept in the tree as it was first written.
pub(crate) struct Golden {
    pub(crate) name: &'static str,
    pub(crate) options: SegmentOptions,
    pub(crate) log: Vec<u8>,
}

/// The topic key of the sealed one.
pub(crate) fn golden_key() -> TopicKey {
    TopicKey::new(KeyId::from_bytes([7; 16]), [8; 32].into())
}

/// One of each kind that is written.
pub(crate) fn goldens() -> Vec<Golden> {
    let zstd = BlockCompression::Zstd { level: 3 };
    let offset = |value| Offset::new(value).unwrap();
    let start = |epoch, start| EpochStart { epoch: LeaderEpoch::new(epoch).unwrap(), start: offset(start) };
    let open = |producer, first| OpenTransaction {
        producer: ProducerId::new(producer).unwrap(),
        first_offset: offset(first),
        last_timestamp: TimestampMs::from_kafka(START_MS),
    };
    let transactions = [
        marker(100, 1, false),
        Batch::of_transaction(101, 2, 2).around(b"goes on"),
        marker(103, 2, true),
        Batch::of_transaction(104, 2, 3).around(b"starts"),
        marker(106, 4, false),
    ];
    let legacy = [
        message(0, 7, 0, b"magic 0"),
        message(0, 11, 2, b"a wrapper of magic 0, opaque here"),
        message(1, 12, 0, b"magic 1"),
        message(1, 20, 3, b"a wrapper of magic 1, opaque here"),
        Batch { epoch: 0, ..Batch::new(21, 4) }.around(b"magic 2"),
    ];
    // Two frames of blocks.
    let many = (0..150).flat_map(|i| Batch::new(i * 3, 3).around(&b"words ".repeat(180)));
    vec![
        Golden {
            name: "segment-broker-files",
            options: SegmentOptions {
                kip405: Some(Kip405 {
                    segment_id: RemoteLogSegmentId::from_bytes([9; 16]),
                    epochs: vec![start(4, 0), start(5, 10)],
                }),
                broker_files: broker_files(),
                ..options(BlockCompression::None)
            },
            log: small_log(),
        },
        Golden { name: "segment-frames", options: options(zstd), log: many.collect() },
        Golden { name: "segment-raw", options: options(BlockCompression::None), log: small_log() },
        Golden {
            name: "segment-sealed",
            options: SegmentOptions { seal: Some(golden_key()), ..options(zstd) },
            log: small_log(),
        },
        Golden { name: "segment-zstd", options: options(zstd), log: small_log() },
        Golden {
            name: "segment-transactions",
            options: SegmentOptions {
                base: offset(100),
                transactions: TransactionStart::Known(vec![open(1, 90), open(2, 95), open(5, 40)]),
                kind: EntryKind::TailPiece,
                ..options(BlockCompression::None)
            },
            log: transactions.concat(),
        },
        Golden {
            name: "segment-legacy",
            options: SegmentOptions {
                base: offset(5),
                transactions: TransactionStart::Unknown { span_start: offset(5) },
                replaces: vec![SegmentUuid::from_bytes([11; 16]), SegmentUuid::from_bytes([12; 16])],
                kip405: Some(Kip405 {
                    segment_id: RemoteLogSegmentId::from_bytes([13; 16]),
                    epochs: vec![start(0, 3)],
                }),
                ..options(zstd)
            },
            log: legacy.concat(),
        },
    ]
}

/// Files such as a broker keeps beside a segment; the bytes of none mean anything here.
pub(crate) fn broker_files() -> BrokerFiles {
    let numbers = |step: u32| (0..90).flat_map(|at| (at * step).to_be_bytes()).collect::<Vec<u8>>();
    BrokerFiles::default()
        .with(BrokerFile::OffsetIndex, numbers(4_096))
        .with(BrokerFile::TimeIndex, numbers(977))
        .with(BrokerFile::TransactionIndex, Bytes::new())
        .with(BrokerFile::ProducerSnapshot, noise(3, 300))
        .with(BrokerFile::LeaderEpochs, Bytes::from_static(b"0\n2\n4 0\n5 10\n"))
}

/// Writes a segment and holds the summary against the bytes.
pub(crate) fn write(options: SegmentOptions, runs: &[Bytes]) -> (Bytes, SegmentSummary) {
    let mut writer = SegmentWriter::new(options).unwrap();
    let mut out = Vec::new();
    for run in runs {
        writer.push(run.clone(), &mut out).unwrap();
    }
    let summary = writer.finish(&mut out).unwrap();
    let object: Bytes = out.concat().into();
    assert_eq!(object.len() as u64, summary.object_bytes.get());
    assert_eq!(Crc32c::of(&object), summary.object_crc);
    (object, summary)
}

/// Opens a segment as a reader does that expects it from [`origin`].
pub(crate) fn open(object: &Bytes, tail_position: StoredPosition) -> Result<SegmentTail, String> {
    let at = usize::try_from(tail_position.get()).unwrap();
    if at > object.len() {
        return Err("the object ends before its tail".to_owned());
    }
    let expect = ExpectedOrigin {
        cluster_id: Some(origin().cluster_id),
        topic_id: Some(origin().topic_id),
        partition: Some(origin().partition),
        uuid: Some(origin().uuid),
        ..ExpectedOrigin::default()
    };
    let key = golden_key();
    SegmentTail::open(object.slice(at..), tail_position, &expect, Some(&key))
        .map_err(|error| error.to_string())
}

/// Opens a segment and decodes every block.
pub(crate) fn read(object: &Bytes, tail_position: StoredPosition) -> Result<Vec<u8>, String> {
    let tail = open(object, tail_position)?;
    let mut raw = Vec::new();
    for entry in tail.index().entries() {
        let range = usize::try_from(entry.stored.start).unwrap()..usize::try_from(entry.stored.end).unwrap();
        let decoded = tail.blocks().decode(&entry, object.slice(range)).map_err(|error| error.to_string())?;
        raw.extend_from_slice(&decoded);
    }
    Ok(raw)
}

/// Bytes that do not compress, the same for the same seed.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut random = Random(seed);
    (0..length.div_ceil(8)).flat_map(|_| random.next().to_le_bytes()).take(length).collect()
}

/// SplitMix64: enough for sizes and jitter, and the same everywhere.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number in `low..high`.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low)
    }
}
