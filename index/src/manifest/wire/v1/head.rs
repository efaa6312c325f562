//! Heads of version 1.

use super::super::field;
use super::{entry, message, parts};
use crate::ids::{CommitId, GcBoundary};
use crate::lineage::Lineage;
use crate::manifest::{DeadBranch, DeadReason, Manifest, ManifestError};

pub(super) fn to_wire(m: &Manifest) -> message::Head {
    message::Head {
        generation: m.generation,
        kind: parts::kind_to_wire(m.kind),
        cluster_id: m.cluster_id.to_string(),
        topic: m.tip.topic.to_string(),
        topic_id: m.tip.topic_id.as_bytes().to_vec(),
        partition: field::wire_short(m.tip.partition.get()),
        commit: m.commit.as_bytes().to_vec(),
        recent_commits: m.recent_commits.iter().map(|id| id.as_bytes().to_vec()).collect(),
        writer: m.writer.as_ref().map(parts::writer_to_wire),
        gc_boundary: m.gc_boundary.map(|id| id.as_bytes().to_vec()),
        tier_start: field::wire(m.tier_start.get()),
        serving_start: field::wire(m.serving_start.get()),
        tier_end: field::wire(m.tier_end.get()),
        floor: m.floor.map(|o| field::wire(o.get())),
        lineage: m.lineage.starts().iter().map(parts::epoch_to_wire).collect(),
        gaps: m.gaps.iter().map(parts::gap_to_wire).collect(),
        claim: m.claim.as_ref().map(parts::claim_to_wire),
        open: m.open_transactions.iter().map(parts::open_to_wire).collect(),
        deleted: m.deleted.as_ref().map(parts::tombstone_to_wire),
        totals: Some(parts::totals_to_wire(&m.totals)),
        pages: m.pages.iter().map(parts::page_ref_to_wire).collect(),
        entries: m.entries.iter().map(entry::to_wire).collect(),
        dead_branches: m.dead_branches.iter().map(dead_branch_to_wire).collect(),
        began_at: m.began_at.map(|o| field::wire(o.get())),
    }
}

pub(super) fn from_wire(h: message::Head) -> Result<Manifest, ManifestError> {
    let commit = |bytes: &Vec<u8>| Ok(CommitId::from_bytes(field::id("commit", bytes)?));
    let boundary =
        |bytes: Vec<u8>| Ok::<_, ManifestError>(GcBoundary::from_bytes(field::id("gc_boundary", &bytes)?));
    Ok(Manifest {
        generation: h.generation,
        kind: parts::kind_from_wire(h.kind)?,
        cluster_id: field::cluster(&h.cluster_id)?,
        tip: field::tip(&h.topic, &h.topic_id, h.partition)?,
        commit: commit(&h.commit)?,
        recent_commits: h.recent_commits.iter().map(commit).collect::<Result<_, ManifestError>>()?,
        writer: h.writer.as_ref().map(parts::writer_from_wire).transpose()?,
        gc_boundary: h.gc_boundary.map(boundary).transpose()?,
        began_at: h.began_at.map(|o| field::offset("began_at", o)).transpose()?,
        tier_start: field::offset("tier_start", h.tier_start)?,
        serving_start: field::offset("serving_start", h.serving_start)?,
        tier_end: field::offset("tier_end", h.tier_end)?,
        floor: h.floor.map(|o| field::offset("floor", o)).transpose()?,
        lineage: Lineage::new(all(&h.lineage, parts::epoch_from_wire)?)?,
        gaps: all(&h.gaps, parts::gap_from_wire)?,
        claim: h.claim.as_ref().map(parts::claim_from_wire).transpose()?,
        open_transactions: all(&h.open, parts::open_from_wire)?,
        deleted: h.deleted.as_ref().map(parts::tombstone_from_wire).transpose()?,
        totals: parts::totals_from_wire(h.totals.as_ref())?,
        pages: all(&h.pages, parts::page_ref_from_wire)?,
        entries: all(&h.entries, entry::from_wire)?,
        dead_branches: all(&h.dead_branches, dead_branch_from_wire)?,
    })
}

fn dead_branch_to_wire(branch: &DeadBranch) -> message::DeadBranch {
    message::DeadBranch {
        cut_at: field::wire(branch.cut_at.get()),
        reason: match branch.reason {
            DeadReason::Truncation => 1,
            DeadReason::NeverCommitted => 2,
            DeadReason::Operator => 3,
        },
        recorded_at: field::wire(branch.recorded_at.get()),
        entries: branch.entries.iter().map(entry::to_wire).collect(),
        pages: branch.pages.iter().map(parts::page_ref_to_wire).collect(),
    }
}

fn dead_branch_from_wire(branch: &message::DeadBranch) -> Result<DeadBranch, ManifestError> {
    Ok(DeadBranch {
        cut_at: field::offset("dead_branch.cut_at", branch.cut_at)?,
        reason: match branch.reason {
            1 => DeadReason::Truncation,
            2 => DeadReason::NeverCommitted,
            3 => DeadReason::Operator,
            _ => return Err(field::invalid("dead_branch.reason", "known are 1 to 3")),
        },
        recorded_at: field::timestamp("dead_branch.recorded_at", branch.recorded_at)?,
        entries: all(&branch.entries, entry::from_wire)?,
        pages: all(&branch.pages, parts::page_ref_from_wire)?,
    })
}

/// Turns each part into its domain form.
pub(super) fn all<W, D>(
    parts: &[W],
    from: fn(&W) -> Result<D, ManifestError>,
) -> Result<Vec<D>, ManifestError> {
    parts.iter().map(from).collect()
}
