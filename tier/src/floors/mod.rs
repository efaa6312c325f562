//! Floors: records deleted by an explicit act, before retention would.
//!
//! ```text
//!  who deletes:  floor object ─► hint ─► answered
//!  the leader:   one LIST of hints a minute ─► floors of the partition ─► commit: floor and tier start ─► floors deleted
//!                                                                         ─► hint deleted ─► floors listed once more
//! ```
//!
//! The floor object is the act; the hint saves a listing for each partition. A hint that is deleted while another floor is
//! being written would leave that one unseen: so floors are listed once more behind it, and the hint is written again where
//! there is one. What a crash in between leaves is found by gc, which counts floors that the manifest does not have.

mod fold;
mod write;

pub use fold::{FloorsFolded, FoldOutcome, MAX_HINTS, PendingFloors};
pub use write::{FloorPreview, FloorRequest, FloorWritten};

use firnline_index::TopicIdPartition;
use firnline_index::floor::FloorObject;
use firnline_index::keys::{KeyPrefix, ObjectKey};

use crate::cluster::ClusterError;
use crate::{EditError, ReadError, Tier};

/// The most floors of one partition that are looked at in one run.
const MAX_FLOORS: usize = 256;

/// A floor that cannot be written or folded.
#[derive(Debug, thiserror::Error)]
pub enum FloorError {
    /// An object could not be read or written.
    #[error("reach the floors of {tip}")]
    Object {
        /// The partition.
        tip: TopicIdPartition,
        /// Why not.
        #[source]
        source: ClusterError,
    },
    /// The manifest or a page of it could not be read.
    #[error("read the manifest of {tip} to place a floor")]
    Read {
        /// The partition.
        tip: TopicIdPartition,
        /// Why not.
        #[source]
        source: ReadError,
    },
    /// The manifest could not be changed.
    #[error("raise the floor of {tip}")]
    Commit {
        /// The partition.
        tip: TopicIdPartition,
        /// Why not.
        #[source]
        source: Box<EditError>,
    },
}

impl FloorError {
    /// Whether another attempt may succeed without anybody doing anything.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Object { source, .. } => source.is_passing(),
            Self::Read { source: ReadError::Store(error), .. } => error.is_retriable(),
            Self::Read { .. } => false,
            Self::Commit { source, .. } => source.is_passing(),
        }
    }
}

impl Tier {
    /// The floor objects of a partition that are what their keys say, highest first; and what is wrong with others. One LIST
    /// and one GET for each.
    async fn floor_objects(
        &self,
        tip: &TopicIdPartition,
    ) -> Result<(Vec<FloorObject>, Vec<ClusterError>), ClusterError> {
        let prefix = KeyPrefix::Floors(tip.clone()).to_string();
        let listing = self.store().list(&prefix, None).collect_up_to(MAX_FLOORS).await;
        let (objects, _more) = listing.map_err(|source| ClusterError::store(&prefix, source))?;
        let (mut floors, mut wrong) = (Vec::new(), Vec::new());
        for object in objects {
            let Ok(key @ ObjectKey::Floor { .. }) = object.key.parse::<ObjectKey>() else { continue };
            let fetched = match self.store().get(&object.key).await {
                Ok(fetched) => fetched,
                Err(error) if error.is_not_found() => continue,
                Err(error) => return Err(ClusterError::store(&key, error)),
            };
            match FloorObject::decode(&fetched.bytes) {
                Err(error) => wrong.push(ClusterError::unreadable(&key, error)),
                Ok(floor) if floor.object_key() == key && floor.cluster_id == *self.cluster_id() => {
                    floors.push(floor);
                }
                Ok(floor) => {
                    let found = format!("{} of cluster {}", floor.object_key(), floor.cluster_id);
                    wrong.push(ClusterError::Foreign { key, found });
                }
            }
        }
        floors.sort_by_key(|floor| std::cmp::Reverse(floor.offset));
        Ok((floors, wrong))
    }
}
