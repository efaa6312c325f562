//! A manifest, or a page of one.

use firnline_index::TopicIdPartition;
use firnline_index::manifest::{Entry, Manifest, Page, PageBody, PageRef};
use serde_json::{Value, json};

use super::Form;
use crate::exit::Exit;
use crate::failure::{Failure, Result, codes};
use crate::output::{Cell, Out, Sheet, Word as _};
use crate::units::{bytes, show_time};

/// Shows a manifest. One whose algebra does not hold is shown with what is wrong, and ends with exit code 1.
pub fn show(encoded: &[u8], tip: &TopicIdPartition, form: Form, out: &mut Out) -> Result<Exit> {
    let manifest = Manifest::decode_unchecked(encoded)
        .map_err(|error| damaged(format!("the manifest of {tip}"), error))?;
    sheet(&manifest).show(form.json, out)?;
    if form.parts {
        for entry in &manifest.entries {
            entry_sheet(&manifest.tip, entry).show(form.json, out)?;
        }
    }
    match manifest.check().len() {
        0 => Ok(Exit::Fine),
        n => Err(Failure::new(&codes::ANOMALIES, format!("anomalies in the manifest of {tip}: {n}")).into()),
    }
}

/// Shows a page by itself.
pub fn show_page(encoded: &[u8], form: Form, out: &mut Out) -> Result<Exit> {
    let page = Page::decode_unchecked(encoded).map_err(|error| damaged("the page".to_owned(), error))?;
    let (level, parts) = match &page.body {
        PageBody::Entries { entries, .. } => ("entries", entries.len()),
        PageBody::Refs(refs) => ("pages", refs.len()),
    };
    Sheet::new("page")
        .with("topic", page.tip.topic.to_string())
        .with("topic_id", page.tip.topic_id.to_string())
        .with("partition", page.tip.partition)
        .with("uuid", page.uuid.to_string())
        .with("base_offset", page.range.start())
        .with("next_offset", page.range.end())
        .with("holds", level)
        .with("parts", Cell::Count(parts as u64))
        .show(form.json, out)?;
    if form.parts {
        match &page.body {
            PageBody::Entries { entries, .. } => {
                for entry in entries.iter() {
                    entry_sheet(&page.tip, &entry).show(form.json, out)?;
                }
            }
            PageBody::Refs(refs) => {
                for (text, json) in refs.iter().map(page_item) {
                    Sheet::new("page_ref")
                        .with("page", Cell::List(vec![(text, json)]))
                        .show(form.json, out)?;
                }
            }
        }
    }
    Ok(Exit::Fine)
}

fn damaged(what: String, error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::new(&codes::DAMAGED, format!("{what} is damaged")).caused_by(error)
}

