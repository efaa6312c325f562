//! Plain files: what is in them, where they are, what is refused.

use std::collections::BTreeMap;

use arrow_array::RecordBatch;
use bytes::Bytes;
use firnline_export::Workers;
use firnline_export::plain::{PlainError, PlainExport, PlainRange, PlainReport, PlainSettings};
use firnline_export::rows::{Headers, RowSettings};
use firnline_index::TopicId;
use firnline_store::Store;
use firnline_store::sim::Simulation;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::custom::{Made, add, add_broken, blobs, offsets, source};
use crate::log::{Log, at};
use crate::tier::{TestTier, tip};

/// Where a test's files go.
pub(crate) struct Place {
    pub(crate) sim: Simulation,
    env: firnline_store::Env,
}

impl Place {
    pub(crate) fn new() -> Self {
        let env = firnline_store::Env::seeded(7, 1_700_000_000_000);
        Self { sim: Simulation::new(7, &env), env }
    }

    pub(crate) fn store(&self) -> Store {
        self.sim.connect(&self.env)
    }

    /// The rows of all files below a prefix, by key.
    pub(crate) fn rows(&self, prefix: &str) -> BTreeMap<String, Vec<RecordBatch>> {
        let keys = self.sim.keys().into_iter().filter(|key| key.starts_with(prefix));
        keys.map(|key| {
            let bytes = self.sim.peek(&key).expect("there");
            let rows = read(&bytes);
            (key, rows)
        })
        .collect()
    }

    /// The offsets of all rows, sorted.
    pub(crate) fn offsets(&self) -> Vec<i64> {
        let mut all: Vec<i64> = self.rows("topic=").values().flatten().flat_map(offsets).collect();
        all.sort_unstable();
        all
    }
}

fn read(bytes: &Bytes) -> Vec<RecordBatch> {
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).expect("Parquet").build().expect("reads");
    reader.map(|batch| batch.expect("a batch")).collect()
}

pub(crate) fn all() -> [PlainRange; 1] {
    [PlainRange { partition: tip().partition, from: None, until: None }]
}

pub(crate) fn between(from: i64, until: i64) -> [PlainRange; 1] {
    [PlainRange { partition: tip().partition, from: Some(at(from)), until: Some(at(until)) }]
}

pub(crate) fn settings(stretch_bytes: u64) -> PlainSettings {
    PlainSettings { stretch_bytes, ..PlainSettings::default() }
}

pub(crate) fn exporter(tier: &TestTier, store: Store, settings: PlainSettings) -> PlainExport {
    PlainExport::new(source(tier), RowSettings::default(), None, store, settings, Workers::Inline, 5)
}

pub(crate) async fn run(
    tier: &TestTier,
    place: &Place,
    wanted: &[PlainRange],
    settings: PlainSettings,
) -> Result<PlainReport, PlainError> {
    exporter(tier, place.store(), settings).run(wanted, &mut |_| ()).await
}

const DAY_MS: i64 = 86_400_000;

#[tokio::test]
async fn records_stand_in_directories_of_their_days() {
    let mut log = Log::from(5);
    let value = |time| Made { time, ..Made::value(b"v") };
    add(&mut log, &[value(Some(0)), value(Some(20 * 365 * DAY_MS)), value(None), value(Some(i64::MAX))]);
    let tier = TestTier::of(&log, &[]);
    let place = Place::new();
    let report = run(&tier, &place, &all(), PlainSettings::default()).await.expect("exported");
    let found: Vec<(String, Vec<i64>)> = place
        .rows("")
        .into_iter()
        .map(|(key, rows)| (key, rows.iter().flat_map(offsets).collect()))
        .collect();
    let name = |day: &str, number: u32| {
        let start = "p3-00000000000000000005-00000000000000000009-0";
        let (directory, print) = (format!("topic=orders/day={day}"), fingerprint(&place));
        format!("{directory}/{start}-{print}-{number}of3.parquet")
    };
    let expected = [
        (name("1970-01-01", 1), vec![5]),
        (name("1989-12-27", 2), vec![6]),
        (name("__HIVE_DEFAULT_PARTITION__", 3), vec![7, 8]),
    ];
    assert_eq!(found, expected);
    assert_eq!((report.files, report.files_there, report.stats.rows), (3, 0, 4));
    assert_eq!(report.stats.timestamps_out_of_range, 1);
    assert_eq!(report.ends[&tip().partition], at(9));
}

fn fingerprint(place: &Place) -> String {
    let key = place.sim.keys().remove(0);
    key.rsplit('-').nth(1).expect("a name").to_owned()
}

#[tokio::test]
async fn dead_letters_stand_apart() {
    let mut log = Log::from(0);
    add(&mut log, &[Made::value(b"a")]);
    add_broken(&mut log);
    add(&mut log, &[Made::value(b"b")]);
    let tier = TestTier::of(&log, &[]);
    let place = Place::new();
    let report = run(&tier, &place, &all(), PlainSettings::default()).await.expect("exported");
    assert_eq!(report.stats.dead_letters(), 1);
    let dead = place.rows("_dead/topic=orders/p3-");
    let [rows] = &dead.values().next().expect("a file")[..] else { panic!("{dead:?}") };
    assert_eq!(blobs(rows, "kafka_value"), [Some(log.batches[1].bytes.to_vec())]);
    let again = run(&tier, &place, &all(), PlainSettings::default()).await.expect("nothing to do");
    assert_eq!((again.files, again.files_there, again.stats.rows), (0, 0, 0));
}

