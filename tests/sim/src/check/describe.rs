//! Where everything of a partition is, in words: what a failure is understood by.

use std::fmt::Write as _;
use std::sync::Arc;

use firnline_index::OffsetRange;
use firnline_index::manifest::{Entry, Manifest};
use firnline_offloader::Stretch;
use firnline_store::sim::Simulation;

use super::gone::manifest;
use crate::model::{Batch, Inode, Kafka, Partition};

/// The tier of partition `p`, then a line for each node: its log, its files, and what its sidecar remembers.
pub fn describe(kafka: &Kafka, store: &Simulation, p: usize) -> Vec<String> {
    let Some(partition) = kafka.partitions.get(p) else { return Vec::new() };
    let leader = kafka.leader(p);
    let mut lines = vec![
        format!("{}: exists {}, led by {leader:?}", partition.tip, partition.exists),
        manifest(store, partition).map_or_else(|| "  no manifest".to_owned(), |manifest| tier(&manifest)),
        truth(partition),
    ];
    for (node, machine) in &kafka.nodes {
        let mut line = format!("  node {node}:");
        if let Some(replica) = kafka.replica(p, *node) {
            let _ =
                write!(line, " log from {}, high watermark {};", replica.log.start, replica.high_watermark);
        }
        let files = machine.disk.inodes.values().filter(|file| file.partition == p);
        files.for_each(|file| line.push_str(&inode(file)));
        if let Some(witness) = machine.disk.witnesses.get(&p) {
            line.push_str("; remembers");
            witness.stretches().for_each(|known| line.push_str(&stretch(known)));
        }
        lines.push(line);
    }
    lines
}

fn tier(manifest: &Manifest) -> String {
    let epochs = |entry: &Entry| {
        let starts = entry.epochs.iter().map(|start| format!("{}@{}", start.epoch, start.start));
        starts.collect::<Vec<_>>().join(" ")
    };
    let entry = |entry: &Entry| format!(" {}[{}]", entry.range, epochs(entry));
    let entries: String = manifest.entries.iter().map(entry).collect();
    let gaps: Vec<OffsetRange> = manifest.gaps.iter().map(|gap| gap.range).collect();
    let branch = |branch: &firnline_index::manifest::DeadBranch| {
        let entries: String = branch.entries.iter().map(entry).collect();
        format!(" [at {} {:?}:{entries}]", branch.cut_at, branch.reason)
    };
    let dead: String = manifest.dead_branches.iter().map(branch).collect();
    format!(
        "  tier {}..{} at generation {}, claim {:?}, deleted {:?}, gaps {gaps:?}, dead{dead}; entries{entries}",
        manifest.tier_start, manifest.tier_end, manifest.generation, manifest.claim, manifest.deleted
    )
}

/// What was committed: the history that counts, then what elections cut, by whom.
fn truth(partition: &Partition) -> String {
    let of = |batches: &[Arc<Batch>]| {
        let ends = batches.first().zip(batches.last()).map(|(first, last)| (first.base, last.end));
        let (base, end) = ends.unwrap_or_default();
        format!("{base}..{end}[{}]", starts(batches))
    };
    let mut line = format!("  committed {}", of(&partition.truth.live));
    for cut in &partition.truth.cuts {
        let _ = write!(line, ", cut by {}: {}", cut.epoch, of(&cut.batches));
    }
    let _ = write!(line, "; epoch {}, unclean elections {}", partition.view.epoch, partition.unclean);
    line
}

fn starts(batches: &[Arc<Batch>]) -> String {
    let mut starts: Vec<(i32, i64)> = batches.iter().map(|batch| (batch.epoch, batch.base)).collect();
    starts.dedup_by_key(|(epoch, _)| *epoch);
    let epochs: Vec<String> = starts.iter().map(|(epoch, base)| format!("{epoch}@{base}")).collect();
    epochs.join(" ")
}

fn inode(file: &Inode) -> String {
    let kind = match (file.broker, file.pin.is_some()) {
        (true, true) => "pinned",
        (true, false) => "file",
        (false, true) => "PIN",
        (false, false) => "gone",
    };
    let sealed = if file.sealed { "" } else { " active" };
    format!(" {kind} {}..{}[{}]{sealed}", file.base, file.end(), starts(&file.batches))
}

fn stretch(known: &Stretch) -> String {
    let starts = known.lineage.starts().iter().map(|start| format!(" {}@{}", start.epoch, start.start));
    format!(" [<{} by {}:{}]", known.bound, known.epoch, starts.collect::<String>())
}
