//! Asking how far logs are committed, and remembering it for the bytes that are held.
//!
//! One question serves both: it goes to the leader with the epoch of a batch that is held here and that was below the high
//! watermark when that was told last. If the leader's log has that batch, too, all that is held below it was committed, and
//! that is what a witness says.

use std::cmp::Ordering;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;

use firnline_index::lineage::Lineage;
use firnline_index::log_source::SourceError;
use firnline_index::{LeaderEpoch, NodeId, Offset, OffsetRange, TopicIdPartition};
use firnline_logdir::MAX_OLDER_STRETCHES;
use tokio::time::Instant;

use crate::chain_of;
use crate::cluster::{AskError, Bound, BoundAsk, Leader};
use crate::host::{Stretch, Witness};
use crate::log::PartitionLog;
use crate::sidecar::core::Core;
use crate::sidecar::epochs::epochs_of;
use crate::sidecar::prove::before;
use crate::sidecar::settings::TopicPolicy;
use crate::sidecar::state::Slot;
use crate::sidecar::step::SidecarStep;
use crate::sidecar::topic::TopicPresence;
use crate::sidecar::view::Standing;
use crate::sidecar::wait::BoundReason;

/// Partitions asked for at once; the others of the round come after them, so that what grows all the time does not keep them
/// from being asked at all.
const ASKED_AT_ONCE: usize = 2_000;

/// Epochs below the last that a leader is asked for before a chain is remembered as its log.
const LOWER_EPOCHS: usize = 32;

/// What is held of a partition that is asked for.
struct Candidate {
    tip: TopicIdPartition,
    leader: Leader,
    log: Arc<dyn PartitionLog>,
    /// From where on the log is held.
    start: Offset,
    /// Everything that is held, the log and pins.
    held: Vec<OffsetRange>,
    /// Up to where it may be known to be committed.
    upto: Offset,
    known: Option<Witness>,
}

/// What was read of it.
#[derive(Clone)]
struct Read {
    upto: Offset,
    epoch: LeaderEpoch,
    lineage: Lineage,
    /// Whether the lineage is of all that is held, and not what was proven before and goes on.
    unproven: bool,
    /// Whether the leader's log has other records than are held right below the lineage.
    parted: bool,
}

/// What a leader vouches for, and under which epoch it leads.
struct Vouched<'a> {
    candidate: &'a Candidate,
    read: Read,
    leader: LeaderEpoch,
}

impl Read {
    /// Forgets what a leader that holds the record before `upto` and whose log begins at `bound.log_start` does not prove:
    /// what lies below there, and below where the epoch begins that wrote the record there (`prove` says why no further).
    fn forget_unproven(&mut self, bound: &Bound) {
        if self.unproven {
            self.lineage.forget_below(bound.log_start.min(before(self.upto).unwrap_or(self.upto)));
        }
    }

    /// The epochs below the last, each with where it ends, the highest first: what the leader must have, too, if a chain
    /// that was put together by names and epochs is its log. Of more than are asked for the lower ones are forgotten.
    fn lower_epochs(&mut self) -> Vec<(LeaderEpoch, Offset)> {
        if !self.unproven {
            return Vec::new();
        }
        let starts = self.lineage.starts();
        if let Some(lowest) = starts.len().checked_sub(LOWER_EPOCHS + 1).and_then(|at| starts.get(at)) {
            let from = lowest.start;
            self.lineage.forget_below(from);
        }
        self.lineage.starts().windows(2).rev().map(|pair| (pair[0].epoch, pair[1].start)).collect()
    }

    /// Takes what the leader told of a lower epoch that ends at `end` here: whether it may be remembered.
    fn take_lower(&mut self, epoch: LeaderEpoch, end: Offset, told: Result<Bound, AskError>) -> bool {
        let Ok(bound) = told else { return false };
        if !self.parted && !bound.vouches_for(epoch, end) {
            self.lineage.forget_below(end);
            self.parted = true;
        }
        true
    }

    /// What is proven, with what was known before, where the two are one history.
    fn proven(self, leader: LeaderEpoch, known: Option<&Witness>) -> Stretch {
        let Self { upto, mut lineage, unproven, parted, .. } = self;
        if unproven {
            // From the highest down: each may lead to the next.
            let mut older: Vec<&Stretch> = known.into_iter().flat_map(Witness::stretches).collect();
            older.sort_by_key(|stretch| std::cmp::Reverse(stretch.bound));
            for stretch in older {
                let from = lineage.first().map_or(upto, |first| first.start);
                if !(parted && stretch.bound == from) {
                    lineage = with_older(lineage, stretch, from);
                }
            }
        }
        Stretch { bound: upto, epoch: leader, lineage }
    }
}

