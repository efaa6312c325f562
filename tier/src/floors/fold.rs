//! Folding floors into the manifest.

use firnline_index::keys::{KeyPrefix, ObjectKey};
use firnline_index::manifest::Writer;
use firnline_index::{Offset, PartitionIndex, TopicId, TopicIdPartition};

use super::FloorError;
use super::write::floor_hint;
use crate::change::RaiseFloor;
use crate::cluster::ClusterError;
use crate::gc::Condemned;
use crate::retention::condemn;
use crate::{EditOutcome, Refused, Step, Tier};

/// The most hints that are looked at: more partitions than that are folded in later runs.
pub const MAX_HINTS: usize = 10_000;

/// The partitions for which floors wait.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PendingFloors {
    /// By topic id and partition; the names are known to who leads them.
    pub partitions: Vec<(TopicId, PartitionIndex)>,
    /// Whether there are more.
    pub more: bool,
}

/// What folding came to.
#[derive(Debug)]
pub struct FloorsFolded {
    /// The floor that the manifest has now; `None` where no floor object of the partition was sound.
    pub floor: Option<Offset>,
    /// Floor objects that are folded and gone.
    pub removed: u64,
    /// Floor objects that do not count: damaged, or copied to where they are. They stay, and so does the hint.
    pub wrong: Vec<ClusterError>,
    /// What the tier's start has passed; pass it to [`Tier::delete_condemned`].
    pub condemned: Option<Condemned>,
}

/// How folding ended. Both are answers, not failures.
#[derive(Debug)]
pub enum FoldOutcome {
    /// The floors are part of the manifest.
    Folded(FloorsFolded),
    /// The manifest must not be changed; floors and hint stay.
    Refused(Refused),
}

impl Tier {
    /// The partitions for which a floor waits. One LIST per thousand of them.
    pub async fn pending_floors(&self) -> Result<PendingFloors, ClusterError> {
        let prefix = KeyPrefix::FloorHints.to_string();
        let listing = self.store().list(&prefix, None).collect_up_to(MAX_HINTS).await;
        let (objects, more) = listing.map_err(|source| ClusterError::store(&prefix, source))?;
        let partitions = objects.iter().filter_map(|object| match object.key.parse() {
            Ok(ObjectKey::FloorHint { topic_id, partition }) => Some((topic_id, partition)),
            _ => None,
        });
        Ok(PendingFloors { partitions: partitions.collect(), more })
    }

    /// Raises a partition's floor to the highest that waits, and clears away what is folded then.
    ///
    /// Two LISTs, one GET and one DELETE a floor, one commit, one DELETE of the hint. A crash anywhere leaves floors that are
    /// folded again, which changes nothing, or a hint of none.
    pub async fn fold_floors(
        &self,
        tip: &TopicIdPartition,
        writer: Option<Writer>,
    ) -> Result<FoldOutcome, FloorError> {
        let failed = |source| FloorError::Object { tip: tip.clone(), source };
        self.before(Step::FloorRead).await;
        let (floors, wrong) = self.floor_objects(tip).await.map_err(failed)?;
        let mut folded = FloorsFolded { floor: None, removed: 0, wrong, condemned: None };
        if let Some(highest) = floors.first() {
            let edit = RaiseFloor { floor: highest.offset };
            self.before(Step::FloorCommit).await;
            let outcome = self.edit(tip, writer, &edit).await;
            match outcome
                .map_err(|source| FloorError::Commit { tip: tip.clone(), source: Box::new(source) })?
            {
                EditOutcome::Changed { now, dropped } => {
                    folded.floor = now.manifest.floor;
                    tracing::info!(%tip, floor = %highest.offset, by = %highest.said.by, "floor raised");
                    folded.condemned = (!dropped.is_empty()).then(|| condemn(self, &now, &dropped));
                }
                EditOutcome::Nothing(now) => folded.floor = now.and_then(|now| now.manifest.floor),
                EditOutcome::Refused(refused) => return Ok(FoldOutcome::Refused(refused)),
            }
            for floor in &floors {
                let key = floor.object_key();
                self.before(Step::FloorDelete).await;
                let gone = self.store().delete(&key.to_string()).await;
                gone.map_err(|source| failed(ClusterError::store(&key, source)))?;
                folded.removed += 1;
            }
        }
        if folded.wrong.is_empty() {
            self.drop_hint(tip).await.map_err(failed)?;
        }
        Ok(FoldOutcome::Folded(folded))
    }

    /// Deletes the hint, and writes it again where a floor came in meanwhile.
    async fn drop_hint(&self, tip: &TopicIdPartition) -> Result<(), ClusterError> {
        let hint = floor_hint(tip);
        self.before(Step::FloorHint).await;
        let gone = self.store().delete(&hint.to_string()).await;
        gone.map_err(|source| ClusterError::store(&hint, source))?;
        self.before(Step::FloorRead).await;
        let prefix = KeyPrefix::Floors(tip.clone()).to_string();
        let left = self.store().list(&prefix, None).collect_up_to(1).await;
        let (left, _) = left.map_err(|source| ClusterError::store(&prefix, source))?;
        if !left.is_empty() {
            self.hint_floor(tip).await.map_err(|source| ClusterError::store(&hint, source))?;
        }
        Ok(())
    }
}