#[tokio::test]
async fn what_is_not_decided_waits_for_the_next_run() {
    let mut log = Log::from(0);
    log.data(2, 10).in_transaction(1, 2).data(2, 10);
    let cut = log.end();
    let mut tier = TestTier::of(&log, &[]);
    let place = Place::new();
    let report = run(&tier, &place, &all(), PlainSettings::default()).await.expect("exported");
    assert_eq!(report.undecided[&tip().partition], at(2));
    assert_eq!(report.ends[&tip().partition], at(2));
    assert_eq!(place.offsets(), [0, 1]);
    log.abort(1).data(1, 10);
    assert!(cut < log.end());
    tier.upload(&log, log.end());
    tier.commit();
    run(&tier, &place, &all(), PlainSettings::default()).await.expect("exported");
    assert_eq!(place.offsets(), [0, 1, 4, 5, 7]);
}

#[tokio::test]
async fn only_what_is_wanted_is_written_and_holes_are_filled_later() {
    let mut log = Log::from(0);
    for _ in 0..10 {
        log.data(10, 100);
    }
    let tier = TestTier::of(&log, &[at(50)]);
    let place = Place::new();
    for (from, until, expected) in [(35, 45, 35..45), (60, 70, 60..70)] {
        run(&tier, &place, &between(from, until), PlainSettings::default()).await.expect("exported");
        assert!(expected.clone().all(|offset| place.offsets().contains(&offset)));
    }
    assert_eq!(place.offsets().len(), 20);
    run(&tier, &place, &all(), PlainSettings::default()).await.expect("exported");
    assert_eq!(place.offsets(), (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn another_export_in_the_same_place_is_refused() {
    let mut log = Log::from(0);
    log.data(10, 100);
    let tier = TestTier::of(&log, &[]);
    let place = Place::new();
    run(&tier, &place, &all(), PlainSettings::default()).await.expect("exported");
    let rows = RowSettings { headers: Headers::None, ..RowSettings::default() };
    let other = PlainExport::new(
        source(&tier),
        rows,
        None,
        place.store(),
        PlainSettings::default(),
        Workers::Inline,
        5,
    );
    let error = other.run(&all(), &mut |_| ()).await.expect_err("other columns");
    assert_eq!(error.code().code, "FIRN-E030");
    let tip = tip();
    let again =
        firnline_export::source::TopicSource::new(tier.reader().0, tip.topic, TopicId::from_bytes([8; 16]));
    let other = PlainExport::new(
        again,
        RowSettings::default(),
        None,
        place.store(),
        PlainSettings::default(),
        Workers::Inline,
        5,
    );
    let error = other.run(&[], &mut |_| ()).await.expect_err("another topic of that name");
    assert!(matches!(error, PlainError::OtherExport { .. }), "{error}");
}

#[tokio::test]
async fn what_went_before_it_was_exported_stops_unless_told() {
    let mut log = Log::from(0);
    for _ in 0..4 {
        log.data(10, 100);
    }
    let mut tier = TestTier::of(&log, &[at(10), at(20), at(30)]);
    let place = Place::new();
    run(&tier, &place, &between(0, 10), PlainSettings::default()).await.expect("exported");
    tier.raise_floor(at(20));
    let error = run(&tier, &place, &all(), PlainSettings::default()).await.expect_err("10 to 20 are gone");
    assert_eq!(error.code().code, "FIRN-E002", "{error:?}");
    let skip = PlainSettings { skip_gone: true, ..PlainSettings::default() };
    let report = run(&tier, &place, &all(), skip).await.expect("passed by");
    assert_eq!(report.gone.len(), 1);
    assert_eq!(place.offsets().len(), 30);
    run(&tier, &place, &all(), PlainSettings::default()).await.expect("told once");
}

#[tokio::test]
async fn a_gap_is_passed_and_told_or_stops() {
    let mut log = Log::from(0);
    log.data(10, 100);
    let mut tier = TestTier::starting_at(at(0));
    tier.upload(&log, log.end());
    tier.gap(at(15));
    log.hole(5);
    log.data(5, 100);
    tier.upload(&log, log.end());
    tier.commit();
    let place = Place::new();
    let strict = PlainSettings { pass_gaps: false, ..PlainSettings::default() };
    assert_eq!(run(&tier, &place, &all(), strict).await.expect_err("a gap").code().code, "FIRN-E004");
    let report = run(&tier, &place, &all(), PlainSettings::default()).await.expect("passed");
    assert_eq!(report.gaps.len(), 1);
    assert_eq!(place.offsets(), (0..10).chain(15..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_log_that_was_cut_under_what_was_exported_is_told() {
    let mut log = Log::from(0);
    log.data(10, 100).data(10, 100);
    let tier = TestTier::of(&log, &[]);
    let place = Place::new();
    run(&tier, &place, &all(), PlainSettings::default()).await.expect("exported");
    let mut other = Log::from(0);
    other.data(10, 100);
    other.epoch(3).data(20, 100);
    let tier = TestTier::of(&other, &[]);
    let error = run(&tier, &place, &all(), PlainSettings::default()).await.expect_err("cut at 10");
    assert_eq!(error.code().code, "FIRN-E034", "{error:?}");
}
