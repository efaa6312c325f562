//! An answer of a reader, held against what was committed.

use bytes::Bytes;
use firnline_reader::Batches;

use crate::model::{Batch, Content, Fate, Truth};

/// The batches of an answer that was asked for at `offset`, with what became of each. An error says what is wrong.
pub(super) fn batches(
    truth: &Truth,
    offset: i64,
    answer: &Batches,
) -> Result<Vec<(std::sync::Arc<Batch>, Fate)>, String> {
    let (mut rest, mut next): (Bytes, i64) = (answer.chain.to_bytes(), answer.range.start().get());
    let mut found = Vec::new();
    while !rest.is_empty() {
        let cut = || truth.cuts.iter().flat_map(|cut| cut.batches.iter().map(|batch| (cut.epoch, batch)));
        let live = truth.live_at(next).filter(|batch| rest.starts_with(&batch.bytes));
        let (batch, fate) = match live {
            Some(batch) => (batch, Fate::Live),
            None => match cut().find(|(_, batch)| batch.base == next && rest.starts_with(&batch.bytes)) {
                Some((by, batch)) => (batch, Fate::Cut { by }),
                None => return Err(format!("what was read at {next} was never committed")),
            },
        };
        rest = rest.slice(batch.bytes.len()..);
        next = batch.end;
        found.push((std::sync::Arc::clone(batch), fate));
    }
    if next != answer.range.end().get() {
        return Err(format!("the batches end at {next}, the answer says {}", answer.range.end()));
    }
    match found.first() {
        Some((first, _)) if first.base <= offset && offset < first.end => Ok(found),
        Some((first, _)) => Err(format!("asked for {offset}, the answer begins at {}", first.base)),
        None => Err(format!("asked for {offset}, the answer holds no batch")),
    }
}

/// The batches with records that a consumer of committed records passes on: of an answer, by its list of aborted
/// transactions, as Kafka's own consumer goes by it.
pub(super) fn visible(answer: &Batches, batches: &[std::sync::Arc<Batch>]) -> Vec<i64> {
    let mut aborted: Vec<(i64, i64)> =
        answer.aborted.iter().map(|t| (t.first_offset.get(), t.producer.get())).collect();
    aborted.sort_unstable();
    let mut waiting = aborted.into_iter().peekable();
    let mut passing = std::collections::BTreeSet::new();
    let mut seen = Vec::new();
    for batch in batches {
        while let Some((_, producer)) = waiting.next_if(|(first, _)| *first < batch.end) {
            passing.insert(producer);
        }
        match batch.content {
            Content::Data => seen.push(batch.base),
            Content::Transactional(producer) if !passing.contains(&producer) => seen.push(batch.base),
            Content::Transactional(_) => {}
            Content::Marker { producer, committed } => {
                if !committed {
                    passing.remove(&producer);
                }
            }
        }
    }
    seen
}

/// How the transaction that holds a batch of `producer` at `base` ended below `end`: its first marker behind it.
pub(super) fn decided(truth: &Truth, producer: i64, base: i64, end: i64) -> Option<bool> {
    let behind = truth.live.iter().filter(|batch| batch.base > base && batch.end <= end);
    behind.into_iter().find_map(|batch| match batch.content {
        Content::Marker { producer: of, committed } if of == producer => Some(committed),
        _ => None,
    })
}
