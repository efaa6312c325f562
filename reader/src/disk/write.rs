//! Writing: one slab is appended to, and sealed with a table when it is full; the one that was of no use for longest gives
//! way to the next. All calls block. Nothing is flushed for durability's sake: what a crash has torn is found by its checksums.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use firnline_index::Crc32c;

use super::dir::{Dir, DiskCacheProblem, drop_pages, is_full, slab_path};
use super::format::{
    RECORD_HEADER_LEN, RecordHeader, RecordKey, TableEntry, UNIT, encode_table, record_len, slab_header,
    table_len,
};
use super::held::{Held, Place};
use super::limits::Limits;
use super::stats::DiskCounters;
use crate::stats::count;

/// So much is written before it is brought to the disk and its pages are let go of: what waits in the page cache for the disk
/// slows down everybody who writes.
const FLUSH_BYTES: u64 = 16 << 20;

/// Free space that is left to others: this part of the disk, in hundredths, and at most so many bytes. As the offloader's reserve.
const RESERVE_PART: u64 = 5;
const RESERVE_MOST: u64 = 20 << 30;

/// Writes records. There is one at a time.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) dir: Dir,
    pub(super) held: Arc<Held>,
    pub(super) counters: Arc<DiskCounters>,
    pub(super) limits: Limits,
    pub(super) active: Option<Active>,
    /// The number of the next slab.
    pub(super) next: u32,
}

/// The slab that is appended to.
#[derive(Debug)]
pub(super) struct Active {
    pub(super) number: u32,
    pub(super) file: File,
    /// Where the next record begins, in bytes.
    pub(super) end: u64,
    pub(super) table: Vec<TableEntry>,
    pub(super) unflushed: u64,
}

impl Active {
    fn has_room(&self, length: u64, limits: &Limits) -> bool {
        let records = self.table.len() + 1;
        records <= limits.slab_records && self.end + length + table_len(records) <= limits.slab_bytes
    }
}

impl Writer {
    /// Writes records that are not held yet. One that finds no room is counted and left out.
    ///
    /// # Errors
    /// Where nothing can be written here any more; what was written before holds.
    pub(super) fn put(&mut self, records: &[(RecordKey, bytes::Bytes)]) -> Result<(), DiskCacheProblem> {
        self.dir.check()?;
        for (key, payload) in records {
            let known = self.held.find(key.fingerprint()).is_some();
            if !known && !self.put_one(key, payload)? {
                count(&self.counters.refused_full, 1);
            }
        }
        Ok(())
    }

    /// Whether there was room.
    fn put_one(&mut self, key: &RecordKey, payload: &[u8]) -> Result<bool, DiskCacheProblem> {
        let Some(length) = self.limits.fits(payload.len() as u64) else { return Ok(false) };
        let space = record_len(length);
        if !self.active.as_ref().is_some_and(|active| active.has_room(space, &self.limits)) && !self.turn()? {
            return Ok(false);
        }
        let Some(active) = &mut self.active else { return Ok(false) };
        let header = RecordHeader { key: *key, length, crc: Crc32c::of(payload) }.encode();
        // The header last: where it is whole, its payload was handed to the kernel before.
        let written = active.file.write_all_at(payload, active.end + RECORD_HEADER_LEN as u64);
        let written = written.and_then(|()| active.file.write_all_at(&header, active.end));
        if let Err(error) = written {
            return self.not_written(error);
        }
        let at = u32::try_from(active.end / UNIT).expect("a slab is shorter than 2 TiB");
        let fingerprint = key.fingerprint();
        active.table.push(TableEntry { fingerprint, at });
        active.end += space;
        active.unflushed += space;
        self.held.add(fingerprint, Place { slab: active.number, at });
        count(&self.counters.written_bytes, u64::from(length));
        if active.unflushed >= FLUSH_BYTES {
            active.unflushed = 0;
            let path = slab_path(self.dir.path(), active.number);
            active.file.sync_data().map_err(DiskCacheProblem::io("write", &path))?;
            drop_pages(&active.file);
        }
        Ok(true)
    }

