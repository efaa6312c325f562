//! What brokers are told of a partition's segments.

use firnline_index::RemoteLogSegmentId;
use firnline_index::batch::Batches;
use firnline_index::custom_metadata::{CustomMetadata, Origin};
use firnline_index::ids::{Offset, RawPosition, TopicId, TopicIdPartition};
use firnline_index::manifest::Entry;
use firnline_index::remote_log::RemoteLogSegment;
use firnline_index::segment::SegmentTail;
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
        let size = match *end < entry.range.end() {
            true => self.position_of(tip, entry, &tail, *end).await?,
            false => entry.log_bytes.get(),
        };
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
            size: i32::try_from(size).unwrap_or(i32::MAX),
            txn_index_empty: tail.transactions().aborted.iter().all(|abort| abort.marker_offset >= *end),
            custom_metadata: custom.encode(),
        })
    }

    /// Where in the raw bytes of a segment the batch begins that has `at`, or lies behind it. One GET.
    async fn position_of(
        &self,
        tip: &TopicIdPartition,
        entry: &Entry,
        tail: &SegmentTail,
        at: Offset,
    ) -> Result<u64, AttachError> {
        let key = entry.object_key(tip);
        let cut = |source: Box<dyn std::error::Error + Send + Sync>| AttachError::Cut {
            key: key.clone(),
            at,
            source,
        };
        let Some(block) = tail.index().find_offset(at) else { return Ok(0) };
        let mut runs =
            std::pin::pin!(self.block_runs(&key, entry.location.start.get(), tail, block..block + 1));
        let mut position = tail.index().entry(block).map_or(0, |block| block.raw.end);
        while let Some(run) = runs.next().await {
            let run = run.map_err(|(_, source)| cut(Box::new(source)))?;
            let decoder = run.decoder.clone();
            for (block, stored) in run.split() {
                let raw = decoder.decode(&block, stored).map_err(|source| cut(Box::new(source)))?;
                let from = RawPosition::new(block.raw.start);
                for batch in Batches::new(&raw, from, block.first_offset, self.settings().limits) {
                    let batch = batch.map_err(|source| cut(Box::new(source)))?;
                    if batch.header.next_offset() > at {
                        position = position.min(batch.position.get());
                    }
                }
            }
        }
        Ok(position)
    }
}
