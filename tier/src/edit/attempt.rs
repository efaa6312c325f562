//! One attempt to put a manifest.

use firnline_index::ids::{CommitId, ObjectUuid, TopicIdPartition};
use firnline_index::keys::ObjectKey;
use firnline_index::manifest::{Manifest, NewPage};
use firnline_store::env::RandomExt;
use firnline_store::{CreateOutcome, ErrorKind, UpdateOutcome, Version};

use super::EditError;
use crate::{Step, Tier};

/// What an attempt is for.
#[derive(Clone, Copy)]
pub(super) struct Attempt<'a> {
    pub(super) tip: &'a TopicIdPartition,
    /// The version that it is conditional on; `None` where there was no manifest.
    pub(super) known: Option<&'a Version>,
    pub(super) id: CommitId,
}

impl Tier {
    /// Puts `pages`, what `next` spills, and `next`, which is stamped; gives whether that was answered. Neither says what
    /// came of it: the caller reads the manifest. Only what cannot have been applied, and would not be by another attempt, is
    /// an error.
    pub(super) async fn attempt(
        &self,
        attempt: Attempt<'_>,
        mut next: Manifest,
        pages: Vec<NewPage>,
        topic_partitions: u32,
    ) -> Result<bool, EditError> {
        let Attempt { tip, known, id } = attempt;
        let store_error = |source| EditError::Store { tip: tip.clone(), source: Box::new(source) };
        let encode_error = |source| EditError::Encode { tip: tip.clone(), source: Box::new(source) };
        for NewPage { key, bytes, .. } in pages {
            self.before(Step::CommitPage).await;
            self.store().put_unique(&key.to_string(), bytes).await.map_err(store_error)?;
        }
        let fresh = || ObjectUuid::from_bytes(self.env().random.uuid());
        while let Some(spill) = next.spill(fresh).map_err(encode_error)? {
            self.before(Step::CommitPage).await;
            self.store().put_unique(&spill.key.to_string(), spill.bytes).await.map_err(store_error)?;
            next = spill.head;
        }
        let bytes = next.encode().map_err(encode_error)?;
        let key = ObjectKey::Manifest { tip: tip.clone() }.to_string();
        let put = match known {
            Some(version) => {
                self.before(Step::CommitPut).await;
                self.store().update(&key, bytes, version).await.map(|outcome| match outcome {
                    UpdateOutcome::Updated(_) => "updated",
                    UpdateOutcome::Conflict => "conflict",
                })
            }
            None => {
                let ensured = self.ensure_topic(tip, topic_partitions).await;
                ensured.map_err(|source| EditError::Topic { tip: tip.clone(), source })?;
                self.before(Step::CommitPut).await;
                self.store().create(&key, bytes).await.map(|outcome| match outcome {
                    CreateOutcome::Created(_) => "created",
                    CreateOutcome::Exists => "exists",
                })
            }
        };
        match put {
            Ok(answer) => {
                tracing::debug!(%tip, commit = %id, answer, "manifest put");
                Ok(true)
            }
            // What is not durable may be undone by a power cut, so that it can be read back proves nothing.
            Err(error) if error.is_ambiguous() && *error.kind() != ErrorKind::NotDurable => {
                tracing::debug!(%tip, commit = %id, %error, "manifest put without a clear answer");
                Ok(false)
            }
            Err(error) => Err(store_error(error)),
        }
    }
}
