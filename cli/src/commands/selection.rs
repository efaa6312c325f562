//! Which partitions a command works on.

use firnline_index::TopicIdPartition;
use firnline_tier::{KnownTopic, Tier, resolve};

use super::context::names_a_tier;
use crate::args::SelectionArgs;
use crate::failure::{Failure, Result, codes, of};
use crate::nearest::nearest;
use crate::selector::{Selector, TopicPattern};

/// What was meant by the arguments that say which topics.
#[derive(Debug)]
pub struct Selection {
    /// The tier, where it was the first argument.
    pub tier: Option<String>,
    only: Option<Selector>,
    patterns: Vec<TopicPattern>,
}

impl Selection {
    /// Tells tier and topic apart.
    pub fn new(args: SelectionArgs) -> Result<Self> {
        let SelectionArgs { first, second, topic } = args;
        let (tier, only) = match (first, second) {
            (Some(one), None) if !names_a_tier(&one) => (None, Some(one)),
            (first, second) => (first, second),
        };
        let only = only.map(|only| only.parse().map_err(usage)).transpose()?;
        let patterns = topic.iter().map(|text| text.parse().map_err(usage));
        let patterns = patterns.collect::<std::result::Result<Vec<TopicPattern>, Failure>>()?;
        if only.is_some() && !patterns.is_empty() {
            return Err(usage("a topic and --topic together: name the topics in one way".to_owned()).into());
        }
        Ok(Self { tier, only, patterns })
    }

    /// One topic or partition.
    pub fn of(only: Selector) -> Self {
        Self { tier: None, only: Some(only), patterns: Vec::new() }
    }

    /// Lists the partitions meant, in order. None at all is an error if any were named.
    pub async fn partitions(&self, tier: &Tier) -> Result<Vec<TopicIdPartition>> {
        let mut partitions = Vec::new();
        for topic in &self.topics(tier).await? {
            partitions.extend(self.partitions_of(tier, topic).await?);
        }
        Ok(partitions)
    }

    /// Lists the partitions meant of one of the topics meant. None at all is an error if one was named.
    pub async fn partitions_of(&self, tier: &Tier, topic: &KnownTopic) -> Result<Vec<TopicIdPartition>> {
        let mut partitions = tier.partitions(topic).await.map_err(of::list)?;
        if let Some(Selector { topic, partition: Some(partition), .. }) = &self.only {
            let there: Vec<String> = partitions.iter().map(|tip| tip.partition.to_string()).collect();
            partitions.retain(|tip| tip.partition == *partition);
            if partitions.is_empty() {
                let what = format!("topic {topic} has no partition {partition} in this tier");
                let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
                return Err(Failure::new(&codes::UNKNOWN_TOPIC, what)
                    .note(format!("it has: {there}"))
                    .into());
            }
        }
        Ok(partitions)
    }

    /// Lists the topics meant, in order; a partition named with one does not count.
    pub async fn topics(&self, tier: &Tier) -> Result<Vec<KnownTopic>> {
        let known = tier.topics().await.map_err(of::list)?;
        let taken = self.of_known(&known)?;
        Ok(taken.into_iter().cloned().collect())
    }

    fn of_known<'a>(&self, known: &'a [KnownTopic]) -> Result<Vec<&'a KnownTopic>> {
        let taken: Vec<&KnownTopic> = match &self.only {
            Some(only) => vec![resolve(&only.topic, only.id, known).map_err(of::resolve)?],
            None => {
                let takes = |topic: &&KnownTopic| {
                    self.patterns.is_empty()
                        || self.patterns.iter().any(|pattern| pattern.matches(&topic.topic))
                };
                known.iter().filter(takes).collect()
            }
        };
        if taken.is_empty() && !self.patterns.is_empty() {
            let names = known.iter().map(|known| known.topic.as_str());
            return Err(no_match("of the tier", &self.patterns, names).into());
        }
        Ok(taken)
    }

    /// The one partition meant.
    pub async fn partition(&self, tier: &Tier) -> Result<TopicIdPartition> {
        let mut partitions = self.partitions(tier).await?;
        match (partitions.pop(), partitions.is_empty()) {
            (Some(one), true) => Ok(one),
            _ => {
                Err(Failure::new(&codes::INTERNAL, "a partition was named, and not exactly one was found")
                    .into())
            }
        }
    }
}

/// Patterns that no topic matches, with the names that may have been meant.
pub fn no_match<'a>(
    place: &str,
    patterns: &[TopicPattern],
    known: impl Iterator<Item = &'a str> + Clone,
) -> Failure {
    let typed: Vec<&str> = patterns.iter().map(TopicPattern::as_str).collect();
    let what = format!("no topic {place} matches --topic {}", typed.join(" --topic "));
    let mut near: Vec<&str> = typed.iter().flat_map(|typed| nearest(typed, known.clone(), 3)).collect();
    near.dedup();
    let failure = Failure::new(&codes::UNKNOWN_TOPIC, what);
    match near.is_empty() {
        true => failure,
        false => failure.note(format!("nearest: {}", near.join(", "))),
    }
}

/// A single partition from what was typed.
pub fn one_partition(text: &str) -> Result<Selector> {
    let selector: Selector = text.parse().map_err(usage)?;
    if selector.partition.is_none() {
        return Err(usage(format!("{text:?} names a topic; a partition is needed, as TOPIC/P")).into());
    }
    Ok(selector)
}

/// An argument that cannot be used.
pub fn usage(what: String) -> Failure {
    Failure::new(&codes::USAGE, what)
}
