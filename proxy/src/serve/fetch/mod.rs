//! Fetch: a session, a plan, its bytes, an answer.
//!
//! ```text
//!   request ─► Asks ─► Plan ─► gather ─┬─ fill ─┐                  ┌─► hold, where there is too little
//!           (session)         (bytes,  ├─ fill ─┼─► Got per wish ──┤
//!                              time)   └─ fill ─┘                  └─► news (session) ─► response
//! ```

mod asked;
mod codec;
mod fill;
mod gather;
mod plan;
mod session;

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::failure::in_fetch;
use super::kafka_error::KafkaError;
use super::logs::Logs;
use super::stop::Stop;
use crate::wire::messages::fetch::{
    AbortedTransaction, FetchResponse, FetchableTopicResponse, PartitionData,
};
use crate::wire::{At, List, Records};
use firnline_reader::Isolation;

pub(crate) use asked::{TopicKey, by_id, size};
pub(crate) use codec::is_too_new;
pub(crate) use fill::{Filled, Got, Outside, fill, held as fill_held};
pub(crate) use gather::gather;
pub(crate) use plan::{Plan, TopicPlan, Wish, isolation, most_bytes};
pub(crate) use session::{Sessions, Told};

/// Reads are waited for at least this long, whatever the client says: an answer that comes at once and has nothing is asked
/// for again at once.
pub(crate) const PATIENCE: Duration = Duration::from_millis(500);

/// The answer to a fetch whose session is not there, or has gone on without it: begin another one.
pub(crate) fn refused<'a>(error: KafkaError) -> FetchResponse<'a> {
    FetchResponse { error_code: error.code(), ..FetchResponse::default() }
}

/// Reads what a plan asks for, as long as a fetch that began then may take for it.
pub(crate) async fn read(logs: &Logs, plan: &Plan, began: Instant) -> Vec<Got> {
    gather(logs, plan, began + plan.max_wait.max(PATIENCE)).await
}

/// Holds what was read while it is too little, until `stop` is said.
pub(crate) async fn hold(plan: &Plan, got: &[Got], began: Instant, stop: &Stop) {
    if let Some(held) = held(plan, got) {
        tokio::select! {
            () = sleep_until(began + held) => {}
            () = stop.stopped() => {}
        }
    }
}

/// The record bytes of what was read.
pub(crate) fn bytes(got: &[Got]) -> usize {
    got.iter().map(|got| if let Got::Log(filled) = got { filled.bytes } else { 0 }).sum()
}

/// How long, from its beginning, a fetch is held with what it has; `None` to answer at once.
fn held(plan: &Plan, got: &[Got]) -> Option<Duration> {
    let bytes = bytes(got);
    if bytes >= plan.min_bytes || got.is_empty() {
        return None;
    }
    let failed = |got: &Got| matches!(got, Got::Refused(KafkaError::KafkaStorageError) | Got::Late);
    let refused = |got: &Got| matches!(got, Got::Refused(_) | Got::Outside(_)) && !failed(got);
    if got.iter().any(refused) {
        // The client has to know, and to do something about it.
        return None;
    }
    if got.iter().any(failed) {
        // It asks again at once; the store is given a moment.
        return (bytes == 0).then(|| plan.max_wait.min(PATIENCE));
    }
    Some(plan.max_wait)
}

/// The answer to a plan: all that is told of it.
pub(crate) fn response<'a>(plan: &'a Plan, got: Vec<Got>, told: &Told, version: i16) -> FetchResponse<'a> {
    let mut got = got.into_iter().zip(told.wishes.iter().copied());
    let mut topics = Vec::new();
    for topic in &plan.topics {
        let mut partitions = Vec::new();
        for wish in &topic.wishes {
            if let Some((got, true)) = got.next() {
                partitions.push(partition(wish.partition, got, plan.isolation, version));
            }
        }
        if !partitions.is_empty() {
            let (topic, topic_id) = (topic.key.name(), topic.key.id());
            topics.push(FetchableTopicResponse { topic, topic_id, partitions: partitions.into() });
        }
    }
    FetchResponse { session_id: told.session_id, responses: topics.into(), ..FetchResponse::default() }
}

fn partition<'a>(index: i32, got: Got, isolation: Isolation, version: i16) -> PartitionData<'a> {
    let nothing = PartitionData {
        partition_index: index,
        high_watermark: At::new(-1),
        aborted_transactions: At::new(None),
        ..PartitionData::default()
    };
    match got {
        Got::Refused(error) => {
            PartitionData { error_code: At::new(in_fetch(error, version).code()), ..nothing }
        }
        Got::Outside(_) => {
            PartitionData { error_code: At::new(KafkaError::OffsetOutOfRange.code()), ..nothing }
        }
        // No error, and no numbers that could be wrong.
        Got::Late => nothing,
        Got::Log(filled) if is_too_new(&filled.chunks, version) => {
            PartitionData { error_code: At::new(KafkaError::UnsupportedCompressionType.code()), ..nothing }
        }
        Got::Log(Filled { bounds, stable, chunks, aborted, .. }) => {
            let aborted = aborted.iter().map(|aborted| AbortedTransaction {
                producer_id: aborted.producer.get(),
                first_offset: aborted.first_offset.get(),
            });
            let aborted: Option<List<'_, _>> =
                (isolation == Isolation::ReadCommitted).then(|| aborted.collect());
            PartitionData {
                high_watermark: At::new(bounds.end.get()),
                last_stable_offset: At::new(stable.get()),
                log_start_offset: At::new(bounds.serving_start.get()),
                aborted_transactions: At::new(aborted),
                records: At::new(Records::Shared(chunks)),
                ..nothing
            }
        }
    }
}
