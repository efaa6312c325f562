//! What is asked of every client.

use std::time::Duration;

use firnline_clients::client::{Client, Plan};
use firnline_clients::facts::{assert_all, assert_each};
use firnline_clients::stage::{PARTITIONS, Stage, TOPIC};

/// How long a store is silent.
const SILENCE: Duration = Duration::from_secs(6);
const SECONDS: u64 = 90;

fn plan(stage: &Stage, client: Client, bootstrap: String, what: &'static str, committed: bool) -> Plan {
    let count = stage.all(client, committed).values().map(Vec::len).sum();
    Plan { bootstrap, group: stage.group(), committed, what, count, seconds: SECONDS, list: Vec::new() }
}

fn reads_hot_and_cold_as_one_log(client: Client) {
    let stage = Stage::shared();
    from_the_beginning(stage, client);
    seeks(stage, client);
    looks_for_times(stage, client);
    if client.has_members() {
        shares(stage, client);
    }
    waits_for_the_store(stage, client);
}

fn from_the_beginning(stage: &Stage, client: Client) {
    for committed in [false, true] {
        let door = stage.proxy();
        let facts = client.run(TOPIC, PARTITIONS, &plan(stage, client, door.address(), "group", committed));
        for (partition, expected) in stage.all(client, committed) {
            let what =
                format!("{client:?} partition {partition} committed {committed}, faults {:?}", facts.faults);
            assert_all(&what, &expected, &facts.of(partition));
        }
        assert!(door.held_back() == 0.0, "{client:?}: an offset was nearly told as out of range");
    }
}

/// From the first offset to the last of the tier, the first of the broker and the very last.
fn seeks(stage: &Stage, client: Client) {
    let door = stage.proxy();
    for committed in [false, true] {
        let mut asked = plan(stage, client, door.address(), "seek", committed);
        let mut due = Vec::new();
        for (scene, tiers) in stage.scope.scenes.iter().zip(&stage.tiers) {
            let all = stage.all(client, committed).remove(&scene.partition).unwrap_or_default();
            let last = all.last().map_or(0, |seen| seen.0);
            for offset in [tiers.local / 2, 0, tiers.local + 1, tiers.end - 1, tiers.local, last, 7] {
                if let Some(seen) = all.iter().find(|seen| seen.0 >= offset) {
                    asked.list.push((scene.partition, offset));
                    due.push((scene.partition, *seen));
                }
            }
        }
        asked.count = 0;
        let facts = client.run(TOPIC, PARTITIONS, &asked);
        let order: Vec<_> = due.iter().map(|(partition, seen)| (*partition, seen.0)).collect();
        assert_eq!(
            facts.order, order,
            "{client:?} committed {committed}: {:?}, faults {:?}",
            asked.list, facts.faults
        );
        for partition in 0..PARTITIONS {
            let due: Vec<_> = due.iter().filter(|(of, _)| *of == partition).map(|(_, seen)| *seen).collect();
            assert_all(&format!("{client:?} seeking"), &due, &facts.of(partition));
        }
    }
}

fn looks_for_times(stage: &Stage, client: Client) {
    let door = stage.proxy();
    let mut asked = plan(stage, client, door.address(), "times", false);
    asked.list = stage.times.iter().map(|(partition, time, _)| (*partition, *time)).collect();
    let facts = client.run(TOPIC, PARTITIONS, &asked);
    assert_eq!(facts.at, stage.times, "{client:?}, faults {:?}", facts.faults);
    let mut bounds = facts.bounds;
    bounds.sort_unstable();
    let due: Vec<_> = stage.scope.scenes.iter().map(|scene| (scene.partition, 0, scene.image.end)).collect();
    assert_eq!(bounds, due, "{client:?}");
}

/// Two members, of whom one comes late and leaves early.
fn shares(stage: &Stage, client: Client) {
    let door = stage.proxy();
    let facts = client.run(TOPIC, PARTITIONS, &plan(stage, client, door.address(), "members", true));
    for (partition, expected) in stage.all(client, true) {
        let what = format!("{client:?} partition {partition} in a group, faults {:?}", facts.faults);
        assert_each(&what, &expected, &facts.of(partition));
    }
}

/// Nobody is told that history begins later, and nobody skips any of it.
fn waits_for_the_store(stage: &Stage, client: Client) {
    let (door, closed) = stage.proxy_without_store();
    let asked = plan(stage, client, door.address(), "group", true);
    let facts = std::thread::scope(|threads| {
        let client = threads.spawn(|| client.run(TOPIC, PARTITIONS, &asked));
        std::thread::sleep(SILENCE);
        drop(closed);
        client.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    for (partition, expected) in stage.all(client, true) {
        let what = format!("{client:?} partition {partition} without a store, faults {:?}", facts.faults);
        let seen = facts.of(partition);
        // kafkajs begins anew at what it has committed when a fetch fails, and hands over some of it twice.
        if client == Client::Node {
            assert_each(&what, &expected, &seen);
        } else {
            assert_all(&what, &expected, &seen);
        }
    }
    assert!(door.held_back() == 0.0, "{client:?}: an offset was nearly told as out of range");
}

macro_rules! clients {
    ($($name:ident $client:expr;)*) => {
        $(#[test]
        #[ignore = "takes a minute: scripts/clients runs it"]
        fn $name() {
            reads_hot_and_cold_as_one_log($client);
        })*
    };
}

clients! {
    java_4_3 Client::Java("4.3.1");
    java_3_9 Client::Java("3.9.1");
    confluent_kafka_python Client::Python("confluent");
    kafka_python Client::Python("kafkapython");
    aiokafka Client::Python("aio");
    kcat Client::Python("kcat");
    franz_go Client::Go("franz");
    sarama Client::Go("sarama");
    kafka_go Client::Go("kafkago");
    kafkajs Client::Node;
}