impl Core {
    /// Asks the bounds of partitions that cannot go on without, of those whose tail is due, and, where `all`, of those that
    /// have grown.
    pub(super) async fn ask_bounds(&self, all: bool) {
        let mut after = None;
        loop {
            let candidates = self.candidates(all, after.as_ref());
            let Some(last) = candidates.last() else { return };
            after = Some(last.tip.clone());
            self.ask(candidates).await;
        }
    }

    async fn ask(&self, candidates: Vec<Candidate>) {
        let (candidates, read) = self
            .blocking(move || {
                let read: Vec<Option<Read>> =
                    candidates.iter().map(|candidate| candidate.read().ok().flatten()).collect();
                (candidates, read)
            })
            .await;
        self.before(SidecarStep::AskBounds).await;
        let ask = |(candidate, read): (&Candidate, &Option<Read>)| BoundAsk {
            tip: candidate.tip.clone(),
            leader: candidate.leader,
            epoch_end_of: read.as_ref().map(|read| read.epoch),
        };
        let asks: Vec<BoundAsk> = candidates.iter().zip(&read).map(ask).collect();
        let told = self.parts.cluster.bounds(&asks).await;
        let mut vouched = Vec::new();
        for ((candidate, read), told) in candidates.iter().zip(read).zip(told) {
            let told = self.take_bound(&candidate.tip, candidate.leader, told);
            if let Some((bound, mut read)) = told.zip(read)
                && bound.vouches_for(read.epoch, read.upto)
                && goes_forward(candidate, &read, &bound)
            {
                read.forget_unproven(&bound);
                vouched.push(Vouched { candidate, read, leader: bound.leader.epoch });
            }
        }
        let vouched = self.part(vouched).await;
        let witness = |Vouched { candidate, read, leader }: Vouched<'_>| {
            let newest = read.proven(leader, candidate.known.as_ref());
            let (tip, older) = (candidate.tip.clone(), candidate.still_needed_beside(&newest));
            Witness { tip, newest, older }
        };
        self.remember(vouched.into_iter().map(witness).collect()).await;
    }

    /// Asks the leaders of other machines' logs for each lower epoch of what they vouched for at its end, and keeps of it
    /// what is above the first that they do not have. One vouched record proves all below it in a broker's log; but the
    /// pins below the one here are joined to it by names and epochs, and may be of another history. What is not answered is
    /// for the next time.
    async fn part<'a>(&self, mut vouched: Vec<Vouched<'a>>) -> Vec<Vouched<'a>> {
        let mut asked = Vec::new();
        let mut asks = Vec::new();
        for (place, Vouched { candidate, read, .. }) in vouched.iter_mut().enumerate() {
            if candidate.leader.node == self.parts.node {
                continue;
            }
            for (epoch, end) in read.lower_epochs() {
                let (tip, leader) = (candidate.tip.clone(), candidate.leader);
                asked.push((place, epoch, end));
                asks.push(BoundAsk { tip, leader, epoch_end_of: Some(epoch) });
            }
        }
        if asks.is_empty() {
            return vouched;
        }
        let told = self.parts.cluster.bounds(&asks).await;
        let mut answered = vec![true; vouched.len()];
        for ((place, epoch, end), told) in asked.into_iter().zip(told) {
            answered[place] &= vouched[place].read.take_lower(epoch, end, told);
        }
        let mut answered = answered.into_iter();
        vouched.retain(|_| answered.next().unwrap_or_default());
        vouched
    }

    /// Notes what a leader told, or why it did not.
    pub(in crate::sidecar) fn take_bound(
        &self,
        tip: &TopicIdPartition,
        asked: Leader,
        told: Result<Bound, AskError>,
    ) -> Option<Bound> {
        let mut state = self.state();
        if matches!(told, Err(AskError::Fenced { .. } | AskError::Unknown)) {
            state.leaders_stale = true;
        }
        let slot = state.slots.get_mut(tip)?;
        if slot.leader != Some(asked) {
            return None;
        }
        match told {
            Ok(bound) => {
                // The first answer under an epoch tells up to where there is something to ask for; a second question at once
                // remembers it, before local retention takes what the epochs before wrote.
                slot.wants_bound = slot.bound.is_none();
                if slot.bound != Some(bound) {
                    slot.dirty = true;
                }
                // One more question remembers what has been committed meanwhile.
                slot.grown =
                    slot.witness.as_ref().is_none_or(|witness| witness.newest.bound < bound.high_watermark);
                slot.bound = Some(bound);
                slot.bound_error = None;
                slot.expose(false, Instant::now());
                Some(bound)
            }
            Err(error) => {
                let text: Arc<str> = chain_of(&error).into();
                // A broker that does not know of the election yet is asked again at once, one that does not answer is not.
                slot.wants_bound = slot.bound.is_none() && matches!(error, AskError::Fenced { .. });
                slot.bound_error = Some(match error {
                    AskError::Denied { .. } => BoundReason::Denied(text),
                    AskError::Fenced { .. } | AskError::Unknown | AskError::Unavailable(_) => {
                        BoundReason::Unavailable(text)
                    }
                });
                slot.dirty = true;
                None
            }
        }
    }

    /// The next of them behind `after`, in order.
    fn candidates(&self, all: bool, after: Option<&TopicIdPartition>) -> Vec<Candidate> {
        let settings = self.settings();
        let state = self.state();
        let behind = after.map_or(Unbounded, Excluded);
        let mut found = Vec::new();
        for (tip, slot) in state.slots.range::<TopicIdPartition, _>((behind, Unbounded)) {
            let Some(topic) = state.topics.get(&tip.topic_id) else { continue };
            let on = topic.presence == TopicPresence::Known
                && topic.standing(settings.internal_topics) == Standing::On;
            let due = || all || slot.tail_is_due(self.parts.node, &topic.policy);
            if on && (slot.wants_bound || (slot.grown && due())) {
                found.extend(Candidate::of(tip, slot));
            }
            if found.len() == ASKED_AT_ONCE {
                break;
            }
        }
        found
    }
}

