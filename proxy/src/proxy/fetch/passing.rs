//! Entries of an answer that is not held: patched while it passes. No lock is held and nothing is waited for.

use super::look::{Found, find_by};
use super::refusals::Refusals;
use crate::proxy::tier::{Known, start_to_tell};
use crate::serve::kafka_error::KafkaError;
use crate::wire::messages::fetch::{Bounds, PartitionFront};
use crate::wire::{Patches, ScannedTopic};

/// Notes what an entry tells, and patches it. `true` where the broker has refused it.
pub(crate) fn pass_entry(
    known: &Known,
    refusals: &Refusals,
    topic: ScannedTopic<'_>,
    front: PartitionFront,
    version: i16,
    patches: &mut Patches,
) -> bool {
    let Some(Found { tiered, .. }) = find_by(known, topic.name, topic.id, version) else { return false };
    let Some(place) = tiered.place(front.partition_index) else { return false };
    let mut place = place.lock();
    if front.error_code.value == 0 {
        let (high_watermark, last_stable) = (front.high_watermark.value, front.last_stable_offset.value);
        place.note_answer(high_watermark, last_stable, front.log_start_offset.value);
        patches.set(&front.log_start_offset, start_to_tell(place.marks(), front.log_start_offset.value));
        refusals.forget(tiered.topic.id, front.partition_index);
    } else if front.error_code.value == KafkaError::OffsetOutOfRange.code() {
        // Nobody has foreseen it, and there is no way back: it is looked into when the client asks again.
        refusals.note(tiered.topic.id, front.partition_index);
        let position = place.position();
        let bounds = Bounds {
            high_watermark: position.map_or(-1, |position| position.high_watermark),
            last_stable_offset: position.map_or(-1, |position| position.last_stable),
            log_start_offset: start_to_tell(place.marks(), -1),
        };
        front.patch_empty(bounds, patches);
        return true;
    }
    false
}
