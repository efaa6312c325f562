//! Writing a floor, and telling beforehand what it takes.

use firnline_index::floor::{FloorObject, HINT};
use firnline_index::ids::ObjectUuid;
use firnline_index::keys::ObjectKey;
use firnline_index::{Offset, OffsetRange, Said, TopicIdPartition};
use firnline_store::StoreError;
use firnline_store::env::RandomExt;

use super::FloorError;
use crate::cluster::ClusterError;
use crate::retention::Share;
use crate::{ReadError, Step, Tier};

/// What is to be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FloorRequest {
    /// The partition.
    pub tip: TopicIdPartition,
    /// The first offset left.
    pub offset: Offset,
    /// Who says so.
    pub said: Said,
    /// What it may take of the tier's log bytes; `None` where somebody with the right to delete records has asked for exactly
    /// this, so that no share is theirs to overstep.
    pub share: Option<Share>,
}

/// What a floor takes from the tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FloorPreview {
    /// Where the tier starts now.
    pub tier_start: Offset,
    /// Where it ends.
    pub tier_end: Offset,
    /// Segments that lie wholly below the floor.
    pub segments: u64,
    /// Their raw bytes.
    pub log_bytes: u64,
    /// Their stored bytes.
    pub object_bytes: u64,
    /// Raw bytes of all live segments.
    pub live_bytes: u64,
}

impl FloorPreview {
    /// The share of the tier that goes.
    #[must_use]
    pub fn share(&self) -> Share {
        Share::of(self.log_bytes, self.live_bytes)
    }
}

/// How a request for a floor ended.
#[derive(Debug)]
pub enum FloorWritten {
    /// It is written, and holds from now on for whoever reads floors; the leader folds it into the manifest.
    Written(FloorObject),
    /// It would take more than it may. Nothing was written.
    TooMuch(FloorPreview),
}

impl Tier {
    /// What a floor at `offset` takes; `None` where the partition has no manifest. One GET, and one of each page below the
    /// floor.
    pub async fn preview_floor(
        &self,
        tip: &TopicIdPartition,
        offset: Offset,
    ) -> Result<Option<FloorPreview>, FloorError> {
        let failed = |source: ReadError| FloorError::Read { tip: tip.clone(), source };
        let Some(head) = self.manifest(tip).await.map_err(failed)?.map(|loaded| loaded.manifest) else {
            return Ok(None);
        };
        let (tier_start, tier_end) = (head.tier_start, head.tier_end);
        let mut preview =
            FloorPreview { tier_start, tier_end, segments: 0, log_bytes: 0, object_bytes: 0, live_bytes: 0 };
        let mut dead_bytes = 0_u64;
        // One offset more than the start, so that all that lies below it is seen and known for dead.
        let upto = offset.max(tier_start).next().unwrap_or(Offset::MAX);
        let below = OffsetRange::new(Offset::ZERO, upto).expect("zero lies below any offset");
        let mut entries = self.entries(&head, below);
        while let Some(chunk) = entries.next_chunk().await.map_err(failed)? {
            for entry in chunk {
                if entry.range.end() <= tier_start {
                    dead_bytes = dead_bytes.saturating_add(entry.log_bytes.get());
                } else if entry.range.end() <= offset {
                    preview.segments += 1;
                    preview.log_bytes = preview.log_bytes.saturating_add(entry.log_bytes.get());
                    preview.object_bytes = preview.object_bytes.saturating_add(entry.location.length.get());
                }
            }
        }
        preview.live_bytes = head.totals.log_bytes.get().saturating_sub(dead_bytes);
        Ok(Some(preview))
    }

    /// Writes a floor, then the hint of it. Answer whoever asked only when this has: then it is durable, and will be folded.
    /// Two PUTs; what [`Tier::preview_floor`] costs where there is a share.
    ///
    /// Not undone by anything: where this fails, the floor may be there or not, and the same request may be made again.
    pub async fn write_floor(&self, request: &FloorRequest) -> Result<FloorWritten, FloorError> {
        let FloorRequest { tip, offset, said, share } = request;
        if let Some(allowed) = share
            && let Some(preview) = self.preview_floor(tip, *offset).await?
            && preview.share() > *allowed
        {
            return Ok(FloorWritten::TooMuch(preview));
        }
        let uuid = ObjectUuid::from_bytes(self.env().random.uuid());
        let cluster_id = self.cluster_id().clone();
        let floor = FloorObject { cluster_id, tip: tip.clone(), offset: *offset, uuid, said: said.clone() };
        let key = floor.object_key();
        let failed = |source| FloorError::Object { tip: tip.clone(), source };
        let bytes = floor.encode().map_err(|error| failed(ClusterError::encode(&key, error)))?;
        self.before(Step::FloorPut).await;
        let put = self.store().put_unique(&key.to_string(), bytes).await;
        put.map_err(|source| failed(ClusterError::store(&key, source)))?;
        self.before(Step::FloorHint).await;
        let hinted = self.hint_floor(tip).await;
        hinted.map_err(|source| failed(ClusterError::store(floor_hint(tip), source)))?;
        tracing::info!(%tip, floor = %offset, by = %said.by, "floor written");
        Ok(FloorWritten::Written(floor))
    }

    pub(super) async fn hint_floor(&self, tip: &TopicIdPartition) -> Result<(), StoreError> {
        // Every hint has the same bytes: whoever writes it, and however often, it is the same object.
        self.store().put_unique(&floor_hint(tip).to_string(), HINT).await.map(|_| ())
    }
}

pub(super) fn floor_hint(tip: &TopicIdPartition) -> ObjectKey {
    ObjectKey::FloorHint { topic_id: tip.topic_id, partition: tip.partition }
}
