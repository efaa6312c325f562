//! Copies: what goes up is what the broker has, or nothing.

use std::io::Write as _;
use std::time::Duration;

use firnline_index::StoredPosition;
use firnline_index::segment::{ExpectedOrigin, SegmentTail};
use firnline_plugin::engine::{CustomMetadata, FailureKind, IndexType, MAX_CUSTOM_METADATA};
use firnline_store::RequestKind;
use firnline_store::sim::{Rule, SimFault, When};
use firnline_tier::keys::Encryption;
use tokio::time::Instant;

use crate::support::*;

const ALL: [IndexType; 5] = [
    IndexType::Offset,
    IndexType::Timestamp,
    IndexType::ProducerSnapshot,
    IndexType::Transaction,
    IndexType::LeaderEpoch,
];

/// The broker's file of a type.
fn file(local: &Local, of_type: IndexType) -> Vec<u8> {
    let read = |path| std::fs::read(path).unwrap();
    match of_type {
        IndexType::Offset => read(&local.files.offset_index),
        IndexType::Timestamp => read(&local.files.time_index),
        IndexType::ProducerSnapshot => read(local.files.snapshot.as_ref().unwrap()),
        IndexType::Transaction => read(local.files.transaction_index.as_ref().unwrap()),
        IndexType::LeaderEpoch => local.files.leader_epochs.to_vec(),
    }
}

#[test]
fn what_was_copied_comes_back_byte_for_byte_and_so_do_the_indexes() {
    let store = tempfile::tempdir().unwrap();
    let local = Local::new(300, 3_000);
    let engine = over_directory(store.path());
    let custom = copy(&engine, &local).unwrap();
    assert!(custom.len() <= MAX_CUSTOM_METADATA);
    engine.close();
    // A broker that starts anew, and one that asks without custom metadata.
    for segment in [local.known(custom), local.segment.clone()] {
        let engine = over_directory(store.path());
        assert_eq!(read_all(&engine, &segment, 0, None, 100_000).unwrap(), local.log);
        let mut numbers = Numbers(5);
        for _ in 0..200 {
            let from = u32::try_from(numbers.below(local.log.len() as u64 + 10)).unwrap();
            let last = from + u32::try_from(numbers.below(50_000)).unwrap();
            let end = local.log.len().min(last as usize + 1);
            let expected = &local.log[(from as usize).min(end)..end];
            let max = usize::try_from(numbers.below(9_000)).unwrap() + 1;
            assert_eq!(read_all(&engine, &segment, from, Some(last), max).unwrap(), expected);
        }
        for of_type in ALL {
            let found = engine.index(&segment, of_type).unwrap();
            assert_eq!(found.as_deref(), Some(&file(&local, of_type)[..]), "{of_type:?}");
        }
        engine.close();
    }
}

#[test]
fn a_segment_without_transactions_has_no_index_of_them() {
    let world = World::new();
    let mut local = Local::new(20, 500);
    local.files.transaction_index = None;
    local.files.snapshot = None;
    let engine = world.engine();
    let segment = local.known(copy(&engine, &local).unwrap());
    assert_eq!(engine.index(&segment, IndexType::Transaction).unwrap(), None);
    let failure = engine.index(&segment, IndexType::ProducerSnapshot).unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Other);
    assert!(failure.line().contains("producer snapshot"), "{}", failure.line());
}

#[test]
fn a_repeated_copy_of_one_id_takes_the_place_of_the_first() {
    let world = World::new();
    let engine = world.engine();
    let local = Local::new(100, 2_000);
    let first = local.known(copy(&engine, &local).unwrap());
    assert_eq!(read_all(&engine, &first, 0, None, 5_000).unwrap(), local.log);
    let second = local.known(copy(&engine, &local).unwrap());
    assert_eq!(read_all(&engine, &second, 0, None, 5_000).unwrap(), local.log);
    let segments: Vec<_> = world.sim.keys().into_iter().filter(|key| key.ends_with(".seg")).collect();
    assert_eq!(segments, [local.key()]);
}

#[test]
fn a_copy_goes_through_a_store_that_fails_now_and_then() {
    let world = World::new();
    let engine = world.engine();
    for fault in [SimFault::ServerError, SimFault::LostAfter, SimFault::Overloaded, SimFault::TruncatedBody] {
        world.sim.rule(Rule::new(fault, When::PerMille(80)));
    }
    // Three parts of 5 MiB.
    let local = Local::new(400, 32_000);
    let segment = local.known(copy(&engine, &local).unwrap());
    assert_eq!(read_all(&engine, &segment, 0, None, 1 << 20).unwrap(), local.log);
}

