//! `--infer`: declared fields out of a sample of records.

use firnline_decode::{Inference, print_fields};
use firnline_index::OffsetRange;
use firnline_reader::{Isolation, ScanItem};
use firnline_records::{DecodeLimits, decode_batch};

use super::open::patterns;
use super::targets::targets;
use crate::args::{ExportArgs, GlobalArgs};
use crate::commands::batches::walk;
use crate::commands::context::Context;
use crate::commands::range::{Earliest, Typed, ends};
use crate::commands::selection::usage;
use crate::exit::Exit;
use crate::failure::{Failure, Result, codes, of};
use crate::output::Out;
use crate::surroundings::Surroundings;
use crate::wiring;

/// Looks at records, and prints their fields.
pub(super) async fn run(
    args: ExportArgs,
    global: &GlobalArgs,
    around: Surroundings,
    out: &mut Out,
) -> Result<Exit> {
    let typed = Typed::new(&args.from, &args.until)?;
    let topics = patterns(&args.topic)?;
    let context = Context::new(global, args.tier.as_deref(), around)?;
    let wanted = typed.fix(context.now())?;
    let tier = context.tier().await?;
    let reader = wiring::reader(&context.config, &tier);
    let targets = targets(&tier, &context.config, &topics).await?;
    let [target] = &targets[..] else {
        return Err(usage(format!(
            "--infer looks at one topic, and {} are meant: name one by --topic",
            targets.len()
        ))
        .into());
    };
    let partitions = tier.partitions(&target.topic).await.map_err(of::list)?;
    // Each partition gives its share, so that what only some producers write is seen, too.
    let share = args.sample.div_ceil(partitions.len().max(1) as u64);
    let mut inference = Inference::default();
    for tip in &partitions {
        let range: OffsetRange = ends(&reader, tip, wanted, Earliest::TierStart).await?;
        let mut scan = reader.scan(tip, range, Isolation::ReadCommitted);
        let mut left = share;
        while left > 0 {
            let Some(item) = scan.next().await.map_err(of::reader)? else { break };
            let ScanItem::Batches(batches) = item else { continue };
            walk(&batches.chain, batches.range.start(), |header, bytes| {
                if header.control || left == 0 {
                    return Ok(());
                }
                let undecodable = |error| {
                    let what = format!("the batch at offset {} cannot be decoded", header.base_offset);
                    Failure::new(&codes::UNDECODABLE, what).caused_by(error)
                };
                for record in
                    decode_batch(&header, bytes.clone(), &DecodeLimits::default()).map_err(undecodable)?
                {
                    let record = record.map_err(undecodable)?;
                    if left == 0 {
                        break;
                    }
                    if let Some(value) = record.value {
                        inference.feed(&value);
                        left -= 1;
                    }
                }
                Ok(())
            })?;
        }
    }
    reader.shutdown().await;
    if inference.fields().is_empty() {
        let what =
            format!("none of the {} records looked at has a JSON object as its value", inference.others());
        return Err(Failure::new(&codes::FIELDS, what).into());
    }
    if inference.others() > 0 {
        tracing::warn!(
            "{} of {} records have no JSON object as their value: they would be dead letters",
            inference.others(),
            inference.others() + inference.objects()
        );
    }
    if inference.left_out() {
        tracing::warn!("there are more fields than are kept here");
    }
    out.text(&print_fields(&inference.fields()))?;
    Ok(Exit::Fine)
}
