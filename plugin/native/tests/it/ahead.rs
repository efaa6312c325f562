//! What a broker reads on with is there before it asks: over its fetches, each of which is a stream of its own, and over the
//! ends of segments, of which it names one at a time.

use std::time::Duration;

use firnline_plugin::engine::{Engine, EngineSettings, IndexType, Segment};
use firnline_store::sim::{Rule, SimFault, When};
use firnline_store::{RequestKind, RequestOutcome, Store};
use firnline_tier::TierSettings;

use crate::support::*;

const MIB: u64 = 1 << 20;
const BATCHES: u16 = 24 * 64;

/// Blocks of 64 KiB.
fn blocks() -> EngineSettings {
    let settings = settings();
    EngineSettings { tier: TierSettings { block_bytes: 64 << 10, ..settings.tier }, ..settings }
}

/// Segments of 24 MiB, one behind the other, as the broker knows them, and their bytes.
struct Chain {
    world: World,
    locals: Vec<Local>,
    segments: Vec<Segment>,
}

impl Chain {
    /// Copied by a broker that has gone, which has written down what it did.
    fn of(length: u8) -> Self {
        let world = World::new();
        let locals: Vec<_> = (0..length).map(segment).collect();
        let engine = Engine::open(world.parts(), blocks()).unwrap();
        let segments = locals.iter().map(|local| local.known(copy(&engine, local).unwrap())).collect();
        engine.close();
        Self { world, locals, segments }
    }

    fn reader(&self) -> (Engine, Store) {
        let parts = self.world.parts();
        let store = parts.store.clone();
        (Engine::open(parts, blocks()).unwrap(), store)
    }

    fn bytes(&self) -> u64 {
        self.locals.iter().map(|local| local.log.len() as u64).sum()
    }
}

/// The segment with this place in a chain.
fn segment(at: u8) -> Local {
    let base = 1_000 + i64::from(at) * i64::from(BATCHES);
    Local::at(base, log(base, BATCHES.into(), 16_000, None), i64::from(BATCHES), 20 + at)
}

/// Reads for a consumer as a broker does: the indexes where it comes to a segment, then a stream for each fetch, from an entry
/// of the offset index on, which lies somewhat before the place where the last one ended.
struct Consumer {
    segment: usize,
    position: u64,
    takes: usize,
}

impl Consumer {
    fn taking(takes: usize) -> Self {
        Self { segment: 0, position: 0, takes }
    }

    /// One fetch. False: everything is read.
    fn fetch(&mut self, engine: &Engine, locals: &[Local], segments: &[Segment]) -> bool {
        let Some(segment) = segments.get(self.segment) else { return false };
        let log = &locals[self.segment].log;
        if self.position == 0 {
            for of_type in [IndexType::Offset, IndexType::Timestamp, IndexType::Transaction] {
                engine.index(segment, of_type).unwrap();
            }
        }
        let stream = engine.fetch(segment, u32::try_from(self.position).unwrap(), None).unwrap();
        let mut got = Vec::new();
        while got.len() < self.takes
            && let Some(piece) = stream.read(self.takes - got.len()).unwrap()
        {
            got.extend_from_slice(&piece);
        }
        let at = usize::try_from(self.position).unwrap();
        assert!(got == log[at..log.len().min(at + self.takes)], "other bytes at {at}");
        let end = self.position + got.len() as u64;
        (self.segment, self.position) =
            if end == log.len() as u64 { (self.segment + 1, 0) } else { (self.segment, end - 5_000) };
        true
    }
}

fn gets(store: &Store) -> u64 {
    store.counters().of(RequestKind::Get)
}

/// What reading so many bytes in order may cost: an end and a first read a segment, and few long requests.
fn enough(bytes: u64, segments: u64) -> u64 {
    bytes * 13 / 10 / (8 * MIB) + 2 * segments + 3
}

