//! Plain Parquet files.

use firnline_export::Workers;
use firnline_export::plain::{PlainExport, PlainRange, PlainReport, PlainSettings, Progress as At};
use firnline_index::TopicIdPartition;

use super::open::patterns;
use super::targets::targets;
use crate::args::{ExportArgs, GlobalArgs};
use crate::commands::context::Context;
use crate::commands::range::{Earliest, Typed, ends};
use crate::exit::Exit;
use crate::failure::{Failure, Result, codes, of};
use crate::output::{Cell, Out, Progress, Sheet, Word as _};
use crate::surroundings::Surroundings;
use crate::wiring;

/// Writes files.
pub(super) async fn run(
    args: ExportArgs,
    global: &GlobalArgs,
    around: Surroundings,
    out: &mut Out,
) -> Result<Exit> {
    let typed = Typed::new(&args.from, &args.until)?;
    let topics = patterns(&args.topic)?;
    let context = Context::new(global, args.tier.as_deref(), around)?;
    let config = &context.config;
    let to = args.to.as_deref().or(config.export.warehouse.value.as_ref().map(|text| text.0.as_str()));
    let to = to.ok_or_else(|| Failure::new(&codes::NO_WAREHOUSE, "it is not said where the files go"))?;
    let to = wiring::export::warehouse(config, to, &context.around, &context.env)?;
    let wanted = typed.fix(context.now())?;
    let tier = context.tier().await?;
    let reader = wiring::reader(config, &tier);
    let schemas = wiring::export::registry(config, &context.around)?;
    let everything = args.from == "earliest" && args.until == "latest";
    let mut failed = Vec::new();
    let targets = targets(&tier, config, &topics).await?;
    let total = targets.len();
    for target in &targets {
        let topic = &target.topic;
        let source =
            firnline_export::source::TopicSource::new(reader.clone(), topic.topic.clone(), topic.topic_id);
        let mut ranges = Vec::new();
        for tip in tier.partitions(topic).await.map_err(of::list)? {
            let TopicIdPartition { partition, .. } = tip;
            ranges.push(if everything {
                PlainRange { partition, from: None, until: None }
            } else {
                let range = ends(&reader, &tip, wanted, Earliest::TierStart).await?;
                PlainRange { partition, from: Some(range.start()), until: Some(range.end()) }
            });
        }
        let settings = PlainSettings {
            pass_gaps: config.export.pass_gaps.value,
            skip_gone: args.skip_gone,
            ..PlainSettings::default()
        };
        let export = PlainExport::new(
            source,
            wiring::export::rows(target.section)?,
            schemas.clone(),
            to.clone(),
            settings,
            Workers::Threads,
            context.env.clock.now_ms().saturating_mul(1000),
        );
        let bar = Progress::open_ended("exporting");
        let mut progress = |at: At| bar.on(format!("{}/{} to offset {}", topic.topic, at.partition, at.next));
        match export.run(&ranges, &mut progress).await {
            Ok(report) => {
                drop(bar);
                show(topic.topic.as_str(), &report, args.json, out)?;
            }
            Err(error) => failed.push(of::export_plain(error)),
        }
    }
    reader.shutdown().await;
    super::tables::ended(failed, total)
}

fn show(topic: &str, report: &PlainReport, json: bool, out: &mut Out) -> Result<()> {
    let PlainReport { stats, files, file_bytes, files_there, gaps, gone, ends, undecided } = report;
    Sheet::new("topic")
        .with("topic", Cell::Text(topic.to_owned()))
        .with("rows", Cell::Count(stats.rows))
        .with("dead_letters", Cell::Count(stats.dead_letters()))
        .with("files", Cell::Count(*files))
        .with("file_bytes", Cell::Bytes(*file_bytes))
        .with("files_already_there", Cell::Count(*files_there))
        .show(json, out)?;
    for (partition, gap) in gaps {
        tracing::warn!("{topic}/{partition}: offsets {} are lost ({})", gap.range, gap.reason.word());
    }
    for (partition, range) in gone {
        tracing::warn!("{topic}/{partition}: offsets {range} are gone from the tier");
    }
    for (partition, offset) in undecided {
        tracing::warn!(
            "{topic}/{partition}: the transaction that begins at offset {offset} is not decided in the tier; what is exported ends there"
        );
    }
    tracing::info!(partitions = ends.len(), "exported");
    Ok(())
}
