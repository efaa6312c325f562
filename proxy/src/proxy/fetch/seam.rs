//! Transactions that were open where the tier ends. How they ended stands in the broker's log, for readers of committed
//! records have to know it before they may have what comes before.
//!
//! Where such a reader is held up, the next fetch of a client is preceded by one of ours, for committed records from the tier's
//! end on (or where the broker's log begins, if that is behind it), of the smallest size. It tells the last stable offset L,
//! and which transactions that reach beyond the offset asked for were aborted.
//!
//! ```text
//!  first offset f of one that was open at the tier's end
//!      f ≥ L                                         nobody has decided it
//!      f < L, its producer listed below the end      aborted
//!      f < L, its producer not listed                committed
//!      else, or L not beyond the offset asked for    the list is no evidence: undecided here
//! ```

use std::sync::Arc;

use firnline_index::manifest::Manifest;
use firnline_index::transactions::Outcome;
use firnline_index::{Offset, ProducerId, TopicIdPartition};
use firnline_reader::{Decided, Isolation};
use futures::FutureExt as _;
use tokio::time::{Duration, Instant};

use crate::proxy::own;
use crate::proxy::tier::{Known, Tier, Tiered};
use crate::serve::fetch::{Filled, Got};
use crate::serve::logs::Age;
use crate::wire::messages::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic, PartitionData};
use crate::wire::{At, Frame, List, WireError, WriteError, read_response, write_request};

/// How long one answer is believed to be the newest.
const ASK_AGE: Duration = Duration::from_millis(500);
/// The most transactions that are followed at one seam.
const OPEN: usize = 10_000;
const CONSUMER: i32 = -1;
const WITHOUT_SESSION: i32 = -1;
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
}

#[derive(Debug, Clone)]
struct Wanted {
    end: Offset,
    open: Vec<Open>,
}

/// A question about one partition's seam.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) tiered: Arc<Tiered>,
    pub(crate) partition: i32,
    /// Where the tier ends.
    end: Offset,
    /// From where on the broker is asked.
    from: i64,
    open: Vec<Open>,
}

impl Seam {
    /// What was found out so far.
    pub(crate) fn decided(&self) -> Option<Arc<Decided>> {
        self.decided.clone()
    }

    /// Somebody is held up by transactions that are open at the end of a manifest's tier.
    fn want(&mut self, manifest: &Manifest) {
        let open = manifest.open_transactions.iter().map(|open| (open.producer, open.first_offset));
        self.wanted = Some(Wanted { end: manifest.tier_end, open: open.take(OPEN).collect() });
    }

    /// What is to be asked now, if anything is.
    pub(crate) fn question(
        &mut self,
        tiered: &Arc<Tiered>,
        partition: i32,
        log_start: i64,
    ) -> Option<Question> {
        let Wanted { end, open } = self.wanted.clone()?;
        if self.asked.is_some_and(|asked| asked.elapsed() < ASK_AGE) {
            return None;
        }
        self.asked = Some(Instant::now());
        let from = end.get().max(log_start);
        Some(Question { tiered: Arc::clone(tiered), partition, end, from, open })
    }

