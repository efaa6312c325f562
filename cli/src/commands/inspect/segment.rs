//! A remote segment, from its own end: no manifest is needed.

use bytes::Bytes;
use firnline_index::keys::ObjectKey;
use firnline_index::segment::{ExpectedOrigin, SegmentReadError, SegmentTail, TRAILER_LEN, Trailer};
use firnline_index::{SegmentUuid, StoredPosition, TopicIdPartition};
use firnline_store::Store;
use firnline_tier::keys::TopicKeys;
use serde_json::json;

use super::{Form, absent};
use crate::commands::context::Context;
use crate::exit::Exit;
use crate::failure::{Failure, Result, codes, of};
use crate::output::{Cell, Out, Sheet, Word as _};
use crate::units::show_time;
use crate::wiring;

/// Read first: the whole tail of most segments.
const FIRST_READ: u64 = 64 << 10;

/// Shows a segment.
pub async fn show(
    context: &Context,
    store: &Store,
    key: &ObjectKey,
    tip: &TopicIdPartition,
    uuid: SegmentUuid,
    form: Form,
    out: &mut Out,
) -> Result<Exit> {
    let (tail, size) = tail(store, key).await?;
    let position = StoredPosition::new(size - tail.len() as u64);
    let expect = ExpectedOrigin {
        topic_id: Some(tip.topic_id),
        partition: Some(tip.partition),
        uuid: Some(uuid),
        ..ExpectedOrigin::default()
    };
    let damaged = |error| Failure::new(&codes::DAMAGED, format!("{key} is damaged")).caused_by(error);
    let trailer = Trailer::parse(&tail).map_err(|error| damaged(SegmentReadError::Trailer(error)))?;
    let topic_key = match trailer.key_id {
        None => None,
        Some(key_id) => {
            let ring = wiring::key_ring(&context.config, &context.around, &context.env)?;
            let keys = TopicKeys::new(store.clone(), trailer.cluster_id.clone(), ring);
            Some(keys.get(tip.topic_id, key_id).await.map_err(of::key)?)
        }
    };
    let tail = SegmentTail::open(tail, position, &expect, topic_key.as_ref()).map_err(damaged)?;
    sheet(key, &tail, size).show(form.json, out)?;
    if form.parts {
        for block in tail.index().entries() {
            Sheet::new("block")
                .with("number", Cell::Count(u64::from(block.number)))
                .with("first_offset", block.first_offset)
                .with("raw_position", Cell::Count(block.raw.start))
                .with("raw_bytes", Cell::Bytes(block.raw_len()))
                .with("stored_position", Cell::Count(block.stored.start))
                .with("stored_bytes", Cell::Bytes(block.stored_len()))
                .with("max_timestamp_ms", block.max_timestamp)
                .with("crc32c", block.crc.to_string())
                .show(form.json, out)?;
        }
    }
    Ok(Exit::Fine)
}

/// The end of the object from where its blocks end, and the object's length. One request, two where the tail is long.
async fn tail(store: &Store, key: &ObjectKey) -> Result<(Bytes, u64)> {
    let name = key.to_string();
    let (end, size) = match store.get_suffix(&name, FIRST_READ).await {
        Ok(read) => read,
        Err(error) if error.is_not_found() => return Err(absent(store, key).into()),
        Err(error) => return Err(of::store(error).into()),
    };
    let damaged = |what: String| Failure::new(&codes::DAMAGED, format!("{key} is damaged: {what}"));
    let trailer = Trailer::parse(&end)
        .map_err(|error| Failure::new(&codes::DAMAGED, format!("{key} is damaged")).caused_by(error))?;
    let length = u64::from(trailer.tail_length);
    if length > size || length < TRAILER_LEN as u64 {
        return Err(damaged(format!("its trailer says that the tail has {length} bytes, of {size}")).into());
    }
    if length <= end.len() as u64 {
        let skip = usize::try_from(end.len() as u64 - length).unwrap_or(0);
        return Ok((end.slice(skip..), size));
    }
    let tail = store.get_range(&name, size - length..size).await.map_err(of::store)?;
    Ok((tail, size))
}

fn sheet(key: &ObjectKey, tail: &SegmentTail, size: u64) -> Sheet {
    let (footer, trailer, transactions) = (tail.footer(), tail.trailer(), tail.transactions());
    let list = |items: Vec<(String, serde_json::Value)>| Cell::List(items);
    let epochs = footer.epochs.iter().map(|epoch| {
        let json = json!({"epoch": epoch.epoch.get(), "start_offset": epoch.start.get()});
        (format!("{} from {}", epoch.epoch, epoch.start), json)
    });
    let sections = footer.sections.iter().map(|section| {
        let (position, length) = (section.position.get(), section.length.get());
        let (name, number) = (section.kind.word(), section.kind.number());
        let json = json!({
            "section": name,
            "number": number,
            "position": position,
            "bytes": length,
            "crc32c": section.crc.to_string(),
        });
        (format!("{name} at {position}, {length} bytes, CRC32C {}", section.crc), json)
    });
    let aborted = transactions.aborted.iter().map(|aborted| {
        let (producer, first, marker) =
            (aborted.producer.get(), aborted.first_offset.get(), aborted.marker_offset.get());
        let json = json!({"producer_id": producer, "first_offset": first, "marker_offset": marker});
        (format!("producer {producer}: {first} to marker {marker}"), json)
    });
    let markers = transactions.first_markers.iter().map(|marker| {
        let outcome = marker.outcome.word();
        let (producer, offset) = (marker.producer.get(), marker.marker_offset.get());
        let json = json!({"producer_id": producer, "marker_offset": offset, "outcome": outcome});
        (format!("producer {producer}: {outcome} at {offset}"), json)
    });
    let open = transactions.open.iter().map(|open| {
        let (producer, first) = (open.producer.get(), open.first_offset.get());
        let json = json!({
            "producer_id": producer,
            "first_offset": first,
            "last_timestamp_ms": open.last_timestamp.map(|at| at.get()),
        });
        let last =
            open.last_timestamp.map(|at| format!(", last record {}", show_time(at))).unwrap_or_default();
        (format!("producer {producer}: from {first}{last}"), json)
    });
    Sheet::new("segment")
        .with("object_key", key.to_string())
        .with("cluster_id", trailer.cluster_id.to_string())
        .with("topic", footer.topic.to_string())
        .with("topic_id", trailer.topic_id.to_string())
        .with("partition", trailer.partition)
        .with("uuid", trailer.uuid.to_string())
        .with("base_offset", footer.range.start())
        .with("next_offset", footer.range.end())
        .with("stable_end", transactions.stable_end)
        .with("epochs", list(epochs.collect()))
        .with("min_timestamp_ms", footer.min_timestamp)
        .with("max_timestamp_ms", footer.max_timestamp)
        .with("records", footer.records.map(Cell::Count))
        .with("batches", Cell::Count(footer.batches))
        .with("blocks", Cell::Count(u64::from(footer.blocks)))
        .with("block_size_bytes", Cell::Bytes(u64::from(footer.block_size)))
        .with("codec", footer.codec.to_string())
        .with("log_bytes", footer.log_bytes)
        .with("object_bytes", Cell::Bytes(size))
        .with("encrypted", trailer.key_id.is_some())
        .with("key_id", trailer.key_id.map(|id| id.to_string()))
        .with("entry_kind", footer.kind.word())
        .with("software", footer.software.clone())
        .with("sections", list(sections.collect()))
        .with("aborted_transactions", list(aborted.collect()))
        .with("first_markers", list(markers.collect()))
        .with("open_transactions", list(open.collect()))
}
