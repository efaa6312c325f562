//! What goes on in the background, at a trickle, beside rounds and turns.
//!
//! | what | how often | for whom |
//! |---|---|---|
//! | summaries, pauses, retention in force ([`exchange`]) | each minute | everyone |
//! | floors, retention, collection ([`duties`]) | each hour, each day | the partitions that are led here |
//! | archives of deleted topics ([`archives`]) | each hour, where they are not kept for ever | everything, by one sidecar |
//! | hanging transactions ([`hanging`]) | each five minutes, oftener where few count as long | the partitions that are led here |
//! | scrub ([`content`]) | always, slowly | the partitions that are led here |

mod archives;
mod content;
mod duties;
mod exchange;
mod hanging;

use std::convert::Infallible;

use firnline_index::{LeaderEpoch, TopicIdPartition};

use super::core::Core;
use super::view::Standing;

/// A sidecar that finds another one at work as its node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OtherRun {
    /// The other run.
    pub(super) incarnation: firnline_index::Incarnation,
}

impl Core {
    /// Works for ever, or until another run of a sidecar is found to work as this node.
    pub(super) async fn keep_up(&self) -> OtherRun {
        tokio::select! {
            biased;
            other = self.exchange() => other,
            never = self.duties() => match never {},
            never = self.watch_transactions() => match never {},
            never = self.scrub() => match never {},
        }
    }

    /// The partitions that are led here and offloaded, with the epoch they are led under.
    fn led(&self) -> Vec<(TopicIdPartition, LeaderEpoch)> {
        let settings = self.settings();
        let state = self.state();
        let on = |tip: &TopicIdPartition| {
            let topic = state.topics.get(&tip.topic_id);
            topic.is_some_and(|topic| topic.standing(settings.internal_topics) == Standing::On)
        };
        let led = state.slots.iter().filter_map(|(tip, slot)| {
            let leader = slot.leader.filter(|leader| leader.node == self.parts.node)?;
            (slot.digest().is_some() && on(tip)).then(|| (tip.clone(), leader.epoch))
        });
        led.collect()
    }
}

/// Of a loop without end.
type Never = Infallible;
