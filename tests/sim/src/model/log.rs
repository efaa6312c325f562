//! One replica's log: files on the node's disk, oldest first, the last one still written.

use std::sync::Arc;

use super::{Batch, Disk, Inode};

/// The files and what the broker knows of them.
#[derive(Debug, Clone, Default)]
pub struct Log {
    /// Inode numbers, oldest first.
    pub files: Vec<u64>,
    /// First offset that is served.
    pub start: i64,
    /// One past the last offset.
    pub end: i64,
    /// Epochs with their first offsets, oldest first: the broker's leader-epoch cache.
    pub epochs: Vec<(i32, i64)>,
}

impl Log {
    /// An empty log from `start` on.
    pub fn create(disk: &mut Disk, partition: usize, start: i64, now_ms: i64) -> Self {
        let files = vec![disk.create(partition, start, now_ms)];
        Self { files, start, end: start, epochs: Vec::new() }
    }

    /// All batches, oldest first.
    pub fn batches<'a>(&'a self, disk: &'a Disk) -> impl DoubleEndedIterator<Item = &'a Arc<Batch>> + 'a {
        self.files.iter().flat_map(|number| &disk.file(*number).batches)
    }

    /// The batch that holds `offset`, or the first above it.
    pub fn position(&self, disk: &Disk, offset: i64) -> Option<(usize, usize)> {
        let after = self.files.partition_point(|number| disk.file(*number).base <= offset);
        let from = after.saturating_sub(1);
        self.files[from..].iter().enumerate().find_map(|(n, number)| {
            let batches = &disk.file(*number).batches;
            let at = batches.partition_point(|batch| batch.end <= offset);
            (at < batches.len()).then_some((from + n, at))
        })
    }

    /// The batches from the one that holds `offset` on.
    pub fn from<'a>(&'a self, disk: &'a Disk, offset: i64) -> impl Iterator<Item = &'a Arc<Batch>> + 'a {
        let (file, batch) = self.position(disk, offset).unwrap_or((self.files.len(), 0));
        self.files[file..].iter().enumerate().flat_map(move |(n, number)| {
            let batches = &disk.file(*number).batches;
            &batches[if n == 0 { batch } else { 0 }..]
        })
    }

    fn active<'a>(&self, disk: &'a mut Disk) -> &'a mut Inode {
        disk.file_mut(*self.files.last().expect("a log has a file"))
    }

    /// Appends to the file that is written.
    pub fn append(&mut self, disk: &mut Disk, batch: Arc<Batch>, now_ms: i64) {
        assert_eq!(batch.base, self.end, "the model appends at the end");
        self.enter_epoch(batch.epoch, batch.base);
        self.end = batch.end;
        let file = self.active(disk);
        file.batches.push(batch);
        file.written_at_ms = now_ms;
        file.changes += 1;
    }

    /// Notes an epoch's first offset, as a leader does before it has written anything.
    pub fn enter_epoch(&mut self, epoch: i32, start: i64) {
        if self.epochs.last().is_none_or(|(last, _)| *last < epoch) {
            self.epochs.retain(|(_, first)| *first < start);
            self.epochs.push((epoch, start));
        }
    }

    /// Where a follower that has this log must cut it before it fetches from a leader that has `theirs`: what comes of asking
    /// for the end of its last epoch there until the answers agree, as Kafka's followers do. That may lie below its own start.
    /// `None` where nothing is to be cut, not even an epoch in which it led and wrote nothing.
    pub fn diverges(&self, theirs: &Self) -> Option<i64> {
        let mut cut: Option<i64> = None;
        let mut own = Self { files: Vec::new(), ..self.clone() };
        while let Some((epoch, _)) = own.epochs.last().copied() {
            let Some((told, end)) = theirs.epoch_end(epoch) else { break };
            if told == epoch && end >= own.end {
                break;
            }
            let (known, known_end) = own.epoch_end(told).unwrap_or((told, own.end));
            let to = if known == told { known_end.min(end) } else { known_end }.min(own.end);
            own.end = to;
            own.epochs.retain(|(_, start)| *start < to);
            cut = Some(to);
        }
        cut
    }

    /// Goes on to a new file, unless the current one is empty.
    pub fn roll(&mut self, disk: &mut Disk, partition: usize, now_ms: i64) {
        let file = self.active(disk);
        if file.batches.is_empty() {
            return;
        }
        file.sealed = true;
        self.files.push(disk.create(partition, self.end, now_ms));
    }

    /// Cuts the log at `offset`, a batch's border: later files go, the one that holds it is cut in place and written on.
    /// Gives the files whose last link went.
    pub fn truncate(&mut self, disk: &mut Disk, partition: usize, offset: i64, now_ms: i64) -> Vec<Inode> {
        if offset < disk.file(self.files[0]).base || offset < self.start {
            return self.restart(disk, partition, offset, now_ms);
        }
        let kept = self.files.partition_point(|number| disk.file(*number).base <= offset);
        let gone = self.files.split_off(kept);
        let gone = gone.into_iter().filter_map(|number| disk.unlink_broker(number)).collect();
        let file = self.active(disk);
        if file.end() > offset {
            file.batches.retain(|batch| batch.end <= offset);
            file.written_at_ms = now_ms;
            file.changes += 1;
        }
        file.sealed = false;
        self.end = self.end.min(offset);
        self.epochs.retain(|(_, start)| *start < offset);
        gone
    }

    /// Drops everything and goes on, empty, at `offset`.
    pub fn restart(&mut self, disk: &mut Disk, partition: usize, offset: i64, now_ms: i64) -> Vec<Inode> {
        let gone = std::mem::take(&mut self.files);
        let gone = gone.into_iter().filter_map(|number| disk.unlink_broker(number)).collect();
        *self = Self::create(disk, partition, offset, now_ms);
        gone
    }

    /// Moves the start up; files wholly below it go with [`Log::expire`].
    pub fn raise_start(&mut self, to: i64) {
        if to <= self.start {
            return;
        }
        self.start = to;
        let after = self.epochs.partition_point(|(_, start)| *start <= to);
        self.epochs.drain(..after.saturating_sub(1));
        if let Some(first) = self.epochs.first_mut().filter(|(_, start)| *start < to) {
            first.1 = to;
        }
    }

    /// Removes the files that end at or below the start. Gives those whose last link went.
    pub fn expire(&mut self, disk: &mut Disk) -> Vec<Inode> {
        let mut gone = Vec::new();
        while self.files.len() > 1 && disk.file(self.files[1]).base <= self.start {
            gone.extend(disk.unlink_broker(self.files.remove(0)));
        }
        gone
    }

    /// The base of the second file, that is, where the log would begin if its oldest file went.
    pub fn second_base(&self, disk: &Disk) -> Option<i64> {
        self.files.get(1).map(|number| disk.file(*number).base)
    }

    /// Where `epoch` ends here, as OffsetForLeaderEpoch answers: the epoch itself or the nearest below it that is known.
    pub fn epoch_end(&self, epoch: i32) -> Option<(i32, i64)> {
        let (last, _) = *self.epochs.last()?;
        if epoch == last {
            return Some((epoch, self.end));
        }
        let higher = self.epochs.iter().position(|(known, _)| *known > epoch)?;
        let floor = higher.checked_sub(1).map_or(epoch, |below| self.epochs[below].0);
        Some((floor, self.epochs[higher].1))
    }
}

