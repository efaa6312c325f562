//! What goes wrong around the sidecars: processes, store, network.

use std::sync::atomic::Ordering;
use std::time::Duration;

use firnline_store::RequestKind;
use firnline_store::sim::{Rule, SimFault, When};
use tokio::time::Instant;

use super::{History, NODES};
use crate::model::Kafka;
use crate::seams::{TWIN, UNTRUE};

const WRITES: &[RequestKind] = &[
    RequestKind::Put,
    RequestKind::Create,
    RequestKind::Update,
    RequestKind::Begin,
    RequestKind::Part,
    RequestKind::Complete,
    RequestKind::Delete,
];
const READS: &[RequestKind] = &[RequestKind::Get, RequestKind::Head];
const CONDITIONAL: &[RequestKind] = &[RequestKind::Create, RequestKind::Update];

pub(super) fn is_down(kafka: &Kafka, node: i32) -> bool {
    kafka.nodes.get(&node).is_none_or(|node| !node.alive)
}

impl History {
    /// One trouble begins, or one ends.
    pub(super) fn trouble(&mut self) {
        let menu = self.menu;
        let weight = |on: bool, weight: u64| if on { weight } else { 0 };
        let kind = self.dice.weighed(&[
            (1, 0),
            (weight(menu.crashes, 3), 1),
            (weight(menu.freezes, 2), 2),
            (weight(menu.store, 3), 3),
            (weight(menu.network, 3), 4),
            (weight(menu.twins, 1), 5),
            (weight(menu.bad_disks, 2), 6),
        ]);
        match kind {
            1 => self.crash(),
            2 => self.freeze(),
            3 => self.store_trouble(),
            4 => self.network_trouble(),
            5 => self.twin(),
            6 => self.disk_trouble(),
            _ => {}
        }
        for node in self.sidecars.missing(NODES) {
            if self.dice.one_in(2) {
                self.sidecars.start(node, &self.dice, &self.menu);
            }
        }
        if self.store_until.is_some_and(|until| until <= Instant::now()) {
            self.store_until = None;
            self.world.store.heal();
            self.world.trouble(false);
        }
        if self.disk_until.is_some_and(|until| until <= Instant::now()) {
            self.disk_until = None;
            self.world.disk_permille.store(0, Ordering::Relaxed);
        }
        if self.network_until.is_some_and(|until| until <= Instant::now()) {
            self.network_until = None;
            self.world.net.heal();
        }
    }

    pub(super) fn crash(&mut self) {
        let node = self.some_node();
        let awaits = self.dice.below(40);
        if awaits < 4 {
            self.sidecars.kill(node);
        } else {
            self.sidecars.kill_after(node, awaits);
        }
        self.outcome.fault("sidecar-killed");
        self.note(|| format!("the sidecar of {node} dies in {awaits} awaits"));
    }

    fn freeze(&mut self) {
        let node = self.some_node();
        let seconds =
            if self.dice.one_in(3) { self.dice.range(600..3 * 3600) } else { self.dice.range(5..600) };
        self.sidecars.freeze(node, Duration::from_secs(seconds));
        self.outcome.fault("sidecar-frozen");
        self.note(|| format!("the sidecar of {node} stands still for {seconds} s"));
    }

    fn disk_trouble(&mut self) {
        let (permille, seconds) = (20 + self.dice.below(400), self.dice.range(20..900));
        self.world.disk_permille.store(permille, Ordering::Relaxed);
        let until = Instant::now() + Duration::from_secs(seconds);
        self.disk_until = Some(self.disk_until.map_or(until, |known| known.max(until)));
        self.note(|| format!("disks: {permille} of a thousand looks fail for {seconds} s"));
    }

    fn twin(&mut self) {
        let node = self.some_node();
        // A lock in the log directory lets one run at a time. Where it does not hold, as between two machines that share a
        // directory by accident, the one knows nothing of what the other remembers, and of a deleted topic nobody can be asked.
        if self.menu.topics && !self.sidecars.missing(NODES).contains(&node) {
            return;
        }
        self.sidecars.start(node, &self.dice, &self.menu);
        self.world.net.meet(TWIN);
        self.note(|| format!("a second sidecar starts beside {node}"));
    }

