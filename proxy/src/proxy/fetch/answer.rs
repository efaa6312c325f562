//! An answer that is held: read, patched, filled, put together.
//!
//! With records of the broker in it nothing is waited for: what the reader has in memory goes along, the rest is read after
//! the answer has gone. Without any, reads are waited for as long as the client would wait, and at most half a second; they
//! go on behind it.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use firnline_index::{Offset, TopicIdPartition};
use firnline_reader::{Isolation, Sight};
use tokio::time::{Instant, sleep_until};

use super::bounds::{bounds_of, empty_bounds};
use super::guard::{Tally, report, would_be_false};
use super::judge::{Judged, judge};
use super::leader::{Ends, Leader};
use super::look::{Asked, refused};
use super::outcome::{Beside, Told, told};
use super::refusals::Refusals;
use super::seam::note_held_up;
use crate::proxy::addresses::{self, Doors};
use crate::proxy::ended::Ended;
use crate::proxy::shares::{Share, Taken};
use crate::proxy::tier::{Marks, Place, Tier, Tiered};
use crate::serve::failure::in_fetch;
use crate::serve::fetch::{
    Filled, Got, Outside, PATIENCE, Plan, TopicKey, TopicPlan, Wish, fill_held, gather, is_too_new, isolation,
};
use crate::serve::kafka_error::KafkaError;
use crate::wire::messages::fetch::{
    AbortedTransaction, FetchFront, FetchRequest, FetchResponse, PartitionData,
};
use crate::wire::{
    Api, At, Frame, List, RequestHeader, Splice, fragment, read_request, read_response, response_correlation,
    splice,
};

/// How long an answer waits for cold partitions where there are hot ones beside them that have nothing new.
pub(crate) const BESIDE_HOT: Duration = Duration::from_millis(100);

/// Memory that is set aside before anything of the tier is read for an answer: about a batch, which passes whatever the limits say.
pub(crate) const ROOM_LEAST: u64 = 1 << 20;

/// An answer to be sent, and what it was made with.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) frame: Frame,
    /// What the broker said of the whole.
    pub(crate) front: FetchFront,
    /// What is to be read once it has gone.
    pub(crate) later: Vec<Later>,
    /// What came of it.
    pub(crate) tally: Tally,
    _held: [Option<Taken>; 2],
}

/// What an answer may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room<'a> {
    /// For what is filled.
    pub(crate) memory: &'a Share,
    /// Bytes of the tier; with none nothing is read.
    pub(crate) cold_bytes: usize,
    /// It moves on from answer to answer, so that no partition is always the last to get room.
    pub(crate) turn: usize,
}

/// What was told on this connection before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ToldBefore<'a> {
    /// Where logs end, as it was asked ahead.
    pub(crate) ends: &'a Ends,
    /// What was refused.
    pub(crate) refusals: &'a Refusals,
}

/// A partition that was not waited for.
#[derive(Debug)]
pub(crate) struct Later {
    pub(crate) tiered: Arc<Tiered>,
    pub(crate) tip: TopicIdPartition,
    pub(crate) offset: i64,
    pub(crate) max_bytes: usize,
    pub(crate) sight: Sight,
}

/// An entry that is not passed as it is.
pub(super) struct Cold {
    /// Which one, counted from the front of the answer.
    pub(super) entry: usize,
    pub(super) tiered: Arc<Tiered>,
    pub(super) tip: TopicIdPartition,
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) max_bytes: usize,
    pub(super) told: Told,
    pub(super) leader: Leader,
    /// It would have been told as out of range, falsely.
    pub(super) is_held_back: bool,
}

impl Cold {
    fn place(&self) -> Place {
        self.tiered.place(self.partition).map(|place| *place.lock()).unwrap_or_default()
    }
}

/// What a client asked, as far as it is needed to the end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) version: i16,
    isolation: Isolation,
    max_wait: Duration,
}

