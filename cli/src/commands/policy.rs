//! `firnline policy`

use std::time::Duration;

use firnline_index::TimestampMs;
use firnline_tier::policy::{PolicyOutcome, RetentionPreview, SetRetention};
use firnline_tier::retention::Limits;
use firnline_tier::{KnownTopic, Tier};

use super::context::Context;
use super::pause::{one_topic, sheet};
use super::selection::{Selection, usage};
use super::word::{Word, percent, too_much, unconfirmed};
use crate::args::{ConfirmDeletedArgs, GlobalArgs, PolicyCommand, PolicySetArgs, WordArgs};
use crate::exit::Exit;
use crate::failure::{Failure, Result, codes, of};
use crate::output::{Cell, Out, Sheet};
use crate::surroundings::Surroundings;
use crate::units::{Size, Span};

/// Less would empty a topic by a slip of the pen.
const TIME_LEAST: Span = Span(Duration::from_secs(60));
/// Less leaves nobody the time to see that the wrong topic was deleted.
const AFTER_DELETION_LEAST: Span = Span(Duration::from_secs(86_400));

/// Shows or sets.
pub async fn run(
    command: PolicyCommand,
    global: &GlobalArgs,
    around: Surroundings,
    out: &mut Out,
) -> Result<Exit> {
    match command {
        PolicyCommand::Show { selection, json } => {
            let selection = Selection::new(selection)?;
            let context = Context::new(global, selection.tier.as_deref(), around)?;
            let tier = context.tier().await?;
            for topic in selection.topics(&tier).await? {
                if let Some(object) = tier.topic_object(&topic).await.map_err(of::cluster)? {
                    sheet(&object).show(json, out)?;
                }
            }
            Ok(Exit::Fine)
        }
        PolicyCommand::Set(args) => set(args, global, around, out).await,
        PolicyCommand::ConfirmDeleted(args) => confirm_deleted(args, global, around, out).await,
    }
}

/// Takes an operator's word that topics are deleted.
async fn confirm_deleted(
    args: ConfirmDeletedArgs,
    global: &GlobalArgs,
    around: Surroundings,
    out: &mut Out,
) -> Result<Exit> {
    let ConfirmDeletedArgs { topics, word, json } = args;
    let word = Word::of(&word);
    let context = Context::new(global, None, around)?;
    let tier = context.tier_for_writing().await?;
    // All names are looked up before anything is changed: a mistyped second one leaves the first as it was.
    let mut meant = Vec::with_capacity(topics.len());
    for topic in &topics {
        meant.push(one_topic(&tier, topic).await?);
    }
    for topic in &meant {
        let object = match word {
            Word::Yes => Some(tier.note_deleted(topic, context.now()).await.map_err(of::cluster)?),
            Word::DryRun | Word::Missing => tier.topic_object(topic).await.map_err(of::cluster)?,
        };
        let deleted_at = object.and_then(|object| object.deleted_at);
        deletion(topic, deleted_at, word.outcome()).show(json, out)?;
    }
    if word == Word::Missing {
        out.flush()?;
        let what = format!("the deletion of {} topics cannot be taken back", meant.len());
        return Err(unconfirmed(&what).into());
    }
    Ok(Exit::Fine)
}

fn deletion(topic: &KnownTopic, deleted_at: Option<TimestampMs>, outcome: &'static str) -> Sheet {
    Sheet::new("deletion")
        .with("topic", topic.topic.to_string())
        .with("topic_id", topic.topic_id.to_string())
        .with("deleted_at_ms", deleted_at)
        .with("outcome", outcome)
}

async fn set(args: PolicySetArgs, global: &GlobalArgs, around: Surroundings, out: &mut Out) -> Result<Exit> {
    let PolicySetArgs { topic, time, size, after_deletion, max_share, word, json } = args;
    if let Some(text) = after_deletion {
        return set_after_deletion((topic, text), &word, json, global, around, out).await;
    }
    let time =
        time.as_deref().map(|text| span_limit("--time", text, TIME_LEAST)).transpose().map_err(usage)?;
    let size = size.as_deref().map(size_limit).transpose().map_err(usage)?;
    if time.is_none() && size.is_none() {
        return Err(usage(
            "none of --time, --size and --after-deletion was given: nothing would change".to_owned(),
        )
        .into());
    }
    let (word, allowed) = (Word::of(&word), percent(max_share));
    let context = Context::new(global, None, around)?;
    let tier = context.tier_for_writing().await?;
    let topic = one_topic(&tier, &topic).await?;
    let now = tier.topic_object(&topic).await.map_err(of::cluster)?;
    let now = Limits::of(now.as_ref().and_then(|object| object.retention.as_ref()));
    let limits = Limits { ms: time.unwrap_or(now.ms), bytes: size.unwrap_or(now.bytes) };
    let clocks = tier.clocks().await.map_err(of::store)?;
    let preview = match tier.preview_retention(&topic, limits, clocks).await.map_err(of::policy)? {
        Ok(preview) => preview,
        Err((tip, refusal)) => return Err(undecided(&tip, &refusal)),
    };
    let shown = |outcome: &'static str, preview: &RetentionPreview, out: &mut Out| {
        shown(&topic.topic.to_string(), limits, preview, outcome).show(json, out)
    };
    let name = format!("the new retention of {}", topic.topic);
    if preview.share() > allowed {
        shown("refused", &preview, out)?;
        out.flush()?;
        return Err(too_much(&name, preview.share(), allowed).into());
    }
    if word == Word::DryRun || (word == Word::Missing && preview.segments > 0) {
        shown(word.outcome(), &preview, out)?;
        out.flush()?;
        return match word {
            Word::DryRun => Ok(Exit::Fine),
            _ => Err(unconfirmed(&format!("{name} takes {} segments", preview.segments)).into()),
        };
    }
    match apply(&tier, &topic, SetRetention { limits, share: allowed }, clocks).await? {
        PolicyOutcome::Set { preview, .. } => shown("done", &preview, out)?,
        PolicyOutcome::TooMuch(preview) => {
            return Err(too_much(&name, preview.share(), allowed).into());
        }
        PolicyOutcome::Refused { tip, refusal } => return Err(undecided(&tip, &refusal)),
    }
    Ok(Exit::Fine)
}