/// Until the store is not asked for anything any more.
fn settle(store: &Store) {
    let mut before = store.counters().total();
    for _ in 0..1_000 {
        std::thread::sleep(Duration::from_millis(50));
        let now = store.counters().total();
        if now == before {
            return;
        }
        before = now;
    }
    panic!("the store is asked for more and more");
}

#[test]
fn segments_that_are_read_in_order_cost_few_long_requests() {
    let chain = Chain::of(3);
    for takes in [MIB, 64 << 10] {
        let (engine, store) = chain.reader();
        let before = gets(&store);
        let mut consumer = Consumer::taking(usize::try_from(takes).unwrap());
        while consumer.fetch(&engine, &chain.locals, &chain.segments) {}
        settle(&store);
        let (asked, enough) = (gets(&store) - before, enough(chain.bytes(), 3));
        assert!(asked <= enough, "{asked} requests where {enough} are enough, {takes} bytes a fetch");
        let came = store.counters().bytes_in;
        assert!(came < chain.bytes() + chain.bytes() / 50, "{came} bytes for {}", chain.bytes());
    }
}

#[test]
fn two_who_read_one_partition_share_what_comes() {
    let chain = Chain::of(2);
    let (engine, store) = chain.reader();
    let before = gets(&store);
    let mut first = Consumer::taking(1 << 20);
    let mut second = Consumer::taking(1 << 20);
    for _ in 0..3 {
        first.fetch(&engine, &chain.locals, &chain.segments);
    }
    while first.fetch(&engine, &chain.locals, &chain.segments)
        | second.fetch(&engine, &chain.locals, &chain.segments)
    {}
    settle(&store);
    let (asked, enough) = (gets(&store) - before, enough(chain.bytes(), 2));
    assert!(asked <= enough, "{asked} requests where {enough} are enough");
    let came = store.counters().bytes_in;
    assert!(came < chain.bytes() + chain.bytes() / 50, "{came} bytes for {}", chain.bytes());
}

#[test]
fn a_border_is_passed_without_waiting_for_the_store() {
    let chain = Chain::of(2);
    let (engine, store) = chain.reader();
    let mut consumer = Consumer::taking(1 << 20);
    while consumer.segment == 0 {
        consumer.fetch(&engine, &chain.locals, &chain.segments);
    }
    settle(&store);
    chain.world.sim.rule(Rule::new(SimFault::Hang, When::Always));
    assert!(consumer.fetch(&engine, &chain.locals, &chain.segments));
    chain.world.sim.heal();
}

/// The manifest names another segment than the broker does, or one that is gone.
#[test]
fn a_wrong_guess_costs_little_and_is_never_served() {
    for gone in [true, false] {
        let chain = Chain::of(2);
        let guessed = &chain.locals[1];
        // What the broker goes on with: other bytes from the same offset on, of which no manifest tells.
        let base = guessed.segment.range.start().get();
        let real = Local::at(base, log(base, BATCHES.into(), 15_000, None), i64::from(BATCHES), 99);
        let engine = Engine::open(chain.world.parts(), blocks()).unwrap();
        let segments = [chain.segments[0].clone(), real.known(copy(&engine, &real).unwrap())];
        drop(engine);
        if gone {
            chain.world.sim.lose(&guessed.key());
        }
        let locals = [segment(0), real];
        let (engine, store) = chain.reader();
        let before = store.counters();
        let mut consumer = Consumer::taking(1 << 20);
        while consumer.fetch(&engine, &locals, &segments) {}
        settle(&store);
        let spent = store.counters().since(&before);
        let bytes: u64 = locals.iter().map(|local| local.log.len() as u64).sum();
        let in_vain = spent.with_outcome(RequestKind::Get, RequestOutcome::Absent);
        assert_eq!(in_vain, u64::from(gone), "one request for its end, and no more");
        assert!(spent.of(RequestKind::Get) <= enough(bytes, 2) + 2, "{}", spent.of(RequestKind::Get));
        let most = bytes + bytes / 50 + if gone { 0 } else { 2 * MIB };
        assert!(spent.bytes_in < most, "{} bytes for {bytes}", spent.bytes_in);
    }
}