    fn store_trouble(&mut self) {
        let (fault, kinds) = self.store_fault();
        let when = match self.dice.below(4) {
            0 => When::Nth(self.dice.below(12)),
            1 => When::First(1 + self.dice.below(4)),
            2 => When::PerMille(30 + self.dice.below(300)),
            _ if matches!(fault, SimFault::Late(_)) => When::PerMille(400),
            _ => When::Always,
        };
        let seconds = self.dice.range(20..900);
        self.note(|| format!("store: {fault:?} {when:?} for {seconds} s"));
        if matches!(fault, SimFault::TruncatedBody | SimFault::FlippedBit | SimFault::ShiftedRange) {
            self.world.net.meet(UNTRUE);
        }
        self.world.trouble(true);
        self.world.store.rule(Rule::new(fault, when).on(kinds));
        let until = Instant::now() + Duration::from_secs(seconds);
        self.store_until = Some(self.store_until.map_or(until, |known| known.max(until)));
        self.world.store.latency(Duration::ZERO..Duration::from_millis(self.dice.below(2_000)));
    }

    /// A fault and the requests that it may meet. Conditions are not ignored: a store that does is refused before.
    fn store_fault(&self) -> (SimFault, &'static [RequestKind]) {
        match self.dice.below(17) {
            0 => (SimFault::ServerError, &[]),
            1 => (SimFault::Overloaded, &[]),
            2 => (SimFault::Throttled(Duration::from_millis(300)), &[]),
            3 => (SimFault::Busy, CONDITIONAL),
            4 => (SimFault::LostAfter, WRITES),
            5 => (SimFault::LostAfter, CONDITIONAL),
            6 => (SimFault::LostBefore, &[]),
            7 => (SimFault::Unreachable, &[]),
            8 => (SimFault::Hang, &[]),
            9 => (SimFault::TruncatedBody, READS),
            10 => (SimFault::FlippedBit, READS),
            11 => (SimFault::ShiftedRange, READS),
            12 => (SimFault::Denied, WRITES),
            13 | 14 => (SimFault::Late(Duration::from_secs(self.dice.below(7_200))), WRITES),
            15 => (
                SimFault::StaleListing(1 + usize::try_from(self.dice.below(5)).unwrap_or(0)),
                &[RequestKind::List],
            ),
            _ => (SimFault::Slow(Duration::from_secs(20)), &[]),
        }
    }

    fn network_trouble(&mut self) {
        let seconds = self.dice.range(20..1200);
        let net = &self.world.net;
        let what = match self.dice.below(5) {
            0 => {
                net.lost_permille.store(100 + self.dice.below(800), Ordering::Relaxed);
                "answers are lost"
            }
            1 => {
                net.stale_permille.store(200 + self.dice.below(700), Ordering::Relaxed);
                "metadata are old"
            }
            2 => {
                net.denied.store(true, Ordering::Relaxed);
                "rights are taken away"
            }
            3 => {
                net.latency_ms.store(self.dice.below(9_000), Ordering::Relaxed);
                "brokers are slow"
            }
            _ => {
                net.cut_off(self.some_node(), true);
                "a sidecar is cut off"
            }
        };
        let until = Instant::now() + Duration::from_secs(seconds);
        self.network_until = Some(self.network_until.map_or(until, |known| known.max(until)));
        self.note(|| format!("network: {what} for {seconds} s"));
    }

    /// Which sidecars are undisturbed: what they do not bring then, they do not want to.
    pub(super) fn feel_calm(&self) {
        let kafka = self.world.kafka();
        let settled = |p: usize| {
            let partition = &kafka.partitions[p];
            !partition.exists || kafka.leader(p).is_some()
        };
        let calm = self.store_until.is_none()
            && self.network_until.is_none()
            && self.disk_until.is_none()
            && !self.world.ring.is_lost()
            && kafka.nodes.values().all(|node| node.alive)
            && (0..kafka.partitions.len()).all(settled);
        drop(kafka);
        for node in 1..=NODES {
            let works = calm && self.sidecars.works(node);
            self.world.watch.calm(node, works.then(|| self.world.now_ms()));
        }
    }
}
