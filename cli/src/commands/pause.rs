//! `firnline pause` and `firnline resume`

use std::time::Duration;

use firnline_index::Said;
use firnline_index::topic::TopicObject;
use firnline_tier::{KnownTopic, Tier};

use super::context::Context;
use super::selection::{Selection, usage};
use crate::args::{GlobalArgs, PauseArgs, ResumeArgs};
use crate::exit::Exit;
use crate::failure::{Result, of};
use crate::output::{Cell, Out, Sheet};
use crate::surroundings::Surroundings;
use crate::units::{seconds, show_time};

/// Pauses topics.
pub async fn pause(
    args: PauseArgs,
    global: &GlobalArgs,
    around: Surroundings,
    out: &mut Out,
) -> Result<Exit> {
    let PauseArgs { topics, why, json } = args;
    let context = Context::new(global, None, around)?;
    let said = context.said(&why)?;
    set(&context, &topics, Some(said), json, out).await
}

/// Lets topics go on.
pub async fn resume(
    args: ResumeArgs,
    global: &GlobalArgs,
    around: Surroundings,
    out: &mut Out,
) -> Result<Exit> {
    let ResumeArgs { topics, json } = args;
    let context = Context::new(global, None, around)?;
    set(&context, &topics, None, json, out).await
}

async fn set(
    context: &Context,
    topics: &[String],
    paused: Option<Said>,
    json: bool,
    out: &mut Out,
) -> Result<Exit> {
    let tier = context.tier_for_writing().await?;
    // All names are looked up before anything is changed: a mistyped second one leaves the first as it was.
    let mut meant = Vec::with_capacity(topics.len());
    for topic in topics {
        meant.push(one_topic(&tier, topic).await?);
    }
    let within = heard_within(context.config.offload.summary_interval.value.0);
    for topic in &meant {
        let object = tier.set_paused(topic, paused.clone()).await.map_err(of::cluster)?;
        if json {
            sheet(&object).with("in_force_within_ms", Cell::Span(milliseconds(within))).show(true, out)?;
        } else {
            out.line(done(&object, within))?;
        }
    }
    out.flush()?;
    Ok(Exit::Fine)
}

/// Within what time each sidecar that runs hears of it: it looks once in the interval, at random up to an eighth later.
fn heard_within(interval: Duration) -> Duration {
    interval + interval / 8
}

fn milliseconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// What was done, and from when on it holds.
fn done(object: &TopicObject, within: Duration) -> String {
    let topic = format!("{}@{}", object.topic, object.topic_id);
    let within = seconds(within);
    match object.paused.is_some() {
        true => format!(
            "{topic} is paused, on all nodes: sidecars that run hear of it within {within} (offload.summary_interval), \
             end the upload under way, and begin none; one that starts asks first. Pins are kept, down to each \
             disk's reserve. `firnline resume {}` ends it.",
            object.topic
        ),
        false => format!(
            "{topic} is not paused: sidecars that run go on within {within} (offload.summary_interval), from where \
             the tier ends."
        ),
    }
}

/// The topic that a name stands for.
pub async fn one_topic(tier: &Tier, text: &str) -> Result<KnownTopic> {
    let selector: crate::selector::Selector = text.parse().map_err(usage)?;
    if selector.partition.is_some() {
        return Err(usage(format!("{text:?} names a partition; a topic is needed")).into());
    }
    let topics = Selection::of(selector).topics(tier).await?;
    let only = topics.into_iter().next();
    only.ok_or_else(|| usage(format!("{text:?} names no topic of this tier")).into())
}

/// What the bucket says of a topic.
pub fn sheet(object: &TopicObject) -> Sheet {
    let paused = object.paused.as_ref().map(|said| {
        let why = if said.why.is_empty() { String::new() } else { format!(": {}", said.why) };
        format!("by {} at {}{why}", said.by, show_time(said.at))
    });
    Sheet::new("policy")
        .with("topic", object.topic.to_string())
        .with("topic_id", object.topic_id.to_string())
        .with("partitions", Cell::Count(object.partitions.into()))
        .with("retention_time_ms", object.retention.and_then(|kept| kept.ms).map(Cell::Span))
        .with("retention_bytes", object.retention.and_then(|kept| kept.bytes).map(Cell::Bytes))
        .with("retention_set_at_ms", object.retention.map(|kept| kept.set_at))
        .with("paused", paused)
        .with("encrypted", object.encrypted)
        .with("after_deletion_ms", object.deleted_retention_ms.map(Cell::Span))
        .with("deleted_at_ms", object.deleted_at)
}
