//! Reading the manifest, and taking in what a change made of it.

use firnline_index::Offset;
use firnline_index::manifest::Manifest;
use firnline_tier::{EditOutcome, KnownTopic, LoadedManifest, Lost, Refused};
use tokio::time::Instant;

use super::{After, Trouble, Turn};
use crate::sidecar::status::Thrown;
use crate::sidecar::step::SidecarStep;
use crate::sidecar::view::Digest;

impl Turn<'_> {
    pub(super) async fn read(&mut self) -> Result<After, Trouble> {
        self.core.before(SidecarStep::ReadManifest).await;
        self.read_topic().await?;
        let loaded = self.core.parts.tier.manifest(&self.tip).await.map_err(Trouble::read)?;
        self.take(loaded);
        Ok(After::Again)
    }

    /// What operators have decided of a topic that is new here: a pause holds from the first upload on.
    async fn read_topic(&self) -> Result<(), Trouble> {
        let topic_id = self.tip.topic_id;
        if self.core.state().topics.get(&topic_id).is_none_or(|topic| topic.told) {
            return Ok(());
        }
        let topic = KnownTopic { topic: self.tip.topic.clone(), topic_id };
        let object = self.core.parts.tier.topic_object(&topic).await.map_err(Trouble::topic)?;
        if let Some(topic) = self.core.state().topics.get_mut(&topic_id) {
            topic.hear(object.as_ref());
        }
        Ok(())
    }

    /// Takes a manifest as the newest.
    pub(super) fn take(&mut self, loaded: Option<LoadedManifest>) {
        let digest = loaded.as_ref().map(|loaded| Digest::of(&loaded.manifest));
        self.core.with(&self.tip, |slot| slot.know(digest, Instant::now()));
        self.read = Some(loaded);
    }

    /// Takes what a change made here has made of a manifest.
    pub(super) fn take_changed(&mut self, now: LoadedManifest) {
        let digest = Digest::of(&now.manifest);
        self.core.with(&self.tip, |slot| slot.know_changed(digest, Instant::now()));
        self.read = Some(Some(now));
    }

    pub(super) fn manifest(&self) -> Option<&Manifest> {
        self.read.as_ref()?.as_ref().map(|loaded| &loaded.manifest)
    }

    /// Where the tier ends.
    pub(super) fn tier_end(&self) -> Option<Offset> {
        self.manifest().map(|manifest| manifest.tier_end)
    }

    /// Takes in how a change ended; gives whether it landed.
    pub(super) fn ended(&mut self, outcome: EditOutcome, thrown: u64) -> Result<bool, Trouble> {
        match outcome {
            EditOutcome::Changed { now, dropped: _ } => {
                self.take_changed(*now);
                Ok(true)
            }
            EditOutcome::Nothing(now) => {
                self.take(now.map(|now| *now));
                Ok(false)
            }
            EditOutcome::Refused(Refused::Lost(lost)) => {
                tracing::info!(tip = %self.tip, %lost, "a change was planned on what has changed since");
                self.lost(&lost, thrown);
                Ok(false)
            }
            EditOutcome::Refused(refused) => Err(Trouble::refused(&refused)),
        }
    }

    /// What was known does not hold any more: read again before anything else.
    pub(super) fn lost(&mut self, lost: &Lost, thrown: u64) {
        self.throw(thrown, |why| match lost {
            Lost::TierEndMoved { .. } => &mut why.tier_end_moved,
            Lost::Collected => &mut why.collected,
            Lost::HistoryChanged { .. } | Lost::ManifestGone | Lost::NotOurs | Lost::OfSidecars => {
                &mut why.history
            }
            Lost::Claimed { .. } => &mut why.claimed,
            Lost::TopicDeleted { .. } => &mut why.deleted,
        });
        self.read = None;
        self.core.with(&self.tip, super::super::state::Slot::doubt_tier);
    }

    /// Counts finished uploads that are thrown away.
    pub(super) fn throw(&self, segments: u64, why: impl FnOnce(&mut Thrown) -> &mut u64) {
        *why(&mut self.core.state().counts.thrown) += segments;
    }
}
