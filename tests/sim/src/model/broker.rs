//! A broker: what it believes, and what it does when it is asked.

use super::{Disk, Inode, Log};
use std::collections::{BTreeMap, BTreeSet};

/// What a broker believes of a partition. It learns of changes one by one, and late.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// Who leads.
    pub leader: Option<i32>,
    /// Under which epoch.
    pub epoch: i32,
    /// The replicas that an acks=all write waits for.
    pub isr: BTreeSet<i32>,
}

/// One replica.
#[derive(Debug, Clone)]
pub struct Replica {
    /// Its log.
    pub log: Log,
    /// Everything below is committed, as far as this broker knows.
    pub high_watermark: i64,
    /// What the broker believes.
    pub view: View,
    /// As a leader: where its log ended when it began to lead; below, its high watermark is not told.
    pub leads_from: i64,
    /// As a leader: up to where each follower has fetched, as its fetches told.
    pub fetched: BTreeMap<i32, i64>,
    /// As a follower: the epoch of the leader that its log was last held against.
    pub matched: i32,
}

impl Replica {
    /// An empty replica.
    pub fn create(disk: &mut Disk, partition: usize, start: i64, now_ms: i64) -> Self {
        Self {
            log: Log::create(disk, partition, start, now_ms),
            high_watermark: start,
            view: View { epoch: -1, ..View::default() },
            leads_from: start,
            fetched: BTreeMap::new(),
            matched: -1,
        }
    }

    /// Whether it believes to lead.
    pub fn leads(&self, node: i32) -> bool {
        self.view.leader == Some(node)
    }

    /// The first transaction that is open in the log, by a walk over it: producer, first offset, last time.
    pub fn open_transactions(&self, disk: &Disk) -> BTreeMap<i64, i64> {
        let mut open = BTreeMap::new();
        for batch in self.log.batches(disk) {
            match batch.content {
                super::Content::Data => {}
                super::Content::Transactional(producer) => {
                    open.entry(producer).or_insert(batch.base);
                }
                super::Content::Marker { producer, .. } => {
                    open.remove(&producer);
                }
            }
        }
        open
    }
}

/// A machine: a broker and a disk.
#[derive(Debug, Default)]
pub struct Node {
    /// Whether the broker runs.
    pub alive: bool,
    /// The disk, which outlives it.
    pub disk: Disk,
    /// The replicas in its log directory.
    pub replicas: BTreeMap<usize, Replica>,
    /// How far the node's clock is from the true time.
    pub clock_ms: i64,
}

impl Node {
    /// Deletes a replica's directory. Gives the files whose last link went.
    pub fn delete(&mut self, partition: usize) -> Vec<Inode> {
        let Some(replica) = self.replicas.remove(&partition) else { return Vec::new() };
        replica.log.files.iter().filter_map(|number| self.disk.unlink_broker(*number)).collect()
    }
}
