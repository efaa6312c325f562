//! `firnline restore --kip405`: a topic's segments become those of brokers with the plugin, without being copied.
//!
//! ```text
//! without --to   brokers run      may they? ─► each segment opened ─► old topic paused ─► told ─► noted in the old topic's object
//! with --to      brokers stopped  told? ─► of each partition an empty log that begins where its segments end
//! ```
//! In this order, because a broker that meets such a log and knows of no segments moves the log's start up to it.

#[cfg(feature = "sidecar")]
mod brokers;
mod local;
#[cfg(feature = "sidecar")]
mod tell;

use firnline_index::TopicIdPartition;
use firnline_index::topic::Attached;
use firnline_tier::attach::AttachPlan;
use firnline_tier::restore::Gaps;
use firnline_tier::{KnownTopic, Tier};

use crate::args::{GlobalArgs, RestoreArgs};
use crate::commands::context::Context;
use crate::commands::selection::{Selection, usage};
use crate::exit::Exit;
use crate::failure::{Failure, Result, codes, of};
use crate::output::{Cell, Out, Sheet};
use crate::selector::Selector;
use crate::surroundings::Surroundings;

/// What was asked for.
struct Asked {
    context: Context,
    selector: Selector,
    gaps: Gaps,
    dry_run: bool,
    json: bool,
}

/// Attaches a topic: one of the two steps.
pub(super) async fn run(
    args: RestoreArgs,
    global: &GlobalArgs,
    around: Surroundings,
    out: &mut Out,
) -> Result<Exit> {
    let RestoreArgs { tier, what, to, leave_out_gaps, dry_run, json, .. } = args;
    let what = what.ok_or_else(|| usage("a topic is needed".to_owned()))?;
    let selector: Selector = what.parse().map_err(usage)?;
    let gaps = if leave_out_gaps { Gaps::LeaveOut } else { Gaps::Refuse };
    let context = Context::new(global, tier.as_deref(), around)?;
    let asked = Asked { context, selector, gaps, dry_run, json };
    match to {
        Some(to) => local::run(asked, to, out).await,
        None => told(asked, out).await,
    }
}

#[cfg(feature = "sidecar")]
async fn told(asked: Asked, out: &mut Out) -> Result<Exit> {
    tell::run(asked, out).await
}

#[cfg(not(feature = "sidecar"))]
async fn told(_: Asked, _: &mut Out) -> Result<Exit> {
    Err(usage("this build speaks to no brokers; use one with the feature `sidecar`".to_owned()).into())
}

/// The topic meant, and where its segments were attached to.
async fn topic(tier: &Tier, selector: &Selector) -> Result<(KnownTopic, Option<Attached>)> {
    let topics = Selection::of(selector.clone()).topics(tier).await?;
    let topic = topics.into_iter().next();
    let topic = topic.ok_or_else(|| Failure::new(&codes::UNKNOWN_TOPIC, "no topic is meant"))?;
    let object = tier.topic_object(&topic).await.map_err(of::cluster)?;
    Ok((topic, object.and_then(|object| object.attached)))
}

/// What there is of each partition to attach; those that have nothing are left out.
async fn plans(tier: &Tier, partitions: Vec<TopicIdPartition>, gaps: Gaps) -> Result<Vec<AttachPlan>> {
    let mut plans = Vec::with_capacity(partitions.len());
    for tip in partitions {
        let Some(loaded) = tier.manifest(&tip).await.map_err(of::read)? else { continue };
        if loaded.manifest.tier_start >= loaded.manifest.tier_end {
            continue;
        }
        plans.push(tier.plan_attach(&tip, gaps).await.map_err(of::attach)?);
    }
    Ok(plans)
}

/// A partition, as both steps show it.
fn sheet(plan: &AttachPlan) -> Sheet {
    let open = plan.whole.cut.iter().flat_map(|cut| &cut.open).map(|open| {
        let (producer, first) = (open.producer.get(), open.first_offset.get());
        let line = format!("producer {producer}: from {first}");
        (line, serde_json::json!({"producer_id": producer, "first_offset": first}))
    });
    // A segment stays whole, and an operator may have deleted its first records.
    let first = plan.segments.first().map(|segment| segment.entry.range.start());
    let deleted = first.filter(|first| *first < plan.range.start()).map(|_| plan.range.start());
    Sheet::new("partition")
        .with("topic", plan.tip.topic.to_string())
        .with("topic_id", plan.tip.topic_id.to_string())
        .with("partition", plan.tip.partition)
        .with("base_offset", first)
        .with("next_offset", plan.range.end())
        .with("segments", Cell::Count(plan.segments.len() as u64))
        .with("log_bytes", Cell::Bytes(plan.log_bytes))
        .with("delete_records_before", deleted)
        .with("cut_at", plan.whole.cut.as_ref().map(|cut| cut.at))
        .with("undecided_transactions", Cell::List(open.collect()))
        .with("gaps_left_out", Cell::Count(plan.whole.gaps.len() as u64))
}
