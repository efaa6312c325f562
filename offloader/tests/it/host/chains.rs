//! Histories that a truncation parts, and partitions that go.

use std::fs;
use std::time::Duration;

use firnline_offloader::{Host as _, Presence};

use crate::world::offset;

use super::{Broker, Machine, eventually, look, look_one, pins, read, shapes, tip};

#[test]
fn truncation_into_a_pinned_file_is_followed() {
    let machine = Machine::new();
    let host = machine.host();
    let mut broker = machine.partition(&tip("orders", 3));
    broker.fill(3);
    look(&host);
    // Into the second file: the third and the one still written go, with what they held.
    broker.truncate(30);
    let bytes = broker.append();
    broker.roll();
    eventually("the cut is seen", || shapes(&look_one(&host)).first().is_some_and(|s| s.ends_with("40..+")));
    let held = host.look_at(&tip("orders", 3)).unwrap().unwrap();
    assert_eq!(shapes(&held), ["0..20+ 20..40+ 40..+", "40..60*"]);
    let log = read(&held.chains[0]);
    assert!(log.ends_with(&bytes) && log.len() == 4 * bytes.len());
    assert!(!held.chains[1].is_log);
    assert_eq!(read(&held.chains[1]).len(), 2 * bytes.len());
}

/// A follower that begins its log anew has the old file and the new one side by side for a moment: they look like one log.
#[test]
fn what_was_seen_in_a_moment_is_doubted_when_the_bytes_do_not_bear_it_out() {
    let machine = Machine::new();
    let orders = tip("orders", 3);
    let host = machine.host_with(|options| options.watch = false);
    let mut broker = machine.partition(&orders);
    let old = broker.append();
    let new = broker.file(100);
    fs::File::create_new(&new).unwrap();
    assert_eq!(shapes(&look_one(&host)), ["0..100+ 100..+"]);
    fs::remove_file(broker.file(0)).unwrap();
    let held = host.look_at(&orders).unwrap().unwrap();
    assert_eq!(shapes(&held), ["0..100* 100..+"], "as it was remembered");
    host.doubt(&orders);
    let held = host.look_at(&orders).unwrap().unwrap();
    assert_eq!(shapes(&held), ["100..+", "0..10*"]);
    assert_eq!(read(&held.chains[1]), old);
    host.doubt(&orders);
    assert_eq!(shapes(&host.look_at(&orders).unwrap().unwrap()), ["100..+", "0..10*"]);
}

#[test]
fn two_files_of_one_base_are_two_histories() {
    let machine = Machine::new();
    let host = machine.host();
    let mut broker = machine.partition(&tip("orders", 3));
    let old = broker.fill(2).concat();
    look(&host);
    broker.start_over(20);
    broker.fill(2);
    eventually("the new log is seen", || shapes(&look_one(&host)).concat().contains("40..60+ 60..+"));
    // The lower old file joins the new log: names and epochs do not tell that it is of another history.
    assert_eq!(shapes(&look_one(&host)), ["0..20* 20..40+ 40..60+ 60..+", "20..40*"]);
    broker.retain();
    eventually("retention is seen", || {
        shapes(&look_one(&host)) == ["0..20* 20..40* 40..60+ 60..+", "20..40*"]
    });
    let held = look_one(&host);
    assert!(old.ends_with(&read(&held.chains[1])));
    assert_eq!(pins(machine.dir()).len(), 5);
}

#[test]
fn a_deleted_topic_is_told_with_its_pins_until_they_are_released() {
    let machine = Machine::new();
    let host = machine.host_with(|options| options.scan_interval = Duration::ZERO);
    let mut broker = machine.partition(&tip("orders", 3));
    let bytes = broker.fill(2).concat();
    look(&host);
    let deleted = machine.dir().join("orders-3.0123456789abcdef0123456789abcdef-delete");
    fs::rename(&broker.path, &deleted).unwrap();
    let held = look_one(&host);
    assert_eq!((held.presence, shapes(&held)), (Presence::Deleting, vec!["0..20+ 20..40+".to_owned()]));
    fs::remove_dir_all(&deleted).unwrap();
    let held = look_one(&host);
    assert_eq!((held.presence, shapes(&held)), (Presence::Gone, vec!["0..20* 20..40*".to_owned()]));
    assert_eq!(read(&held.chains[0]), bytes);
    // Made again under its name: another topic.
    let mut again = tip("orders", 3);
    again.topic_id = tip("other", 0).topic_id;
    Broker::create(machine.dir(), &again, true);
    let held = look(&host);
    assert_eq!(held.len(), 2);
    let gone = held.iter().find(|held| held.tip.topic_id != again.topic_id).unwrap();
    let files = gone.chains[0].files.iter().filter_map(|file| file.pin.clone());
    host.release(&files.collect::<Vec<_>>()).unwrap();
    assert_eq!(look_one(&host).tip, again);
}

