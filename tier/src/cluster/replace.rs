//! Replacing one small mutable object under a condition, with the outcome known.

use bytes::Bytes;
use firnline_index::keys::ObjectKey;
use firnline_store::{CreateOutcome, ErrorKind, Fetched, StoreError, UpdateOutcome, Version};

use super::ClusterError;
use crate::Tier;

/// How often an attempt that was not answered, and had not arrived when we looked, is made again. All of them are under
/// one condition: at most one of them ever takes effect.
const ATTEMPTS: usize = 4;

/// How a replacement ended. Both are answers, not failures.
#[derive(Debug)]
pub(crate) enum Replaced {
    /// The object holds our bytes.
    Ours(Version),
    /// It holds what somebody else wrote; `None` where it is gone.
    Theirs(Option<Fetched>),
}

/// Replaces the version `known` of an object, or creates it where that is `None`. `bytes` must be such as nobody else ever
/// writes (they carry an id of the writer's), for finding them there is the proof that the write landed.
///
/// Cost: one PUT; one GET more where the answer was lost or the condition did not hold.
pub(crate) async fn replace(
    tier: &Tier,
    key: &ObjectKey,
    bytes: impl Into<Bytes>,
    known: Option<&Version>,
) -> Result<Replaced, ClusterError> {
    let (text, bytes) = (key.to_string(), bytes.into());
    let failed = |source: StoreError| ClusterError::store(key, source);
    for _ in 0..ATTEMPTS {
        let put = match known {
            None => tier.store().create(&text, bytes.clone()).await.map(|outcome| match outcome {
                CreateOutcome::Created(version) => Some(version),
                CreateOutcome::Exists => None,
            }),
            Some(known) => {
                tier.store().update(&text, bytes.clone(), known).await.map(|outcome| match outcome {
                    UpdateOutcome::Updated(version) => Some(version),
                    UpdateOutcome::Conflict => None,
                })
            }
        };
        match put {
            Ok(Some(version)) => return Ok(Replaced::Ours(version)),
            Ok(None) => {}
            Err(error) if error.is_ambiguous() && *error.kind() != ErrorKind::NotDurable => {}
            Err(error) => return Err(failed(error)),
        }
        match tier.store().get(&text).await {
            Ok(found) if found.bytes == bytes => return Ok(Replaced::Ours(found.version)),
            // Not arrived, and it may yet: the same bytes under the same condition again.
            Ok(found) if Some(&found.version) == known => {}
            Ok(found) => return Ok(Replaced::Theirs(Some(found))),
            Err(error) if error.is_not_found() && known.is_some() => return Ok(Replaced::Theirs(None)),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Err(ClusterError::Contended { key: key.clone() })
}
