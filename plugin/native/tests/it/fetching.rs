//! Fetches: the right bytes, or an error in time; never an early end.

use std::time::Duration;

use firnline_index::{ByteCount, Crc32c, StoredPosition};
use firnline_plugin::engine::{CustomMetadata, Engine, EngineDeadlines, FailureKind, IndexType, Segment};
use firnline_store::RequestKind;
use tokio::time::Instant;

use crate::support::*;

fn copied(world: &World, local: &Local) -> Segment {
    let engine = world.engine();
    let segment = local.known(copy(&engine, local).unwrap());
    engine.close();
    segment
}

#[test]
fn a_first_fetch_costs_two_gets_and_the_indexes_none() {
    let world = World::new();
    let local = Local::new(600, 3_000);
    let segment = copied(&world, &local);
    let parts = world.parts();
    let store = parts.store.clone();
    let engine = Engine::open(parts, settings()).unwrap();
    let before = store.counters();
    let stream = engine.fetch(&segment, 400_000, None).unwrap();
    assert!(stream.read(100).unwrap().is_some());
    assert_eq!(store.counters().since(&before).of(RequestKind::Get), 2, "the end, and a run of blocks");
    for of_type in [IndexType::Offset, IndexType::Timestamp, IndexType::Transaction] {
        assert!(engine.index(&segment, of_type).unwrap().is_some());
    }
    assert_eq!(store.counters().since(&before).total(), 2);
}

#[test]
fn a_stream_ends_where_it_was_told_and_skips_without_requests() {
    let world = World::new();
    let local = Local::new(200, 3_000);
    let segment = copied(&world, &local);
    let engine = world.engine();
    let stream = engine.fetch(&segment, 10, Some(300_000)).unwrap();
    assert_eq!(stream.skip(5), 5);
    assert_eq!(stream.read(7).unwrap().unwrap(), local.log[15..22]);
    assert_eq!(stream.skip(100_000), 100_000);
    assert_eq!(stream.read(1).unwrap().unwrap(), local.log[100_022..=100_022]);
    assert_eq!(stream.skip(u64::MAX), 300_000 + 1 - 100_023);
    assert_eq!(stream.read(1).unwrap(), None);
    assert_eq!(stream.skip(1), 0);
    // At the end, and beyond it.
    for start in [segment.size, segment.size + 1, u32::MAX - 1] {
        assert_eq!(engine.fetch(&segment, start, None).unwrap().read(9).unwrap(), None);
    }
    assert_eq!(read_all(&engine, &segment, 3, Some(3), 9).unwrap(), local.log[3..=3]);
    let failure = engine.fetch(&segment, 4, Some(3)).unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Other);
}

#[test]
fn a_corrupt_block_is_an_error_and_never_a_short_stream() {
    let world = World::new();
    let local = Local::new(200, 3_000);
    let segment = copied(&world, &local);
    let whole = world.sim.peek(&local.key()).unwrap();
    let mut bad = whole.to_vec();
    bad[300_000] ^= 4;
    world.sim.plant(&local.key(), bad);
    let engine = world.engine();
    let whole_stream = engine.fetch(&segment, 0, None).unwrap();
    let mut given = Vec::new();
    let failure = loop {
        match whole_stream.read(10_000) {
            Ok(Some(piece)) => given.extend_from_slice(&piece),
            Ok(None) => panic!("the stream ended early, after {} bytes", given.len()),
            Err(failure) => break failure,
        }
    };
    assert_eq!(failure.kind(), FailureKind::Other);
    assert!(given.len() <= 300_000 && given == local.log[..given.len()], "what stands before it is right");
    let line = failure.line();
    assert!(line.contains("block") && line.contains(&local.key()) && line.contains("crc32c"), "{line}");
    // It is not remembered: the same stream goes on once the object is right.
    let stream = engine.fetch(&segment, 300_000, None).unwrap();
    assert!(stream.read(1).is_err());
    world.sim.plant(&local.key(), whole);
    assert_eq!(stream.read(1).unwrap().unwrap(), local.log[300_000..=300_000]);
}

