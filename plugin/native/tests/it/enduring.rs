//! As many calls as a broker makes in days: nothing grows with them. Run by `scripts/endure`.

use std::sync::atomic::{AtomicU64, Ordering};

use firnline_config::surroundings::Surroundings;
use firnline_plugin::border::Calls;

use crate::border::encode;
use crate::support::*;

/// Threads that call: a broker has ten and more, which changes nothing but the time.
const THREADS: u8 = 3;
/// Slots of handles that may ever be made: each thread holds one stream and one copy at a time.
const SLOTS: usize = 2 * THREADS as usize;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// What the process holds.
#[derive(Debug, Clone, Copy)]
struct Held {
    resident_bytes: u64,
    files: usize,
    threads: usize,
}

impl Held {
    fn now() -> Self {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages: u64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
        let count = |of: &str| std::fs::read_dir(of).unwrap().count();
        Self {
            resident_bytes: pages * 4096,
            files: count("/proc/self/fd"),
            threads: count("/proc/self/task"),
        }
    }
}

/// One broker's thread.
struct Caller<'a> {
    calls: &'a Calls,
    engine: i64,
    segments: &'a [(Vec<u8>, Vec<u8>)],
    made: &'a AtomicU64,
    numbers: Numbers,
    /// Ids of what it copies: fifty of its own, again and again.
    first_id: u8,
    copies: u8,
}

impl Caller<'_> {
    fn count(&self) {
        self.made.fetch_add(1, Ordering::Relaxed);
    }

    fn run(mut self, until: u64) {
        while self.made.load(Ordering::Relaxed) < until {
            match self.numbers.below(1_000) {
                0 => self.copy_and_delete(),
                1..50 => self.mistakes(),
                50..300 => self.indexes(),
                _ => self.read(),
            }
        }
    }

    fn read(&mut self) {
        let (segment, log) = &self.segments[self.pick()];
        let from = usize::try_from(self.numbers.below(log.len() as u64)).unwrap();
        let stream = self.calls.fetch(self.engine, segment, i32::try_from(from).unwrap(), i32::MAX).unwrap();
        self.count();
        let mut at = from;
        for _ in 0..self.numbers.below(4) {
            let most = usize::try_from(self.numbers.below(40_000)).unwrap() + 1;
            if self.numbers.below(5) == 0 {
                let skipped = self.calls.skip(stream, i64::try_from(most).unwrap()).unwrap();
                at += usize::try_from(skipped).unwrap();
            } else if let Some(piece) = self.calls.read(stream, most).unwrap() {
                assert!(piece == log[at..at + piece.len()], "other bytes at {at}");
                at += piece.len();
            }
            self.count();
        }
        self.calls.drop_stream(stream).unwrap();
        self.count();
    }

    fn indexes(&mut self) {
        let (segment, _) = &self.segments[self.pick()];
        let of_type = i32::try_from(self.numbers.below(5)).unwrap();
        assert!(self.calls.index(self.engine, segment, of_type).unwrap().is_some());
        self.count();
    }

    fn mistakes(&mut self) {
        let (segment, _) = &self.segments[self.pick()];
        assert!(self.calls.read(i64::from(self.first_id), 5).is_err());
        assert!(self.calls.fetch(self.engine, segment, 5, 4).is_err());
        assert!(self.calls.fetch(self.engine, &segment[..20], 0, 4).is_err());
        let mut never = segment.clone();
        never[20] ^= 0xff;
        assert!(self.calls.fetch(self.engine, &never, 0, i32::MAX).is_err(), "no such segment");
        assert!(self.calls.metrics(self.engine).unwrap().contains("firnline_ready 1"));
        for _ in 0..5 {
            self.count();
        }
    }

    fn copy_and_delete(&mut self) {
        self.copies = (self.copies + 1) % 50;
        let local = Local::of(log(1_000, 10, 900, None), 10, self.first_id + self.copies);
        let copy = self.calls.start_copy(self.engine, &encode(&local.segment), local.files.clone()).unwrap();
        self.count();
        if self.numbers.below(3) == 0 {
            self.calls.drop_copy(copy).unwrap();
            return self.count();
        }
        let custom = loop {
            self.count();
            if let Some(custom) = self.calls.await_copy(copy, 100).unwrap() {
                break custom;
            }
        };
        self.calls.drop_copy(copy).unwrap();
        assert!(self.calls.delete(self.engine, &encode(&local.known(custom))).unwrap());
        self.count();
        self.count();
    }

    fn pick(&mut self) -> usize {
        usize::try_from(self.numbers.below(self.segments.len() as u64)).unwrap()
    }
}

#[test]
#[ignore = "a million calls: scripts/endure"]
fn a_million_calls_leave_nothing_behind() {
    let wanted = setting("CALLS", 1_000_000);
    let growth_max = setting("GROWTH_MIB", 32) << 20;
    let store = tempfile::tempdir().unwrap();
    let calls = Calls::new();
    // Far less memory than the segments have bytes.
    let pairs = [
        ("cluster.id", "a-cluster"),
        ("store.url", store.path().to_str().unwrap()),
        ("broker.id", "2"),
        ("cache.memory.blocks", "4MiB"),
        ("cache.memory.indexes", "1MiB"),
        ("limits.read.memory", "16MiB"),
        ("limits.readahead", "1MiB"),
        ("projection.interval", "1s"),
    ];
    let pairs: Vec<_> = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let engine = calls.open(&pairs, &Surroundings::default()).unwrap();
    let segments: Vec<_> = (0..8)
        .map(|at: u8| {
            let base = 1_000 + i64::from(at) * 500;
            let local = Local::at(base, log(base, 500, 4_000, None), 500, at);
            let copy = calls.start_copy(engine, &encode(&local.segment), local.files.clone()).unwrap();
            let custom = loop {
                if let Some(custom) = calls.await_copy(copy, 100).unwrap() {
                    break custom;
                }
            };
            calls.drop_copy(copy).unwrap();
            (encode(&local.known(custom)), local.log)
        })
        .collect();
    let made = AtomicU64::new(0);
    let play = |until: u64, seed: u64| {
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let first_id = 100 + 50 * thread;
                let numbers = Numbers(seed + u64::from(thread));
                let (calls, segments, made) = (&calls, &segments, &made);
                let caller = Caller { calls, engine, segments, made, numbers, first_id, copies: 0 };
                scope.spawn(move || caller.run(until));
            }
        });
    };
    // Caches fill, allocators take what they keep.
    play(wanted / 5, 1);
    let before = Held::now();
    play(wanted, 2);
    let after = Held::now();
    println!("{} calls: {before:?}, then {after:?}", made.load(Ordering::Relaxed));
    assert!(made.load(Ordering::Relaxed) >= wanted);
    assert_eq!(calls.held(), [1, 0, 0], "engines, copies, streams");
    assert!(calls.slots_made().iter().all(|made| *made <= SLOTS), "{:?}", calls.slots_made());
    let grown = after.resident_bytes.saturating_sub(before.resident_bytes);
    assert!(grown <= growth_max, "resident memory grew by {grown} bytes, at most {growth_max} are allowed");
    assert!(after.files <= before.files + 8, "open files: {before:?}, then {after:?}");
    // Threads for blocking work come and go.
    assert!(after.threads <= before.threads + 40, "threads: {before:?}, then {after:?}");
    calls.close(engine).unwrap();
    assert_eq!(calls.held(), [0, 0, 0]);
}
