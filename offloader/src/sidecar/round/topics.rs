//! Asking who leads, which topics there still are, and how they are set.

use std::collections::BTreeMap;
use std::sync::Arc;

use firnline_index::{PartitionIndex, TopicId, TopicName};
use tokio::time::Instant;

use crate::chain_of;
use crate::cluster::{AskError, Leader, TopicState};
use crate::sidecar::core::Core;
use crate::sidecar::state::State;
use crate::sidecar::step::SidecarStep;
use crate::sidecar::topic::{Configs, Topic, TopicPresence};

/// How old a topic's settings may be.
const CONFIGS_AGE: std::time::Duration = std::time::Duration::from_secs(300);
/// How many brokers must not know a topic.
pub(in crate::sidecar) const WITNESSES: usize = 2;

impl Core {
    /// Whether a topic has not been asked for yet.
    pub(super) fn has_unknown_topics(&self) -> bool {
        let state = self.state();
        let new = |topic: &Topic| {
            topic.configs == Configs::Unknown && topic.presence == TopicPresence::Known && !topic.refused
        };
        state.cluster_error.is_none() && state.topics.values().any(new)
    }

    pub(super) async fn ask_topics(&self) {
        let ids: Vec<TopicId> = {
            let mut state = self.state();
            let State { slots, topics, .. } = &mut *state;
            let held: std::collections::BTreeSet<TopicId> = slots.keys().map(|tip| tip.topic_id).collect();
            topics.retain(|id, _| held.contains(id));
            topics.keys().copied().collect()
        };
        if ids.is_empty() {
            return;
        }
        self.before(SidecarStep::AskTopics).await;
        match self.parts.cluster.topics(&ids).await {
            Ok(states) => {
                let mut missing = Vec::new();
                {
                    let mut state = self.state();
                    state.cluster_error = None;
                    for (id, told) in ids.iter().zip(states) {
                        match told {
                            TopicState::Known(view) => {
                                let leaders = view
                                    .partitions
                                    .iter()
                                    .map(|view| (view.partition, view.leader))
                                    .collect();
                                take_leaders(&mut state, *id, &leaders);
                            }
                            TopicState::UnknownId => missing.push(*id),
                            // A lost right, or the moment of a creation: what was known stays.
                            TopicState::Denied | TopicState::Unclear => {}
                        }
                    }
                }
                self.settle_missing(missing).await;
            }
            Err(error) => {
                let text: Arc<str> = chain_of(&error).into();
                tracing::warn!(error = %text, "leaders could not be looked up");
                self.state().cluster_error = Some(text);
            }
        }
    }

    /// Topics that a broker does not know: once two brokers have said so for long enough, and this broker has let go of
    /// their directories, they are deleted; unless they are too many to believe it.
    async fn settle_missing(&self, missing: Vec<TopicId>) {
        let settings = self.settings();
        let now = Instant::now();
        let mut due = Vec::new();
        {
            let mut state = self.state();
            for id in missing {
                let dropped = state.slots_of(id).all(|(_, slot)| slot.dropped());
                let Some(topic) = state.topics.get_mut(&id) else { continue };
                match topic.presence {
                    TopicPresence::Known => topic.presence = TopicPresence::Missing { since: now },
                    TopicPresence::Missing { since } | TopicPresence::Doubted { since, .. }
                        if dropped && now.saturating_duration_since(since) >= settings.deleted_wait =>
                    {
                        due.push(id);
                    }
                    TopicPresence::Missing { .. }
                    | TopicPresence::Doubted { .. }
                    | TopicPresence::Deleted => {}
                }
            }
        }
        if due.is_empty() {
            return;
        }
        self.before(SidecarStep::AskTopics).await;
        let Ok(answers) = self.parts.cluster.topics_by_several(&due, WITNESSES).await else { return };
        let mut state = self.state();
        let all = state.topics.len();
        let deleted = state.topics.values().filter(|topic| topic.presence == TopicPresence::Deleted).count();
        let unknown = |at: &usize| {
            answers.len() >= WITNESSES
                && answers.iter().all(|told| told.get(*at) == Some(&TopicState::UnknownId))
        };
        let confirmed: Vec<TopicId> = (0..due.len()).filter(unknown).map(|at| due[at]).collect();
        let most = (all.saturating_mul(settings.deleted_share_permille as usize) / 1000).max(1);
        let too_many = deleted + confirmed.len() > most && confirmed.len() > 1;
        for id in &confirmed {
            let Some(topic) = state.topics.get_mut(id) else { continue };
            let since = match topic.presence {
                TopicPresence::Missing { since } | TopicPresence::Doubted { since, .. } => since,
                TopicPresence::Known | TopicPresence::Deleted => now,
            };
            topic.presence = match too_many && !topic.deletion_confirmed {
                true => TopicPresence::Doubted { topics: confirmed.len(), since },
                false => TopicPresence::Deleted,
            };
            tracing::warn!(topic = %topic.name, id = %id, believed = !too_many, "the brokers do not know the topic any more");
        }
        for (tip, slot) in &mut state.slots {
            if confirmed.contains(&tip.topic_id) {
                slot.dirty = true;
            }
        }
    }