#[test]
fn a_large_copy_costs_its_parts_and_little_besides() {
    let world = World::new();
    let parts = world.parts();
    let store = parts.store.clone();
    let engine = firnline_plugin::engine::Engine::open(parts, settings()).unwrap();
    copy(&engine, &Local::new(10, 100)).unwrap();
    let before = store.counters();
    let local = Local::of(log(1_000, 400, 32_000, None), 400, 9);
    copy(&engine, &local).unwrap();
    let spent = store.counters().since(&before);
    assert_eq!((spent.of(RequestKind::Part), spent.of(RequestKind::Begin)), (3, 1));
    assert_eq!(spent.total(), 5, "and one to complete");
}

#[test]
fn a_copy_that_is_dropped_leaves_nothing_behind_and_can_be_made_again() {
    let world = World::new();
    let engine = world.engine();
    let local = Local::new(400, 32_000);
    world.sim.latency(Duration::from_millis(150)..Duration::from_millis(151));
    let begun = engine.start_copy(local.segment.clone(), local.files.clone()).unwrap();
    let waits = Instant::now();
    assert_eq!(begun.wait(Duration::from_millis(100)).unwrap(), None);
    assert!(waits.elapsed() < Duration::from_secs(2), "the broker's thread has to look at its interrupts");
    while world.sim.open_uploads() == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(begun);
    for _ in 0..200 {
        if world.sim.open_uploads() == 0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(world.sim.open_uploads(), 0, "its parts are thrown away");
    assert_eq!(world.sim.peek(&local.key()), None);
    world.sim.latency(Duration::ZERO..Duration::ZERO);
    let segment = local.known(copy(&engine, &local).unwrap());
    assert_eq!(read_all(&engine, &segment, 12_345, Some(22_345), 900).unwrap(), local.log[12_345..=22_345]);
}

#[test]
fn a_damaged_file_fails_with_its_position_and_leaves_no_object() {
    let world = World::new();
    let engine = world.engine();
    let good = log(1_000, 50, 1_000, None);
    // Within the value of the batch in the middle.
    let at = good.len() / 2 + 300;
    let mut flipped = good.clone();
    flipped[at] ^= 1;
    let local = Local::of(flipped, 50, 1);
    let line = copy(&engine, &local).unwrap_err().line();
    assert!(line.contains("crc") && line.contains("position"), "{line}");
    let cut = Local::of(good[..good.len() - 10].to_vec(), 50, 2);
    let failure = copy(&engine, &cut).unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Other);
    assert!(failure.line().contains("10 bytes short"), "{}", failure.line());
    let zeros = Local::of([&good[..], &[0; 4_096]].concat(), 50, 3);
    let line = copy(&engine, &zeros).unwrap_err().line();
    assert!(line.contains("bytes of whole batches, the broker counts"), "{line}");
    for local in [local, cut, zeros] {
        assert_eq!(world.sim.peek(&local.key()), None);
        assert!(!engine.delete(&local.segment).unwrap(), "and nothing is there to be cleaned up");
    }
}

#[test]
fn a_file_that_is_not_as_long_as_the_broker_says_is_not_taken() {
    let world = World::new();
    let engine = world.engine();
    let local = Local::new(20, 500);
    let longer = std::fs::OpenOptions::new().append(true).open(&local.files.log);
    longer.unwrap().write_all(&local.log[..100]).unwrap();
    let failure = copy(&engine, &local).unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Other);
    assert!(failure.line().contains("the broker counts"), "{}", failure.line());
    std::fs::remove_file(&local.files.log).unwrap();
    assert_eq!(copy(&engine, &local).unwrap_err().kind(), FailureKind::Retry);
    assert!(local.path().exists());
}

#[test]
fn what_the_snapshot_tells_as_open_stands_in_the_segment() {
    let world = World::new();
    let engine = world.engine();
    // The batches tell of producer 5; the snapshot of 6, whose transaction began in a segment before.
    let local = Local::of(log(1_000, 20, 500, Some(5)), 20, 4);
    std::fs::write(local.files.snapshot.as_ref().unwrap(), snapshot(&[(5, 1_000), (6, 950)])).unwrap();
    let custom = copy(&engine, &local).unwrap();
    let known = CustomMetadata::decode(&custom).unwrap();
    let object = world.sim.peek(&local.key()).unwrap();
    assert_eq!(object.len() as u64, known.length.get());
    let at = usize::try_from(known.tail_position.get()).unwrap();
    let tail_at = StoredPosition::new(known.tail_position.get());
    let tail = SegmentTail::parse(object.slice(at..), tail_at, &ExpectedOrigin::default()).unwrap();
    let open: Vec<_> =
        tail.transactions().open.iter().map(|open| (open.producer.get(), open.first_offset.get())).collect();
    assert_eq!(open, [(6, 950), (5, 1_000)]);
    assert_eq!(tail.transactions().stable_end, offset(950));
    assert_eq!(tail.footer().kip405.as_ref().unwrap().epochs, local.segment.epochs);
    // One that is none fails the copy by its name.
    std::fs::write(local.files.snapshot.as_ref().unwrap(), b"no snapshot").unwrap();
    let line = copy(&engine, &local).unwrap_err().line();
    assert!(line.contains(".snapshot") && line.contains("version"), "{line}");
}

