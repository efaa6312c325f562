//! Batches that the log's own helpers do not make, and what comes out of a tier.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{Array as _, RecordBatch};
use firnline_export::Workers;
use firnline_export::rows::{Encoded, Layout, Pumped, RowEncoder, RowPump, RowSettings};
use firnline_export::source::{Fed, PartitionFeed, TopicSource};
use firnline_index::batch::{Compression, ProducerInfo};
use firnline_index::{Crc32c, Offset};
use firnline_records::encode::{BatchBuilder, NewRecord};

use crate::log::{Log, ModelBatch, at, ms, producer};
use crate::tier::{TestTier, tip};

/// What a record of a test is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Made<'a> {
    pub(crate) time: Option<i64>,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) headers: &'a [(&'a str, Option<&'a [u8]>)],
}

impl<'a> Made<'a> {
    pub(crate) fn value(value: &'a [u8]) -> Self {
        Self { time: Some(1_000), value: Some(value), ..Self::default() }
    }

    fn record(&self) -> NewRecord<'a> {
        let Self { time, key, value, headers } = *self;
        NewRecord { timestamp: time.map(ms), key, value, headers }
    }
}

/// Adds a batch of these records.
pub(crate) fn add(log: &mut Log, records: &[Made<'_>]) {
    add_packed(log, Compression::None, records);
}

pub(crate) fn add_packed(log: &mut Log, compression: Compression, records: &[Made<'_>]) {
    let mut batch = BatchBuilder::new(log.end())
        .compression(compression)
        .leader_epoch(firnline_index::LeaderEpoch::from_kafka(0));
    records.iter().for_each(|record| batch.push(record.record()).expect("fits"));
    push(log, batch.build().expect("builds"), records.len());
}

/// Adds a batch of an idempotent producer.
pub(crate) fn add_numbered(log: &mut Log, id: i64, base_sequence: i32, records: &[Made<'_>]) {
    let info = ProducerInfo { id: producer(id), epoch: 3, base_sequence };
    let mut batch = BatchBuilder::new(log.end()).leader_epoch(None).producer(info);
    records.iter().for_each(|record| batch.push(record.record()).expect("fits"));
    push(log, batch.build().expect("builds"), records.len());
}

/// Adds bytes that stand for so many offsets.
pub(crate) fn push(log: &mut Log, bytes: Vec<u8>, offsets: usize) {
    let base = log.end();
    log.hole(i64::try_from(offsets).expect("few"));
    log.batches.push(ModelBatch { bytes: bytes.into(), base, next: log.end(), time: ms(1_000) });
}

/// A compressed batch of 10 records whose content breaks off, with a checksum that is right.
pub(crate) fn add_broken(log: &mut Log) {
    let value = [7; 100];
    let records = [Made::value(&value); 10];
    add_packed(log, Compression::Gzip, &records);
    let batch = log.batches.last_mut().expect("just added");
    let mut bytes = batch.bytes.to_vec();
    let end = bytes.len();
    bytes[end - 12..].fill(0xff);
    let crc = Crc32c::of(&bytes[21..]).get();
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    batch.bytes = bytes.into();
}

pub(crate) fn source(tier: &TestTier) -> TopicSource {
    let tip = tip();
    TopicSource::new(tier.reader().0, tip.topic, tip.topic_id)
}

/// A feed of all of the partition, or from an offset on.
pub(crate) fn feed(tier: &TestTier, from: i64, until: i64) -> PartitionFeed {
    let from = firnline_export::source::Position { next_offset: at(from), leader_epoch: None };
    source(tier).feed(tip().partition, from, at(until))
}

/// All that a partition encodes to, without a registry.
pub(crate) async fn encode(tier: &TestTier, settings: &RowSettings) -> Vec<Encoded> {
    encode_between(tier, settings, 0, i64::MAX).await
}

pub(crate) async fn encode_between(
    tier: &TestTier,
    settings: &RowSettings,
    from: i64,
    until: i64,
) -> Vec<Encoded> {
    let layout = Arc::new(Layout::new(settings).expect("a layout"));
    let encoder = RowEncoder::new(layout, settings.clone(), 5).expect("an encoder");
    let mut pump = RowPump::new(encoder, None, Workers::Inline);
    let mut feed = feed(tier, from, until);
    let mut all = Vec::new();
    while let Some(fed) = feed.next().await.expect("reads") {
        if let Fed::Batches(batches) = fed {
            pump.push(batches).expect("whole");
            loop {
                match pump.next().await.expect("encodes") {
                    Pumped::Hungry => break,
                    Pumped::Rows(encoded) => all.push(encoded),
                    Pumped::Grow(grown) => panic!("{grown:?}"),
                }
            }
        }
    }
    all.extend(pump.flush().await.expect("encodes"));
    all
}

/// The offsets of rows.
pub(crate) fn offsets(batch: &RecordBatch) -> Vec<i64> {
    longs(batch, "kafka_offset").into_iter().flatten().collect()
}

pub(crate) fn longs(batch: &RecordBatch, name: &str) -> Vec<Option<i64>> {
    batch.column_by_name(name).expect("a column").as_primitive::<Int64Type>().iter().collect()
}

pub(crate) fn ints(batch: &RecordBatch, name: &str) -> Vec<Option<i32>> {
    batch.column_by_name(name).expect("a column").as_primitive::<Int32Type>().iter().collect()
}

pub(crate) fn texts(batch: &RecordBatch, name: &str) -> Vec<Option<String>> {
    let column = batch.column_by_name(name).expect("a column");
    column.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
}

pub(crate) fn blobs(batch: &RecordBatch, name: &str) -> Vec<Option<Vec<u8>>> {
    let column = batch.column_by_name(name).expect("a column").as_binary::<i32>();
    (0..column.len()).map(|row| column.is_valid(row).then(|| column.value(row).to_vec())).collect()
}

/// All offsets of rows and of dead letters.
pub(crate) fn sorted(all: &[Encoded]) -> (Vec<i64>, Vec<i64>) {
    let of = |batch: Option<&RecordBatch>| batch.map(offsets).unwrap_or_default();
    let rows = all.iter().flat_map(|encoded| of(encoded.rows.as_ref())).collect();
    let dead = all.iter().flat_map(|encoded| of(encoded.dead.as_ref())).collect();
    (rows, dead)
}

/// One past the last offset of a log, as a number.
pub(crate) fn end(log: &Log) -> i64 {
    Offset::get(log.end())
}
