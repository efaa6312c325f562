//! `firnline repair`: decisions that no sidecar makes by itself.

use firnline_index::manifest::{DeadReason, GapReason, Manifest};
use firnline_index::{OffsetRange, TopicIdPartition};
use firnline_tier::change::{CutTier, RecordGap, UnmarkDeleted};
use firnline_tier::retention::Share;
use firnline_tier::{Edit, EditOutcome, Tier};

use super::context::Context;
use super::delete_records::offset;
use super::selection::{Selection, one_partition, usage};
use super::word::{Word, unconfirmed};
use crate::args::{GlobalArgs, RepairCommand};
use crate::exit::Exit;
use crate::failure::{Failure, Result, codes, of};
use crate::output::{Cell, Out, Sheet};
use crate::surroundings::Surroundings;

/// Cuts, records a gap, or takes off the mark of a deleted topic.
pub async fn run(
    command: RepairCommand,
    global: &GlobalArgs,
    around: Surroundings,
    out: &mut Out,
) -> Result<Exit> {
    let (partition, word, json) = match &command {
        RepairCommand::Mirror { partition, word, json } => {
            return super::repair_mirror::run(partition, Word::of(word), *json, global, around, out).await;
        }
        RepairCommand::Cut { partition, word, json, .. }
        | RepairCommand::Undelete { partition, word, json }
        | RepairCommand::Gap { partition, word, json, .. } => (partition, Word::of(word), *json),
    };
    let selector = one_partition(partition)?;
    let context = Context::new(global, None, around)?;
    let tier = context.tier_for_writing().await?;
    let tip = Selection::of(selector).partition(&tier).await?;
    let Some(manifest) = tier.manifest(&tip).await.map_err(of::read)?.map(|loaded| loaded.manifest) else {
        let what = format!("{}/{} has no manifest in this tier", tip.topic, tip.partition);
        return Err(Failure::new(&codes::UNKNOWN_TOPIC, what).into());
    };
    match command {
        RepairCommand::Cut { at, .. } => {
            let at = offset(at)?;
            if at >= manifest.tier_end || at < manifest.tier_start {
                let (start, end) = (manifest.tier_start, manifest.tier_end);
                let what = format!("offset {at} does not lie within the tier, {start} to {end}");
                return Err(Failure::new(&codes::OUT_OF_RANGE, what).into());
            }
            let range = OffsetRange::new(at, manifest.tier_end).map_err(|error| usage(error.to_string()))?;
            let bytes = bytes_above(&tier, &manifest, range).await?;
            let sheet = |outcome: &'static str| {
                sheet("cut", &tip, range)
                    .with("log_bytes", Cell::Bytes(bytes))
                    .with(
                        "share_per_mille",
                        Cell::Count(Share::of(bytes, manifest.totals.log_bytes.get()).get().into()),
                    )
                    .with("outcome", outcome)
            };
            let cut = CutTier {
                at,
                reason: DeadReason::Operator,
                tier_end: manifest.tier_end,
                last_epoch: manifest.lineage.last().map(|last| last.epoch),
            };
            act(&tier, &tip, word, json, &cut, &sheet, out).await
        }
        RepairCommand::Undelete { .. } => {
            let Some(deleted) = manifest.deleted else {
                let what = format!("{}/{} is not marked as deleted", tip.topic, tip.partition);
                return Err(Failure::new(&codes::UNKNOWN_TOPIC, what).into());
            };
            let range = OffsetRange::new(manifest.tier_start, manifest.tier_end)
                .map_err(|error| usage(error.to_string()))?;
            let sheet = |outcome: &'static str| {
                sheet("undelete", &tip, range)
                    .with("deleted_at_ms", Cell::Time(deleted.at))
                    .with("outcome", outcome)
            };
            act(&tier, &tip, word, json, &UnmarkDeleted, &sheet, out).await
        }
        RepairCommand::Mirror { .. } => Ok(Exit::Fine),
        RepairCommand::Gap { until, .. } => {
            let until = offset(until)?;
            let range = OffsetRange::new(manifest.tier_end, until).ok().filter(|range| !range.is_empty());
            let Some(range) = range else {
                let what = format!(
                    "the gap would begin at the tier's end, {}, and end before it",
                    manifest.tier_end
                );
                return Err(Failure::new(&codes::OUT_OF_RANGE, what).into());
            };
            let sheet = |outcome: &'static str| sheet("gap", &tip, range).with("outcome", outcome);
            let gap = RecordGap { range, reason: GapReason::Operator };
            act(&tier, &tip, word, json, &gap, &sheet, out).await
        }
    }
}

async fn act(
    tier: &Tier,
    tip: &TopicIdPartition,
    word: Word,
    json: bool,
    edit: &dyn Edit,
    sheet: &(dyn Fn(&'static str) -> Sheet + Send + Sync),
    out: &mut Out,
) -> Result<Exit> {
    if word != Word::Yes {
        sheet(word.outcome()).show(json, out)?;
        out.flush()?;
        return match word {
            Word::DryRun => Ok(Exit::Fine),
            _ => Err(unconfirmed(&format!("{}/{} would be changed", tip.topic, tip.partition)).into()),
        };
    }
    match tier.edit(tip, None, edit).await.map_err(of::edit)? {
        EditOutcome::Changed { .. } | EditOutcome::Nothing(_) => sheet(word.outcome()).show(json, out)?,
        EditOutcome::Refused(refused) => {
            let what = format!("{}/{} was not changed", tip.topic, tip.partition);
            return Err(Failure::new(&codes::LOST_RACE, what)
                .caused_by(refused)
                .help("look again with `firnline status`, then decide anew")
                .into());
        }
    }
    Ok(Exit::Fine)
}

/// The raw bytes of the entries that reach into `range`.
async fn bytes_above(tier: &Tier, manifest: &Manifest, range: OffsetRange) -> Result<u64> {
    let mut entries = tier.entries(manifest, range);
    let mut bytes = 0_u64;
    while let Some(chunk) = entries.next_chunk().await.map_err(of::read)? {
        bytes = chunk.iter().fold(bytes, |sum, entry| sum.saturating_add(entry.log_bytes.get()));
    }
    Ok(bytes)
}

fn sheet(kind: &'static str, tip: &TopicIdPartition, range: OffsetRange) -> Sheet {
    Sheet::new(kind)
        .with("topic", tip.topic.to_string())
        .with("topic_id", tip.topic_id.to_string())
        .with("partition", tip.partition)
        .with("start_offset", range.start())
        .with("end_offset", range.end())
}