/// Makes of the broker's answer, its length cut off, the one that the client gets.
pub(crate) async fn answer(
    mut frame: BytesMut,
    version: i16,
    asked: &mut Asked,
    before: ToldBefore<'_>,
    tier: &Tier,
    doors: &impl Doors,
    room: Room<'_>,
) -> Result<Answered, Ended> {
    let began = Instant::now();
    let Asked { frame: request, session, .. } = asked;
    let (header, body) = RequestHeader::read(request)?;
    let request: FetchRequest<'_> = read_request(&header, body)?;
    let terms = Terms {
        version,
        isolation: isolation(request.isolation_level),
        max_wait: Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0)).min(PATIENCE),
    };
    let front = FetchFront::read(&frame, version)?;
    let Some(judged) = judge(&frame, &request, session.as_mut(), before, tier, terms)? else {
        *session = None;
        let error = KafkaError::FetchSessionIdNotFound;
        let frame = refused(error, version, response_correlation(&frame)?)?;
        return Ok(Answered {
            frame,
            front,
            later: Vec::new(),
            tally: Tally::default(),
            _held: [None, None],
        });
    };
    let Judged { patches, mut cold, mut looks, broker_bytes, out_of_range, has_hot, unfamiliar } = judged;
    let has_hot = has_hot || session.as_ref().is_some_and(|session| session.partitions() > cold.len());
    // A hot partition beside cold ones has nothing now, and may have something at any moment.
    let patience = if has_hot { terms.max_wait.min(BESIDE_HOT) } else { terms.max_wait };
    patches.apply(&mut frame)?;
    let frame = frame.freeze();
    let unproven = if asked.unproven.is_some() { looks.len() as u64 } else { 0 };
    if unproven > 0 {
        // Not as out of range: it would be false, and make clients pass over what is there.
        for at in looks.drain(..) {
            cold[at].told = Told::Failed(KafkaError::TopicAuthorizationFailed);
        }
    }
    let throttled = if room.cold_bytes == 0 { std::mem::take(&mut looks).len() as u64 } else { 0 };
    let (mut later, mut held) = (Vec::new(), None);
    if !looks.is_empty() {
        let rest = asked.max_bytes.saturating_sub(broker_bytes).min(room.cold_bytes);
        held = room.memory.try_take_some(rest as u64, ROOM_LEAST);
        let memory = held.as_ref().map_or(0, |held| usize::try_from(held.bytes()).unwrap_or(usize::MAX));
        let rest = rest.min(memory);
        if broker_bytes > 0 || held.is_none() {
            // What there is no memory for is asked for again, and read meanwhile.
            later = from_memory(&mut cold, &looks, tier, terms, rest, room.turn);
        } else {
            let deadline = began + patience;
            wait_for(&mut cold, &looks, tier, terms, rest, room.turn, deadline).await;
        }
    }
    let filled = filled_bytes(&cold);
    // One batch may be larger than all that was set aside: it passes.
    let more =
        held.as_ref().and_then(|held| (filled as u64).checked_sub(held.bytes()).filter(|more| *more > 0));
    let more = more.and_then(|more| room.memory.try_take(more));
    if let Some(held) = &mut held {
        held.shrink_to(filled as u64);
    }
    if broker_bytes + filled == 0 && is_worth_waiting(&cold, unfamiliar) && !has_news(&cold, terms) {
        // An answer that comes at once and has nothing is asked for again at once.
        sleep_until(began + patience).await;
    }
    let tally = Tally { out_of_range, unproven, throttled, empty: unfamiliar, ..Tally::default() };
    let tally = cold.iter().fold(tally, |tally, one| one.count(tally));
    let frame = put_together(&frame, cold, terms, doors)?;
    Ok(Answered { frame, front, later, tally, _held: [held, more] })
}

/// Fills what is in memory, and gives what is not. Makes no request.
fn from_memory(
    cold: &mut [Cold],
    looks: &[usize],
    tier: &Tier,
    terms: Terms,
    mut rest: usize,
    turn: usize,
) -> Vec<Later> {
    let mut later = Vec::new();
    for at in turned(looks, turn) {
        let one = &mut cold[at];
        let room = one.max_bytes.min(rest);
        let sight = one.sight(terms);
        let filled = fill_held(&tier.logs, &one.tip, one.offset, room, &sight).filter(|_| room > 0);
        match filled {
            Some(filled) => {
                rest -= filled.bytes;
                one.settle(Got::Log(filled), tier, terms);
            }
            None => {
                let (tiered, tip) = (Arc::clone(&one.tiered), one.tip.clone());
                let (offset, max_bytes) = (one.offset, one.max_bytes);
                later.push(Later { tiered, tip, offset, max_bytes, sight });
            }
        }
    }
    later
}

/// Asks the reader for all of them at once, until `deadline`.
async fn wait_for(
    cold: &mut [Cold],
    looks: &[usize],
    tier: &Tier,
    terms: Terms,
    rest: usize,
    turn: usize,
    deadline: Instant,
) {
    let order: Vec<usize> = turned(looks, turn).collect();
    let wish = |at: &usize| {
        let one = &cold[*at];
        Wish {
            partition: one.partition,
            target: Ok(one.tip.clone()),
            offset: one.offset,
            max_bytes: one.max_bytes,
            decided: one.sight(terms).decided,
        }
    };
    let topic = TopicPlan { key: TopicKey::Id([0; 16]), wishes: order.iter().map(wish).collect() };
    let plan = Plan {
        topics: vec![topic],
        isolation: terms.isolation,
        max_bytes: rest,
        min_bytes: 1,
        max_wait: terms.max_wait,
    };
    let got = gather(&tier.logs, &plan, deadline).await;
    for (at, got) in order.into_iter().zip(got) {
        cold[at].settle(got, tier, terms);
    }
}

