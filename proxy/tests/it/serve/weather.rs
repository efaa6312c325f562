//! A store in bad weather: clients are told to ask again, or what the log holds, and nothing else.

use std::time::Duration;

use firnline_store::RequestKind;
use firnline_store::sim::{Rule, SimFault, When};
use tokio::time::Instant;

use super::log::Log;
use super::reading::{fetch, records, wanted};
use super::tier::{World, tip};

const PARTITIONS: i32 = 24;
/// What is told of a partition that cannot be read, from version 6 on and before.
const ASK_AGAIN: [i16; 2] = [56, 6];

fn log(partition: i32) -> Log {
    let mut log = Log::from(100);
    for batch in 0..40 {
        log.data(1 + i64::from(partition % 3), 200 + 10 * batch);
    }
    log
}

#[tokio::test]
async fn whatever_the_store_does_no_answer_is_late_wrong_or_out_of_range() {
    let world = World::new();
    world.topic("orders", 7, u32::try_from(PARTITIONS).unwrap());
    let logs: Vec<Log> = (0..PARTITIONS).map(log).collect();
    for (partition, log) in (0..).zip(&logs) {
        let cuts = [log.batches[10].base, log.batches[25].base];
        world.put(tip("orders", 7, partition), log, &cuts);
    }
    let running = world.serve().await;
    for fault in [
        SimFault::ServerError,
        SimFault::Overloaded,
        SimFault::LostBefore,
        SimFault::TruncatedBody,
        SimFault::FlippedBit,
        SimFault::Unreachable,
        SimFault::Slow(Duration::from_millis(700)),
    ] {
        world.sim.rule(Rule::new(fault, When::PerMille(90)).on(&[RequestKind::Get]));
    }
    let mut client = running.client().await;
    let mut refused = 0;
    for (partition, log) in (0..).zip(&logs) {
        let (mut offset, began) = (100, Instant::now());
        let version = [4, 5, 6, 11, 12, 13, 16][usize::try_from(partition).unwrap() % 7];
        while offset < log.end() {
            assert!(began.elapsed() < Duration::from_secs(60), "{partition} at {offset}");
            let request = fetch(1 << 20).with_topics(vec![wanted("orders", 7, &[(partition, offset, 3000)])]);
            let asked = Instant::now();
            let answer = client.ask(version, &request).await;
            assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
            let told = &answer.responses[0].partitions[0];
            if told.error_code != 0 {
                assert!(ASK_AGAIN.contains(&told.error_code), "{} at {offset}", told.error_code);
                assert!(records(told).is_empty());
                refused += 1;
                continue;
            }
            let found = records(told);
            assert!(log.bytes_from(offset).starts_with(found), "{partition} at {offset}");
            assert!([-1, log.end()].contains(&told.high_watermark));
            let mut rest = found.len();
            for batch in log.between(offset, i64::MAX) {
                if rest < batch.bytes.len() {
                    break;
                }
                rest -= batch.bytes.len();
                offset = batch.next;
            }
        }
    }
    assert!(refused > 0, "the weather was bad");
}