fn sheet(manifest: &Manifest) -> Sheet {
    let epochs = manifest.lineage.starts().iter().map(|start| {
        let json = json!({"epoch": start.epoch.get(), "start_offset": start.start.get()});
        (format!("{} from {}", start.epoch, start.start), json)
    });
    let gaps = manifest.gaps.iter().map(|gap| {
        let reason = gap.reason.word();
        let json = json!({
            "start_offset": gap.range.start().get(),
            "end_offset": gap.range.end().get(),
            "reason": reason,
            "recorded_ms": gap.recorded_at.get(),
        });
        (format!("{}: {reason}, recorded {}", gap.range, show_time(gap.recorded_at)), json)
    });
    let open = manifest.open_transactions.iter().map(|open| {
        let (producer, first) = (open.producer.get(), open.first_offset.get());
        (
            format!("producer {producer}: from {first}"),
            json!({"producer_id": producer, "first_offset": first}),
        )
    });
    let dead = manifest.dead_branches.iter().map(|branch| {
        let (reason, entries) = (branch.reason.word(), branch.entries.len());
        let segments: Vec<Value> =
            branch.entries.iter().map(|entry| dead_item(&manifest.tip, entry)).collect();
        let json = json!({
            "cut_at": branch.cut_at.get(),
            "reason": reason,
            "entries": entries,
            "segments": segments,
            "pages": branch.pages.iter().map(|page| page_item(page).1).collect::<Vec<Value>>(),
        });
        (format!("cut at {}: {reason}, {entries} segments", branch.cut_at), json)
    });
    let anomalies = manifest.check();
    let anomalies = anomalies.iter().map(|anomaly| {
        (
            format!("{}: {anomaly}", anomaly.name()),
            json!({"name": anomaly.name(), "text": anomaly.to_string()}),
        )
    });
    let writer = manifest.writer.as_ref().map(|writer| {
        let epoch =
            writer.leader_epoch.map_or_else(|| "no epoch told".to_owned(), |epoch| format!("epoch {epoch}"));
        format!("node {}, {epoch}, run {}", writer.node, writer.incarnation)
    });
    Sheet::new("manifest")
        .with("topic", manifest.tip.topic.to_string())
        .with("topic_id", manifest.tip.topic_id.to_string())
        .with("partition", manifest.tip.partition)
        .with("cluster_id", manifest.cluster_id.to_string())
        .with("manifest_kind", manifest.kind.word())
        .with("generation", Cell::Count(manifest.generation))
        .with("commit", manifest.commit.to_string())
        .with("writer", writer)
        .with("tier_start", manifest.tier_start)
        .with("serving_start", manifest.serving_start)
        .with("tier_end", manifest.tier_end)
        .with("floor", manifest.floor)
        .with("segments", Cell::Count(manifest.totals.entries))
        .with("records", Cell::Count(manifest.totals.records))
        .with("log_bytes", manifest.totals.log_bytes)
        .with("object_bytes", manifest.totals.object_bytes)
        .with("deleted_ms", manifest.deleted.as_ref().map(|deleted| deleted.at))
        .with("epochs", Cell::List(epochs.collect()))
        .with("pages", Cell::List(manifest.pages.iter().map(page_item).collect()))
        .with("gaps", Cell::List(gaps.collect()))
        .with("open_transactions", Cell::List(open.collect()))
        .with("dead_branches", Cell::List(dead.collect()))
        .with("anomalies", Cell::List(anomalies.collect()))
}

/// A segment of a dead branch, which no reader is led to: by this name it can be fetched.
fn dead_item(tip: &TopicIdPartition, entry: &Entry) -> Value {
    json!({
        "object_key": entry.object_key(tip),
        "base_offset": entry.range.start().get(),
        "next_offset": entry.range.end().get(),
        "log_bytes": entry.log_bytes.get(),
    })
}

fn page_item(page: &PageRef) -> (String, Value) {
    let text =
        format!("{}: {} segments, level {}, {}", page.range, page.totals.entries, page.level, page.uuid);
    let json = json!({
        "base_offset": page.range.start().get(),
        "next_offset": page.range.end().get(),
        "segments": page.totals.entries,
        "level": page.level,
        "uuid": page.uuid.to_string(),
    });
    (text, json)
}

fn entry_sheet(tip: &TopicIdPartition, entry: &Entry) -> Sheet {
    let aborts = entry.first_aborts.iter().map(|abort| {
        let (producer, marker) = (abort.producer.get(), abort.marker_offset.get());
        (
            format!("producer {producer} at {marker}"),
            json!({"producer_id": producer, "marker_offset": marker}),
        )
    });
    let replaces = entry.replaces.iter().map(|uuid| (uuid.to_string(), Value::from(uuid.to_string())));
    Sheet::new("entry")
        .with("object_key", entry.object_key(tip))
        .with("base_offset", entry.range.start())
        .with("next_offset", entry.range.end())
        .with("stable_end", entry.stable_end)
        .with("max_timestamp_ms", entry.max_timestamp)
        .with("records", entry.records.map(Cell::Count))
        .with("batches", Cell::Count(entry.batches))
        .with("blocks", Cell::Count(u64::from(entry.blocks)))
        .with("log_bytes", entry.log_bytes)
        .with("object_bytes", entry.location.length)
        .with("overhead", overhead(entry))
        .with("object_crc32c", entry.object_crc.to_string())
        .with("committed_ms", entry.committed_at)
        .with("storage_class", entry.storage_class.clone())
        .with("first_aborts", Cell::List(aborts.collect()))
        .with("replaces", Cell::List(replaces.collect()))
}

/// What is stored besides the batches.
fn overhead(entry: &Entry) -> String {
    bytes(entry.location.length.get().saturating_sub(entry.tail_position.get()))
}