/// The same in an order that begins elsewhere each time.
fn turned(looks: &[usize], turn: usize) -> impl Iterator<Item = usize> {
    let first = turn.checked_rem(looks.len()).unwrap_or(0);
    looks[first..].iter().chain(&looks[..first]).copied().collect::<Vec<_>>().into_iter()
}

impl Cold {
    /// What the client may see of it.
    fn sight(&self, terms: Terms) -> Sight {
        let isolation = terms.isolation;
        let place = self.tiered.place(self.partition).filter(|_| isolation == Isolation::ReadCommitted);
        Sight { isolation, decided: place.and_then(|place| place.seam().decided()) }
    }

    /// Nothing of the partition is in the tier yet.
    fn wait_for_first(&self, place: &mut Place) -> Duration {
        let is_first = !place.is_awaited();
        let awaited = place.note_awaited(self.offset);
        if is_first {
            tracing::warn!(topic = %self.tiered.topic.name, partition = self.partition, offset = self.offset,
                "a broker has lost an offset of a partition of which nothing is in the tier yet; its reader waits");
        }
        awaited
    }

    /// Decides what is told, and notes what was learned.
    fn settle(&mut self, got: Got, tier: &Tier, terms: Terms) {
        let place = self.place();
        // What was read may be older than what is known of absence by now: an end of 0 is no start of 0 to be told.
        let is_nothing = matches!(&got, Got::Log(Filled { bounds, .. }) if bounds.end == Offset::ZERO);
        let (is_absent, mut awaited) = (is_nothing || tier.logs.is_absent(&self.tip), None);
        if let Some(lock) = self.tiered.place(self.partition) {
            match &got {
                _ if is_absent => awaited = Some(self.wait_for_first(&mut lock.lock())),
                Got::Log(Filled { bounds, .. }) => lock.lock().note_marks(Marks::of_bounds(*bounds)),
                _ => {}
            }
        }
        note_held_up(tier, &self.tiered, &self.tip, self.offset, terms.isolation, &got);
        let (leaders_end, is_held) = (place.leaders_end(), place.is_held());
        let beside = Beside { leader: self.leader, leaders_end, awaited, is_held };
        // The manifest was asked for after the question: what it does not have is not there, whatever was known before.
        let is_sure = matches!(got, Got::Outside(Outside::Below | Outside::Gap));
        self.told = match told(got, self.offset, beside) {
            Told::AsIs if !is_sure && would_be_false(&place, self.offset, self.leader) => {
                report(&self.tiered.topic.name, self.partition, self.offset);
                self.is_held_back = true;
                Told::Empty
            }
            Told::Filled(filled) if is_too_new(&filled.chunks, terms.version) => {
                Told::Failed(KafkaError::UnsupportedCompressionType)
            }
            told => told,
        };
    }
}

impl Cold {
    /// Adds what came of it.
    fn count(&self, mut tally: Tally) -> Tally {
        tally.held_back += u64::from(self.is_held_back);
        match &self.told {
            Told::AsIs => tally.out_of_range += 1,
            Told::Empty => tally.empty += 1,
            Told::Failed(_) => tally.failed += 1,
            Told::Filled(filled) => {
                tally.filled += 1;
                tally.bytes += filled.bytes as u64;
            }
        }
        tally
    }
}

fn filled_bytes(cold: &[Cold]) -> usize {
    cold.iter().map(|one| if let Told::Filled(filled) = &one.told { filled.bytes } else { 0 }).sum()
}

/// Whether an answer without records is held back: not where it tells the client something to act upon.
fn is_worth_waiting(cold: &[Cold], unfamiliar: u64) -> bool {
    let waits = |told: &Told| matches!(told, Told::Empty | Told::Failed(KafkaError::KafkaStorageError));
    (unfamiliar > 0 || !cold.is_empty()) && cold.iter().all(|one| waits(&one.told))
}

/// Whether the next fetch of this reader will know more.
fn has_news(cold: &[Cold], terms: Terms) -> bool {
    let of = |one: &Cold| one.tiered.place(one.partition).is_some_and(|place| place.seam().take_news());
    let is_to_be_asked = |one: &Cold| {
        one.leader == Leader::NotAsked && one.place().leaders_end().is_none_or(|end| one.offset >= end)
    };
    cold.iter().any(is_to_be_asked) || (terms.isolation == Isolation::ReadCommitted && cold.iter().any(of))
}

