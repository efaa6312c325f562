//! A chain of files as a log to plan with and to read. It reads what the files hold now, not what they held when the chain
//! was put together: a broker may append, cut or delete at any moment in between.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use firnline_index::log_source::{Finality, LogSource, Run, SourceError, SourceErrorKind};
use firnline_index::{LeaderEpoch, Offset, OffsetRange, TopicIdPartition};
use firnline_offloader::{Extent, PartitionLog};

use super::{World, epoch, offset};
use crate::model::{Batch, Inode};

/// One file of a chain.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    pub(super) inode: u64,
    pub(super) base: i64,
    pub(super) bytes: u64,
    pub(super) sealed: bool,
    /// The state of the file when the chain was made.
    pub(super) changes: u64,
}

/// A chain of files.
pub(super) struct ChainLog {
    pub(super) world: Arc<World>,
    pub(super) node: i32,
    pub(super) tip: TopicIdPartition,
    pub(super) links: Vec<Link>,
}

impl fmt::Debug for ChainLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainLog")
            .field("node", &self.node)
            .field("links", &self.links)
            .finish_non_exhaustive()
    }
}

fn changed(what: &str) -> SourceError {
    SourceError { kind: SourceErrorKind::Changed, cause: what.to_owned().into() }
}

impl ChainLog {
    fn inode<T>(&self, link: &Link, look: impl FnOnce(&Inode) -> T) -> Option<T> {
        let kafka = self.world.kafka();
        kafka.nodes.get(&self.node)?.disk.inodes.get(&link.inode).map(look)
    }

    /// A file that is gone cannot be opened, whatever the ones after it hold.
    fn is_there(&self, at: i64) -> Result<(), SourceError> {
        let holding = self.links.iter().rev().find(|link| link.base <= at);
        match holding {
            Some(link) if self.inode(link, |_| ()).is_none() => Err(changed("the file is gone")),
            _ => Ok(()),
        }
    }

    /// Reads fail now and then.
    fn reach(&self) -> Result<(), SourceError> {
        match self.world.disk_fails() {
            true => {
                Err(SourceError { kind: SourceErrorKind::Unavailable, cause: "input/output error".into() })
            }
            false => Ok(()),
        }
    }

    /// The first batch that `wanted` holds of, as the files are now.
    fn find(&self, wanted: impl Fn(&Batch) -> bool) -> Option<Arc<Batch>> {
        self.links.iter().find_map(|link| {
            self.inode(link, |file| file.batches.iter().find(|batch| wanted(batch)).cloned()).flatten()
        })
    }
}

impl PartitionLog for ChainLog {
    fn tip(&self) -> &TopicIdPartition {
        &self.tip
    }

    fn extents(&self) -> Vec<Extent> {
        let extent = |link: &Link| Extent { base: offset(link.base), bytes: link.bytes, sealed: link.sealed };
        self.links.iter().map(extent).collect()
    }

    fn open(&self, from: Offset, until: Option<Offset>) -> Result<Box<dyn LogSource>, SourceError> {
        let first = self.links.partition_point(|link| link.base <= from.get()).saturating_sub(1);
        let links =
            self.links[first..].iter().filter(|link| until.is_none_or(|until| link.base < until.get()));
        Ok(Box::new(ChainSource {
            log: Self {
                world: Arc::clone(&self.world),
                node: self.node,
                tip: self.tip.clone(),
                links: links.copied().collect(),
            },
            from: from.get(),
            until: until.map(Offset::get),
            file: 0,
            pending: VecDeque::new(),
            read: Vec::new(),
            last: None,
        }))
    }

    fn epoch_before(&self, at: Offset) -> Result<Option<LeaderEpoch>, SourceError> {
        self.is_there(at.get() - 1)?;
        Ok(self.find(|batch| batch.base < at.get() && at.get() <= batch.end).map(|batch| epoch(batch.epoch)))
    }

    fn epoch_from(&self, at: Offset) -> Result<Option<LeaderEpoch>, SourceError> {
        self.is_there(at.get())?;
        Ok(self.find(|batch| batch.end > at.get()).map(|batch| epoch(batch.epoch)))
    }

    fn batch_across(&self, at: Offset) -> Result<Option<OffsetRange>, SourceError> {
        self.is_there(at.get())?;
        let across = self.find(|batch| batch.base < at.get() && at.get() < batch.end);
        Ok(across.and_then(|batch| OffsetRange::new(offset(batch.base), offset(batch.end)).ok()))
    }
}

/// A reading of a chain, one batch at a time.
struct ChainSource {
    log: ChainLog,
    from: i64,
    until: Option<i64>,
    /// The next file to read.
    file: usize,
    pending: VecDeque<Arc<Batch>>,
    /// The files read, with their state then.
    read: Vec<(Link, u64, u64)>,
    /// The last batch handed out.
    last: Option<Arc<Batch>>,
}

impl ChainSource {
    /// Takes up the next file. A file that has not the length it was planned with has been cut meanwhile.
    fn next_file(&mut self) -> Result<bool, SourceError> {
        self.log.reach()?;
        let Some(link) = self.log.links.get(self.file).copied() else { return Ok(false) };
        self.file += 1;
        let (from, until) = (self.from, self.until);
        let looked = self.log.inode(&link, |file| {
            let inside =
                |batch: &&Arc<Batch>| batch.end > from && until.is_none_or(|until| batch.end <= until);
            let batches: VecDeque<_> = file.batches.iter().filter(inside).cloned().collect();
            (batches, file.changes, file.bytes())
        });
        let (batches, changes, bytes) = looked.ok_or_else(|| changed("a file is gone"))?;
        if bytes < link.bytes {
            return Err(changed("a file is shorter than it was"));
        }
        self.read.push((link, changes, bytes));
        self.pending = batches;
        Ok(true)
    }
}

impl LogSource for ChainSource {
    fn next_run(&mut self, _max_bytes: usize) -> Result<Option<Run>, SourceError> {
        while self.pending.is_empty() {
            if !self.next_file()? {
                return Ok(None);
            }
        }
        let Some(batch) = self.pending.pop_front() else { return Ok(None) };
        if batch.base < self.from {
            let cause = "the offset lies inside a batch".to_owned().into();
            return Err(SourceError { kind: SourceErrorKind::Diverged, cause });
        }
        let range =
            OffsetRange::new(offset(batch.base), offset(batch.end)).map_err(|_| changed("offsets"))?;
        let sealed = self.read.last().is_some_and(|(link, ..)| link.sealed);
        let bytes = batch.bytes.clone();
        self.last = Some(batch);
        Ok(Some(Run { bytes, range, batches: 1, hole_before: None, sealed }))
    }

    fn finish(&mut self) -> Result<Finality, SourceError> {
        self.log.reach()?;
        let different = |what: &str| Ok(Finality::Changed { what: what.to_owned() });
        for (link, changes, bytes) in &self.read {
            let now = self.log.inode(link, |file| (file.changes, file.bytes()));
            match now {
                None => return different("a file is gone"),
                Some((now, _)) if link.sealed && (now != *changes || now != link.changes) => {
                    return different("a sealed file was written");
                }
                Some((_, now)) if now < *bytes => return different("a file is shorter than it was"),
                Some(_) => {}
            }
        }
        match &self.last {
            Some(last) if self.log.find(|batch| batch.base == last.base).as_ref() != Some(last) => {
                different("the last batch is another one now")
            }
            _ => Ok(Finality::Stable),
        }
    }
}
