//! Partitions that brokers with KIP-405 tier: of these the brokers' own metadata is the truth, and the manifest a mirror.
//!
//! | what happened | the way out |
//! |---|---|
//! | a crash kept from the mirror what a broker did; the manifest is lost | [`Tier::plan_rebuild`]: by the segments that are there, and what they say of themselves |
//! | objects that no broker knows of | [`Tier::unowned`]: by what the brokers' metadata says, read after the objects were listed |
//!
//! Nothing here talks to a broker: what brokers say is given.

mod rebuild;
mod unowned;

use std::collections::BTreeMap;

use firnline_index::keys::{KeyPrefix, ObjectKey};
use firnline_index::manifest::ManifestKind;
use firnline_index::{SegmentUuid, TopicIdPartition};
use firnline_store::{ListedObject, StoreError};

pub use rebuild::{Rebuild, Unread};
pub use unowned::{BrokerWord, BrokersSay, Owned, SweepRefusal, SweepSettings, Swept, Unowned};

use crate::{LoadedManifest, ReadError, Tier};

/// A mirror that could not be looked at. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// The store did not answer, or refused.
    #[error("look at what is there of {tip}")]
    Store {
        /// The partition.
        tip: TopicIdPartition,
        /// Why.
        #[source]
        source: Box<StoreError>,
    },
    /// The manifest or a page of it could not be read. A damaged one may be moved away by hand, and is then made anew.
    #[error("read the manifest of {tip}")]
    Read {
        /// The partition.
        tip: TopicIdPartition,
        /// Why not.
        #[source]
        source: ReadError,
    },
    /// Its manifest is no mirror.
    #[error("sidecars tier {tip}: its manifest is the truth itself")]
    OfSidecars {
        /// The partition.
        tip: TopicIdPartition,
    },
}

/// A segment's object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: ObjectKey,
    /// What the store says of it.
    pub object: ListedObject,
}

impl Tier {
    /// The manifest of a partition that brokers tier; `None` where there is none.
    async fn mirror(&self, tip: &TopicIdPartition) -> Result<Option<LoadedManifest>, MirrorError> {
        let read = self.manifest(tip).await;
        let loaded = read.map_err(|source| MirrorError::Read { tip: tip.clone(), source })?;
        match loaded {
            Some(loaded) if loaded.manifest.kind != ManifestKind::Kip405 => {
                Err(MirrorError::OfSidecars { tip: tip.clone() })
            }
            loaded => Ok(loaded),
        }
    }

    /// The segments that are there of a partition, by id. One LIST per thousand objects.
    ///
    /// # Errors
    /// The store's.
    pub async fn list_segments(
        &self,
        tip: &TopicIdPartition,
    ) -> Result<BTreeMap<SegmentUuid, Listed>, MirrorError> {
        let failed = |source| MirrorError::Store { tip: tip.clone(), source: Box::new(source) };
        let mut listing = self.store().list(&KeyPrefix::Partition(tip.clone()).to_string(), None);
        let mut found = BTreeMap::new();
        while let Some(page) = listing.next_page().await.map_err(failed)? {
            for object in page {
                match object.key.parse::<ObjectKey>() {
                    Ok(key @ ObjectKey::Segment { uuid, .. }) if key.partition() == Some(tip) => {
                        found.insert(uuid, Listed { key, object });
                    }
                    _ => {}
                }
            }
        }
        Ok(found)
    }
}
