//! One session: its partitions, and what their client was told of them.

use std::collections::BTreeMap;

use tokio::time::Instant;

use crate::serve::fetch::asked::{Ask, TopicKey};
use crate::serve::fetch::fill::{Filled, Got};
use crate::serve::fetch::plan::Plan;
use crate::serve::rights::Principal;

/// The longest name of a topic in a session: `NAME@ID` is shorter. Clients may send longer ones, and ask for them in full.
const NAME_BYTES: usize = 300;

/// A session.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) owner: Principal,
    /// Whether it names topics by their ids.
    pub(super) by_id: bool,
    /// The epoch of the fetch that is next.
    pub(super) epoch: i32,
    pub(super) used: Instant,
    partitions: BTreeMap<(TopicKey, i32), Partition>,
    /// How often a partition had records.
    turns: u64,
}

/// A partition of a session.
#[derive(Debug)]
struct Partition {
    offset: i64,
    max_bytes: usize,
    /// `None` where it has to be told whatever it is.
    told: Option<Bounds>,
    /// When it last had records. Those that had to wait longest are read first, so that none starves behind the limits of
    /// an answer.
    turn: u64,
}

/// What a client is told again when it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bounds {
    high_watermark: i64,
    log_start: i64,
}

/// The epoch after one.
pub(super) const fn next_epoch(epoch: i32) -> i32 {
    if epoch == i32::MAX { 1 } else { epoch + 1 }
}

impl Held {
    /// A session of a fetch that has been read.
    pub(super) fn new(owner: Principal, by_id: bool, plan: &Plan, got: &[Got]) -> Self {
        let mut session = Self {
            owner,
            by_id,
            epoch: next_epoch(0),
            used: Instant::now(),
            partitions: BTreeMap::new(),
            turns: 0,
        };
        for topic in &plan.topics {
            session.change(
                topic.wishes.iter().map(|wish| Ask {
                    topic: topic.key.clone(),
                    partition: wish.partition,
                    offset: wish.offset,
                    max_bytes: wish.max_bytes,
                }),
                &[],
            );
        }
        session.tell(plan, got);
        session
    }

    /// How many partitions it has.
    pub(super) fn len(&self) -> usize {
        self.partitions.len()
    }

    /// Whether each of its partitions is small enough to be kept.
    pub(super) fn fits(&self) -> bool {
        self.partitions.keys().all(|(topic, _)| topic.name().len() <= NAME_BYTES)
    }

    /// Adds partitions or sets where to begin in them, and forgets others.
    pub(super) fn change(&mut self, asks: impl IntoIterator<Item = Ask>, forgotten: &[(TopicKey, i32)]) {
        for Ask { topic, partition, offset, max_bytes } in asks {
            let held = self.partitions.entry((topic, partition));
            let held = held.or_insert(Partition { offset, max_bytes, told: None, turn: 0 });
            held.offset = offset;
            held.max_bytes = max_bytes;
        }
        for partition in forgotten {
            self.partitions.remove(partition);
        }
    }

    /// All its partitions, those first that had no records for longest.
    pub(super) fn asks(&self) -> Vec<Ask> {
        let mut partitions: Vec<_> = self.partitions.iter().collect();
        partitions.sort_by_key(|(_, held)| held.turn);
        let ask = |((topic, partition), held): (&(TopicKey, i32), &Partition)| Ask {
            topic: topic.clone(),
            partition: *partition,
            offset: held.offset,
            max_bytes: held.max_bytes,
        };
        partitions.into_iter().map(ask).collect()
    }

    /// For each wish of a plan whether its client has to hear of it; keeps that it did.
    pub(super) fn tell(&mut self, plan: &Plan, got: &[Got]) -> Vec<bool> {
        let mut got = got.iter();
        let mut told = Vec::with_capacity(got.len());
        for topic in &plan.topics {
            for wish in &topic.wishes {
                let key = (topic.key.clone(), wish.partition);
                let news = match (got.next(), self.partitions.get_mut(&key)) {
                    // An error is told each time, and what comes after it, too.
                    (Some(Got::Refused(_) | Got::Outside(_)), Some(held)) => {
                        held.told = None;
                        true
                    }
                    (Some(Got::Log(filled)), Some(held)) => {
                        let now = Some(Bounds::of(filled));
                        let news = filled.bytes > 0 || held.told != now;
                        held.told = now;
                        if filled.bytes > 0 {
                            self.turns += 1;
                            held.turn = self.turns;
                        }
                        news
                    }
                    // Nothing is known of it that could be told.
                    (Some(Got::Late) | None, _) | (_, None) => false,
                };
                told.push(news);
            }
        }
        told
    }
}

impl Bounds {
    fn of(filled: &Filled) -> Self {
        Self { high_watermark: filled.bounds.end.get(), log_start: filled.bounds.serving_start.get() }
    }
}
