//! What a restore did, and what to mind.

use serde_json::json;

use super::Restored;
use crate::failure::Result;
use crate::output::{Cell, Out, Sheet};

/// Shows one partition.
pub(super) fn show(restored: &Restored, json: bool, out: &mut Out) -> Result<()> {
    let Restored { tip, path, plan, report, lowered } = restored;
    let cut = plan.cut.iter().flat_map(|cut| &cut.open).map(|open| {
        let (producer, first) = (open.producer.get(), open.first_offset.get());
        (
            format!("producer {producer}: from {first}"),
            json!({"producer_id": producer, "first_offset": first}),
        )
    });
    let gaps = plan.gaps.iter().map(|gap| {
        (gap.to_string(), json!({"start_offset": gap.start().get(), "end_offset": gap.end().get()}))
    });
    Sheet::new("partition")
        .with("topic", tip.topic.to_string())
        .with("topic_id", tip.topic_id.to_string())
        .with("partition", tip.partition)
        .with("path", path.display().to_string())
        .with("base_offset", report.range.map(|range| range.start()))
        .with("next_offset", report.range.map(|range| range.end()))
        .with("files", Cell::Count(report.files))
        .with("batches", Cell::Count(report.batches))
        .with("log_bytes", Cell::Bytes(report.bytes))
        .with("epochs_lowered", Cell::Count(*lowered))
        .with("newest_epoch", report.newest_epoch)
        .with("cut_at", plan.cut.as_ref().map(|cut| cut.at))
        .with("wanted_until", plan.cut.as_ref().map(|cut| cut.wanted))
        .with("undecided_transactions", Cell::List(cut.collect()))
        .with("gaps_left_out", Cell::List(gaps.collect()))
        .with("newest_producer_ms", report.newest_producer_timestamp)
        .show(json, out)
}
