//! A node's disk: files with inodes, and the links that keep them.

use std::collections::BTreeMap;
use std::sync::Arc;

use firnline_offloader::Witness;

use super::Batch;

/// A segment file. It is there as long as the broker or a pin links it; whoever wrote it last, both see the same bytes.
#[derive(Debug, Clone)]
pub struct Inode {
    /// Which partition's, by its place in the cluster's list.
    pub partition: usize,
    /// The offset it is named for.
    pub base: i64,
    /// Its content.
    pub batches: Vec<Arc<Batch>>,
    /// When it was last written, by the node's clock.
    pub written_at_ms: i64,
    /// Raised by each write and each cut: what a change of the modification time shows.
    pub changes: u64,
    /// Whether the broker's own name is still there.
    pub broker: bool,
    /// The pin's name, if there is one.
    pub pin: Option<String>,
    /// Whether the broker has gone on to a later file.
    pub sealed: bool,
}

impl Inode {
    /// One past its last offset; its base while it is empty.
    pub fn end(&self) -> i64 {
        self.batches.last().map_or(self.base, |batch| batch.end)
    }

    /// Its length.
    pub fn bytes(&self) -> u64 {
        self.batches.iter().map(|batch| batch.bytes.len() as u64).sum()
    }

    /// Whether the pin is all that keeps it.
    pub fn sole_link(&self) -> bool {
        !self.broker && self.pin.is_some()
    }
}

/// All that a machine keeps when its processes die.
#[derive(Debug, Default)]
pub struct Disk {
    /// The files, by inode number.
    pub inodes: BTreeMap<u64, Inode>,
    /// Pins that gave way to the reserve and were not asked for yet: partition, first offset, end.
    pub given_way: Vec<(usize, i64, i64)>,
    /// What the sidecar must not forget, by partition.
    pub witnesses: BTreeMap<usize, Witness>,
    next: u64,
}

impl Disk {
    /// Makes an empty file for the broker.
    pub fn create(&mut self, partition: usize, base: i64, now_ms: i64) -> u64 {
        self.next += 1;
        let inode = Inode {
            partition,
            base,
            batches: Vec::new(),
            written_at_ms: now_ms,
            changes: 0,
            broker: true,
            pin: None,
            sealed: false,
        };
        self.inodes.insert(self.next, inode);
        self.next
    }

    /// The file, which the caller knows to be linked.
    pub fn file(&self, number: u64) -> &Inode {
        self.inodes.get(&number).expect("a linked file is there")
    }

    /// The same, to write.
    pub fn file_mut(&mut self, number: u64) -> &mut Inode {
        self.inodes.get_mut(&number).expect("a linked file is there")
    }

    /// Removes the broker's name, and the file if no pin keeps it. Gives the file if that was its last link.
    pub fn unlink_broker(&mut self, number: u64) -> Option<Inode> {
        let file = self.file_mut(number);
        file.broker = false;
        file.sealed = true;
        if file.pin.is_none() { self.inodes.remove(&number) } else { None }
    }

    /// Removes a pin by its name. Gives the file if that was its last link.
    pub fn unlink_pin(&mut self, name: &str) -> Option<Inode> {
        let number =
            self.inodes.iter().find(|(_, file)| file.pin.as_deref() == Some(name)).map(|(n, _)| *n)?;
        let file = self.file_mut(number);
        file.pin = None;
        if file.broker { None } else { self.inodes.remove(&number) }
    }
}