/// The broker's answer with other entries and addresses in it.
fn put_together(frame: &Bytes, cold: Vec<Cold>, terms: Terms, doors: &impl Doors) -> Result<Frame, Ended> {
    let version = terms.version;
    let answer: FetchResponse<'_> = read_response(frame, version)?;
    let mut splices = addresses::in_fetch(&answer, version, doors)?;
    let (mut cold, mut entry) = (cold.into_iter().peekable(), 0);
    for topic in &answer.responses {
        if cold.peek().is_none() {
            break;
        }
        for data in &topic.partitions {
            let one = cold.next_if(|one| one.entry == entry);
            entry += 1;
            let (Some(one), Some(span)) = (one, data.span) else { continue };
            let Some(data) = one.entry(&data, terms) else { continue };
            splices.push(Splice { span, with: fragment(&data, Api::FETCH.form(version))? });
        }
    }
    Ok(splice(frame, splices)?)
}

impl Cold {
    /// The entry that stands in the place of the broker's; `None` where that one stays.
    fn entry<'a>(self, data: &PartitionData<'a>, terms: Terms) -> Option<PartitionData<'a>> {
        let place = self.place();
        match self.told {
            Told::AsIs => None,
            Told::Failed(error) => {
                let error_code = At::new(in_fetch(error, terms.version).code());
                Some(PartitionData { error_code, ..data.clone() })
            }
            Told::Empty => {
                Some(data.filled(empty_bounds(place, self.offset), aborted(terms, &[]), Vec::new()))
            }
            Told::Filled(filled) => {
                let aborted: Vec<_> = filled
                    .aborted
                    .iter()
                    .map(|aborted| AbortedTransaction {
                        producer_id: aborted.producer.get(),
                        first_offset: aborted.first_offset.get(),
                    })
                    .collect();
                let bounds = bounds_of(&filled, place);
                Some(data.filled(bounds, self::aborted(terms, &aborted), filled.chunks))
            }
        }
    }
}

/// Readers of all records are told of no transaction.
fn aborted<'a>(terms: Terms, all: &[AbortedTransaction]) -> Option<List<'a, AbortedTransaction>> {
    (terms.isolation == Isolation::ReadCommitted).then(|| all.to_vec().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_partition_is_first_once() {
        let firsts: Vec<_> = (0..4).map(|turn| turned(&[5, 6, 7], turn).next()).collect();
        assert_eq!(firsts, [Some(5), Some(6), Some(7), Some(5)]);
        assert_eq!(turned(&[5, 6, 7], 1).collect::<Vec<_>>(), [6, 7, 5]);
        assert_eq!(turned(&[], 3).next(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_partition_without_a_manifest_has_no_start() {
        use std::collections::BTreeMap;

        use firnline_index::{ClusterId, TopicId, TopicName};
        use firnline_reader::{Bounds, Reader, ReaderSettings, Workers};
        use firnline_store::{Env, Store};

        use crate::proxy::tier::{Archive, Known};
        use crate::serve::catalog::{Catalog, Topic, Topics};

        let env = Env::seeded(1, 1_700_000_000_000);
        let store = Store::memory(env.clone());
        let reader = ReaderSettings { workers: Workers::Inline, ..ReaderSettings::default() };
        let archive = Archive {
            cluster_id: ClusterId::new("cluster").unwrap(),
            catalog: Catalog::load(store.clone(), Arc::clone(&env.clock)).await.unwrap(),
            max_manifest_age: reader.max_manifest_age,
            reader: Reader::new(store.clone(), reader),
            store,
            may_delete: false,
            env,
        };
        let tier = Tier::new(archive, false);
        let (name, id) = (TopicName::new("orders").unwrap(), TopicId::from_bytes([7; 16]));
        let topic = Topic { name, id, partitions: 1, deleted: false, configs: BTreeMap::new() };
        let known = Known::of(&Topics::new([topic]), &Known::default());
        let tiered = Arc::clone(known.with_id(id).unwrap());
        let mut cold = Cold {
            entry: 0,
            tip: tiered.tip(0).unwrap(),
            tiered,
            partition: 0,
            offset: 5,
            max_bytes: 1 << 20,
            told: Told::AsIs,
            leader: Leader::Ends(20),
            is_held_back: false,
        };
        let nothing = Offset::ZERO;
        let bounds = Bounds { start: nothing, serving_start: nothing, last_stable: nothing, end: nothing };
        let isolation = Isolation::ReadUncommitted;
        let terms = Terms { version: 13, isolation, max_wait: PATIENCE };
        // It was read when the store had said a moment ago that there is no manifest; by now that is too long ago.
        assert!(!tier.logs.is_absent(&cold.tip));
        cold.settle(Got::Log(Filled::empty(bounds)), &tier, terms);
        assert!(matches!(cold.told, Told::Empty), "{:?}", cold.told);
        assert_eq!(cold.place().marks(), None, "0 would be told as the start of its log");
        assert!(cold.place().is_awaited());
    }
}