#[test]
fn what_comes_from_a_swap_or_from_a_copy_in_the_making_is_pinned_when_it_is_log() {
    let machine = Machine::with_dirs(2);
    let host = machine.host();
    let orders = tip("orders", 3);
    let mut broker = machine.partition(&orders);
    broker.fill(2);
    look(&host);

    let swap = broker.path.join("00000000000000000000.log.swap");
    fs::copy(broker.file(0), &swap).unwrap();
    fs::rename(&swap, broker.file(0)).unwrap();
    eventually("the swapped file is pinned", || super::links(&broker.file(0)) == 2);
    eventually("and told", || shapes(&look_one(&host)) == ["0..20+ 20..40+ 40..+", "0..20*"]);

    // A move to the other log dir: copied beside, then the names change.
    let future = machine.dirs[1].join("orders-3.0123456789abcdef0123456789abcdef-future");
    fs::create_dir(&future).unwrap();
    for entry in fs::read_dir(&broker.path).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), future.join(entry.file_name())).unwrap();
    }
    look(&host);
    assert!(pins(&machine.dirs[1]).is_empty());
    let deleted = machine.dir().join("orders-3.0123456789abcdef0123456789abcdef-delete");
    fs::rename(&broker.path, &deleted).unwrap();
    fs::rename(&future, machine.dirs[1].join("orders-3")).unwrap();
    fs::remove_dir_all(&deleted).unwrap();
    eventually("the copy is pinned", || pins(&machine.dirs[1]).len() == 3);
    eventually("the move is told", || {
        let held = look_one(&host);
        held.chains[0].files.iter().all(|file| file.pin.as_ref().is_some_and(|pin| pin.dir == 1))
    });
    let held = look_one(&host);
    assert_eq!(shapes(&held)[0], "0..20+ 20..40+ 40..+");
    assert_eq!(held.presence, Presence::Live);
}

/// Another history may have gone on within a batch, which cannot be stored in part.
#[test]
fn an_offset_within_a_batch_is_told_from_a_border() {
    let machine = Machine::new();
    let host = machine.host();
    let mut broker = machine.partition(&tip("orders", 3));
    broker.fill(2);
    eventually("both are seen", || shapes(&look_one(&host)) == ["0..20+ 20..40+ 40..+"]);
    let log = &look_one(&host).chains[0].log;
    let across = |at| log.batch_across(offset(at)).unwrap().map(|of| (of.start().get(), of.end().get()));
    let told = [5, 10, 15, 20, 39].map(across);
    assert_eq!(told, [Some((0, 10)), None, Some((10, 20)), None, Some((30, 40))]);
    assert_eq!(across(40), None, "nothing is there yet");
}

#[test]
fn what_the_broker_notes_of_its_epochs_is_told_where_it_can_be_read() {
    let machine = Machine::new();
    let orders = tip("orders", 3);
    let host = machine.host();
    let mut broker = machine.partition(&orders);
    broker.fill(2);
    let note = |text: &str| {
        fs::write(broker.file(0).with_file_name("leader-epoch-checkpoint"), text).unwrap();
        look_one(&host).chains[0].log.noted_epochs()
    };
    let noted = note("0\n2\n3 0\n5 20\n").unwrap();
    let epochs: Vec<_> = noted.starts().iter().map(|noted| (noted.epoch.get(), noted.start.get())).collect();
    assert_eq!(epochs, [(3, 0), (5, 20)]);
    assert_eq!(note("0\n2\n5 0\n3 20\n"), None, "epochs that go back tell nothing");
}
