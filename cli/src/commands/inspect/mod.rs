//! `firnline inspect`

mod log_file;
mod manifest;
mod segment;
mod thing;

use firnline_index::keys::ObjectKey;
use firnline_index::marker::TierMarker;
use firnline_index::topic::TopicObject;
use firnline_index::topic_key::WrappedTopicKey;
use firnline_store::Store;

use super::context::Context;
use super::selection::Selection;
use crate::args::{GlobalArgs, InspectArgs};
use crate::exit::Exit;
use crate::failure::{Failure, Result, codes, of};
use crate::output::{Cell, Out, Sheet};
use crate::surroundings::Surroundings;
use thing::Thing;

/// How to show a thing.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    /// JSON rather than text.
    pub json: bool,
    /// Its parts, too: blocks, entries, batches.
    pub parts: bool,
}

/// Shows one thing.
pub async fn run(
    args: InspectArgs,
    global: &GlobalArgs,
    around: Surroundings,
    out: &mut Out,
) -> Result<Exit> {
    let InspectArgs { tier, thing, blocks, json } = args;
    let form = Form { json, parts: blocks };
    let (tier, thing) = thing::understand(tier, &thing)?;
    match thing {
        Thing::LogFile(path) => log_file::show(&path, form, out),
        Thing::Partition(selector) => {
            let context = Context::new(global, tier.as_deref(), around)?;
            let tier = context.tier().await?;
            let tip = Selection::of(selector).partition(&tier).await?;
            let key = ObjectKey::Manifest { tip };
            object(&context, tier.store(), &key, form, out).await
        }
        Thing::Object(key) => {
            let context = Context::new(global, tier.as_deref(), around)?;
            object(&context, &context.store()?, &key, form, out).await
        }
    }
}

async fn object(
    context: &Context,
    store: &Store,
    key: &ObjectKey,
    form: Form,
    out: &mut Out,
) -> Result<Exit> {
    if let ObjectKey::Segment { tip, uuid, .. } = key {
        return segment::show(context, store, key, tip, *uuid, form, out).await;
    }
    let fetched = match store.get(&key.to_string()).await {
        Ok(fetched) => fetched,
        Err(error) if error.is_not_found() => return Err(absent(store, key).into()),
        Err(error) => return Err(of::store(error).into()),
    };
    let damaged = |error: Box<dyn std::error::Error + Send + Sync>| {
        Failure::new(&codes::DAMAGED, format!("{key} is damaged")).caused_by(error)
    };
    match key {
        ObjectKey::Manifest { tip } => manifest::show(&fetched.bytes, tip, form, out),
        ObjectKey::Page { .. } => manifest::show_page(&fetched.bytes, form, out),
        ObjectKey::Marker => {
            let marker = TierMarker::decode(&fetched.bytes).map_err(|error| damaged(error.into()))?;
            let age = i64::try_from(marker.max_manifest_age.as_millis()).unwrap_or(i64::MAX);
            let sheet = Sheet::new("marker")
                .with("object_key", key.to_string())
                .with("format", Cell::Count(u64::from(marker.format)))
                .with("cluster_id", marker.cluster_id.to_string())
                .with("max_manifest_age_milliseconds", Cell::Number(age));
            sheet.show(form.json, out)?;
            Ok(Exit::Fine)
        }
        ObjectKey::Topic { .. } => {
            let topic = TopicObject::decode(&fetched.bytes).map_err(|error| damaged(error.into()))?;
            let sheet = Sheet::new("topic")
                .with("object_key", key.to_string())
                .with("topic", topic.topic.to_string())
                .with("topic_id", topic.topic_id.to_string())
                .with("cluster_id", topic.cluster_id.to_string())
                .with("generation", Cell::Count(topic.generation))
                .with("partitions", Cell::Count(u64::from(topic.partitions)));
            sheet.show(form.json, out)?;
            Ok(Exit::Fine)
        }
        ObjectKey::Segment { .. } => {
            Err(Failure::new(&codes::INTERNAL, "a segment was taken for a small object").into())
        }
        ObjectKey::WrappedKey { .. } => {
            let wrapped = WrappedTopicKey::decode(&fetched.bytes).map_err(|error| damaged(error.into()))?;
            let sheet = Sheet::new("topic_key")
                .with("object_key", key.to_string())
                .with("cluster_id", wrapped.cluster_id.to_string())
                .with("topic", wrapped.topic.to_string())
                .with("topic_id", wrapped.topic_id.to_string())
                .with("number", Cell::Count(u64::from(wrapped.number)))
                .with("created_at_ms", Some(wrapped.created_at))
                .with("ring_key", wrapped.ring_key.clone());
            sheet.show(form.json, out)?;
            Ok(Exit::Fine)
        }
        ObjectKey::NodeSummary { .. }
        | ObjectKey::NodeLease { .. }
        | ObjectKey::FloorHint { .. }
        | ObjectKey::ClusterState { .. }
        | ObjectKey::Group { .. }
        | ObjectKey::Floor { .. } => {
            let sheet = Sheet::new("object")
                .with("object_key", key.to_string())
                .with("object_bytes", Cell::Bytes(fetched.bytes.len() as u64));
            sheet.show(form.json, out)?;
            Ok(Exit::Fine)
        }
    }
}

/// An object that was asked for by its key, and is not there.
pub fn absent(store: &Store, key: &ObjectKey) -> Failure {
    Failure::new(&codes::NO_OBJECT, format!("{store} has no object {key}"))
}
