//! Setting a topic's retention, and telling beforehand what that takes.

use firnline_index::TopicIdPartition;
use firnline_index::topic::{TierRetention, TopicObject};

use crate::catalog::{KnownTopic, ListError};
use crate::cluster::{Clocks, ClusterError};
use crate::retention::{
    Limits, RetentionDecision, RetentionRefusal, RetentionRequest, RetentionSettings, Share,
};
use crate::{ReadError, Tier};

/// An operator's wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetRetention {
    /// The new limits; none keeps everything.
    pub limits: Limits,
    /// What may go, over all partitions of the topic, without a further word.
    pub share: Share,
}

/// What a change of retention takes from the tier, in however many runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RetentionPreview {
    /// Partitions that have a manifest.
    pub partitions: u64,
    /// Segments that go.
    pub segments: u64,
    /// Their raw bytes.
    pub log_bytes: u64,
    /// Their stored bytes.
    pub object_bytes: u64,
    /// Raw bytes of all live segments.
    pub live_bytes: u64,
}

impl RetentionPreview {
    /// The share of the topic that goes.
    #[must_use]
    pub fn share(&self) -> Share {
        Share::of(self.log_bytes, self.live_bytes)
    }
}

/// How setting a retention ended. All are answers, not failures.
#[derive(Debug)]
pub enum PolicyOutcome {
    /// It is in force.
    Set {
        /// The topic's object as it is now.
        object: Box<TopicObject>,
        /// What will go.
        preview: RetentionPreview,
    },
    /// It would take more than it may. Nothing was changed.
    TooMuch(RetentionPreview),
    /// What it would take cannot be told.
    Refused {
        /// The partition.
        tip: TopicIdPartition,
        /// Why not.
        refusal: RetentionRefusal,
    },
}

/// A policy that cannot be read or set.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The topic's partitions could not be listed.
    #[error("list the partitions of the topic")]
    List(#[from] ListError),
    /// A manifest or page could not be read.
    #[error("read what the topic has in the tier")]
    Read(#[from] ReadError),
    /// The topic's object could not be read or written.
    #[error("change the topic's policy")]
    Object(#[from] ClusterError),
}

/// One partition's part of a preview.
type Part = Result<RetentionPreview, (TopicIdPartition, RetentionRefusal)>;

impl Tier {
    /// What the limits take of a topic, all runs together. Per partition one GET, one of each page that reaches into what
    /// goes, and at most one LIST.
    pub async fn preview_retention(
        &self,
        topic: &KnownTopic,
        limits: Limits,
        clocks: Clocks,
    ) -> Result<Part, PolicyError> {
        let settings =
            RetentionSettings { share: Share::ALL, most_segments: u64::MAX, ..RetentionSettings::default() };
        let mut sum = RetentionPreview::default();
        for tip in &self.partitions(topic).await? {
            let request = RetentionRequest { tip, limits, paused: false, clocks };
            let Some(plan) = self.plan_retention(&request, &settings).await? else { continue };
            sum.partitions += 1;
            sum.live_bytes = sum.live_bytes.saturating_add(plan.live_bytes);
            match plan.decision {
                RetentionDecision::Keep => {}
                RetentionDecision::Retire { segments, log_bytes, object_bytes, .. } => {
                    sum.segments += segments;
                    sum.log_bytes = sum.log_bytes.saturating_add(log_bytes);
                    sum.object_bytes = sum.object_bytes.saturating_add(object_bytes);
                }
                RetentionDecision::Refuse(refusal) => return Ok(Err((tip.clone(), refusal))),
            }
        }
        Ok(Ok(sum))
    }

    /// Puts a retention in force for a topic, if what that takes is within the share that was said. Only an operator's act
    /// calls this. Costs a preview, one GET and one PUT.
    pub async fn set_retention(
        &self,
        topic: &KnownTopic,
        set: SetRetention,
        clocks: Clocks,
    ) -> Result<PolicyOutcome, PolicyError> {
        let SetRetention { limits, share } = set;
        let preview = match self.preview_retention(topic, limits, clocks).await? {
            Ok(preview) => preview,
            Err((tip, refusal)) => return Ok(PolicyOutcome::Refused { tip, refusal }),
        };
        if preview.share() > share {
            return Ok(PolicyOutcome::TooMuch(preview));
        }
        let set_at = self.now();
        let Limits { ms, bytes } = limits;
        let retention = (!limits.is_none()).then_some(TierRetention { ms, bytes, set_at });
        let object = self.edit_topic(topic, |object| object.retention = retention).await?;
        let by_age = ms.unwrap_or(0);
        tracing::info!(topic = %topic.topic, ms = by_age, bytes = bytes.unwrap_or(0), limited = !limits.is_none(), "retention set");
        Ok(PolicyOutcome::Set { object: Box::new(object), preview })
    }
}
