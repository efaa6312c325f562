//! From text back to a key.

use std::str::FromStr;

use super::dir::{partition_dir, topic_dir};
use super::{ObjectKey, cluster};
use crate::ids::{LeaderEpoch, ObjectUuid, Offset, SegmentUuid, TopicIdPartition, ValueError};

/// How many characters a hyphenated id has.
const UUID_LEN: usize = 36;

impl FromStr for ObjectKey {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let refuse = |why| ValueError::text("object key", text, why);
        let key = parse(text).ok_or_else(|| refuse("it is no key of Firnline's"))?;
        // Numbers have several spellings (`+1`, `007`); only the one that we print names an object.
        if key.to_string() != text {
            return Err(refuse("it is not the canonical spelling"));
        }
        Ok(key)
    }
}

fn parse(text: &str) -> Option<ObjectKey> {
    if text == ObjectKey::Marker.to_string() {
        return Some(ObjectKey::Marker);
    }
    let (first, rest) = text.split_once('/')?;
    match first {
        "topics" => {
            let (topic, topic_id) = topic_dir(rest.strip_suffix(".json")?)?;
            Some(ObjectKey::Topic { topic, topic_id })
        }
        "cluster" => cluster::parse(rest),
        "keys" => Some(ObjectKey::WrappedKey { id: rest.parse().ok()? }),
        _ => {
            let (tip, name) = partition_dir(text)?;
            in_partition(tip, name)
        }
    }
}

fn in_partition(tip: TopicIdPartition, name: &str) -> Option<ObjectKey> {
    if name == "manifest" {
        return Some(ObjectKey::Manifest { tip });
    }
    if let Some(rest) = name.strip_prefix("manifest-") {
        let (offset, uuid) = offset_and_id(rest.strip_suffix(".page")?)?;
        return Some(ObjectKey::Page { tip, first_base: offset, uuid });
    }
    if let Some(rest) = name.strip_prefix("floor-") {
        let (offset, uuid) = offset_and_id(rest)?;
        return Some(ObjectKey::Floor { tip, offset, uuid });
    }
    segment(tip, name.strip_suffix(".seg")?)
}

/// Takes apart `<base>-<leader epoch>-<uuid>`.
fn segment(tip: TopicIdPartition, name: &str) -> Option<ObjectKey> {
    let (numbers, uuid) = split_id(name)?;
    let (base, epoch) = numbers.split_once('-')?;
    let leader_epoch = match epoch {
        "none" => None,
        number => Some(LeaderEpoch::new(number.parse().ok()?).ok()?),
    };
    let uuid: SegmentUuid = uuid.parse().ok()?;
    Some(ObjectKey::Segment { tip, base: offset(base)?, leader_epoch, uuid })
}

/// Takes apart `<offset>-<uuid>`.
fn offset_and_id(text: &str) -> Option<(Offset, ObjectUuid)> {
    let (number, uuid) = split_id(text)?;
    Some((offset(number)?, uuid.parse().ok()?))
}

/// Splits the id off the end of `…-<uuid>`.
fn split_id(text: &str) -> Option<(&str, &str)> {
    let (rest, uuid) = text.split_at_checked(text.len().checked_sub(UUID_LEN)?)?;
    Some((rest.strip_suffix('-')?, uuid))
}

fn offset(text: &str) -> Option<Offset> {
    Offset::new(text.parse().ok()?).ok()
}
