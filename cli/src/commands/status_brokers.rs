//! `firnline status --by-brokers`: what brokers with KIP-405 have tiered, and what of it is still another plugin's.

use firnline_index::remote_log::{Amount, Remaining, RemoteLogView};

use super::context::Context;
use crate::args::{GlobalArgs, StatusArgs};
use crate::exit::Exit;
use crate::failure::Result;
use crate::metrics;
use crate::output::{Cell, Out, Progress, Sheet, Table};
use crate::remote_log;
use crate::surroundings::Surroundings;
use crate::units::{bytes, count};
use crate::wiring;

/// Reads what the brokers know; no tier is asked.
pub async fn run(args: StatusArgs, global: &GlobalArgs, around: Surroundings, out: &mut Out) -> Result<Exit> {
    let context = Context::new(global, None, around)?;
    let client = wiring::kafka(&context.config, &context.around, &context.env, None)?;
    let progress = Progress::open_ended("status");
    progress.on("what the brokers know");
    let view = remote_log::read(&client).await?;
    drop(progress);
    match (args.metrics, args.json) {
        (true, _) => out.text(&metrics::of_remote_log(sum(&view)))?,
        (false, true) => lines(&view, out)?,
        (false, false) => table(&view, out)?,
    }
    out.flush()?;
    Ok(Exit::Fine)
}

fn sum(view: &RemoteLogView) -> Remaining {
    let add = |to: Amount, more: Amount| Amount {
        segments: to.segments + more.segments,
        bytes: to.bytes.saturating_add(more.bytes),
    };
    view.remaining().into_values().fold(Remaining::default(), |sum, topic| Remaining {
        ours: add(sum.ours, topic.ours),
        anothers: add(sum.anothers, topic.anothers),
    })
}

fn with(sheet: Sheet, Remaining { ours, anothers }: Remaining) -> Sheet {
    sheet
        .with("segments", Cell::Count(ours.segments))
        .with("log_bytes", Cell::Bytes(ours.bytes))
        .with("another_plugin_segments", Cell::Count(anothers.segments))
        .with("another_plugin_log_bytes", Cell::Bytes(anothers.bytes))
}

fn lines(view: &RemoteLogView, out: &mut Out) -> Result<()> {
    for ((topic, topic_id), there) in view.remaining() {
        let sheet = Sheet::new("topic").with("topic", topic.as_str()).with("topic_id", topic_id.to_string());
        with(sheet, there).show(true, out)?;
    }
    with(Sheet::new("remote_log"), sum(view)).show(true, out)
}

fn table(view: &RemoteLogView, out: &mut Out) -> Result<()> {
    let heads = ["topic", "topic id", ">segments", ">log", ">another plugin's", ">log"];
    let mut table = Table::new(&heads);
    for ((topic, topic_id), Remaining { ours, anothers }) in view.remaining() {
        table.row([
            topic.to_string(),
            topic_id.to_string(),
            count(ours.segments),
            bytes(ours.bytes),
            count(anothers.segments),
            bytes(anothers.bytes),
        ]);
    }
    for line in table.lines() {
        out.line(line)?;
    }
    let Remaining { ours, anothers } = sum(view);
    out.line(format!(
        "{} segments ({}) are Firnline's; {} ({}) are another plugin's",
        count(ours.segments),
        bytes(ours.bytes),
        count(anothers.segments),
        bytes(anothers.bytes),
    ))
}
