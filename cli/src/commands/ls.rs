//! `firnline ls`

use firnline_index::manifest::{Entry, Manifest};
use firnline_index::{OffsetRange, TopicIdPartition};
use firnline_tier::Tier;
use serde::Serialize;

use super::context::Context;
use super::selection::Selection;
use crate::args::{GlobalArgs, LsArgs};
use crate::exit::Exit;
use crate::failure::{Failure, Result, codes, of};
use crate::output::{Out, Table, V1};
use crate::surroundings::Surroundings;
use crate::units::{bytes, count, show_time};

/// One line of `ls --json`. The names are part of the contract.
#[derive(Debug, Serialize)]
struct SegmentLine<'a> {
    v: V1,
    topic: &'a str,
    topic_id: String,
    partition: i32,
    base_offset: i64,
    next_offset: i64,
    log_bytes: u64,
    object_bytes: u64,
    blocks: u32,
    max_timestamp_ms: Option<i64>,
    object_key: String,
}

/// How to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Partitions,
    Segments,
    Json,
}

/// Lists partitions, or their segments.
pub async fn run(args: LsArgs, global: &GlobalArgs, around: Surroundings, out: &mut Out) -> Result<Exit> {
    let LsArgs { selection, segments, json } = args;
    let selection = Selection::new(selection)?;
    let form = match (json, segments) {
        (true, _) => Form::Json,
        (false, true) => Form::Segments,
        (false, false) => Form::Partitions,
    };
    let context = Context::new(global, selection.tier.as_deref(), around)?;
    let tier = context.tier().await?;
    let partitions = selection.partitions(&tier).await?;
    let mut table = match form {
        Form::Segments => Table::new(&[
            "topic",
            ">partition",
            ">base",
            ">next",
            ">log",
            ">object",
            ">blocks",
            "newest record",
            "object key",
        ]),
        Form::Partitions | Form::Json => Table::new(&[
            "topic",
            "topic id",
            ">partition",
            ">start",
            ">end",
            ">segments",
            ">records",
            ">log",
            ">object",
            "newest record",
        ]),
    };
    for tip in &partitions {
        let Some(loaded) = tier.manifest(tip).await.map_err(of::read)? else { continue };
        let manifest = loaded.manifest;
        match form {
            Form::Partitions => partition_row(&manifest, &mut table),
            Form::Segments => {
                segments_of(&tier, &manifest, |entry| segment_row(tip, entry, &mut table)).await?
            }
            Form::Json => segments_of(&tier, &manifest, |entry| out.json(&segment_line(tip, entry))).await?,
        }
    }
    if form != Form::Json {
        for line in table.lines() {
            out.line(line)?;
        }
    }
    Ok(Exit::Fine)
}

async fn segments_of(
    tier: &Tier,
    manifest: &Manifest,
    mut each: impl FnMut(&Entry) -> Result<()> + Send,
) -> Result<()> {
    // Entries below the tier's start are no longer live, though a page may still list them.
    let live = OffsetRange::new(manifest.tier_start, manifest.tier_end).map_err(|error| {
        Failure::new(&codes::DAMAGED, format!("the manifest of {} is damaged", manifest.tip)).caused_by(error)
    })?;
    let mut entries = tier.entries(manifest, live);
    while let Some(chunk) = entries.next_chunk().await.map_err(of::read)? {
        chunk.iter().try_for_each(&mut each)?;
    }
    Ok(())
}

fn partition_row(manifest: &Manifest, table: &mut Table) {
    let newest = manifest.entries.iter().filter_map(|entry| entry.max_timestamp).max();
    let newest = newest.max(manifest.pages.iter().filter_map(|page| page.max_timestamp).max());
    table.row([
        manifest.tip.topic.to_string(),
        manifest.tip.topic_id.to_string(),
        manifest.tip.partition.to_string(),
        manifest.serving_start.to_string(),
        manifest.tier_end.to_string(),
        count(manifest.totals.entries),
        count(manifest.totals.records),
        bytes(manifest.totals.log_bytes.get()),
        bytes(manifest.totals.object_bytes.get()),
        newest.map(show_time).unwrap_or_default(),
    ]);
}

fn segment_row(tip: &TopicIdPartition, entry: &Entry, table: &mut Table) -> Result<()> {
    table.row([
        tip.topic.to_string(),
        tip.partition.to_string(),
        entry.range.start().to_string(),
        entry.range.end().to_string(),
        bytes(entry.log_bytes.get()),
        bytes(entry.location.length.get()),
        count(u64::from(entry.blocks)),
        entry.max_timestamp.map(show_time).unwrap_or_default(),
        entry.object_key(tip),
    ]);
    Ok(())
}

fn segment_line<'a>(tip: &'a TopicIdPartition, entry: &Entry) -> SegmentLine<'a> {
    SegmentLine {
        v: V1,
        topic: tip.topic.as_str(),
        topic_id: tip.topic_id.to_string(),
        partition: tip.partition.get(),
        base_offset: entry.range.start().get(),
        next_offset: entry.range.end().get(),
        log_bytes: entry.log_bytes.get(),
        object_bytes: entry.location.length.get(),
        blocks: entry.blocks,
        max_timestamp_ms: entry.max_timestamp.map(|at| at.get()),
        object_key: entry.object_key(tip),
    }
}
