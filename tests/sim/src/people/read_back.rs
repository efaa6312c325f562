//! Everything that the tier has of a partition, read at the end as a consumer reads it: each record once, in order, with its
//! bytes, and nothing left out but what is on record as lost.

use std::sync::Arc;

use firnline_index::TopicIdPartition;
use firnline_reader::{Isolation, ReadOutcome, Reader};
use firnline_store::env::RandomExt;

use super::reader::reader;
use super::{Desk, shown};
use crate::model::{Batch, Content, Fate, Truth};
use crate::seams::offset;

/// Answers that one partition takes at most.
const ANSWERS: usize = 20_000;

/// What was read.
#[derive(Debug, Default)]
struct Story {
    batches: Vec<Arc<Batch>>,
    /// Of them, those that a consumer passes on.
    visible: Vec<i64>,
    gaps: usize,
    /// Where it began and ended.
    start: i64,
    end: i64,
    /// The tier's end.
    tier_end: i64,
}

/// Reads the partition at place `p` as all and as committed records only. `excused` is whether the tier waits for an operator
/// to say which of two histories it shall have. Gives what is wrong.
pub async fn read_back(desk: &Desk, p: usize, excused: bool) -> Option<String> {
    let tip = desk.world.kafka().partitions.get(p)?.tip.clone();
    desk.world.store.peek(&format!("{tip}/manifest"))?;
    let reader = reader(desk);
    let (mut wrong, mut gaps) = (None, 0);
    for isolation in [Isolation::ReadUncommitted, Isolation::ReadCommitted] {
        let told = story(desk, &reader, &tip, p, isolation, excused).await;
        let told = told.and_then(|story| {
            let kafka = desk.world.kafka();
            let truth = &kafka.partitions[p].truth;
            // Nobody can tell what a gap held of a transaction.
            gaps += story.gaps;
            let simple = !excused && kafka.tells(p, 1) && gaps == 0 && story.start == 0;
            if simple { committed(truth, &story, isolation) } else { Ok(()) }
        });
        if let Err(what) = told {
            wrong = Some(format!("{tip}: read back as {isolation:?}: {what}"));
            break;
        }
    }
    reader.shutdown().await;
    wrong
}

async fn story(
    desk: &Desk,
    reader: &Reader,
    tip: &TopicIdPartition,
    p: usize,
    isolation: Isolation,
    excused: bool,
) -> Result<Story, String> {
    let manifest = reader.manifest(tip).await.map_err(|error| format!("{error:?}"))?;
    let (mut start, tier_end) = (manifest.tier_start.get(), manifest.tier_end.get());
    let mut story = Story { start, end: start, tier_end, ..Story::default() };
    for _ in 0..ANSWERS {
        let max_bytes = usize::try_from(1 + desk.env.random.below(2_000)).unwrap_or(1);
        let told = reader.read(tip, offset(story.end), max_bytes, isolation).await;
        match told.map_err(|error| format!("at {}: {error:?}", story.end))? {
            ReadOutcome::Batches(answer) => {
                let found = {
                    let kafka = desk.world.kafka();
                    let found = shown::batches(&kafka.partitions[p].truth, story.end, &answer)?;
                    let is_wrong = |(batch, fate): &&(Arc<Batch>, Fate)| {
                        *fate != Fate::Live && !excused && kafka.tells(p, batch.end)
                    };
                    if let Some((batch, fate)) = found.iter().find(is_wrong) {
                        return Err(format!("{}..{} is {fate:?}", batch.base, batch.end));
                    }
                    found
                };
                let begins = found.first().map_or(story.end, |(first, _)| first.base);
                if begins < story.end && story.end > start {
                    return Err(format!("{begins} was given twice"));
                }
                let found: Vec<_> = found.into_iter().map(|(batch, _)| batch).collect();
                story.visible.extend(shown::visible(&answer, &found));
                story.end = answer.range.end().get();
                story.batches.extend(found);
            }
            ReadOutcome::Gap { gap, .. } => {
                story.gaps += 1;
                story.end = gap.range.end().get();
            }
            ReadOutcome::Undecided { from, .. } if isolation == Isolation::ReadCommitted => {
                if from.get() > story.end {
                    return Err(format!("it ends at {}, before the undecided {from}", story.end));
                }
                return Ok(story);
            }
            ReadOutcome::AtEnd { .. } if story.end == tier_end => return Ok(story),
            // Retention goes on meanwhile.
            ReadOutcome::BelowStart { bounds } if bounds.start.get() > story.end => {
                let fresh = self::reader(desk);
                let now = fresh.manifest(tip).await.map_err(|error| format!("{error:?}"))?;
                fresh.shutdown().await;
                if now.serving_start < bounds.start {
                    return Err(format!("at {} it is told to begin at {}", story.end, bounds.start));
                }
                start = bounds.start.get();
                story = Story { start, end: start, tier_end, ..Story::default() };
            }
            other => return Err(format!("at {} of {start}..{tier_end} the answer is {other:?}", story.end)),
        }
    }
    Err(format!("{ANSWERS} answers and no end"))
}

/// What a consumer of committed records saw is what was committed, and goes as far as all is decided.
fn committed(truth: &Truth, story: &Story, isolation: Isolation) -> Result<(), String> {
    if isolation == Isolation::ReadUncommitted {
        return Ok(());
    }
    let decided = |producer, batch: &Batch| shown::decided(truth, producer, batch.base, story.tier_end);
    let mut expected = Vec::new();
    let mut undecided = story.tier_end;
    for batch in truth.live.iter().filter(|batch| batch.base < story.tier_end) {
        match batch.content {
            Content::Data => expected.push(batch.base),
            Content::Transactional(producer) => match decided(producer, batch) {
                Some(true) => expected.push(batch.base),
                Some(false) => {}
                None => undecided = undecided.min(batch.base),
            },
            Content::Marker { .. } => {}
        }
    }
    expected.retain(|base| *base < undecided);
    if story.end != undecided {
        return Err(format!("it ends at {}, all is decided below {undecided}", story.end));
    }
    let differs = expected.iter().zip(&story.visible).find(|(expected, seen)| expected != seen);
    match differs {
        Some((expected, seen)) => Err(format!("the record at {expected} should come, {seen} came")),
        None if expected.len() != story.visible.len() => {
            Err(format!("{} batches should come, {} came", expected.len(), story.visible.len()))
        }
        None => Ok(()),
    }
}
