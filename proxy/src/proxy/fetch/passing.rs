//! Entries of an answer that is not held: patched while it passes. No lock is held across anything, and nothing is waited for.

use tokio::time::Instant;

use super::look::find_by;
use super::refusals::Refusals;
use crate::proxy::tier::{Known, start_to_tell};
use crate::serve::fetch::TopicKey;
use crate::serve::kafka_error::KafkaError;
use crate::wire::messages::fetch::{Bounds, PartitionFront};
use crate::wire::{Patches, ScannedTopic};

/// Nothing is known.
pub(crate) const NOTHING: Bounds =
    Bounds { high_watermark: -1, last_stable_offset: -1, log_start_offset: -1 };

/// What an answer passes by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Passing<'a, F> {
    pub(crate) known: &'a Known,
    pub(crate) refusals: &'a Refusals,
    /// Whether topics were looked for since a time.
    pub(crate) has_looked_since: F,
    pub(crate) version: i16,
}

/// Notes what an entry tells, and patches it. `true` where the broker has refused it and that is not told.
pub(crate) fn pass_entry<F: Fn(Instant) -> bool>(
    passing: &Passing<'_, F>,
    topic: ScannedTopic<'_>,
    front: PartitionFront,
    patches: &mut Patches,
) -> bool {
    let Passing { known, refusals, has_looked_since, version } = passing;
    let (partition, code) = (front.partition_index, front.error_code.value);
    let is_refused = code == KafkaError::OffsetOutOfRange.code();
    let found = find_by(known, topic.name, topic.id, *version);
    let Some((tiered, place)) = found.as_ref().and_then(|found| {
        let place = found.tiered.place(partition)?;
        Some((&found.tiered, place))
    }) else {
        let key = TopicKey::of(topic.name, topic.id, *version);
        if !is_refused || refusals.is_none_of_tier(key, partition, has_looked_since) {
            return false;
        }
        front.patch_empty(NOTHING, patches);
        return true;
    };
    let mut place = place.lock();
    if code == 0 {
        let (high_watermark, last_stable) = (front.high_watermark.value, front.last_stable_offset.value);
        place.note_answer(high_watermark, last_stable, front.log_start_offset.value);
        patches.set(&front.log_start_offset, start_to_tell(place.marks(), front.log_start_offset.value));
        refusals.forget(tiered.topic.id, partition);
    } else if is_refused {
        // Nobody has foreseen it, and there is no way back: it is looked into when the client asks again.
        refusals.note(tiered.topic.id, partition);
        let position = place.position();
        let bounds = Bounds {
            high_watermark: position.map_or(-1, |position| position.high_watermark),
            last_stable_offset: position.map_or(-1, |position| position.last_stable),
            log_start_offset: start_to_tell(place.marks(), -1),
        };
        front.patch_empty(bounds, patches);
    }
    is_refused
}
