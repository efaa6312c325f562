//! The objects of groups in the store: read, and replaced under a condition with the outcome known.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use firnline_index::cluster_state::{ClusterState, Dated, GroupOffsets};
use firnline_index::group::{GroupObject, GroupOwner};
use firnline_index::keys::ObjectKey;
use firnline_index::marker::JsonObjectError;
use firnline_index::{ClusterId, CommitId, GroupName, Incarnation, TimestampMs};
use firnline_store::env::{Clock, Random, RandomExt};
use firnline_store::{CreateOutcome, ErrorKind, Fetched, Store, StoreError, UpdateOutcome, Version};

/// How often an attempt that was not answered, and had not arrived when we looked, is made again: always the same bytes under
/// the same condition, so that at most one of them takes effect.
const ATTEMPTS: usize = 4;

/// How long one operation on the store may take: clients wait for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// A group's object that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BucketError {
    #[error("reach {key}")]
    Store { key: ObjectKey, source: Box<StoreError> },
    #[error("list the groups")]
    List { source: Box<StoreError> },
    #[error("{key} is damaged, or from a newer build")]
    Unreadable { key: ObjectKey, source: Box<JsonObjectError> },
    #[error("{key} belongs to {found}; it was copied to a wrong place")]
    Foreign { key: ObjectKey, found: String },
    #[error("encode {key}")]
    Encode { key: ObjectKey, source: Box<JsonObjectError> },
    #[error("{key} changed under each attempt to write it")]
    Contended { key: ObjectKey },
}

/// A group as the store has it.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) version: Version,
    pub(crate) group: GroupObject,
}

impl Found {
    /// The same without positions: what does not grow with them is remembered of groups that are another's.
    pub(crate) fn head(&self) -> Self {
        let GroupObject { cluster_id, group, owner, write, generation, saved, topics: _ } = &self.group;
        let group = GroupObject {
            cluster_id: cluster_id.clone(),
            group: group.clone(),
            owner: owner.clone(),
            write: *write,
            generation: *generation,
            saved: *saved,
            topics: BTreeMap::new(),
        };
        Self { version: self.version.clone(), group }
    }
}

/// How a write ended. Both are answers, not failures.
#[derive(Debug)]
pub(crate) enum Written {
    /// The object holds what was written.
    Ours(Version),
    /// It holds something else; `None` where it is gone.
    Theirs(Option<Found>),
}

/// Where groups lie, and who writes them.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) store: Store,
    pub(crate) cluster_id: ClusterId,
    /// This run of this server, with its address.
    pub(crate) us: GroupOwner,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
}

