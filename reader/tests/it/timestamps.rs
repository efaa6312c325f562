//! Looking for a time.

use firnline_index::{Offset, TimestampMs};

use crate::log::{Log, at, ms};
use crate::tier::{TestTier, gets, tip};

/// Batches whose times go up and down, in segments of ten.
fn wavy() -> (Log, TestTier) {
    let mut log = Log::from(0);
    let mut cuts = Vec::new();
    for number in 0..60_i64 {
        log.set_time(10_000 + number * 10 + (number % 7) * 35);
        log.data(2, 400);
        if number % 10 == 9 && number < 59 {
            cuts.push(log.end());
        }
    }
    let tier = TestTier::of(&log, &cuts);
    (log, tier)
}

fn by_model(log: &Log, time: i64) -> Option<(Offset, TimestampMs)> {
    log.batches.iter().find(|batch| batch.time >= ms(time)).map(|batch| (batch.base, batch.time))
}

#[tokio::test]
async fn every_time_gives_the_first_batch_that_reaches_it() {
    let (log, tier) = wavy();
    let (reader, _) = tier.reader();
    for time in (0..12_000).step_by(7).chain([9_999, 10_000, 10_001]) {
        let found = reader.find_timestamp(&tip(), ms(time)).await.expect("an answer");
        let found = found.map(|batch| {
            let model = log.between(batch.header.base_offset, batch.header.next_offset());
            assert_eq!(batch.bytes, model[0].bytes);
            (batch.header.base_offset, batch.header.max_timestamp.expect("it has one"))
        });
        assert_eq!(found, by_model(&log, time), "{time}");
    }
}

#[tokio::test]
async fn the_newest_span_is_searched_unless_all_is_asked_for() {
    let mut log = Log::from(0);
    log.set_time(1000);
    log.data(2, 100);
    let mut tier = TestTier::starting_at(at(0));
    tier.upload(&log, log.end());
    tier.gap(at(10));
    log.hole(8);
    log.set_time(2000);
    log.data(2, 100);
    tier.upload(&log, log.end());
    tier.commit();
    let (reader, _) = tier.reader();
    let newest = reader.find_timestamp(&tip(), ms(0)).await.expect("an answer").expect("found");
    assert_eq!(newest.header.base_offset, at(10));
    let oldest = reader.find_timestamp_in_all(&tip(), ms(0)).await.expect("an answer").expect("found");
    assert_eq!(oldest.header.base_offset, at(0));
}

#[tokio::test]
async fn batches_below_the_floor_are_not_found() {
    let (_, mut tier) = wavy();
    tier.raise_floor(at(15));
    let found = tier.reader().0.find_timestamp(&tip(), ms(0)).await.expect("an answer").expect("found");
    assert!(found.header.next_offset() > at(15) && found.header.base_offset <= at(15), "{:?}", found.header);
}

#[tokio::test]
async fn a_cold_look_up_costs_three_gets() {
    let mut log = Log::from(0);
    for _ in 0..64 {
        log.data(10, 16 << 10);
    }
    let mut tier = TestTier::starting_at(at(0));
    tier.block_size = 64 << 10;
    tier.upload(&log, log.end());
    tier.commit();
    let (reader, store) = tier.reader();
    let time = log.batches[40].time;
    let found = reader.find_timestamp(&tip(), time).await.expect("an answer").expect("found");
    assert_eq!(found.header.base_offset, log.batches[40].base);
    assert_eq!(gets(&store.counters()), 3);
}
