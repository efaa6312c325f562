//! What a node holds of one partition, put together as the real host does: by names, ends and epochs, not by knowledge.

use std::sync::Arc;

use firnline_offloader::{HeldChain, HeldFile, HeldPartition, PinId, Presence};

use super::log::{ChainLog, Link};
use super::{World, offset, time};
use crate::model::{Inode, Kafka, Node};

/// One file with its number.
type File<'a> = (u64, &'a Inode);

/// Everything `node` holds of partition `p`; `None` where that is nothing.
pub(super) fn held(world: &Arc<World>, kafka: &Kafka, node: i32, p: usize) -> Option<HeldPartition> {
    let machine = kafka.nodes.get(&node)?;
    let replica = machine.replicas.get(&p);
    let mut pins: Vec<File<'_>> = pins(machine, p);
    let mut chains = Vec::new();
    if let Some(replica) = replica {
        let mut files: Vec<File<'_>> =
            replica.log.files.iter().map(|number| (*number, machine.disk.file(*number))).collect();
        while let Some(below) = joins_below(&pins, files[0].1) {
            files.insert(0, pins.remove(below));
        }
        chains.push(chain(world, kafka, node, p, &files, true));
    }
    while !pins.is_empty() {
        let mut files = vec![pins.remove(0)];
        while let Some(next) = joins_above(&pins, files[files.len() - 1].1) {
            files.push(pins.remove(next));
        }
        chains.push(chain(world, kafka, node, p, &files, false));
    }
    if chains.is_empty() {
        return None;
    }
    let presence = if replica.is_some() { Presence::Live } else { Presence::Gone };
    Some(HeldPartition { tip: kafka.partitions[p].tip.clone(), presence, chains, unread: None })
}

/// Files that only pins keep, by base and age.
fn pins(machine: &Node, p: usize) -> Vec<File<'_>> {
    let of_partition = |file: &Inode| file.partition == p && file.sole_link() && !file.batches.is_empty();
    let mut pins: Vec<File<'_>> = machine
        .disk
        .inodes
        .iter()
        .filter(|(_, file)| of_partition(file))
        .map(|(n, file)| (*n, file))
        .collect();
    pins.sort_by_key(|(number, file)| (file.base, *number));
    pins
}

fn last_epoch(file: &Inode) -> Option<i32> {
    file.batches.last().map(|batch| batch.epoch)
}

fn goes_on(below: &Inode, above: &Inode) -> bool {
    let first = above.batches.first().map(|batch| batch.epoch);
    below.end() == above.base && first.is_none_or(|first| last_epoch(below).is_some_and(|last| last <= first))
}

/// Of several that would fit, the one of the newest history.
fn joins_below(pins: &[File<'_>], first: &Inode) -> Option<usize> {
    let fits = pins.iter().enumerate().filter(|(_, (_, pin))| goes_on(pin, first));
    fits.max_by_key(|(_, (number, pin))| (last_epoch(pin), *number)).map(|(at, _)| at)
}

fn joins_above(pins: &[File<'_>], last: &Inode) -> Option<usize> {
    pins.iter().position(|(_, pin)| goes_on(last, pin))
}

fn chain(
    world: &Arc<World>,
    kafka: &Kafka,
    node: i32,
    p: usize,
    files: &[File<'_>],
    is_log: bool,
) -> HeldChain {
    let end_of = |at: usize| files.get(at + 1).map(|(_, next)| next.base);
    let written = |at: usize| is_log && at + 1 == files.len();
    let links = files.iter().enumerate().map(|(at, (number, file))| Link {
        inode: *number,
        base: file.base,
        bytes: file.bytes(),
        sealed: !written(at),
        changes: file.changes,
    });
    let log = ChainLog {
        world: Arc::clone(world),
        node,
        tip: kafka.partitions[p].tip.clone(),
        links: links.collect(),
    };
    let held = files.iter().enumerate().map(|(at, (_, file))| HeldFile {
        base: offset(file.base),
        end: if written(at) { None } else { Some(offset(end_of(at).unwrap_or_else(|| file.end()))) },
        bytes: file.bytes(),
        written_at: time(file.written_at_ms),
        pin: file.pin.clone().map(|name| PinId { dir: 0, name }),
        sole_link: file.sole_link(),
    });
    let last = files[files.len() - 1].1;
    HeldChain {
        log: Arc::new(log),
        is_log,
        start: offset(files[0].1.base),
        sealed_end: offset(if is_log { last.base } else { last.end() }),
        files: held.collect(),
    }
}
