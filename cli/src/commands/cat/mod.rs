//! `firnline cat`

mod line;
mod visible;

use firnline_index::batch::BatchHeader;
use firnline_index::{OffsetRange, TopicIdPartition};
use firnline_reader::{Isolation, Reader, ScanBatches, ScanItem};
use firnline_records::{DecodeLimits, decode_batch};

use super::batches::walk;
use super::context::Context;
use super::range::{Earliest, Typed, ends};
use super::selection::{Selection, one_partition};
use crate::args::{CatArgs, GlobalArgs, Isolation as TypedIsolation};
use crate::exit::Exit;
use crate::failure::{Failure, Result, codes, of};
use crate::output::{Out, Word as _};
use crate::surroundings::Surroundings;
use crate::units::show_time;
use crate::wiring;
use line::RecordLine;
use visible::Visible;

/// What is to be printed.
struct Plan {
    tip: TopicIdPartition,
    range: OffsetRange,
    isolation: Isolation,
    raw: bool,
    /// Records still to be printed.
    left: u64,
}

/// Prints records.
pub async fn run(args: CatArgs, global: &GlobalArgs, around: Surroundings, out: &mut Out) -> Result<Exit> {
    let CatArgs { tier, partition, from, until, max, isolation, raw } = args;
    let selector = one_partition(&partition)?;
    let typed = Typed::new(&from, &until)?;
    let context = Context::new(global, tier.as_deref(), around)?;
    let wanted = typed.fix(context.now())?;
    let tier = context.tier().await?;
    let tip = Selection::of(selector).partition(&tier).await?;
    let reader = wiring::reader(&context.config, &tier);
    let range = ends(&reader, &tip, wanted, Earliest::ServingStart).await?;
    let isolation = match isolation {
        TypedIsolation::ReadUncommitted => Isolation::ReadUncommitted,
        TypedIsolation::ReadCommitted => Isolation::ReadCommitted,
    };
    let plan = Plan { tip, range, isolation, raw, left: max.unwrap_or(u64::MAX) };
    print(&reader, plan, out).await
}

async fn print(reader: &Reader, mut plan: Plan, out: &mut Out) -> Result<Exit> {
    let mut scan = reader.scan(&plan.tip, plan.range, plan.isolation);
    let mut lost = Vec::new();
    while plan.left > 0 {
        // What was read before an error is whole and checked; it is worth having.
        let item = match scan.next().await {
            Ok(Some(item)) => item,
            Ok(None) => break,
            Err(error) => {
                out.flush()?;
                return Err(of::reader(error).into());
            }
        };
        match item {
            ScanItem::Batches(batches) => print_batches(&batches, &mut plan, out)?,
            ScanItem::Gap(gap) => lost.push(format!(
                "offsets {} are lost ({}, recorded {})",
                gap.range,
                gap.reason.word(),
                show_time(gap.recorded_at)
            )),
            ScanItem::Gone(range) => lost.push(format!("offsets {range} are gone by retention or deletion")),
        }
    }
    out.flush()?;
    if let Some(offset) = scan.undecided_from() {
        // Not a failure: a consumer of committed records waits here, too.
        tracing::warn!(
            "committed records end at offset {offset}: the transaction that begins there is not decided in the tier"
        );
    }
    if lost.is_empty() {
        return Ok(Exit::Fine);
    }
    let place = format!("{}/{}", plan.tip.topic, plan.tip.partition);
    let mut failure =
        Failure::new(&codes::GAP, format!("not all offsets of {place} that were asked for are in the tier"));
    failure.notes = lost;
    Err(failure.into())
}

fn print_batches(batches: &ScanBatches, plan: &mut Plan, out: &mut Out) -> Result<()> {
    let visible = Visible::new(plan.isolation, &batches.aborted);
    let mut raw = Vec::new();
    let walked = walk(&batches.chain, batches.range.start(), |header, bytes| {
        let outside = header.next_offset() <= plan.range.start() || header.base_offset >= plan.range.end();
        if outside || plan.left == 0 || !visible.shows(&header, plan.raw) {
            return Ok(());
        }
        if plan.raw {
            raw.push(bytes.clone());
        }
        print_records(&header, bytes, plan, out)
    });
    // What stands before an error is shown before it is told.
    out.chunks(&raw)?;
    walked
}

/// Prints the records of a batch; of a raw one it only counts them.
fn print_records(header: &BatchHeader, bytes: bytes::Bytes, plan: &mut Plan, out: &mut Out) -> Result<()> {
    if plan.raw && plan.left == u64::MAX {
        return Ok(());
    }
    if header.control {
        return Ok(());
    }
    let undecodable = |error| {
        let what = format!(
            "the batch at offset {} is as the broker wrote it, but cannot be decoded",
            header.base_offset
        );
        Failure::new(&codes::UNDECODABLE, what).caused_by(error)
    };
    for record in decode_batch(header, bytes, &DecodeLimits::default()).map_err(undecodable)? {
        let record = record.map_err(undecodable)?;
        if plan.left == 0 || record.offset >= plan.range.end() {
            break;
        }
        if record.offset < plan.range.start() {
            continue;
        }
        if !plan.raw {
            out.json(&RecordLine { partition: plan.tip.partition, record: &record })?;
        }
        plan.left -= 1;
    }
    Ok(())
}
