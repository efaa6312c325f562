//! Transactions that were open where the tier ends. How they ended stands in the broker's log, for readers of committed
//! records have to know it before they may have what comes before.
//!
//! Where such a reader is held up, the next fetch of a client is preceded by one of ours, for committed records from the tier's
//! end on, of the smallest size: [`evidence()`] says what its answer proves. What that leaves open is looked for in the log
//! itself: fetches of ours for all records go on from the tier's end, a step each, until [`walk()`] has seen a marker of each
//! producer.
//!
//! ```text
//!   held up ─► list, at most twice a second ─┬─► all decided
//!                        ▲                   └─► some ended, the list does not say how ─► walk, step by step ─► decided
//!                        └─────────────────────────────────────────────────── the log's end comes first ──┘
//! ```
//!
//! Where the broker's log begins behind the tier's end nothing is asked: an abort between the two is in no list any more, and
//! what lacks it would pass for committed. The tier grows into the log, and is asked for anew then.

mod evidence;
mod walk;

use std::sync::Arc;

use firnline_index::manifest::Manifest;
use firnline_index::transactions::Outcome;
use firnline_index::{Offset, ProducerId, TopicIdPartition};
use firnline_reader::{Decided, Isolation};
use futures::FutureExt as _;
use tokio::time::{Duration, Instant};

use super::look::Likely;
use crate::proxy::own;
use crate::proxy::tier::{Tier, Tiered};
use crate::serve::fetch::{Filled, Got};
use crate::serve::logs::Age;
use crate::wire::messages::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic, PartitionData};
use crate::wire::{At, Frame, List, Records, WireError, WriteError, read_response, write_request};
use evidence::{Evidence, evidence};
use walk::{Step, walk};

/// How long one answer is believed to be the newest, and how long one is waited for before somebody else asks.
const ASK_AGE: Duration = Duration::from_millis(500);
/// The most transactions that are followed at one seam.
const OPEN: usize = 10_000;
/// Seams that one fetch of ours asks for.
const QUESTIONS: usize = 16;
/// The record bytes of a step, all seams together; a single larger batch excepted.
const WALK_BYTES: i32 = 1 << 20;
const CONSUMER: i32 = -1;
const WITHOUT_SESSION: i32 = -1;
const READ_UNCOMMITTED: i8 = 0;
const READ_COMMITTED: i8 = 1;

/// A transaction, by its producer and the first offset that it has written.
pub(crate) type Open = (ProducerId, Offset);

/// What is known at the end of one partition's tier.
#[derive(Debug, Default)]
pub(crate) struct Seam {
    /// What holds somebody up.
    wanted: Option<Wanted>,
    /// What was found out. A transaction ends once.
    decided: Option<Arc<Decided>>,
    asked: Option<Instant>,
    has_news: bool,
}

#[derive(Debug)]
struct Wanted {
    /// Where the tier ends.
    end: Offset,
    /// Those that were open there.
    open: Vec<Open>,
    found: Vec<(ProducerId, Offset, Outcome)>,
    /// Where the walk is, once there is one.
    walk: Option<Offset>,
}

impl Wanted {
    fn unknown(&self) -> Vec<Open> {
        let is_unknown = |open: &&Open| !self.found.iter().any(|(producer, _, _)| *producer == open.0);
        self.open.iter().filter(is_unknown).copied().collect()
    }
}

/// A question about one partition's seam.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) tiered: Arc<Tiered>,
    pub(crate) partition: i32,
    /// Where the tier ends.
    end: Offset,
    /// From where on the broker is asked.
    from: Offset,
    is_walk: bool,
    open: Vec<Open>,
}

/// What is asked ahead of a fetch.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    /// For the lists of aborted transactions.
    pub(crate) lists: Vec<Question>,
    /// For the log itself.
    pub(crate) walks: Vec<Question>,
}

impl Seam {
    /// What was found out so far.
    pub(crate) fn decided(&self) -> Option<Arc<Decided>> {
        self.decided.clone()
    }

