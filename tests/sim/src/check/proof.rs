//! Who holds a committed batch and can prove that it is one.

use firnline_offloader::{Stretch, Witness};

use crate::model::{Batch, Inode, Kafka};
use crate::seams::offset;

/// Whether what the sidecar of `node` remembers says that the batch was committed.
pub(super) fn witnessed(kafka: &Kafka, p: usize, node: i32, batch: &Batch) -> bool {
    let witness = kafka.nodes.get(&node).and_then(|machine| machine.disk.witnesses.get(&p));
    let last = offset(batch.end - 1);
    let knows = |stretch: &Stretch| stretch.epoch_at(last).is_some_and(|epoch| epoch.get() == batch.epoch);
    // What was told later of other records at the same offsets: an election had cut these out of the log.
    let contradicted = |witness: &Witness, stretch: &Stretch| {
        let later = witness.stretches().take_while(|other| *other != stretch);
        later.filter_map(|later| later.parts_from(stretch)).any(|parted| parted.offset <= last)
    };
    witness.is_some_and(|witness| {
        witness.stretches().any(|stretch| knows(stretch) && !contradicted(witness, stretch))
    })
}

/// Whether what the sidecar of `node` remembers speaks of both sides of `at` in one breath.
pub(super) fn joins(kafka: &Kafka, p: usize, node: i32, at: i64) -> bool {
    let witness = kafka.nodes.get(&node).and_then(|machine| machine.disk.witnesses.get(&p));
    let both = |stretch: &Stretch| {
        at == 0 || (stretch.epoch_at(offset(at - 1)).is_some() && stretch.epoch_at(offset(at)).is_some())
    };
    witness.is_some_and(|witness| witness.stretches().any(both))
}

/// Whether `node` holds the batch in a file that is not written any more. One that was cut within a batch, by a leader whose log
/// began there, lacks what was left of it; a person has to allow it.
pub(super) fn holds(kafka: &Kafka, p: usize, node: i32, batch: &Batch) -> bool {
    let whole = |file: &Inode| {
        let below = file.batches.iter().take_while(|held| held.base <= batch.base).collect::<Vec<_>>();
        below.windows(2).all(|two| two[0].end == two[1].base)
    };
    let holding = |file: &Inode| {
        file.partition == p && file.sealed && file.batches.iter().any(|held| **held == *batch) && whole(file)
    };
    kafka.nodes.get(&node).is_some_and(|machine| machine.disk.inodes.values().any(holding))
}

/// Whether one stretch of what the sidecar of `node` remembers knows both batches.
pub(super) fn witnessed_together(kafka: &Kafka, p: usize, node: i32, one: &Batch, other: &Batch) -> bool {
    let witness = kafka.nodes.get(&node).and_then(|machine| machine.disk.witnesses.get(&p));
    let knows = |stretch: &Stretch, batch: &Batch| {
        stretch.epoch_at(offset(batch.end - 1)).is_some_and(|epoch| epoch.get() == batch.epoch)
    };
    witness.is_some_and(|witness| {
        witness.stretches().any(|stretch| knows(stretch, one) && knows(stretch, other))
    })
}

/// Whether one file of `node` holds both batches.
pub(super) fn holds_together(kafka: &Kafka, p: usize, node: i32, one: &Batch, other: &Batch) -> bool {
    let among = |file: &Inode, batch: &Batch| file.batches.iter().any(|held| **held == *batch);
    let both = |file: &Inode| file.partition == p && among(file, one) && among(file, other);
    kafka.nodes.get(&node).is_some_and(|machine| machine.disk.inodes.values().any(both))
}

/// Whether the broker's log on `node` holds both batches: what lies between is there, too.
pub(super) fn log_holds_together(kafka: &Kafka, p: usize, node: i32, one: &Batch, other: &Batch) -> bool {
    let Some((machine, replica)) = kafka.nodes.get(&node).zip(kafka.replica(p, node)) else { return false };
    let has = |batch: &Batch| replica.log.batches(&machine.disk).any(|held| **held == *batch);
    has(one) && has(other)
}

/// Whether the batch stands in the log of the leader, which says itself what is committed.
fn leads_with(kafka: &Kafka, p: usize, node: i32, batch: &Batch) -> bool {
    kafka.leader(p) == Some(node)
        && kafka
            .replica(p, node)
            .is_some_and(|replica| replica.log.start <= batch.base && replica.high_watermark >= batch.end)
}

/// The nodes that hold the batch and can prove it.
pub(super) fn provers<'a>(kafka: &'a Kafka, p: usize, batch: &'a Batch) -> impl Iterator<Item = i32> + 'a {
    let proves = move |node: &i32| {
        holds(kafka, p, *node, batch)
            && (witnessed(kafka, p, *node, batch) || leads_with(kafka, p, *node, batch))
    };
    kafka.nodes.keys().copied().filter(proves)
}

/// Whether a node that could prove the batch keeps it by a pin alone: then it must find its way into the tier.
pub(super) fn pinned_and_proven(kafka: &Kafka, p: usize, batch: &Batch) -> bool {
    let pinned = |node: &i32| {
        let files = kafka.nodes.get(node).into_iter().flat_map(|machine| machine.disk.inodes.values());
        let mut holding = files.filter(|file| file.partition == p && file.sole_link());
        holding.any(|file| file.batches.iter().any(|held| **held == *batch))
    };
    kafka.nodes.keys().any(|node| pinned(node) && witnessed(kafka, p, *node, batch))
}
