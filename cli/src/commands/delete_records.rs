//! `firnline delete-records`

use firnline_index::Offset;
use firnline_tier::floors::{FloorPreview, FloorRequest, FloorWritten};

use super::context::Context;
use super::selection::{Selection, one_partition, usage};
use super::word::{Word, percent, too_much, unconfirmed};
use crate::args::{DeleteRecordsArgs, GlobalArgs};
use crate::exit::Exit;
use crate::failure::{Failure, Result, codes, of};
use crate::output::{Cell, Out, Sheet};
use crate::surroundings::Surroundings;

/// Writes a floor.
pub async fn run(
    args: DeleteRecordsArgs,
    global: &GlobalArgs,
    around: Surroundings,
    out: &mut Out,
) -> Result<Exit> {
    let DeleteRecordsArgs { partition, before, max_share, why, word, json } = args;
    let selector = one_partition(&partition)?;
    let offset = offset(before)?;
    let (word, allowed) = (Word::of(&word), percent(max_share));
    let context = Context::new(global, None, around)?;
    let said = context.said(&why)?;
    let tier = context.tier_for_writing().await?;
    let tip = Selection::of(selector).partition(&tier).await?;
    let Some(preview) = tier.preview_floor(&tip, offset).await.map_err(of::floor)? else {
        let what = format!("{}/{} has no manifest in this tier", tip.topic, tip.partition);
        return Err(Failure::new(&codes::UNKNOWN_TOPIC, what).into());
    };
    if offset > preview.tier_end {
        // A floor above the end would delete what is still to come.
        let what = format!("offset {offset} lies beyond the tier's end, {}", preview.tier_end);
        return Err(Failure::new(&codes::OUT_OF_RANGE, what).into());
    }
    let name = format!("deleting the records of {}/{} below {offset}", tip.topic, tip.partition);
    let show = |outcome: &'static str, out: &mut Out| {
        sheet(&tip, offset, &preview, outcome).show(json, out)?;
        out.flush()
    };
    if preview.share() > allowed {
        show("refused", out)?;
        return Err(too_much(&name, preview.share(), allowed).into());
    }
    match word {
        Word::DryRun => show(word.outcome(), out)?,
        Word::Missing => {
            show(word.outcome(), out)?;
            return Err(unconfirmed(&format!("{name} cannot be undone")).into());
        }
        Word::Yes => {
            let request = FloorRequest { tip: tip.clone(), offset, said, share: Some(allowed) };
            match tier.write_floor(&request).await.map_err(of::floor)? {
                FloorWritten::Written(_) => show(word.outcome(), out)?,
                FloorWritten::TooMuch(now) => return Err(too_much(&name, now.share(), allowed).into()),
            }
        }
    }
    Ok(Exit::Fine)
}

/// An offset that was typed.
pub fn offset(typed: u64) -> Result<Offset> {
    let offset = i64::try_from(typed).ok().and_then(|typed| Offset::new(typed).ok());
    Ok(offset.ok_or_else(|| usage(format!("{typed} is larger than any offset")))?)
}

fn sheet(
    tip: &firnline_index::TopicIdPartition,
    offset: Offset,
    preview: &FloorPreview,
    outcome: &'static str,
) -> Sheet {
    let FloorPreview { tier_start, tier_end, segments, log_bytes, object_bytes, live_bytes } = *preview;
    Sheet::new("floor")
        .with("topic", tip.topic.to_string())
        .with("topic_id", tip.topic_id.to_string())
        .with("partition", tip.partition)
        .with("floor", offset)
        .with("tier_start", tier_start)
        .with("tier_end", tier_end)
        .with("segments_to_go", Cell::Count(segments))
        .with("log_bytes", Cell::Bytes(log_bytes))
        .with("object_bytes", Cell::Bytes(object_bytes))
        .with("live_bytes", Cell::Bytes(live_bytes))
        .with("share_per_mille", Cell::Count(preview.share().get().into()))
        .with("outcome", outcome)
}
