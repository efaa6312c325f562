//! The small messages that heads, pages and entries share.

use super::super::field;
use super::message;
use crate::ids::{ByteCount, Crc32c, Incarnation, NodeId, ObjectUuid, OffsetRange};
use crate::lineage::EpochStart;
use crate::manifest::{
    Claim, Gap, GapReason, MAX_LEVEL, ManifestError, ManifestKind, PageRef, Tombstone, Totals, Writer,
};
use crate::transactions::OpenTransaction;

pub(super) const fn kind_to_wire(kind: ManifestKind) -> u32 {
    match kind {
        ManifestKind::Sidecar => 1,
        ManifestKind::Kip405 => 2,
    }
}

pub(super) fn kind_from_wire(kind: u32) -> Result<ManifestKind, ManifestError> {
    match kind {
        1 => Ok(ManifestKind::Sidecar),
        2 => Ok(ManifestKind::Kip405),
        _ => Err(field::invalid("kind", "known are 1 (sidecar) and 2 (kip405)")),
    }
}

pub(super) fn writer_to_wire(writer: &Writer) -> message::Writer {
    message::Writer {
        node: field::wire_short(writer.node.get()),
        leader_epoch: writer.leader_epoch.map(|e| field::wire_short(e.get())),
        incarnation: writer.incarnation.as_bytes().to_vec(),
    }
}

pub(super) fn writer_from_wire(writer: &message::Writer) -> Result<Writer, ManifestError> {
    Ok(Writer {
        node: node(writer.node)?,
        leader_epoch: writer.leader_epoch.map(|e| field::epoch("writer.leader_epoch", e)).transpose()?,
        incarnation: Incarnation::from_bytes(field::id("writer.incarnation", &writer.incarnation)?),
    })
}

pub(super) fn epoch_to_wire(epoch: &EpochStart) -> message::EpochStart {
    message::EpochStart { epoch: field::wire_short(epoch.epoch.get()), start: field::wire(epoch.start.get()) }
}

pub(super) fn epoch_from_wire(epoch: &message::EpochStart) -> Result<EpochStart, ManifestError> {
    Ok(EpochStart {
        epoch: field::epoch("epoch_start.epoch", epoch.epoch)?,
        start: field::offset("epoch_start.start", epoch.start)?,
    })
}

pub(super) fn gap_to_wire(gap: &Gap) -> message::Gap {
    let reason = match gap.reason {
        GapReason::LocalRetention => 1,
        GapReason::Reserve => 2,
        GapReason::Damage => 3,
        GapReason::Operator => 4,
    };
    let recorded_at = field::wire(gap.recorded_at.get());
    message::Gap { base: field::wire(gap.range.start().get()), span: gap.range.span(), reason, recorded_at }
}

pub(super) fn gap_from_wire(gap: &message::Gap) -> Result<Gap, ManifestError> {
    Ok(Gap {
        range: field::range("gap", gap.base, gap.span)?,
        reason: match gap.reason {
            1 => GapReason::LocalRetention,
            2 => GapReason::Reserve,
            3 => GapReason::Damage,
            4 => GapReason::Operator,
            _ => return Err(field::invalid("gap.reason", "known are 1 to 4")),
        },
        recorded_at: field::timestamp("gap.recorded_at", gap.recorded_at)?,
    })
}

pub(super) fn claim_to_wire(claim: &Claim) -> message::Claim {
    let range = |r: &OffsetRange| message::Range { base: field::wire(r.start().get()), span: r.span() };
    message::Claim {
        epoch: field::wire_short(claim.epoch.get()),
        node: field::wire_short(claim.node.get()),
        wanted: claim.wanted.iter().map(range).collect(),
    }
}

pub(super) fn claim_from_wire(claim: &message::Claim) -> Result<Claim, ManifestError> {
    Ok(Claim {
        epoch: field::epoch("claim.epoch", claim.epoch)?,
        node: node(claim.node)?,
        wanted: claim
            .wanted
            .iter()
            .map(|r| field::range("claim.wanted", r.base, r.span))
            .collect::<Result<_, _>>()?,
    })
}

pub(super) fn open_to_wire(open: &OpenTransaction) -> message::OpenTransaction {
    message::OpenTransaction {
        producer: field::wire(open.producer.get()),
        first_offset: field::wire(open.first_offset.get()),
        last_timestamp: open.last_timestamp.map(|t| field::wire(t.get())),
    }
}

pub(super) fn open_from_wire(open: &message::OpenTransaction) -> Result<OpenTransaction, ManifestError> {
    Ok(OpenTransaction {
        producer: field::producer("open.producer", open.producer)?,
        first_offset: field::offset("open.first_offset", open.first_offset)?,
        last_timestamp: open
            .last_timestamp
            .map(|t| field::timestamp("open.last_timestamp", t))
            .transpose()?,
    })
}

pub(super) fn tombstone_to_wire(deleted: &Tombstone) -> message::Tombstone {
    let last_bound = deleted.last_bound.map(|o| field::wire(o.get()));
    message::Tombstone { at: field::wire(deleted.at.get()), last_bound }
}

pub(super) fn tombstone_from_wire(deleted: &message::Tombstone) -> Result<Tombstone, ManifestError> {
    Ok(Tombstone {
        at: field::timestamp("deleted.at", deleted.at)?,
        last_bound: deleted.last_bound.map(|o| field::offset("deleted.last_bound", o)).transpose()?,
    })
}

pub(super) fn totals_to_wire(totals: &Totals) -> message::Totals {
    message::Totals {
        entries: totals.entries,
        log_bytes: totals.log_bytes.get(),
        object_bytes: totals.object_bytes.get(),
        records: totals.records,
    }
}

pub(super) fn totals_from_wire(totals: Option<&message::Totals>) -> Result<Totals, ManifestError> {
    let totals = field::required("totals", totals)?;
    Ok(Totals {
        entries: totals.entries,
        log_bytes: ByteCount::new(totals.log_bytes),
        object_bytes: ByteCount::new(totals.object_bytes),
        records: totals.records,
    })
}

pub(super) fn page_ref_to_wire(page: &PageRef) -> message::PageRef {
    message::PageRef {
        uuid: page.uuid.as_bytes().to_vec(),
        level: u32::from(page.level),
        base: field::wire(page.range.start().get()),
        span: page.range.span(),
        max_timestamp: page.max_timestamp.map(|t| field::wire(t.get())),
        totals: Some(totals_to_wire(&page.totals)),
        length: page.length.get(),
        crc: page.crc.get(),
    }
}

pub(super) fn page_ref_from_wire(page: &message::PageRef) -> Result<PageRef, ManifestError> {
    Ok(PageRef {
        uuid: ObjectUuid::from_bytes(field::id("page.uuid", &page.uuid)?),
        level: level(page.level)?,
        range: field::range("page", page.base, page.span)?,
        max_timestamp: page.max_timestamp.map(|t| field::timestamp("page.max_timestamp", t)).transpose()?,
        totals: totals_from_wire(page.totals.as_ref())?,
        length: ByteCount::new(page.length),
        crc: Crc32c::new(page.crc),
    })
}

pub(super) fn level(level: u32) -> Result<u8, ManifestError> {
    let known = u8::try_from(level).ok().filter(|level| *level <= MAX_LEVEL);
    known.ok_or(field::invalid("page.level", "it is beyond the highest level, 6"))
}

fn node(number: u32) -> Result<NodeId, ManifestError> {
    field::node("node", number)
}