impl Slot {
    /// Whether what is still written is to go up now: as far as it is committed now, and not as it was told some time ago.
    fn tail_is_due(&self, node: NodeId, policy: &TopicPolicy) -> bool {
        self.leader.is_some_and(|leader| leader.node == node)
            && policy
                .tail_interval
                .is_some_and(|interval| self.committed_at.is_none_or(|at| at.elapsed() >= interval))
    }
}

impl Candidate {
    fn of(tip: &TopicIdPartition, slot: &Slot) -> Option<Self> {
        let leader = slot.leader?;
        let chain = slot.held.chains.iter().find(|chain| chain.is_log).or(slot.held.chains.first())?;
        // What this leader, or one before it, told committed last; at first, what is sealed.
        let upto = slot.bound.map_or(chain.sealed_end, |bound| bound.high_watermark);
        Some(Self {
            tip: tip.clone(),
            leader,
            log: Arc::clone(&chain.log),
            start: chain.start,
            held: slot
                .held
                .chains
                .iter()
                .filter_map(|chain| OffsetRange::new(chain.start, chain.sealed_end).ok())
                .collect(),
            upto,
            known: slot.witness.clone(),
        })
    }

    /// What was known before, does not join `newest`, and speaks of something that is still held: a stretch that was told of
    /// too late to join the one before, or a history that an election cut, whose pins are to be kept by name.
    fn still_needed_beside(&self, newest: &Stretch) -> Vec<Stretch> {
        let known = self.known.iter().flat_map(Witness::stretches);
        let held = |range: OffsetRange| self.held.iter().any(|held| held.overlaps(range));
        let mut needed: Vec<Stretch> = known
            .filter(|stretch| !newest.holds(stretch) && stretch.range().is_some_and(held))
            .cloned()
            .collect();
        // Where there are too many, the lowest are what the tier needs next.
        needed.sort_by_key(|stretch| stretch.lineage.first().map(|first| first.start));
        needed.truncate(MAX_OLDER_STRETCHES);
        needed.sort_by_key(|stretch| std::cmp::Reverse((stretch.epoch, stretch.bound)));
        needed
    }

    /// Reads which epochs wrote what is held. Blocks; three small reads where no epoch is new.
    fn read(&self) -> Result<Option<Read>, SourceError> {
        let Some(epoch) = self.log.epoch_before(self.upto)? else { return Ok(None) };
        let goes_on = |known: &&Stretch| {
            // Another leader's log may reach further down, and prove more.
            let all = known.lineage.first().is_some_and(|first| first.start <= self.start);
            known.bound <= self.upto
                && known.lineage.last().is_some_and(|last| last.epoch == epoch)
                && (all || known.epoch == self.leader.epoch)
        };
        let (upto, known) = (self.upto, self.known.as_ref().map(|known| &known.newest).filter(goes_on));
        if let Some(known) = known {
            return Ok(Some(Read {
                upto,
                epoch,
                lineage: known.lineage.clone(),
                unproven: false,
                parted: false,
            }));
        }
        let read = epochs_of(&*self.log, self.start, upto)?;
        Ok(read.map(|lineage| Read { upto, epoch, lineage, unproven: true, parted: false }))
    }
}

