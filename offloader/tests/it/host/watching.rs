//! Events: what appears is pinned at once.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{Broker, Machine, eventually, links, look, look_one, pins, shapes, tip};

#[test]
fn a_new_file_is_pinned_without_a_look() {
    let machine = Machine::new();
    let host = machine.host();
    let mut broker = machine.partition(&tip("orders", 3));
    eventually("the first file of a new partition is pinned", || links(&broker.file(0)) == 2);
    broker.fill(3);
    eventually("all are", || [0, 20, 40, 60].iter().all(|base| links(&broker.file(*base)) == 2));
    assert!(host.is_watched());
}

#[test]
fn a_topic_id_that_comes_late_pins_what_was_waiting() {
    let machine = Machine::new();
    let _host = machine.host();
    let orders = tip("orders", 3);
    let mut broker = Broker::create(machine.dir(), &orders, false);
    broker.fill(2);
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(pins(machine.dir()).len(), 0);
    broker.write_metadata(&orders);
    eventually("all files are pinned", || pins(machine.dir()).len() == 3);
}

#[test]
fn a_recreated_topic_is_pinned_under_its_own_id() {
    let machine = Machine::new();
    let host = machine.host();
    let broker = machine.partition(&tip("orders", 3));
    look(&host);
    fs::rename(&broker.path, machine.dir().join("orders-3.0123456789abcdef0123456789abcdef-delete")).unwrap();
    let mut again = tip("orders", 3);
    again.topic_id = tip("other", 0).topic_id;
    let again_dir = Broker::create(machine.dir(), &again, true);
    eventually("it is pinned", || links(&again_dir.file(0)) == 2);
    let named = |name: &String| name.contains(&again.topic_id.to_string());
    eventually("under its id", || pins(machine.dir()).iter().filter(|name| named(name)).count() == 1);
}

/// Kafka with a retention of seconds rolls and deletes within one: each file lives for `life` here, in a log that never
/// waits for anybody. Tells how many of `files` survive.
fn survivors(watch: bool, files: usize, life: Duration) -> (usize, usize) {
    let machine = Machine::new();
    let host = machine.host_with(|options| {
        options.watch = watch;
        options.scan_interval_unwatched = Duration::from_millis(200);
    });
    let mut broker = machine.partition(&tip("orders", 3));
    look(&host);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..files {
                broker.append();
                broker.roll();
                std::thread::sleep(life);
                broker.retain();
            }
            done.store(true, Ordering::Release);
        });
        while !done.load(Ordering::Acquire) {
            look(&host);
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    eventually("all is told", || {
        let held = look_one(&host);
        held.chains.iter().flat_map(|chain| &chain.files).count() == pins(machine.dir()).len()
    });
    let chains = look_one(&host).chains.len();
    (pins(machine.dir()).len() - 1, chains)
}

#[test]
fn files_that_live_for_milliseconds_survive_by_events_and_not_by_looking() {
    let (by_events, chains) = survivors(true, 200, Duration::from_millis(5));
    let (by_looking, _) = survivors(false, 200, Duration::from_millis(5));
    println!("of 200 files that lived 5 ms: {by_events} by events, {by_looking} by looking every 200 ms");
    // Other tests take the processor for longer than that; alone it is 200.
    assert!(by_events >= 150 && by_looking < by_events / 2, "{by_events} {by_looking}");
    if by_events == 200 {
        assert_eq!(chains, 1, "without a hole they are one log");
    }
}

#[test]
fn without_events_everything_is_found_by_looking() {
    let machine = Machine::new();
    let host = machine.host_with(|options| {
        options.watch = false;
        options.scan_interval_unwatched = Duration::ZERO;
    });
    let mut broker = machine.partition(&tip("orders", 3));
    for _ in 0..3 {
        broker.fill(1);
        look(&host);
    }
    broker.retain();
    assert_eq!(shapes(&look_one(&host)), ["0..20* 20..40+ 40..60+ 60..+"]);
    assert!(!host.is_watched());
    drop(host);
}
