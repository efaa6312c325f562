//! What brokers are told of a partition's segments.

use firnline_index::RemoteLogSegmentId;
use firnline_index::custom_metadata::{CustomMetadata, Origin};
use firnline_index::ids::{Offset, TopicId, TopicIdPartition};
use firnline_index::remote_log::RemoteLogSegment;
use futures::{StreamExt, TryStreamExt};

use super::{AttachError, AttachPlan, AttachSegment};
use crate::Tier;

/// Segments that are opened at once.
const PARALLEL: usize = 16;

impl Tier {
    /// Opens each segment of the plan, so that none is told of that is not there, and gives what the brokers of a cluster are
    /// told of them, in which the topic has another id. `each` is called after each. One GET a segment.
    ///
    /// # Errors
    /// Where a segment does not open.
    pub async fn told_of(
        &self,
        plan: &AttachPlan,
        topic_id: TopicId,
        each: impl Fn(),
    ) -> Result<Vec<RemoteLogSegment>, AttachError> {
        // What is borrowed would tie the futures to one lifetime, by which no task may be spawned.
        let (tier, tip) = (self.clone(), plan.tip.clone());
        let open = move |segment: AttachSegment| {
            let (tier, tip) = (tier.clone(), tip.clone());
            async move { tier.told(&tip, &segment, topic_id).await }
        };
        let opened = futures::stream::iter(plan.segments.clone()).map(open).buffered(PARALLEL);
        opened.inspect_ok(|_| each()).try_collect().await
    }

    async fn told(
        &self,
        tip: &TopicIdPartition,
        segment: &AttachSegment,
        topic_id: TopicId,
    ) -> Result<RemoteLogSegment, AttachError> {
        let AttachSegment { entry, end } = segment;
        let tail = self.segment_tail(tip, entry).await.map_err(|source| AttachError::Tail {
            tip: tip.clone(),
            segment: entry.range,
            source,
        })?;
        let origin = Origin {
            topic_id: tip.topic_id,
            partition: tip.partition,
            uuid: entry.uuid,
            leader_epoch: entry.leader_epoch,
        };
        let custom = CustomMetadata {
            length: entry.location.length,
            tail_position: entry.tail_position,
            object_crc: entry.object_crc,
            sealed: entry.key_id.is_some(),
            origin: Some(origin),
        };
        Ok(RemoteLogSegment {
            tip: TopicIdPartition { topic_id, ..tip.clone() },
            id: RemoteLogSegmentId::from_bytes(*entry.uuid.as_bytes()),
            start: entry.range.start(),
            last: end
                .get()
                .checked_sub(1)
                .and_then(|last| Offset::new(last).ok())
                .unwrap_or(entry.range.start()),
            max_timestamp: entry.max_timestamp,
            // It was found to fit when the segment was taken into the plan.
            size: i32::try_from(entry.log_bytes.get()).unwrap_or(i32::MAX),
            txn_index_empty: tail.transactions().aborted.is_empty(),
            custom_metadata: custom.encode(),
        })
    }
}
