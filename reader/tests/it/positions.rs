//! Segments by position in the broker's own file: every byte is the source's, and costs no more requests than it must.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use firnline_index::segment::{
    BlockCompression, BrokerFile, BrokerFiles, SegmentOptions, SegmentOrigin, SegmentWriter,
};
use firnline_index::topic_key::TopicKey;
use firnline_index::{ByteCount, KeyId, OffsetRange, Salt, SegmentUuid, StoredPosition, TopicId};
use firnline_reader::{
    DiskSettings, ErrorKind, KeyFailure, ReadError, Reader, ReaderSettings, SegmentKeys, SegmentPlace,
    SegmentRef, Workers,
};
use firnline_store::sim::{Rule, SimFault, Simulation, When};
use firnline_store::{Env, RequestKind, Store};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use proptest::prelude::*;

use crate::log::{Log, joined};
use crate::tier::{cluster, gets, tip};

/// One segment in a simulated store, and the file it was made of.
struct Rig {
    sim: Simulation,
    env: Env,
    of: SegmentRef,
    file: Vec<u8>,
    files: BrokerFiles,
}

#[derive(Clone, Copy, Default)]
struct Form {
    batches: usize,
    batch_bytes: usize,
    block_size: u32,
    zstd: bool,
    sealed: bool,
}

impl Form {
    /// Blocks of 64 KiB and batches of 16 KiB; `mib` of them.
    fn large(mib: usize) -> Self {
        Self { batches: mib * 64, batch_bytes: 16 << 10, block_size: 64 << 10, ..Self::default() }
    }
}

fn key() -> TopicKey {
    TopicKey::new(KeyId::from_bytes([7; 16]), [8; 32].into())
}

#[derive(Debug)]
struct OneKey;

impl SegmentKeys for OneKey {
    fn key(&self, _: TopicId, _: KeyId) -> BoxFuture<'_, Result<TopicKey, KeyFailure>> {
        async { Ok(key()) }.boxed()
    }
}

impl Rig {
    fn new(form: Form) -> Self {
        let mut log = Log::from(100);
        for at in 0..form.batches {
            // Every third batch is of words, so that some blocks compress.
            if at % 3 == 0 && form.zstd {
                log.words(5, form.batch_bytes);
            } else {
                log.data(5, form.batch_bytes);
            }
        }
        let env = Env::seeded(1, 1_700_000_000_000);
        let sim = Simulation::new(1, &env);
        let uuid = SegmentUuid::from_bytes([5; 16]);
        let tip = tip();
        let origin = SegmentOrigin {
            cluster_id: cluster(),
            topic: tip.topic.clone(),
            topic_id: tip.topic_id,
            partition: tip.partition,
            uuid,
        };
        let files = BrokerFiles::default()
            .with(BrokerFile::OffsetIndex, vec![3; 8 * 999])
            .with(BrokerFile::TimeIndex, vec![4; 12 * 333])
            .with(BrokerFile::ProducerSnapshot, vec![5; 77])
            .with(BrokerFile::LeaderEpochs, Bytes::from_static(b"0\n1\n0 100\n"));
        let compression =
            if form.zstd { BlockCompression::Zstd { level: 1 } } else { BlockCompression::None };
        let mut writer = SegmentWriter::new(SegmentOptions {
            block_size: form.block_size,
            compression,
            seal: form.sealed.then(key),
            broker_files: files.clone(),
            ..SegmentOptions::new(origin, Salt::from_bytes([9; 16]), log.batches[0].base)
        })
        .expect("valid options");
        let mut parts = Vec::new();
        let file = joined(&log.batches);
        writer.push(file.clone().into(), &mut parts).expect("sound");
        let summary = writer.finish(&mut parts).expect("not empty");
        let of = SegmentRef {
            cluster_id: Some(cluster()),
            tip,
            uuid,
            leader_epoch: summary.epochs.first().map(|start| start.epoch),
            range: OffsetRange::new(log.batches[0].base, log.end()).expect("rises"),
            log_bytes: ByteCount::new(file.len() as u64),
            place: Some(SegmentPlace {
                length: summary.object_bytes,
                tail_position: summary.tail_position,
                object_crc: Some(summary.object_crc),
            }),
        };
        sim.plant(&of.object_key(), parts.concat());
        Self { sim, env, of, file, files }
    }