/// Sets how long the archive of a deleted topic stays. To let it go at all, or sooner, needs a word.
async fn set_after_deletion(
    (topic, text): (String, String),
    word: &WordArgs,
    json: bool,
    global: &GlobalArgs,
    around: Surroundings,
    out: &mut Out,
) -> Result<Exit> {
    let limit = span_limit("--after-deletion", &text, AFTER_DELETION_LEAST).map_err(usage)?;
    let context = Context::new(global, None, around)?;
    let tier = context.tier_for_writing().await?;
    let topic = one_topic(&tier, &topic).await?;
    let now = tier.topic_object(&topic).await.map_err(of::cluster)?;
    let now = now.and_then(|object| object.deleted_retention_ms);
    let word = match Word::of(word) {
        // For ever is longer than anything.
        Word::Missing if limit.unwrap_or(u64::MAX) >= now.unwrap_or(u64::MAX) => Word::Yes,
        word => word,
    };
    if word == Word::Yes {
        tier.set_deleted_retention(&topic, limit).await.map_err(of::cluster)?;
    }
    Sheet::new("after_deletion")
        .with("topic", topic.topic.to_string())
        .with("topic_id", topic.topic_id.to_string())
        .with("before_ms", now.map(Cell::Span))
        .with("after_deletion_ms", limit.map(Cell::Span))
        .with("outcome", word.outcome())
        .show(json, out)?;
    out.flush()?;
    match word {
        Word::Missing => {
            Err(unconfirmed(&format!("the archive of {} would go after its deletion", topic.topic)).into())
        }
        Word::Yes | Word::DryRun => Ok(Exit::Fine),
    }
}

async fn apply(
    tier: &Tier,
    topic: &KnownTopic,
    set: SetRetention,
    clocks: firnline_tier::cluster::Clocks,
) -> Result<PolicyOutcome> {
    Ok(tier.set_retention(topic, set, clocks).await.map_err(of::policy)?)
}

fn undecided(
    tip: &firnline_index::TopicIdPartition,
    refusal: &dyn std::fmt::Display,
) -> crate::failure::Stop {
    let what =
        format!("{}/{}: what the new retention takes cannot be told: {refusal}", tip.topic, tip.partition);
    Failure::new(&codes::COLLECT_REFUSED, what).into()
}

fn shown(topic: &str, limits: Limits, preview: &RetentionPreview, outcome: &'static str) -> Sheet {
    let RetentionPreview { partitions, segments, log_bytes, object_bytes, live_bytes } = *preview;
    Sheet::new("retention")
        .with("topic", topic)
        .with("retention_time_ms", limits.ms.map(Cell::Span))
        .with("retention_bytes", limits.bytes.map(Cell::Bytes))
        .with("partitions", Cell::Count(partitions))
        .with("segments_to_go", Cell::Count(segments))
        .with("log_bytes", Cell::Bytes(log_bytes))
        .with("object_bytes", Cell::Bytes(object_bytes))
        .with("live_bytes", Cell::Bytes(live_bytes))
        .with("share_per_mille", Cell::Count(preview.share().get().into()))
        .with("outcome", outcome)
}

/// A span of `least` at least; `None` is for ever.
fn span_limit(flag: &str, text: &str, least: Span) -> std::result::Result<Option<u64>, String> {
    if text == "none" {
        return Ok(None);
    }
    let Span(span) = text.parse()?;
    match u64::try_from(span.as_millis()) {
        Ok(ms) if span >= least.0 => Ok(Some(ms)),
        _ => Err(format!("{flag} {text}: at least {least}, or none for ever")),
    }
}

fn size_limit(text: &str) -> std::result::Result<Option<u64>, String> {
    if text == "none" {
        return Ok(None);
    }
    let Size(bytes) = text.parse()?;
    if bytes < 1 << 20 {
        return Err(format!("--size {text}: at least 1MiB, or none for no limit"));
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_that_would_empty_a_topic_by_mistake_are_refused() {
        let time = |text| span_limit("--time", text, TIME_LEAST);
        let deletion = |text| span_limit("--after-deletion", text, AFTER_DELETION_LEAST);
        for limit in [&time as &dyn Fn(&'static str) -> _, &deletion] {
            assert_eq!(limit("365d"), Ok(Some(365 * 86_400_000)));
            assert_eq!(limit("none"), Ok(None));
        }
        assert_eq!((time("1m"), deletion("1d")), (Ok(Some(60_000)), Ok(Some(86_400_000))));
        assert_eq!(size_limit("1TiB"), Ok(Some(1 << 40)));
        for bad in ["0ms", "1s", "365", "-1d"] {
            assert!(time(bad).is_err() && deletion(bad).is_err(), "{bad}");
        }
        for (bad, least) in [(time("59s"), "--time 59s: at least 1m"), (deletion("23h"), "at least 1d")] {
            let told = bad.unwrap_err();
            assert!(told.contains(least), "{told}");
        }
        for bad in ["0B", "1KiB", "1000"] {
            assert!(size_limit(bad).is_err(), "{bad}");
        }
    }
}
