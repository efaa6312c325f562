//! Entries of version 1.

use super::super::field;
use super::message;
use crate::ids::{Crc32c, KeyId, Offset, RemoteLogSegmentId, SegmentUuid, StoredPosition};
use crate::keys::RelativeKey;
use crate::lineage::EpochStart;
use crate::manifest::{Entry, EntryKind, FirstAbort, Kip405, Location, MAX_STORAGE_CLASS_LEN, ManifestError};

pub(super) fn to_wire(entry: &Entry) -> message::Entry {
    let base = entry.range.start();
    let after_base = |offset: Offset| offset.checked_sub(base).unwrap_or(0);
    let epoch = |e: &EpochStart| message::EpochStart {
        epoch: field::wire_short(e.epoch.get()),
        start: after_base(e.start),
    };
    let abort = |a: &FirstAbort| message::FirstAbort {
        producer: field::wire(a.producer.get()),
        marker: after_base(a.marker_offset),
    };
    message::Entry {
        uuid: entry.uuid.as_bytes().to_vec(),
        base: field::wire(base.get()),
        span: entry.range.span(),
        key_epoch: entry.leader_epoch.map(|e| field::wire_short(e.get())),
        epochs: entry.epochs.iter().map(epoch).collect(),
        length: entry.location.length.get(),
        tail_length: entry.location.length.get().saturating_sub(entry.tail_position.get()),
        log_bytes: entry.log_bytes.get(),
        records: entry.records,
        batches: entry.batches,
        blocks: entry.blocks,
        min_timestamp: entry.min_timestamp.map(|t| field::wire(t.get())),
        max_timestamp: entry.max_timestamp.map(|t| field::wire(t.get())),
        undecided: entry.range.end().get() - entry.stable_end.get(),
        first_aborts: entry.first_aborts.iter().map(abort).collect(),
        aborts_truncated: entry.aborts_truncated,
        object_crc: entry.object_crc.get(),
        committed_at: field::wire(entry.committed_at.get()),
        kind: match entry.kind {
            EntryKind::Segment => 1,
            EntryKind::TailPiece => 2,
        },
        replaces: entry.replaces.iter().map(|uuid| uuid.as_bytes().to_vec()).collect(),
        storage_class: entry.storage_class.clone(),
        key_id: entry.key_id.map(|id| id.as_bytes().to_vec()),
        location_key: entry.location.key.as_ref().map(ToString::to_string),
        location_start: entry.location.start.get(),
        kip405: entry.kip405.as_ref().map(|k| message::Kip405 {
            segment_id: k.segment_id.as_bytes().to_vec(),
            epochs: k.epochs.iter().map(super::parts::epoch_to_wire).collect(),
        }),
    }
}

pub(super) fn from_wire(entry: &message::Entry) -> Result<Entry, ManifestError> {
    let range = field::range("entry", entry.base, entry.span)?;
    let epoch = |e: &message::EpochStart| {
        Ok(EpochStart {
            epoch: field::epoch("entry.epochs.epoch", e.epoch)?,
            start: field::after("entry.epochs.start", range.start(), e.start)?,
        })
    };
    let abort = |a: &message::FirstAbort| {
        Ok(FirstAbort {
            producer: field::producer("entry.first_aborts.producer", a.producer)?,
            marker_offset: field::after("entry.first_aborts.marker", range.start(), a.marker)?,
        })
    };
    let uuid = |bytes: &Vec<u8>| Ok(SegmentUuid::from_bytes(field::id("entry.replaces", bytes)?));
    let key = entry.location_key.as_deref().map(RelativeKey::new).transpose();
    Ok(Entry {
        range,
        uuid: SegmentUuid::from_bytes(field::id("entry.uuid", &entry.uuid)?),
        leader_epoch: entry.key_epoch.map(|e| field::epoch("entry.key_epoch", e)).transpose()?,
        epochs: entry.epochs.iter().map(epoch).collect::<Result<_, ManifestError>>()?,
        location: Location {
            key: field::value("entry.location_key", key)?,
            start: StoredPosition::new(entry.location_start),
            length: field::bytes(entry.length),
        },
        tail_position: field::tail_position("entry.tail_length", entry.length, entry.tail_length)?,
        log_bytes: field::bytes(entry.log_bytes),
        records: entry.records,
        batches: entry.batches,
        blocks: entry.blocks,
        min_timestamp: entry.min_timestamp.map(|t| field::timestamp("entry.min_timestamp", t)).transpose()?,
        max_timestamp: entry.max_timestamp.map(|t| field::timestamp("entry.max_timestamp", t)).transpose()?,
        stable_end: stable_end(range.end(), entry.undecided)?,
        first_aborts: entry.first_aborts.iter().map(abort).collect::<Result<_, ManifestError>>()?,
        aborts_truncated: entry.aborts_truncated,
        object_crc: Crc32c::new(entry.object_crc),
        committed_at: field::timestamp("entry.committed_at", entry.committed_at)?,
        storage_class: entry.storage_class.as_deref().map(storage_class).transpose()?,
        kind: match entry.kind {
            1 => EntryKind::Segment,
            2 => EntryKind::TailPiece,
            _ => return Err(field::invalid("entry.kind", "known are 1 (segment) and 2 (tail piece)")),
        },
        replaces: entry.replaces.iter().map(uuid).collect::<Result<_, ManifestError>>()?,
        key_id: entry
            .key_id
            .as_deref()
            .map(|id| field::id("entry.key_id", id).map(KeyId::from_bytes))
            .transpose()?,
        kip405: entry.kip405.as_ref().map(kip405).transpose()?,
    })
}

fn kip405(k: &message::Kip405) -> Result<Kip405, ManifestError> {
    Ok(Kip405 {
        segment_id: RemoteLogSegmentId::from_bytes(field::id("kip405.segment_id", &k.segment_id)?),
        epochs: k.epochs.iter().map(super::parts::epoch_from_wire).collect::<Result<_, ManifestError>>()?,
    })
}

fn stable_end(end: Offset, undecided: i64) -> Result<Offset, ManifestError> {
    let stable_end = end.get().checked_sub(undecided).and_then(Offset::from_kafka);
    stable_end.ok_or(field::invalid("entry.undecided", "the stable end lies below 0 or beyond 2^63"))
}

fn storage_class(name: &str) -> Result<String, ManifestError> {
    let legal = !name.is_empty()
        && name.len() <= MAX_STORAGE_CLASS_LEN
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if legal {
        return Ok(name.to_owned());
    }
    Err(field::invalid("entry.storage_class", "a name has 1 to 64 of A-Z a-z 0-9 _ -"))
}