    fn reader_with(&self, settings: ReaderSettings) -> (Reader, Store) {
        let store = self.sim.connect(&self.env);
        (Reader::with_keys(store.clone(), settings, Some(Arc::new(OneKey))), store)
    }

    fn reader(&self) -> (Reader, Store) {
        self.reader_with(settings())
    }
}

fn settings() -> ReaderSettings {
    ReaderSettings { workers: Workers::Inline, broker_file_cache_bytes: 8 << 20, ..ReaderSettings::default() }
}

async fn read(reader: &Reader, of: &SegmentRef, position: u64, max: usize) -> Vec<u8> {
    let handle = reader.segment(of).await.expect("opens");
    handle.read_at(position, max).await.expect("reads").concat()
}

fn expected(file: &[u8], position: u64, max: usize) -> &[u8] {
    let from = usize::try_from(position).expect("fits").min(file.len());
    &file[from..file.len().min(from.saturating_add(max))]
}

#[tokio::test(start_paused = true)]
async fn a_cold_fetch_costs_two_gets_and_the_files_none() {
    let rig = Rig::new(Form::large(4));
    let (reader, store) = rig.reader();
    let handle = reader.segment(&rig.of).await.expect("opens");
    assert_eq!(gets(&store.counters()), 1, "the end");
    for file in BrokerFile::ALL {
        let found = handle.broker_file(file).await.expect("is whole");
        assert_eq!(found.as_ref(), rig.files.get(file), "{file:?}");
    }
    assert_eq!(gets(&store.counters()), 1, "the files came with it");
    let bytes = handle.read_at(1_000_000, 1 << 20).await.expect("reads").concat();
    assert_eq!(bytes, expected(&rig.file, 1_000_000, 1 << 20));
    assert_eq!(gets(&store.counters()), 2, "a run of blocks");
    let again = reader.segment(&rig.of).await.expect("opens");
    assert_eq!(again.read_at(1_000_000, 1 << 20).await.expect("reads").concat(), bytes);
    assert_eq!(gets(&store.counters()), 2, "all is held");
}

#[tokio::test(start_paused = true)]
async fn without_its_place_one_get_more() {
    let rig = Rig::new(Form::large(2));
    let (reader, store) = rig.reader();
    let of = SegmentRef { place: None, ..rig.of.clone() };
    assert_eq!(read(&reader, &of, 5, 100).await, expected(&rig.file, 5, 100));
    assert_eq!(gets(&store.counters()), 3, "trailer, end, blocks");
    assert_eq!(read(&reader, &of, 5, 100).await, expected(&rig.file, 5, 100));
    let handle = reader.segment(&of).await.expect("opens");
    assert!(handle.broker_file(BrokerFile::OffsetIndex).await.expect("is whole").is_some());
    assert_eq!(gets(&store.counters()), 3);
}

#[tokio::test(start_paused = true)]
async fn files_that_memory_has_no_room_for_are_read_again() {
    let rig = Rig::new(Form::large(2));
    let (reader, store) = rig.reader_with(ReaderSettings { broker_file_cache_bytes: 0, ..settings() });
    let handle = reader.segment(&rig.of).await.expect("opens");
    let file = handle.broker_file(BrokerFile::TimeIndex).await.expect("is whole");
    assert_eq!(file.as_ref(), rig.files.get(BrokerFile::TimeIndex));
    assert_eq!(gets(&store.counters()), 2);
}