#[cfg(test)]
mod tests {
    use super::Log;

    fn log(epochs: &[(i32, i64)], end: i64) -> Log {
        Log { start: epochs[0].1, end, epochs: epochs.to_vec(), files: Vec::new() }
    }

    #[test]
    fn a_follower_cuts_where_kafka_cuts() {
        let leader = log(&[(0, 0), (1, 12), (3, 16), (6, 119), (7, 170)], 170);
        // The same history, shorter, and as far.
        assert_eq!(log(&[(0, 0), (1, 12), (3, 16)], 100).diverges(&leader), None);
        assert_eq!(log(&[(0, 0), (1, 12), (3, 16), (6, 119)], 170).diverges(&leader), None);
        // More of an epoch than the leader has.
        assert_eq!(log(&[(0, 0), (1, 12), (3, 16)], 130).diverges(&leader), Some(119));
        // An epoch that the leader never had, beside one that the follower never had.
        assert_eq!(log(&[(0, 0), (1, 12), (5, 16)], 200).diverges(&leader), Some(16));
        // What was below is gone: it begins anew at its own start.
        assert_eq!(log(&[(5, 69)], 202).diverges(&leader), Some(69));
        assert_eq!(log(&[(5, 69)], 202).diverges(&log(&[(3, 112), (6, 119)], 170)), Some(69));
        // It led and wrote nothing.
        assert_eq!(log(&[(0, 0), (1, 12), (3, 16), (5, 100)], 100).diverges(&leader), Some(100));
    }
}