    /// Whether something has come up that the next fetch is to wait for, so that it should come soon. Said once.
    pub(crate) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.has_news)
    }

    /// Somebody is held up by transactions that are open at the end of a tier.
    fn want(&mut self, end: Offset, open: impl Iterator<Item = Open>) {
        if self.wanted.as_ref().is_none_or(|wanted| wanted.end != end) {
            self.wanted =
                Some(Wanted { end, open: open.take(OPEN).collect(), found: Vec::new(), walk: None });
            self.asked = None;
            self.has_news = true;
        }
    }

    /// What is to be asked now, if anything is.
    fn question(&mut self, tiered: &Arc<Tiered>, partition: i32, log_start: i64) -> Option<Question> {
        let wanted = self.wanted.as_ref()?;
        if log_start > wanted.end.get() || self.asked.is_some_and(|asked| asked.elapsed() < ASK_AGE) {
            return None;
        }
        self.asked = Some(Instant::now());
        let (from, is_walk) = (wanted.walk.unwrap_or(wanted.end), wanted.walk.is_some());
        let (end, open) = (wanted.end, wanted.unknown());
        Some(Question { tiered: Arc::clone(tiered), partition, end, from, is_walk, open })
    }

    fn note(&mut self, question: &Question, found: Vec<(ProducerId, Offset, Outcome)>, walk: Option<Offset>) {
        let Some(wanted) = self.wanted.as_mut().filter(|wanted| wanted.end == question.end) else { return };
        let news = found.into_iter().filter(|new| !wanted.found.iter().any(|known| known.0 == new.0));
        let news: Vec<_> = news.collect();
        wanted.found.extend(news);
        wanted.walk = walk;
        if walk.is_some() {
            // Each step is new: nothing is asked twice.
            self.asked = None;
            self.has_news = true;
        }
        if !wanted.found.is_empty() {
            self.decided = Some(Arc::new(Decided::new(wanted.found.clone())));
        }
        if wanted.unknown().is_empty() {
            self.wanted = None;
        }
    }
}

/// Whether a reader of committed records is held up within the tier.
fn is_held_up(filled: &Filled, offset: i64) -> bool {
    filled.bytes == 0 && offset < filled.bounds.end.get() && offset >= filled.stable.get()
}

/// Notes that a look into the tier was held up by transactions. Makes no request: the manifest was read a moment ago.
pub(crate) fn note_held_up(
    tier: &Tier,
    tiered: &Tiered,
    tip: &TopicIdPartition,
    offset: i64,
    isolation: Isolation,
    got: &Got,
) {
    let Got::Log(filled) = got else { return };
    if isolation == Isolation::ReadUncommitted || !is_held_up(filled, offset) {
        return;
    }
    if let Some(Ok(Some(manifest))) = tier.logs.manifest(tip, Age::Usual).now_or_never()
        && let Some(lock) = tiered.place(tip.partition.get())
    {
        let manifest: &Manifest = &manifest;
        let open = manifest.open_transactions.iter().map(|open| (open.producer, open.first_offset));
        lock.seam().want(manifest.tier_end, open);
    }
}

/// The questions that a fetch of a reader of committed records has to wait for.
pub(crate) fn questions(likely: &[Likely]) -> Questions {
    let known = likely.iter().filter(|likely| !likely.is_stale);
    let question = |likely: &Likely| {
        let Likely { tiered, partition, place, .. } = likely;
        tiered.place(*partition)?.seam().question(tiered, *partition, place.log_start())
    };
    let (walks, lists) =
        known.filter_map(question).take(QUESTIONS).partition(|question: &Question| question.is_walk);
    Questions { lists, walks }
}

/// Questions of one kind as one fetch, in the version of the client's own.
pub(crate) fn ask(questions: &[Question], version: i16, client: Option<&[u8]>) -> Result<Frame, WriteError> {
    let is_walk = questions.iter().any(|question| question.is_walk);
    let bytes = if is_walk { WALK_BYTES } else { 1 };
    let topics = questions.iter().map(|question| {
        let partition = FetchPartition {
            partition: question.partition,
            fetch_offset: question.from.get(),
            partition_max_bytes: bytes,
            ..FetchPartition::default()
        };
        FetchTopic {
            topic: question.tiered.topic.name.as_str(),
            topic_id: *question.tiered.topic.id.as_bytes(),
            partitions: List::from(vec![partition]),
        }
    });
    let request = FetchRequest {
        replica_id: CONSUMER,
        max_bytes: At::new(bytes),
        isolation_level: if is_walk { READ_UNCOMMITTED } else { READ_COMMITTED },
        session_epoch: At::new(WITHOUT_SESSION),
        topics: topics.collect(),
        ..FetchRequest::default()
    };
    write_request(&request, version, own::CORRELATION, client)
}