#[test]
fn an_object_that_is_gone_or_cut_off_is_told_as_such() {
    let world = World::new();
    let local = Local::new(200, 3_000);
    let segment = copied(&world, &local);
    let engine = world.engine();
    let stream = engine.fetch(&segment, 0, None).unwrap();
    let whole = world.sim.peek(&local.key()).unwrap();
    world.sim.plant(&local.key(), whole.slice(..200_000));
    let failure = stream.read(10).unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Other, "{}", failure.line());
    world.sim.lose(&local.key());
    let failure = stream.read(10).unwrap_err();
    assert_eq!(failure.kind(), FailureKind::NotFound);
    let fresh = world.engine();
    for segment in [&segment, &local.segment] {
        assert_eq!(fresh.fetch(segment, 0, None).unwrap_err().kind(), FailureKind::NotFound);
        assert_eq!(fresh.index(segment, IndexType::Offset).unwrap_err().kind(), FailureKind::NotFound);
    }
}

#[test]
fn a_slow_store_is_given_up_on_in_time_and_what_was_asked_for_is_kept() {
    let world = World::new();
    let local = Local::new(200, 3_000);
    let segment = copied(&world, &local);
    let mut hasty = settings();
    hasty.deadlines = EngineDeadlines { read: Duration::from_millis(300), ..hasty.deadlines };
    let parts = world.parts();
    let store = parts.store.clone();
    let engine = Engine::open(parts, hasty).unwrap();
    let before = store.counters();
    world.sim.latency(Duration::from_millis(700)..Duration::from_millis(701));
    let begun = Instant::now();
    let failure = engine.fetch(&segment, 0, None).unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Retry);
    assert!(failure.line().contains("300 ms"), "{}", failure.line());
    assert!(begun.elapsed() < Duration::from_millis(650), "{:?}", begun.elapsed());
    std::thread::sleep(Duration::from_millis(700));
    // The end has come meanwhile.
    let stream = engine.fetch(&segment, 0, None).unwrap();
    assert_eq!(stream.read(10).unwrap_err().kind(), FailureKind::Retry);
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(stream.read(10).unwrap().unwrap(), local.log[..10]);
    assert_eq!(store.counters().since(&before).of(RequestKind::Get), 2, "nothing was asked for twice");
}

#[test]
fn another_plugins_segment_is_not_found_here() {
    let world = World::new();
    let engine = world.engine();
    let local = Local::new(10, 100);
    copy(&engine, &local).unwrap();
    let theirs = local.known(b"another plugin's words".to_vec());
    for failure in
        [engine.fetch(&theirs, 0, None).unwrap_err(), engine.index(&theirs, IndexType::Offset).unwrap_err()]
    {
        assert_eq!(failure.kind(), FailureKind::NotFound);
        assert!(failure.line().contains("another plugin"), "{}", failure.line());
    }
}

#[test]
fn metadata_that_does_not_fit_the_object_is_found_out() {
    let world = World::new();
    let local = Local::new(50, 1_000);
    let segment = copied(&world, &local);
    let engine = world.engine();
    let shorter = Segment { size: segment.size - 1, ..segment.clone() };
    let failure = engine.fetch(&shorter, 0, None).unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Other);
    assert!(failure.line().contains("raw length"), "{}", failure.line());
    let known = CustomMetadata::decode(segment.custom.as_ref().unwrap()).unwrap();
    for wrong in [
        CustomMetadata { length: ByteCount::new(known.length.get() + 1), ..known },
        CustomMetadata { tail_position: StoredPosition::new(known.tail_position.get() - 1), ..known },
    ] {
        let segment = local.known(wrong.encode());
        assert_eq!(world.engine().fetch(&segment, 0, None).unwrap_err().kind(), FailureKind::Other);
    }
    // The object's checksum is for the disk cache alone.
    let other = local.known(CustomMetadata { object_crc: Crc32c::new(1), ..known }.encode());
    assert_eq!(read_all(&engine, &other, 0, None, 9_999).unwrap(), local.log);
}
