//! What is pinned, and what is not.

use std::fs::{self, File};
use std::sync::Arc;
use std::time::Duration;

use firnline_logdir::LogDirs;
use firnline_offloader::{DirectoryHost, DirectoryOptions, Host as _, Presence};

use super::{Broker, Machine, links, look, look_one, pins, read, settled, shapes, tip};

#[test]
fn what_the_broker_deletes_stays_and_is_read_as_one_log() {
    let machine = Machine::new();
    let host = machine.host();
    let mut broker = machine.partition(&tip("orders", 3));
    let mut bytes = broker.fill(3).concat();
    assert_eq!(shapes(&look_one(&host)), ["0..20+ 20..40+ 40..60+ 60..+"]);
    assert_eq!(host.space().unwrap()[0].sole_link, 0);
    broker.retain();
    broker.retain();
    bytes.extend(broker.append());
    let two = "0..20* 20..40* 40..60+ 60..+";
    super::eventually("two are pins alone", || shapes(&look_one(&host)) == [two]);
    let held = look_one(&host);
    assert_eq!(held.presence, Presence::Live);
    let held = host.look_at(&held.tip).unwrap().unwrap();
    assert_eq!(read(&held.chains[0]), bytes);
    assert!(held.chains[0].is_log);
    assert_eq!(held.chains[0].sealed_end.get(), 60);
    let sole: u64 = held.chains[0].files.iter().filter(|file| file.sole_link).map(|file| file.bytes).sum();
    assert_eq!(host.space().unwrap()[0].sole_link, sole);
}

#[test]
fn an_unchanged_partition_is_the_same_again() {
    let machine = Machine::new();
    let host = machine.host();
    machine.partition(&tip("orders", 3)).fill(1);
    let mut other = machine.partition(&tip("orders", 4));
    let before = settled(&host);
    other.fill(1);
    super::eventually("the change is seen", || {
        let now = look(&host);
        assert!(Arc::ptr_eq(&before[0], &now[0]));
        !Arc::ptr_eq(&before[1], &now[1])
    });
}

#[test]
fn files_of_the_cleaner_copies_and_strays_are_not_pinned() {
    let machine = Machine::new();
    let broker = machine.partition(&tip("orders", 3));
    for name in ["00000000000000000000.log.cleaned", "00000000000000000000.log.deleted"] {
        File::create(broker.path.join(name)).unwrap();
    }
    for name in ["orders-4.0123456789abcdef0123456789abcdef-future", "orders-5-stray", "__cluster_metadata-0"]
    {
        let dir = machine.dir().join(name);
        fs::create_dir(&dir).unwrap();
        fs::write(
            dir.join("partition.metadata"),
            format!("version: 0\ntopic_id: {}", tip("orders", 0).topic_id),
        )
        .unwrap();
        File::create(dir.join("00000000000000000000.log")).unwrap();
    }
    let host = machine.host();
    assert_eq!(shapes(&look_one(&host)), ["0..+"]);
    assert_eq!(pins(machine.dir()).len(), 1);
}

#[test]
fn only_what_is_wanted_is_pinned_and_wanting_may_change() {
    let machine = Machine::new();
    for watch in [true, false] {
        let host = machine.host_with(|options| {
            options.wanted = Arc::new(|tip| tip.topic.as_str() == "orders");
            options.watch = watch;
        });
        if watch {
            machine.partition(&tip("orders", 0)).fill(1);
            machine.partition(&tip("clicks", 0)).fill(1);
        }
        let shown: Vec<_> =
            look(&host).iter().map(|held| (held.tip.topic.to_string(), shapes(held))).collect();
        let wanted = [("clicks", "0..20 20.."), ("orders", "0..20+ 20..+")];
        assert_eq!(shown.len(), 2);
        for (topic, shape) in wanted {
            assert!(shown.contains(&(topic.to_owned(), vec![shape.to_owned()])), "{shown:?}");
        }
    }
    let host = machine.host_with(|options| options.wanted = Arc::new(|_| false));
    assert_eq!(pins(machine.dir()).len(), 2, "pins stay until they are released");
    host.set_wanted(Arc::new(|_| true));
    look(&host);
    assert_eq!(pins(machine.dir()).len(), 4);
}

#[test]
fn without_a_topic_id_nothing_is_pinned_and_with_it_everything() {
    let machine = Machine::new();
    let host = machine.host_with(|options| {
        options.watch = false;
        options.scan_interval_unwatched = Duration::ZERO;
    });
    let orders = tip("orders", 3);
    let mut broker = Broker::create(machine.dir(), &orders, false);
    broker.fill(2);
    assert_eq!(look(&host).len(), 0);
    let problems = host.problems();
    assert!(problems[0].1.contains("there is no partition.metadata"), "{problems:?}");
    assert_eq!(host.lasting_problems(), [], "the broker will write it");
    broker.write_metadata(&orders);
    assert_eq!(shapes(&look_one(&host)), ["0..20+ 20..40+ 40..+"]);
    assert_eq!(host.problems(), []);
}

#[test]
fn a_released_pin_of_a_live_file_comes_back_only_when_the_broker_writes_there_again() {
    let machine = Machine::new();
    let host = machine.host();
    let mut broker = machine.partition(&tip("orders", 3));
    broker.fill(2);
    let held = settled(&host).remove(0);
    let pin = held.chains[0].files[0].pin.clone().unwrap();
    host.release(&[pin.clone(), pin]).unwrap();
    assert_eq!(links(&broker.file(0)), 1);
    broker.fill(1);
    for _ in 0..3 {
        super::eventually("the new file is seen", || {
            shapes(&look_one(&host)) == ["0..20 20..40+ 40..60+ 60..+"]
        });
    }
    // Kafka truncates into an earlier file and appends to it again: other bytes, the same inode.
    broker.truncate(10);
    broker.fill(1);
    super::eventually("it is pinned again", || shapes(&look_one(&host))[0] == "0..30+ 30..+");
}

#[test]
fn of_two_sidecars_the_second_is_refused_by_name() {
    let machine = Machine::new();
    let host = machine.host();
    let open = || {
        let options = DirectoryOptions::new(Arc::new(|_| true));
        DirectoryHost::open(&LogDirs::open(&machine.dirs).unwrap(), options)
    };
    let error = open().unwrap_err();
    let cause = error.cause.to_string();
    assert!(cause.contains(&format!("(process {}): end it first", std::process::id())), "{cause}");
    drop(host);
    open().unwrap();
}

#[test]
fn a_log_dir_that_cannot_be_listed_is_an_error_for_all() {
    let machine = Machine::with_dirs(2);
    machine.partition(&tip("orders", 3)).fill(1);
    let host = machine.host_with(|options| options.scan_interval = Duration::ZERO);
    assert_eq!(look(&host).len(), 1);
    let aside = machine.temp.path().join("aside");
    fs::rename(&machine.dirs[1], &aside).unwrap();
    host.look().unwrap_err();
    fs::rename(&aside, &machine.dirs[1]).unwrap();
    assert_eq!(look(&host).len(), 1);
}