/// Notes what the broker has answered.
pub(crate) fn note_answer(frame: &[u8], version: i16, questions: &[Question]) -> Result<(), WireError> {
    let answer: FetchResponse<'_> = read_response(frame, version)?;
    for topic in &answer.responses {
        for data in &topic.partitions {
            let is_it = |question: &&Question| {
                let of = &question.tiered.topic;
                let named = if version >= 13 {
                    topic.topic_id == *of.id.as_bytes()
                } else {
                    topic.topic == of.name.as_str()
                };
                named && question.partition == data.partition_index
            };
            if let Some(question) = questions.iter().find(is_it) {
                note(question, &data);
            }
        }
    }
    Ok(())
}

fn note(question: &Question, data: &PartitionData<'_>) {
    let Some(lock) = question.tiered.place(question.partition) else { return };
    match data.error_code.value {
        0 => {}
        // The broker's log begins behind it: the walk, if there is one, cannot go on.
        1 => {
            lock.lock().note_refused(question.from.get());
            return lock.seam().note(question, Vec::new(), None);
        }
        _ => return,
    }
    if question.is_walk {
        let records = if let Records::Read(records) = data.records.value { records } else { &[] };
        let (found, walk) = match walk(records, question.from, &question.open) {
            Step::On { found, next } => (found, Some(next)),
            Step::End { found } => (found, None),
        };
        return lock.seam().note(question, found, walk);
    }
    let (last_stable, log_start) = (data.last_stable_offset.value, data.log_start_offset.value);
    lock.lock().note_answer(data.high_watermark.value, last_stable, log_start);
    let aborted: Vec<(i64, i64)> = data
        .aborted_transactions
        .value
        .iter()
        .flatten()
        .map(|aborted| (aborted.producer_id, aborted.first_offset))
        .collect();
    let Evidence { found, is_open } = evidence(&question.open, question.end.get(), last_stable, &aborted);
    lock.seam().note(question, found, is_open.then_some(question.end));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(id: i64, first: i64) -> Open {
        (ProducerId::new(id).unwrap(), Offset::new(first).unwrap())
    }

    fn tiered() -> Arc<Tiered> {
        use crate::proxy::tier::Known;
        use crate::serve::catalog::{Topic, Topics};
        let id = firnline_index::TopicId::from_bytes([7; 16]);
        let name = firnline_index::TopicName::new("orders").unwrap();
        let topic =
            Topic { name, id, partitions: 1, deleted: false, configs: std::collections::BTreeMap::new() };
        Arc::clone(Known::of(&Topics::new([topic]), &Known::default()).with_id(id).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_is_asked_for_twice_a_second_and_a_walk_at_once() {
        let (mut seam, tiered) = (Seam::default(), tiered());
        let end = Offset::new(100).unwrap();
        assert!(seam.question(&tiered, 0, 0).is_none() && !seam.take_news());
        seam.want(end, [open(1, 40), open(2, 60)].into_iter());
        assert!(seam.take_news() && !seam.take_news());
        let list = seam.question(&tiered, 0, 100).unwrap();
        assert!(!list.is_walk && seam.question(&tiered, 0, 0).is_none());
        let (producer, first) = open(1, 40);
        seam.note(&list, vec![(producer, first, Outcome::Aborted)], Some(end));
        let step = seam.question(&tiered, 0, 0).unwrap();
        assert!(step.is_walk && step.open == [open(2, 60)]);
        assert!(seam.question(&tiered, 0, 0).is_none(), "one step at a time");
        let next = Offset::new(120).unwrap();
        seam.note(&step, Vec::new(), Some(next));
        assert_eq!(seam.question(&tiered, 0, 0).unwrap().from, next);
        tokio::time::advance(ASK_AGE).await;
        let step = seam.question(&tiered, 0, 0).expect("the other one was lost");
        let (producer, first) = open(2, 60);
        seam.note(&step, vec![(producer, first, Outcome::Committed)], Some(next));
        assert!(seam.wanted.is_none() && seam.decided().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn where_the_log_begins_behind_the_tier_nothing_is_asked() {
        let (mut seam, tiered) = (Seam::default(), tiered());
        seam.want(Offset::new(100).unwrap(), [open(1, 40)].into_iter());
        assert!(seam.question(&tiered, 0, 101).is_none(), "an abort below it is in no list");
        assert!(seam.question(&tiered, 0, 100).is_some());
    }
}
