//! `firnline repair mirror`: the manifest of a partition that brokers tier, by the segments that are there.

use firnline_tier::change::Project;
use firnline_tier::mirror::Rebuild;
use firnline_tier::{EditOutcome, Tier};

use super::context::Context;
use super::selection::{Selection, one_partition};
use super::word::{Word, unconfirmed};
use crate::args::GlobalArgs;
use crate::exit::Exit;
use crate::failure::{Failure, Result, codes, of};
use crate::output::{Cell, Out, Sheet};
use crate::surroundings::Surroundings;

/// Shows what is missing and what is too much, and writes it where that is meant.
pub async fn run(
    partition: &str,
    word: Word,
    json: bool,
    global: &GlobalArgs,
    around: Surroundings,
    out: &mut Out,
) -> Result<Exit> {
    let selector = one_partition(partition)?;
    let context = Context::new(global, None, around)?;
    let tier: Tier = context.tier_for_writing().await?;
    let tip = Selection::of(selector).partition(&tier).await?;
    let Rebuild { segments, done, unread } = tier.plan_rebuild(&tip, &|_| true).await.map_err(of::mirror)?;
    for entry in &done.added {
        let sheet = Sheet::new("added")
            .with("object_key", entry.object_key(&tip))
            .with("base_offset", entry.range.start())
            .with("next_offset", entry.range.end())
            .with("object_bytes", Cell::Bytes(entry.location.length.get()));
        sheet.show(json, out)?;
    }
    for (uuid, base) in &done.removed {
        Sheet::new("removed").with("uuid", uuid.to_string()).with("base_offset", *base).show(json, out)?;
    }
    for (key, why) in &unread {
        Sheet::new("unread").with("object_key", key.clone()).with("why", why.to_string()).show(json, out)?;
    }
    let changes = !done.is_empty();
    let (added, removed, left) = (done.added.len() as u64, done.removed.len() as u64, unread.len() as u64);
    let sheet = Sheet::new("mirror")
        .with("topic", tip.topic.to_string())
        .with("topic_id", tip.topic_id.to_string())
        .with("partition", tip.partition)
        .with("segments", Cell::Count(segments))
        .with("added", Cell::Count(added))
        .with("removed", Cell::Count(removed))
        .with("unread", Cell::Count(left))
        .with("outcome", if changes { word.outcome() } else { Word::Yes.outcome() });
    let whole = format!("{}/{}", tip.topic, tip.partition);
    if changes && word == Word::Yes {
        let topic_partitions = u32::try_from(tip.partition.get()).unwrap_or(0).saturating_add(1);
        let change = Project { done, topic_partitions };
        if let EditOutcome::Refused(refused) = tier.edit(&tip, None, &change).await.map_err(of::edit)? {
            return Err(Failure::new(&codes::LOST_RACE, format!("{whole} was not changed"))
                .caused_by(refused)
                .into());
        }
    }
    sheet.show(json, out)?;
    out.flush()?;
    if changes && word == Word::Missing {
        return Err(unconfirmed(&format!("the manifest of {whole} would be changed")).into());
    }
    if left > 0 {
        let what = format!("{left} segments of {whole} were not taken in; each is named above with why");
        return Err(Failure::new(&codes::INCOMPLETE, what).into());
    }
    Ok(Exit::Fine)
}
