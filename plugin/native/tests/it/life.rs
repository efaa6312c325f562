//! Many calls: from many threads at once, and one after the other, without anything left behind.

use firnline_plugin::border::Calls;
use firnline_plugin::engine::IndexType;

use crate::border::encode;
use crate::support::*;

#[test]
fn a_hundred_thousand_calls_leave_no_handle_behind() {
    let world = World::new();
    let engine = world.engine();
    let local = Local::new(20, 500);
    let segment = local.known(copy(&engine, &local).unwrap());
    let calls = Calls::new();
    let handle = calls.hold(engine).unwrap();
    let bytes = encode(&segment);
    let memory = memory_kib();
    let mut numbers = Numbers(1);
    for at in 0..25_000 {
        let from = i32::try_from(numbers.below(local.log.len() as u64)).unwrap();
        let stream = calls.fetch(handle, &bytes, from, i32::MAX).unwrap();
        let piece = calls.read(stream, 64).unwrap().unwrap();
        let start = usize::try_from(from).unwrap();
        assert_eq!(piece, local.log[start..start + piece.len()]);
        calls.drop_stream(stream).unwrap();
        assert!(calls.read(stream, 64).is_err(), "{at}: a stale handle is an error");
    }
    assert_eq!(calls.held(), [1, 0, 0]);
    assert_eq!(calls.slots_made(), [1, 0, 1]);
    let grown = memory_kib().saturating_sub(memory);
    assert!(grown < 32 << 10, "{grown} KiB more");
    calls.close(handle).unwrap();
    calls.close(handle).unwrap();
    assert!(calls.fetch(handle, &bytes, 0, 1).is_err());
    assert_eq!(calls.held(), [0, 0, 0]);
}

/// What the process has in memory now.
fn memory_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn many_threads_copy_fetch_and_delete_at_once() {
    let world = World::new();
    let engine = world.engine();
    std::thread::scope(|scope| {
        for id in 0..12_u8 {
            let engine = engine.clone();
            scope.spawn(move || {
                let local = Local::of(log(1_000, 60, 2_000 + usize::from(id), None), 60, id);
                let segment = local.known(copy(&engine, &local).unwrap());
                assert_eq!(read_all(&engine, &segment, 0, None, 1_000).unwrap(), local.log);
                assert!(engine.index(&segment, IndexType::Offset).unwrap().is_some());
                assert!(engine.delete(&segment).unwrap());
            });
        }
    });
    let segments = world.sim.keys().into_iter().filter(|key| key.ends_with(".seg")).count();
    assert_eq!(segments, 0);
}