    fn note(&mut self, outcomes: Vec<(ProducerId, Offset, Outcome)>, of: &[Open]) {
        if outcomes.len() == of.len() {
            self.wanted = None;
        }
        if !outcomes.is_empty() {
            self.decided = Some(Arc::new(Decided::new(outcomes)));
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
        lock.seam().want(&manifest);
    }
}

/// The questions as one fetch, in the version of the client's own.
pub(crate) fn ask(questions: &[Question], version: i16, client: Option<&[u8]>) -> Result<Frame, WriteError> {
    let topics = questions.iter().map(|question| {
        let partition = FetchPartition {
            partition: question.partition,
            fetch_offset: question.from,
            partition_max_bytes: 1,
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
        max_bytes: At::new(1),
        isolation_level: READ_COMMITTED,
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
        1 => return lock.lock().note_refused(question.from),
        _ => return,
    }
    let last_stable = data.last_stable_offset.value;
    lock.lock().note_answer(data.high_watermark.value, last_stable, data.log_start_offset.value);
    let aborted: Vec<(i64, i64)> = data
        .aborted_transactions
        .value
        .iter()
        .flatten()
        .map(|aborted| (aborted.producer_id, aborted.first_offset))
        .collect();
    let outcomes = outcomes(&question.open, question.end.get(), question.from, last_stable, &aborted);
    lock.seam().note(outcomes, &question.open);
}

/// How transactions ended that were open at `end`, by what the broker says to a reader of committed records from `from` on.
fn outcomes(
    open: &[Open],
    end: i64,
    from: i64,
    last_stable: i64,
    aborted: &[(i64, i64)],
) -> Vec<(ProducerId, Offset, Outcome)> {
    if last_stable <= from {
        return Vec::new();
    }
    let of = |(producer, first): &Open| {
        if first.get() >= last_stable {
            return None;
        }
        let listed = || aborted.iter().filter(|(id, _)| *id == producer.get());
        let outcome = if listed().next().is_none() {
            Outcome::Committed
        } else if listed().any(|(_, first)| *first < end) {
            Outcome::Aborted
        } else {
            return None;
        };
        Some((*producer, *first, outcome))
    };
    open.iter().filter_map(of).collect()
}

/// The questions that a fetch has to wait for.
pub(crate) fn questions(request: &FetchRequest<'_>, known: &Known, version: i16) -> Vec<Question> {
    /// Seams that one fetch of ours asks for.
    const MOST: usize = 16;
    let mut questions = Vec::new();
    if request.isolation_level != READ_COMMITTED {
        return questions;
    }
    for topic in &request.topics {
        let found = super::look::find_by(known, topic.topic, topic.topic_id, version);
        let Some(found) = found.filter(|found| !found.is_stale) else { continue };
        for asked in &topic.partitions {
            let Some(lock) = found.tiered.place(asked.partition) else { continue };
            let place = *lock.lock();
            if place.is_likely_cold(asked.fetch_offset) && questions.len() < MOST {
                let question = lock.seam().question(&found.tiered, asked.partition, place.log_start());
                questions.extend(question);
            }
        }
    }
    questions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(all: &[(i64, i64)]) -> Vec<Open> {
        all.iter().map(|(id, first)| (ProducerId::new(*id).unwrap(), Offset::new(*first).unwrap())).collect()
    }

    fn of(all: &[(i64, i64)], from: i64, last_stable: i64, aborted: &[(i64, i64)]) -> Vec<(i64, Outcome)> {
        let outcomes = outcomes(&open(all), 100, from, last_stable, aborted);
        outcomes.into_iter().map(|(producer, _, outcome)| (producer.get(), outcome)).collect()
    }

    #[test]
    fn what_begins_below_the_last_stable_offset_is_decided_by_the_list() {
        let both = [(1, 40), (2, 90)];
        assert_eq!(of(&both, 100, 150, &[(1, 40)]), [(1, Outcome::Aborted), (2, Outcome::Committed)]);
        assert_eq!(of(&both, 100, 150, &[]), [(1, Outcome::Committed), (2, Outcome::Committed)]);
        assert_eq!(of(&[(1, 40)], 100, 150, &[(1, 120), (1, 40)]), [(1, Outcome::Aborted)]);
        assert_eq!(of(&[(1, 40)], 100, 150, &[(9, 40)]), [(1, Outcome::Committed)]);
    }

    #[test]
    fn what_is_no_evidence_decides_nothing() {
        assert_eq!(of(&[(1, 40)], 100, 40, &[]), [], "it hangs");
        assert_eq!(of(&[(1, 40), (2, 90)], 100, 90, &[]), [], "the broker has given no list");
        assert_eq!(of(&[(1, 40)], 100, 100, &[]), [], "nor here");
        assert_eq!(of(&[(1, 40)], 100, 150, &[(1, 120)]), [], "a later one of the same producer");
        assert_eq!(of(&[(1, 160)], 170, 200, &[]), [(1, Outcome::Committed)]);
    }
}
