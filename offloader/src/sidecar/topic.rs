//! What a sidecar remembers of a topic, and whether it is offloaded.

use firnline_index::TopicName;
use firnline_index::topic::TopicObject;
use firnline_tier::retention::Limits as RetentionLimits;
use tokio::time::Instant;

use super::pace::Rate;
use super::settings::{SidecarSettings, TopicPolicy};
use super::view::Standing;
use super::wait::{OffReason, OperatorReason, WaitReason};

/// One topic.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) name: TopicName,
    pub(super) policy: TopicPolicy,
    pub(super) bytes: Option<Rate>,
    pub(super) configs: Configs,
    /// Its settings were asked for, and not told.
    pub(super) refused: bool,
    pub(super) paused: bool,
    /// Whether its object was read once: until then nothing is uploaded, as it may be paused.
    pub(super) told: bool,
    /// Whether a segment of it was ever sealed.
    pub(super) encrypted: bool,
    /// What the bucket says of its retention.
    pub(super) retention: RetentionLimits,
    /// An operator has said that it is deleted.
    pub(super) deletion_confirmed: bool,
    pub(super) presence: TopicPresence,
}

/// What is known of a topic's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Configs {
    Unknown,
    Known { compacted: bool, remote_storage: bool, at: Instant },
}

impl Configs {
    /// What they say, without when they said it.
    pub(super) const fn settings(self) -> Option<(bool, bool)> {
        match self {
            Self::Unknown => None,
            Self::Known { compacted, remote_storage, .. } => Some((compacted, remote_storage)),
        }
    }
}

/// Whether the brokers know a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TopicPresence {
    Known,
    /// Unknown to one broker since then.
    Missing {
        since: Instant,
    },
    /// Too many topics are gone at once to believe it.
    Doubted {
        topics: usize,
        since: Instant,
    },
    /// Deleted.
    Deleted,
}

impl Topic {
    pub(super) fn new(name: TopicName, settings: &SidecarSettings, now: Instant) -> Self {
        let policy = (settings.policy_of)(&name);
        let bytes = policy.bytes_per_second.map(|rate| Rate::new(rate, now));
        Self {
            name,
            policy,
            bytes,
            configs: Configs::Unknown,
            refused: false,
            paused: false,
            told: false,
            encrypted: false,
            retention: RetentionLimits::default(),
            deletion_confirmed: false,
            presence: TopicPresence::Known,
        }
    }

    /// Takes what its object in the bucket says; gives whether it is paused now and was not, or the other way round.
    pub(super) fn hear(&mut self, object: Option<&TopicObject>) -> bool {
        self.told = true;
        let Some(object) = object else { return false };
        self.retention = RetentionLimits::of(object.retention.as_ref());
        self.deletion_confirmed = object.deleted_at.is_some();
        self.encrypted = object.encrypted;
        let paused = object.paused.is_some();
        let changed = self.paused != paused;
        if changed {
            self.paused = paused;
            tracing::info!(topic = %self.name, paused, "an operator has decided");
        }
        changed
    }

    /// Takes the policy that settings given anew have for it.
    pub(super) fn apply(&mut self, settings: &SidecarSettings, now: Instant) {
        self.policy = (settings.policy_of)(&self.name);
        self.bytes = self.policy.bytes_per_second.map(|rate| Rate::new(rate, now));
    }

    /// Whether it is offloaded.
    pub(super) fn standing(&self, internal_topics: bool) -> Standing {
        let internal = self.name.as_str().starts_with("__");
        if !self.policy.offload {
            return Standing::Off(OffReason::Policy);
        }
        if internal && !internal_topics {
            return Standing::Off(OffReason::Internal);
        }
        if self.presence == TopicPresence::Deleted {
            // The last known settings decide; where none were ever told, nothing was taken and nothing is.
            return match self.configs {
                Configs::Known { remote_storage: true, .. } => Standing::Off(OffReason::Plugin),
                _ if self.paused => Standing::Paused,
                _ => Standing::Deleted,
            };
        }
        match self.configs {
            Configs::Unknown => Standing::Off(OffReason::Unknown),
            Configs::Known { remote_storage: true, .. } => Standing::Off(OffReason::Plugin),
            Configs::Known { compacted: true, .. } if !self.policy.compacted && !internal => {
                Standing::Off(OffReason::Compacted)
            }
            Configs::Known { .. } if self.paused => Standing::Paused,
            Configs::Known { .. } => Standing::On,
        }
    }

    /// Whether a cleaner may have left out offsets of it.
    pub(super) fn leaves_holes(&self) -> bool {
        let compacted = matches!(self.configs, Configs::Known { compacted: true, .. });
        compacted || self.policy.compacted || self.name.as_str().starts_with("__")
    }

    /// What keeps all of its partitions waiting.
    pub(super) fn doubt(&self) -> Option<WaitReason> {
        match self.presence {
            TopicPresence::Doubted { topics, .. } => {
                Some(WaitReason::Operator(OperatorReason::ManyTopicsGone { topics }))
            }
            _ => None,
        }
    }
}
