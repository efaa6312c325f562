//! DeleteRecords: what the broker has deleted is deleted in the tier, too, before it says so.
//!
//! An object with the floor is written, and beside it a hint; the partition's leader folds it into the manifest. Two PUTs a
//! partition. Where they fail the client is told to ask again: the broker then deletes nothing, and the floor is written
//! anew.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::BytesMut;
use firnline_index::floor::{FloorObject, HINT};
use firnline_index::ids::ObjectUuid;
use firnline_index::keys::ObjectKey;
use firnline_index::{Offset, PartitionIndex, Said, TimestampMs, TopicIdPartition};
use firnline_store::StoreError;
use firnline_store::env::RandomExt;
use futures::{StreamExt, stream};
use tokio::time::{Instant, timeout_at};

use super::wait::Named;
use crate::proxy::ended::Ended;
use crate::proxy::tier::{Tier, Tiered};
use crate::serve::kafka_error::KafkaError;
use crate::serve::offsets::{PATIENCE, READS};
use crate::wire::messages::delete_records::{DeleteRecordsRequest, DeleteRecordsResponse};
use crate::wire::{At, Patches, RequestHeader, read_request, read_response};

/// Kafka's word for the end of a log.
const TO_THE_END: i64 = -1;

struct Entry {
    error: At<i16>,
    low: At<i64>,
    floor: i64,
    /// `None` where no broker has told which topic the name means.
    of: Option<(Arc<Tiered>, TopicIdPartition)>,
}