    /// Settings of topics that were not asked for lately.
    pub(super) async fn ask_configs(&self) {
        let now = Instant::now();
        let names: Vec<(TopicId, TopicName)> = {
            let state = self.state();
            let due = |configs: Configs| match configs {
                Configs::Unknown => true,
                Configs::Known { at, .. } => now.saturating_duration_since(at) >= CONFIGS_AGE,
            };
            let live = state.topics.iter().filter(|(_, topic)| topic.presence == TopicPresence::Known);
            live.filter(|(_, topic)| due(topic.configs))
                .map(|(id, topic)| (*id, topic.name.clone()))
                .collect()
        };
        if names.is_empty() || self.state().cluster_error.is_some() {
            return;
        }
        self.before(SidecarStep::AskTopics).await;
        let asked: Vec<TopicName> = names.iter().map(|(_, name)| name.clone()).collect();
        let told = self.parts.cluster.configs(&asked).await;
        let mut state = self.state();
        for ((id, name), told) in names.into_iter().zip(told) {
            let Some(topic) = state.topics.get_mut(&id) else { continue };
            topic.refused = told.is_err();
            match told {
                Ok(configs) => {
                    let known = Configs::Known {
                        compacted: configs.compacted,
                        remote_storage: configs.remote_storage,
                        at: now,
                    };
                    let changed = topic.configs.settings() != known.settings();
                    topic.configs = known;
                    if changed {
                        state.slots_of(id).for_each(|(_, slot)| slot.dirty = true);
                    }
                }
                Err(AskError::Unknown) => {}
                Err(error) => {
                    tracing::warn!(topic = %name, error = %chain_of(&error), "a topic's settings are not told")
                }
            }
        }
    }

    /// Looks up the leader of one topic at once, for an action whose leader has just moved.
    pub(in crate::sidecar) async fn ask_leader(
        &self,
        tip: &firnline_index::TopicIdPartition,
    ) -> Option<Leader> {
        self.before(SidecarStep::AskTopics).await;
        let told = self.parts.cluster.topics(&[tip.topic_id]).await.ok()?;
        let Some(TopicState::Known(view)) = told.into_iter().next() else { return None };
        let leaders = view.partitions.iter().map(|view| (view.partition, view.leader)).collect();
        let mut state = self.state();
        take_leaders(&mut state, tip.topic_id, &leaders);
        state.slots.get(tip).and_then(|slot| slot.leader)
    }
}

fn take_leaders(state: &mut State, id: TopicId, leaders: &BTreeMap<PartitionIndex, Option<Leader>>) {
    if let Some(topic) = state.topics.get_mut(&id)
        && topic.presence != TopicPresence::Known
    {
        topic.presence = TopicPresence::Known;
        state.slots_of(id).for_each(|(_, slot)| slot.dirty = true);
    }
    for (tip, slot) in state.slots_of(id) {
        slot.lead(leaders.get(&tip.partition).copied().flatten());
    }
}