    /// A full disk is somebody's who needs it more: the cache gives way.
    fn not_written(&mut self, error: std::io::Error) -> Result<bool, DiskCacheProblem> {
        let Some(active) = &self.active else { return Ok(false) };
        let number = active.number;
        if !is_full(&error) {
            return Err(DiskCacheProblem::io("write", &slab_path(self.dir.path(), number))(error));
        }
        match self.held.oldest(Some(number)) {
            Some(other) => {
                // What is torn lies behind the end, and is written over.
                let _ = active.file.set_len(active.end);
                self.evict(other)?;
            }
            None => {
                self.active = None;
                self.evict(number)?;
            }
        }
        Ok(false)
    }

    /// Seals the slab that is full and begins the next. Whether there is room for one.
    fn turn(&mut self) -> Result<bool, DiskCacheProblem> {
        if let Some(full) = self.active.take() {
            self.seal(full)?;
        }
        if !self.make_room()? {
            return Ok(false);
        }
        let number = self.next;
        let path = slab_path(self.dir.path(), number);
        let after = number.checked_add(1);
        self.next = after.ok_or_else(|| DiskCacheProblem::Numbers { path: self.dir.path().to_owned() })?;
        let created = self.dir.create_slab(number).and_then(|file| {
            file.write_all_at(&slab_header(), 0)?;
            Ok(file)
        });
        match created {
            Ok(file) => {
                self.held.add_slab(number, self.limits.slab_bytes);
                self.active = Some(Active { number, file, end: UNIT, table: Vec::new(), unflushed: 0 });
                Ok(true)
            }
            Err(error) if is_full(&error) => {
                self.dir.remove_slab(number)?;
                if let Some(oldest) = self.held.oldest(None) {
                    self.evict(oldest)?;
                }
                Ok(false)
            }
            Err(error) => Err(DiskCacheProblem::io("create", &path)(error)),
        }
    }

    fn seal(&mut self, full: Active) -> Result<(), DiskCacheProblem> {
        let Active { number, file, end, table, .. } = full;
        let bytes = encode_table(&table);
        let written = file.write_all_at(&bytes, end).and_then(|()| file.sync_data());
        drop_pages(&file);
        match written {
            Ok(()) => self.held.resize_slab(number, end + bytes.len() as u64),
            // Without a table its records are found one by one at the next start.
            Err(error) if is_full(&error) => {
                let _ = file.set_len(end);
                self.held.resize_slab(number, end);
            }
            Err(error) => {
                return Err(DiskCacheProblem::io("write", &slab_path(self.dir.path(), number))(error));
            }
        }
        Ok(())
    }

    /// Lets slabs give way until a further one is within the limit. On a disk that is too full for one the cache becomes
    /// smaller by a slab instead, each time: not every file system tells at once what a removed file has freed.
    fn make_room(&mut self) -> Result<bool, DiskCacheProblem> {
        self.keep_within(self.limits.slab_bytes)?;
        let space = self.dir.space()?;
        let reserve = (space.total / 100).saturating_mul(RESERVE_PART).min(RESERVE_MOST);
        if space.free >= reserve.saturating_add(self.limits.slab_bytes) {
            return Ok(true);
        }
        let mut gave_way = 0;
        while gave_way < 2
            && let Some(oldest) = self.held.oldest(None)
        {
            self.evict(oldest)?;
            gave_way += 1;
        }
        Ok(gave_way == 2)
    }

    /// Lets slabs give way until there is room for so many bytes more within the limit.
    pub(super) fn keep_within(&mut self, more: u64) -> Result<(), DiskCacheProblem> {
        while self.held.bytes().saturating_add(more) > self.limits.max_bytes
            && let Some(oldest) = self.held.oldest(None)
        {
            self.evict(oldest)?;
        }
        Ok(())
    }

    fn evict(&mut self, number: u32) -> Result<(), DiskCacheProblem> {
        let records = self.held.forget_slab(number);
        count(&self.counters.evicted, records);
        self.dir.remove_slab(number)
    }
}