/// As a broker reads for a consumer that catches up: a fetch of at most 1 MiB, the next from an entry of the offset index
/// before the place where it has ended.
#[tokio::test(start_paused = true)]
async fn whoever_reads_on_is_read_ahead_of_in_few_long_requests() {
    let rig = Rig::new(Form::large(96));
    rig.sim.latency(Duration::from_millis(20)..Duration::from_millis(21));
    let (reader, store) = rig.reader();
    let (mut position, mut fetches) = (0, 0_u64);
    while position < rig.file.len() as u64 {
        let bytes = read(&reader, &rig.of, position, 1 << 20).await;
        assert_eq!(bytes, expected(&rig.file, position, 1 << 20));
        fetches += 1;
        let end = position + bytes.len() as u64;
        position = if end == rig.file.len() as u64 { end } else { end - 20_000 };
    }
    let requests = gets(&store.counters());
    let whole = rig.file.len() as u64;
    assert!(fetches > 90);
    // The end, the first two fetches by themselves, and windows of 8 MiB.
    assert!(requests <= 3 + whole.div_ceil(8 << 20) + 2, "{requests} requests for {whole} bytes");
    assert!(store.counters().bytes_in < whole + whole / 100, "nothing was read twice");
}

#[tokio::test(start_paused = true)]
async fn who_jumps_about_is_not_read_ahead_of() {
    let rig = Rig::new(Form::large(64));
    let (reader, store) = rig.reader();
    for at in 0..20_u64 {
        let position = at * 7_919 * 431 % (rig.file.len() as u64 - 200_000);
        assert_eq!(read(&reader, &rig.of, position, 70_000).await.len(), 70_000);
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let most = rig.of.place.expect("known").length.get() / 2;
    assert!(store.counters().bytes_in < most, "{} bytes were read", store.counters().bytes_in);
}

#[tokio::test(start_paused = true)]
async fn what_a_caller_has_asked_for_is_kept_when_it_has_gone() {
    let rig = Rig::new(Form::large(2));
    rig.sim.latency(Duration::from_millis(700)..Duration::from_millis(701));
    let (reader, store) = rig.reader();
    // The broker waits for half a second, and asks again.
    for _ in 0..2 {
        let gone = tokio::time::timeout(Duration::from_millis(500), read(&reader, &rig.of, 9, 99)).await;
        assert!(gone.is_err(), "it takes 1.4 s");
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = gets(&store.counters());
    assert_eq!(before, 2, "the end and the blocks, once each");
    assert_eq!(read(&reader, &rig.of, 9, 99).await, expected(&rig.file, 9, 99));
    assert_eq!(gets(&store.counters()), before);
}

#[tokio::test(start_paused = true)]
async fn failures_are_told_and_not_kept() {
    let rig = Rig::new(Form::large(2));
    let (reader, store) = rig.reader();
    rig.sim.rule(Rule::new(SimFault::Denied, When::First(1)).on(&[RequestKind::Get]));
    let error = reader.segment(&rig.of).await.expect_err("denied");
    assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
    assert_eq!(read(&reader, &rig.of, 0, 10).await, expected(&rig.file, 0, 10));
    // A block that is wrong at rest is never served, and right again as soon as the object is.
    let whole = rig.sim.peek(&rig.of.object_key()).expect("there");
    let mut bad = whole.to_vec();
    bad[1_500_000] ^= 1;
    rig.sim.plant(&rig.of.object_key(), bad);
    let handle = reader.segment(&rig.of).await.expect("is held");
    // What stands before it is given, up to it, and it is told.
    let before = handle.read_at(1_400_000, 300_000).await.expect("reads").concat();
    assert!(before.len() < 100_000 && !before.is_empty());
    assert_eq!(before, expected(&rig.file, 1_400_000, before.len()));
    let damaged = 1_400_000 + before.len() as u64;
    let error = handle.read_at(damaged, 300_000).await.expect_err("damaged");
    assert!(matches!(error, ReadError::Block { .. }), "{error:?}");
    rig.sim.plant(&rig.of.object_key(), whole);
    let bytes = handle.read_at(1_400_000, 300_000).await.expect("reads").concat();
    assert_eq!(bytes, expected(&rig.file, 1_400_000, 300_000));
    rig.sim.lose(&rig.of.object_key());
    let error = handle.read_at(200_000, 300_000).await.expect_err("gone");
    assert!(matches!(error, ReadError::Missing { .. }), "{error:?}");
    reader.forget_segment(&rig.of);
    let error = reader.segment(&rig.of).await.expect_err("gone");
    assert!(matches!(error, ReadError::Missing { .. }), "{error:?}");
    assert!(gets(&store.counters()) > 0);
}

#[tokio::test(start_paused = true)]
async fn another_segment_than_the_one_named_is_refused_by_what_differs() {
    let rig = Rig::new(Form::large(1));
    let (reader, _) = rig.reader();
    reader.segment(&rig.of).await.expect("opens");
    let longer = SegmentRef { log_bytes: ByteCount::new(7), ..rig.of.clone() };
    for reader in [reader, rig.reader().0] {
        let error = reader.segment(&longer).await.expect_err("another length");
        assert!(matches!(&error, ReadError::Segment { .. }), "{error:?}");
        let cause = std::error::Error::source(&error).expect("a cause").to_string();
        assert!(cause.contains("expected 7"), "{cause}");
    }
    let place = SegmentPlace { tail_position: StoredPosition::new(11), ..rig.of.place.expect("known") };
    let error = rig.reader().0.segment(&SegmentRef { place: Some(place), ..rig.of.clone() }).await;
    assert_eq!(error.expect_err("another place").kind(), ErrorKind::Damage);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_begins_anew_reads_what_the_last_one_left_on_disk() {
    let rig = Rig::new(Form { sealed: true, ..Form::large(2) });
    let dir = tempfile::tempdir().expect("a directory");
    let disk = DiskSettings { dir: dir.path().join("cache"), max_bytes: 64 << 20 };
    let settings = || ReaderSettings { disk: Some(disk.clone()), ..settings() };
    let (reader, _) = rig.reader_with(settings());
    crate::disk::on(&reader).await;
    assert_eq!(read(&reader, &rig.of, 0, rig.file.len()).await, rig.file);
    for _ in 0..1000 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    reader.shutdown().await;
    let (reader, store) = rig.reader_with(settings());
    crate::disk::on(&reader).await;
    assert_eq!(read(&reader, &rig.of, 0, rig.file.len()).await, rig.file);
    let handle = reader.segment(&rig.of).await.expect("opens");
    let file = handle.broker_file(BrokerFile::OffsetIndex).await.expect("is whole");
    assert_eq!(file.as_ref(), rig.files.get(BrokerFile::OffsetIndex));
    assert_eq!(gets(&store.counters()), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_range_is_the_sources(
        zstd: bool,
        sealed: bool,
        cached: bool,
        batches in 1_usize..80,
        batch_bytes in 1_usize..9_000,
        ranges in proptest::collection::vec((0_u64..1_050, 0_usize..60_000), 1..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.expect("a runtime").block_on(async {
            let rig = Rig::new(Form { batches, batch_bytes, block_size: 4 << 10, zstd, sealed });
            let dir = tempfile::tempdir().expect("a directory");
            let disk = DiskSettings { dir: dir.path().join("cache"), max_bytes: 32 << 20 };
            // No room in memory: every block comes from the disk or the store.
            let settings = ReaderSettings {
                disk: cached.then_some(disk),
                block_cache_bytes: if cached { 1 } else { 32 << 10 },
                ..settings()
            };
            let (reader, _) = rig.reader_with(settings);
            if cached {
                crate::disk::on(&reader).await;
            }
            let place = |share: u64| rig.file.len() as u64 * share / 1_000;
            for (share, max) in ranges {
                let (from, bytes) = (place(share), read(&reader, &rig.of, place(share), max).await);
                assert_eq!(bytes, expected(&rig.file, from, max));
            }
            reader.shutdown().await;
        });
    }
}