/// A floor that could not be written.
#[derive(Debug, thiserror::Error)]
enum FloorError {
    #[error("write the floor")]
    Store(#[from] StoreError),
    #[error("the floor cannot be put into words")]
    Words,
}

/// What stands in the place of an offset whose deletion is refused here. No broker deletes by it: whoever may delete gets
/// OFFSET_OUT_OF_RANGE for it, and anybody else his own error, so that only he who may delete learns what is in the tier.
const NOWHERE: i64 = -2;

/// Takes the offsets of these topics out of a request, before it goes to the broker.
pub(crate) fn spare(frame: &mut [u8], is_spared: impl Fn(&str) -> bool) -> Result<(), Ended> {
    let (header, body) = RequestHeader::read(frame)?;
    let request: DeleteRecordsRequest<'_> = read_request(&header, body)?;
    let mut patches = Patches::new();
    for topic in request.topics.iter().filter(|topic| is_spared(topic.name)) {
        topic.partitions.iter().for_each(|partition| _ = patches.set(&partition.offset, NOWHERE));
    }
    Ok(patches.apply(frame)?)
}

/// Tells of what was spared, in the answer to the request in `asked`, why nothing was deleted.
pub(crate) fn patch_spared(frame: &mut BytesMut, asked: &[u8], why: KafkaError) -> Result<(), Ended> {
    let (header, body) = RequestHeader::read(asked)?;
    let request: DeleteRecordsRequest<'_> = read_request(&header, body)?;
    let mut spared = HashSet::new();
    for topic in &request.topics {
        let of = topic.partitions.iter().filter(|partition| partition.offset.value == NOWHERE);
        spared.extend(of.map(|partition| (topic.name, partition.partition_index)));
    }
    let answer: DeleteRecordsResponse<'_> = read_response(frame, header.version)?;
    let mut patches = Patches::new();
    for topic in &answer.topics {
        for told in &topic.partitions {
            let is_ours = told.error_code.value == KafkaError::OffsetOutOfRange.code();
            if is_ours && spared.contains(&(topic.name, told.partition_index)) {
                patches.set(&told.error_code, why.code());
            }
        }
    }
    Ok(patches.apply(frame)?)
}

/// Writes the floors that the broker has agreed to, and patches its answer, its length cut off, to the request in `asked`.
pub(crate) async fn patch_deleted(frame: &mut BytesMut, asked: &[u8], tier: &Tier) -> Result<(), Ended> {
    let (header, body) = RequestHeader::read(asked)?;
    let request: DeleteRecordsRequest<'_> = read_request(&header, body)?;
    let client = header.client_id.map(|client| String::from_utf8_lossy(client).into_owned());
    let by: String = client.unwrap_or_default().chars().take(200).collect();
    let entries = entries(frame, &request, header.version, tier)?;
    let deadline = Instant::now() + PATIENCE;
    let by = by.as_str();
    let writes = entries
        .iter()
        .map(|entry| async move { timeout_at(deadline, write(tier, entry, by)).await.unwrap_or(false) });
    let written: Vec<bool> = stream::iter(writes.collect::<Vec<_>>()).buffered(READS).collect().await;
    let mut patches = Patches::new();
    for (entry, written) in entries.iter().zip(written) {
        if !written {
            patches.set(&entry.error, KafkaError::RequestTimedOut.code());
            patches.set(&entry.low, -1);
            continue;
        }
        let marks =
            entry.of.as_ref().and_then(|(tiered, tip)| tiered.place(tip.partition.get())?.lock().marks());
        if let Some(low) = low_watermark(entry.floor, entry.low.value, marks.map(|marks| marks.start.get())) {
            patches.set(&entry.low, low);
        }
    }
    Ok(patches.apply(frame)?)
}

/// The first offset that is left, where it lies below the broker's log.
fn low_watermark(floor: i64, brokers: i64, tier_start: Option<i64>) -> Option<i64> {
    (floor < brokers).then(|| tier_start.map_or(floor, |start| start.max(floor)))
}

fn entries(
    frame: &[u8],
    request: &DeleteRecordsRequest<'_>,
    version: i16,
    tier: &Tier,
) -> Result<Vec<Entry>, Ended> {
    let mut asked = HashMap::new();
    for topic in &request.topics {
        for partition in &topic.partitions {
            asked.insert((topic.name, partition.partition_index), partition.offset.value);
        }
    }
    let answer: DeleteRecordsResponse<'_> = read_response(frame, version)?;
    let known = tier.known();
    let mut entries = Vec::new();
    for topic in &answer.topics {
        let named = Named::of(&known, topic.name);
        for told in topic.partitions.iter().filter(|told| told.error_code.value == 0) {
            let Some(offset) = asked.get(&(topic.name, told.partition_index)) else { continue };
            let of = match &named {
                Named::Foreign => {
                    tracing::info!(
                        topic = topic.name,
                        partition = told.partition_index,
                        "records are deleted of a topic that is not in the tier: no floor is written"
                    );
                    continue;
                }
                Named::Stale => None,
                // A partition that has nothing in the tier yet may have something on its way to it.
                Named::Is(tiered) => match PartitionIndex::new(told.partition_index) {
                    Ok(partition) => {
                        let topic = &tiered.topic;
                        let (topic, topic_id) = (topic.name.clone(), topic.id);
                        Some((Arc::clone(tiered), TopicIdPartition { topic, topic_id, partition }))
                    }
                    Err(_) => continue,
                },
            };
            let floor = if *offset == TO_THE_END { told.low_watermark.value } else { *offset };
            entries.push(Entry { error: told.error_code, low: told.low_watermark, floor, of });
        }
    }
    Ok(entries)
}

/// Whether the floor holds in the tier.
async fn write(tier: &Tier, entry: &Entry, by: &str) -> bool {
    let Some((tiered, tip)) = &entry.of else { return false };
    let Ok(floor) = Offset::new(entry.floor) else { return true };
    if floor == Offset::ZERO {
        return true;
    }
    if let Err(error) = put(tier, tip, floor, by).await {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(%tip, %floor, error, "a floor could not be written; the client is told to ask again");
        return false;
    }
    tracing::info!(%tip, %floor, by, "floor written");
    if let Some(place) = tiered.place(tip.partition.get()) {
        place.lock().note_floor(floor);
    }
    true
}

async fn put(tier: &Tier, tip: &TopicIdPartition, floor: Offset, by: &str) -> Result<(), FloorError> {
    let at = TimestampMs::new(tier.env.clock.now_ms()).map_err(|_| FloorError::Words)?;
    let object = FloorObject {
        cluster_id: tier.cluster_id.clone(),
        tip: tip.clone(),
        offset: floor,
        uuid: ObjectUuid::from_bytes(tier.env.random.uuid()),
        said: Said { by: by.to_owned(), at, why: "DeleteRecords through the proxy".to_owned() },
    };
    let bytes = object.encode().map_err(|_| FloorError::Words)?;
    tier.store.put_unique(&object.object_key().to_string(), bytes).await?;
    let hint = ObjectKey::FloorHint { topic_id: tip.topic_id, partition: tip.partition };
    // Every hint has the same bytes: whoever writes it, and however often, it is the same object.
    tier.store.put_unique(&hint.to_string(), HINT).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_offset_left_is_that_of_the_tier_below_the_brokers_log() {
        assert_eq!(low_watermark(300, 700, Some(100)), Some(300));
        assert_eq!(low_watermark(50, 700, Some(100)), Some(100), "nothing was left to delete");
        assert_eq!(low_watermark(750, 750, Some(100)), None, "the broker has deleted it itself");
        assert_eq!(low_watermark(300, 700, None), Some(300));
    }
}