#[test]
fn an_encrypted_topic_is_sealed_and_read_with_its_key_alone() {
    let world = World::new();
    let parts = || firnline_plugin::engine::EngineParts { ring: Some(ring(&world.env)), ..world.parts() };
    let mut sealing = settings();
    sealing.form.encryption = Encryption::On;
    let engine = firnline_plugin::engine::Engine::open(parts(), sealing).unwrap();
    let local = Local::new(50, 1_000);
    let custom = copy(&engine, &local).unwrap();
    assert!(CustomMetadata::decode(&custom).unwrap().sealed);
    let object = world.sim.peek(&local.key()).unwrap();
    assert!(!object.windows(64).any(|window| window == &local.log[100..164]));
    let segment = local.known(custom);
    let engine = firnline_plugin::engine::Engine::open(parts(), settings()).unwrap();
    assert_eq!(read_all(&engine, &segment, 0, None, 5_000).unwrap(), local.log);
    let epochs = engine.index(&segment, IndexType::LeaderEpoch).unwrap();
    assert_eq!(epochs, Some(local.files.leader_epochs.clone()));
    let keyless = world.engine();
    let failure = read_all(&keyless, &segment, 0, None, 5_000).unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Other);
    assert!(failure.line().contains("key"), "{}", failure.line());
    // What goes on of an encrypted topic is sealed, or does not go at all.
    let next = Local::of(log(1_000, 10, 100, None), 10, 8);
    assert!(copy(&keyless, &next).is_err());
}

/// Kafka has tiered indexes that its own reader then refused, each time.
#[test]
fn an_index_that_a_broker_would_refuse_is_not_taken() {
    let world = World::new();
    let engine = world.engine();
    let local = Local::new(20, 500);
    let (offsets, times) = (&local.files.offset_index, &local.files.time_index);
    let entry = |relative: i32, position: i32| [relative.to_be_bytes(), position.to_be_bytes()].concat();
    let time = |at: i64, relative: i32| [&at.to_be_bytes()[..], &relative.to_be_bytes()].concat();
    let good = (std::fs::read(offsets).unwrap(), std::fs::read(times).unwrap());
    let size = i32::try_from(local.segment.size).unwrap();
    for (path, wrong, says) in [
        (offsets, vec![0; 12], "no multiple of 8"),
        (offsets, entry(-1, 0), "below the segment's first offset"),
        (offsets, entry(1, size), "behind the segment's end"),
        (times, vec![0; 13], "no multiple of 12"),
        (times, [time(5, 0), time(4, 1)].concat(), "before its first"),
        (times, time(5, -1), "below the segment's first offset"),
    ] {
        std::fs::write(path, wrong).unwrap();
        let failure = copy(&engine, &local).unwrap_err();
        assert_eq!(failure.kind(), FailureKind::Other);
        let line = failure.line();
        assert!(line.contains(says) && line.contains(path.to_str().unwrap()), "{line}");
        std::fs::write(offsets, &good.0).unwrap();
        std::fs::write(times, &good.1).unwrap();
    }
    assert_eq!(world.sim.peek(&local.key()), None);
    // None at all are a broker's way to say that there was nothing to note.
    std::fs::write(offsets, []).unwrap();
    std::fs::write(times, []).unwrap();
    copy(&engine, &local).unwrap();
}

#[test]
fn a_copy_ends_however_long_the_store_is_silent() {
    let world = World::new();
    let mut hasty = settings();
    hasty.deadlines.copy = Duration::from_millis(300);
    let engine = firnline_plugin::engine::Engine::open(world.parts(), hasty).unwrap();
    world.sim.rule(Rule::new(SimFault::Hang, When::Always));
    let begun = Instant::now();
    let failure = copy(&engine, &Local::new(20, 500)).unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Retry);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    // The broker's thread goes on with the next one.
    world.sim.heal();
    copy(&engine, &Local::of(log(1_000, 30, 400, None), 30, 8)).unwrap();
}