/// What is proven from `start` on, with what was known before of what lies below and is not proven by this leader, or held
/// no more: pins of it may be, and whatever continues the tier there is to be told by it. Only where the two are surely one
/// history: the same epoch wrote the first record of the newer, and that was committed when the older was remembered.
fn with_older(read: Lineage, known: &Stretch, start: Offset) -> Lineage {
    if known.bound < start || known.lineage.first().is_none_or(|first| first.start >= start) {
        return read;
    }
    if known.bound == start {
        // The log was emptied up to there by retention. Nothing is shared, but nothing lies between either; all of what was
        // known was committed, and this log held it.
        let mut whole = known.lineage.clone();
        whole.truncate_to(start);
        return whole.extend(read.starts()).map_or(read, |()| whole);
    }
    let Some(epoch) = read.epoch_at(start).filter(|epoch| known.lineage.epoch_at(start) == Some(*epoch))
    else {
        return read;
    };
    let mut whole = known.lineage.clone();
    let later: Vec<_> = read.starts().iter().filter(|later| later.epoch > epoch).copied().collect();
    let first_later = later.first().map_or(Offset::MAX, |later| later.start);
    whole.truncate_to(first_later);
    let newest = whole.last().map(|last| last.epoch);
    match whole.extend(&later) {
        Ok(()) if newest == Some(epoch) => whole,
        _ => read,
    }
}

/// A witness only goes forward. A later leader's lower bound becomes the newest only where the log held here is no longer the
/// one that the higher one spoke of.
fn goes_forward(candidate: &Candidate, read: &Read, bound: &Bound) -> bool {
    let Some(known) = candidate.known.as_ref().map(|known| &known.newest) else { return true };
    let last = before(read.upto);
    let same = last.and_then(|last| known.lineage.epoch_at(last)) == Some(read.epoch);
    match bound.leader.epoch.cmp(&known.epoch) {
        Ordering::Less => false,
        Ordering::Equal => read.upto > known.bound,
        Ordering::Greater => read.upto > known.bound || !same,
    }
}

#[cfg(test)]
mod tests {
    use firnline_index::lineage::EpochStart;

    use super::*;

    fn offset(n: i64) -> Offset {
        Offset::new(n).unwrap()
    }

    fn lineage(starts: &[(i32, i64)]) -> Lineage {
        let start = |(epoch, start): &(i32, i64)| EpochStart {
            epoch: LeaderEpoch::new(*epoch).unwrap(),
            start: offset(*start),
        };
        Lineage::new(starts.iter().map(start).collect()).unwrap()
    }

    fn known(bound: i64, starts: &[(i32, i64)]) -> Stretch {
        Stretch { bound: offset(bound), epoch: LeaderEpoch::new(9).unwrap(), lineage: lineage(starts) }
    }

    #[test]
    fn what_was_known_of_records_held_no_more_stays_known_while_the_history_is_the_same() {
        let held = || lineage(&[(3, 50), (5, 80)]);
        let older = known(60, &[(1, 0), (3, 40)]);
        assert_eq!(with_older(held(), &older, offset(50)), lineage(&[(1, 0), (3, 40), (5, 80)]));
        let ended_there = known(50, &[(1, 0), (2, 40)]);
        assert_eq!(
            with_older(held(), &ended_there, offset(50)),
            lineage(&[(1, 0), (2, 40), (3, 50), (5, 80)]),
            "a log that retention has emptied goes on under another leader"
        );
        let ended_below = known(49, &[(1, 0), (3, 40)]);
        assert_eq!(with_older(held(), &ended_below, offset(50)), held(), "what lay between is not known");
        let other = known(60, &[(1, 0), (2, 40)]);
        assert_eq!(with_older(held(), &other, offset(50)), held(), "another history");
        let rewritten = known(90, &[(1, 0), (3, 40), (4, 70)]);
        assert_eq!(
            with_older(held(), &rewritten, offset(50)),
            held(),
            "the older knew other records above what is shared; which of them were below its bound is left open"
        );
    }
}
