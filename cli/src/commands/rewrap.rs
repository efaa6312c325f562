//! `firnline rewrap`

use firnline_index::keys::ObjectKey;
use firnline_index::{PartitionIndex, TopicIdPartition, TopicName};
use firnline_tier::Tier;
use firnline_tier::keys::{RewrapReport, Rewrapped};

use super::context::Context;
use super::selection::usage;
use crate::args::{GlobalArgs, RewrapArgs};
use crate::exit::Exit;
use crate::failure::{Failure, Result, codes, of};
use crate::output::{Cell, Out, Progress, Sheet};
use crate::selector::TopicPattern;
use crate::surroundings::Surroundings;

/// Wraps topic keys with the active key of the ring, or makes new ones.
pub async fn run(args: RewrapArgs, global: &GlobalArgs, around: Surroundings, out: &mut Out) -> Result<Exit> {
    let RewrapArgs { tier, topic, new_topic_keys, dry_run, json } = args;
    let patterns = topic.iter().map(|text| text.parse().map_err(usage));
    let patterns = patterns.collect::<std::result::Result<Vec<TopicPattern>, Failure>>()?;
    let wanted =
        |topic: &TopicName| patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(topic));
    let context = Context::new(global, tier.as_deref(), around)?;
    let tier = if dry_run { context.tier().await? } else { context.tier_for_writing().await? };
    let mut made = 0;
    if new_topic_keys {
        made = make(&tier, wanted, dry_run, json, out).await?;
    }
    let progress = Progress::open_ended("rewrap");
    let mut told = Ok(());
    let report = tier
        .rewrap(wanted, dry_run, |topic, id, outcome| {
            progress.on(topic.to_string());
            let sheet = Sheet::new("topic_key")
                .with("topic", topic.to_string())
                .with("object_key", ObjectKey::WrappedKey { id }.to_string());
            let sheet = match outcome {
                Rewrapped::Current => sheet.with("outcome", "current"),
                Rewrapped::Done { from } => {
                    let outcome = if dry_run { "would_be_wrapped" } else { "wrapped" };
                    sheet.with("outcome", outcome).with("ring_key_before", from.clone())
                }
                Rewrapped::Failed(error) => {
                    let text = of::key_text(error);
                    sheet.with("outcome", "failed").with("text", text)
                }
            };
            if told.is_ok() && (json || !matches!(outcome, Rewrapped::Current)) {
                told = sheet.show(json, out);
            }
        })
        .await
        .map_err(of::rewrap)?;
    drop(progress);
    told?;
    let RewrapReport { current, done, failed } = report;
    Sheet::new("summary")
        .with("dry_run", dry_run)
        .with("made", Cell::Count(made))
        .with("wrapped", Cell::Count(done))
        .with("current", Cell::Count(current))
        .with("failed", Cell::Count(failed))
        .show(json, out)?;
    if failed > 0 {
        return Err(
            Failure::new(&codes::NOT_REWRAPPED, format!("topic keys not wrapped anew: {failed}")).into()
        );
    }
    Ok(Exit::Fine)
}

/// A new key for each topic that has one already; others get theirs with their first encrypted segment.
async fn make(
    tier: &Tier,
    wanted: impl Fn(&TopicName) -> bool,
    dry_run: bool,
    json: bool,
    out: &mut Out,
) -> Result<u64> {
    let mut made = 0;
    for known in tier.topics().await.map_err(of::list)? {
        if !wanted(&known.topic) {
            continue;
        }
        let partition = PartitionIndex::new(0).expect("0 is a partition");
        let tip = TopicIdPartition { topic: known.topic.clone(), topic_id: known.topic_id, partition };
        let has = tier.has_topic_key(&tip).await.map_err(of::key)?;
        if !has {
            continue;
        }
        made += 1;
        if !dry_run {
            let id = tier.new_topic_key(&tip).await.map_err(of::key)?;
            Sheet::new("topic_key")
                .with("topic", tip.topic.to_string())
                .with("object_key", ObjectKey::WrappedKey { id }.to_string())
                .with("outcome", "made")
                .show(json, out)?;
        }
    }
    Ok(made)
}