impl Bucket {
    pub(crate) fn new(
        store: Store,
        cluster_id: ClusterId,
        us: GroupOwner,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Self {
        Self { store: store.with_deadline(PATIENCE), cluster_id, us, clock, random }
    }

    /// A name for this run.
    pub(crate) fn incarnation(random: &dyn Random) -> Incarnation {
        Incarnation::from_bytes(random.uuid())
    }

    /// Now; before 1970 it is 1970.
    pub(crate) fn now(&self) -> TimestampMs {
        TimestampMs::new(self.clock.now_ms().max(0)).expect("it is not below zero")
    }

    /// A fresh id for a write.
    pub(crate) fn write_id(&self) -> CommitId {
        CommitId::from_bytes(self.random.uuid())
    }

    /// Sixteen bytes that nobody guesses, as text.
    pub(crate) fn fresh_name(&self) -> String {
        Incarnation::from_bytes(self.random.uuid()).to_string()
    }

    /// The group's object; `None` where there is none. One GET, without a body where it is still `known`.
    pub(crate) async fn read(
        &self,
        group: &GroupName,
        known: Option<&Found>,
    ) -> Result<Option<Found>, BucketError> {
        let key = ObjectKey::Group { group: group.clone() };
        let text = key.to_string();
        let answer = match known {
            Some(known) => self.store.get_if_changed(&text, &known.version).await,
            None => self.store.get(&text).await.map(Some),
        };
        match answer {
            Ok(Some(fetched)) => self.decode(&key, fetched).map(Some),
            Ok(None) => Ok(known.cloned()),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(BucketError::Store { key, source: Box::new(error) }),
        }
    }

    /// Replaces the version `known` of a group's object, or creates it. One PUT; a GET more where the answer was lost or the
    /// condition did not hold. Cancelled in between, it may have been written.
    pub(crate) async fn write(
        &self,
        group: &GroupObject,
        known: Option<&Version>,
    ) -> Result<Written, BucketError> {
        let key = group.object_key();
        let bytes = group.encode();
        let bytes =
            bytes.map_err(|error| BucketError::Encode { key: key.clone(), source: Box::new(error) })?;
        let (text, bytes) = (key.to_string(), bytes::Bytes::from(bytes));
        let failed = |source| BucketError::Store { key: key.clone(), source: Box::new(source) };
        for _ in 0..ATTEMPTS {
            let put = match known {
                None => self.store.create(&text, bytes.clone()).await.map(|outcome| match outcome {
                    CreateOutcome::Created(version) => Some(version),
                    CreateOutcome::Exists => None,
                }),
                Some(known) => {
                    self.store.update(&text, bytes.clone(), known).await.map(|outcome| match outcome {
                        UpdateOutcome::Updated(version) => Some(version),
                        UpdateOutcome::Conflict => None,
                    })
                }
            };
            match put {
                Ok(Some(version)) => return Ok(Written::Ours(version)),
                Ok(None) => {}
                // What is not durable may be undone by a power cut, so that it can be read back proves nothing.
                Err(error) if error.is_ambiguous() && *error.kind() != ErrorKind::NotDurable => {}
                Err(error) => return Err(failed(error)),
            }
            match self.store.get(&text).await {
                Ok(found) if found.bytes == bytes => return Ok(Written::Ours(found.version)),
                Ok(found) if Some(&found.version) == known => {}
                Ok(found) => return Ok(Written::Theirs(Some(self.decode(&key, found)?))),
                Err(error) if error.is_not_found() && known.is_some() => return Ok(Written::Theirs(None)),
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Err(BucketError::Contended { key })
    }

    /// The positions of all groups, as a sidecar saved them last; `None` where none did. One GET.
    pub(crate) async fn saved(&self) -> Result<Option<Dated<GroupOffsets>>, BucketError> {
        let key = GroupOffsets::object_key();
        let fetched = match self.store.get(&key.to_string()).await {
            Ok(fetched) => fetched,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(BucketError::Store { key, source: Box::new(error) }),
        };
        let dated = Dated::<GroupOffsets>::decode(&fetched.bytes)
            .map_err(|error| BucketError::Unreadable { key: key.clone(), source: Box::new(error) })?;
        if dated.cluster_id != self.cluster_id {
            return Err(BucketError::Foreign { key, found: format!("cluster {}", dated.cluster_id) });
        }
        Ok(Some(dated))
    }

    fn decode(&self, key: &ObjectKey, fetched: Fetched) -> Result<Found, BucketError> {
        let group = GroupObject::decode(&fetched.bytes)
            .map_err(|error| BucketError::Unreadable { key: key.clone(), source: Box::new(error) })?;
        if group.cluster_id != self.cluster_id || group.object_key() != *key {
            let found = format!("group {:?} of cluster {}", group.group, group.cluster_id);
            return Err(BucketError::Foreign { key: key.clone(), found });
        }
        Ok(Found { version: fetched.version, group })
    }
}

impl BucketError {
    /// Whether the store refuses what is asked of it.
    pub(crate) fn is_denied(&self) -> bool {
        matches!(self, Self::Store { source, .. } | Self::List { source } if source.is_denied())
    }

    /// Whether it passes by itself.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Store { source, .. } | Self::List { source } => source.is_retriable(),
            Self::Contended { .. } => true,
            Self::Unreadable { .. } | Self::Foreign { .. } | Self::Encode { .. } => false,
        }
    }
}
