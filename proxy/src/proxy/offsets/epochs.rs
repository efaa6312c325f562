//! OffsetForLeaderEpoch: the ends of epochs that the broker's log has lost.

use bytes::BytesMut;
use firnline_index::lineage::EpochEnd;
use firnline_index::{LeaderEpoch, TopicIdPartition};
use futures::{StreamExt, stream};
use std::collections::HashMap;
use tokio::time::{Duration, Instant, timeout_at};

use super::wait::Named;
use crate::proxy::ended::Ended;
use crate::proxy::tier::Tier;
use crate::serve::failure::unread;
use crate::serve::logs::Age;
use crate::serve::offsets::READS;
use crate::wire::messages::offset_for_leader_epoch::{
    OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
};
use crate::wire::{At, Patches, RequestHeader, read_request, read_response};

/// How long the tier is asked: hot fetches may wait behind the answer. The broker's own never tells of a truncation that was none;
/// the merged one tells of those that it would hide.
const PATIENCE: Duration = Duration::from_millis(500);

struct Entry {
    epoch: At<i32>,
    end: At<i64>,
    asked: LeaderEpoch,
    tip: TopicIdPartition,
}

/// Patches an answer, its length cut off, to the request in `asked`.
pub(crate) async fn patch_epochs(frame: &mut BytesMut, asked: &[u8], tier: &Tier) -> Result<(), Ended> {
    let (header, body) = RequestHeader::read(asked)?;
    let request: OffsetForLeaderEpochRequest<'_> = read_request(&header, body)?;
    let entries = entries(frame, &request, header.version, tier)?;
    let deadline = Instant::now() + PATIENCE;
    let looks = entries.iter().map(|entry| async move {
        match timeout_at(deadline, tier.logs.manifest(&entry.tip, Age::Usual)).await {
            Ok(Ok(Some(manifest))) => {
                let newest = manifest.lineage.last()?.epoch;
                let end = manifest.lineage.end_of(entry.asked, manifest.tier_end)?;
                told(entry.asked, newest, end, entry.end.value)
            }
            Ok(Err(error)) => {
                unread(&entry.tip, &error);
                None
            }
            Ok(Ok(None)) | Err(_) => None,
        }
    });
    let ends: Vec<_> = stream::iter(looks.collect::<Vec<_>>()).buffered(READS).collect().await;
    let mut patches = Patches::new();
    for (entry, end) in entries.iter().zip(ends) {
        if let Some(EpochEnd { epoch, end }) = end {
            patches.set(&entry.epoch, epoch.get());
            patches.set(&entry.end, end.get());
        }
    }
    Ok(patches.apply(frame)?)
}

/// What is told instead of the broker's answer. Of the newest epoch in the tier, and of all above it, the broker knows the
/// end; and where the tier's end of an epoch lies beyond the broker's one of the two speaks of another log.
fn told(asked: LeaderEpoch, newest: LeaderEpoch, end: EpochEnd, brokers: i64) -> Option<EpochEnd> {
    (asked < newest && end.end.get() < brokers).then_some(end)
}

fn entries(
    frame: &[u8],
    request: &OffsetForLeaderEpochRequest<'_>,
    version: i16,
    tier: &Tier,
) -> Result<Vec<Entry>, Ended> {
    let mut asked = HashMap::new();
    for topic in &request.topics {
        for partition in &topic.partitions {
            asked.insert((topic.topic, partition.partition), partition.leader_epoch);
        }
    }
    let answer: OffsetForLeaderEpochResponse<'_> = read_response(frame, version)?;
    let known = tier.known();
    let mut entries = Vec::new();
    for topic in &answer.topics {
        let Named::Is(tiered) = Named::of(&known, topic.topic) else { continue };
        for end in topic.partitions.iter().filter(|end| end.error_code.value == 0) {
            let epoch = asked.get(&(topic.topic, end.partition)).copied().and_then(LeaderEpoch::from_kafka);
            if let (Some(asked), Some(tip)) = (epoch, tiered.tip(end.partition)) {
                entries.push(Entry { epoch: end.leader_epoch, end: end.end_offset, asked, tip });
            }
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use firnline_index::Offset;

    fn of(asked: i32, newest: i32, end: i64, brokers: i64) -> Option<i64> {
        let epoch = |epoch| LeaderEpoch::new(epoch).unwrap();
        let end = EpochEnd { epoch: epoch(asked), end: Offset::new(end).unwrap() };
        told(epoch(asked), epoch(newest), end, brokers).map(|end| end.end.get())
    }

    #[test]
    fn older_epochs_end_where_the_tier_says() {
        assert_eq!(of(2, 5, 300, 700), Some(300), "the broker only knows where its own log begins");
        assert_eq!(of(5, 5, 800, 900), None, "the newest goes on in the broker's log");
        assert_eq!(of(6, 5, 800, 900), None);
        assert_eq!(of(2, 5, 300, 300), None);
        assert_eq!(of(2, 5, 700, 300), None, "the log was cut below what the tier has");
        assert_eq!(of(2, 5, 300, -1), None, "the broker knows no such epoch");
    }
}
