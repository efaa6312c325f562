//! What goes wrong in a history.

use std::sync::Mutex;
use std::time::Duration;

use firnline_store::RequestKind;
use firnline_store::env::{RandomExt, SeededRandom};
use firnline_store::sim::{Rule, SimFault, Simulation, When};
use firnline_tier::{FaultPoint, Step};
use futures::future::BoxFuture;
use tokio::sync::Notify;

const WRITES: &[RequestKind] = &[
    RequestKind::Put,
    RequestKind::Create,
    RequestKind::Update,
    RequestKind::Begin,
    RequestKind::Part,
    RequestKind::Complete,
];
const READS: &[RequestKind] = &[RequestKind::Get, RequestKind::Head];

/// A fault and the requests that it may meet. Conditions are not ignored here: a store that does is refused before.
fn some_fault(random: &SeededRandom) -> (SimFault, &'static [RequestKind]) {
    match random.below(14) {
        0 => (SimFault::ServerError, &[]),
        1 => (SimFault::Overloaded, &[]),
        2 => (SimFault::Throttled(Duration::from_millis(300)), &[]),
        3 => (SimFault::Busy, &[RequestKind::Create, RequestKind::Update]),
        4 | 5 => (SimFault::LostAfter, WRITES),
        6 => (SimFault::LostBefore, &[]),
        7 => (SimFault::Unreachable, &[]),
        8 => (SimFault::Hang, &[]),
        9 => (SimFault::TruncatedBody, READS),
        10 => (SimFault::FlippedBit, READS),
        11 => (SimFault::ShiftedRange, READS),
        12 => (SimFault::Denied, WRITES),
        _ => (SimFault::Slow(Duration::from_secs(20)), &[]),
    }
}

/// Gives the store latency and up to four kinds of faults.
pub(crate) fn trouble(sim: &Simulation, random: &SeededRandom) {
    sim.latency(Duration::from_millis(1)..Duration::from_millis(2 + random.below(200)));
    for _ in 0..random.below(5) {
        let (fault, kinds) = some_fault(random);
        let when = match random.below(3) {
            0 => When::Nth(random.below(30)),
            1 => When::First(1 + random.below(3)),
            _ => When::PerMille(10 + random.below(150)),
        };
        sim.rule(Rule::new(fault, when).on(kinds));
    }
    // A process that dies with a request half done.
    if random.below(4) == 0 {
        let fault = if random.below(2) == 0 { SimFault::DieAfter } else { SimFault::DieBefore };
        sim.rule(Rule::new(fault, When::Nth(random.below(60))).on(WRITES));
    }
}

/// Dies before a step chosen by its number, whatever step that is.
#[derive(Debug)]
pub(crate) struct DieAtStep {
    left: Mutex<Option<u64>>,
    died: Notify,
}

impl DieAtStep {
    pub(crate) fn new(after: Option<u64>) -> Self {
        Self { left: Mutex::new(after), died: Notify::new() }
    }

    /// Returns once the process has died.
    pub(crate) async fn died(&self) {
        self.died.notified().await;
    }
}

impl FaultPoint for DieAtStep {
    fn before(&self, _step: Step) -> BoxFuture<'_, ()> {
        let mut left = self.left.lock().unwrap();
        match left.as_mut() {
            Some(0) => {
                self.died.notify_one();
                Box::pin(std::future::pending())
            }
            Some(n) => {
                *n -= 1;
                Box::pin(std::future::ready(()))
            }
            None => Box::pin(std::future::ready(())),
        }
    }
}
