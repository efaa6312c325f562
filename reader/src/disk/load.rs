//! Beginning: what an earlier process has left in the directory is found again. A slab with a table costs two reads, one
//! without (the last, after a crash) one for each record. Nothing is believed here but where records may be: each says itself
//! whose it is, when it is read. All calls block.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use super::dir::{Dir, DiskCacheProblem};
use super::format::{
    RECORD_HEADER_LEN, RecordHeader, SLAB_HEADER_LEN, TABLE_END_LEN, TableEntry, UNIT, check_slab_header,
    parse_table, record_len, table_entries, table_len,
};
use super::held::{Held, Place};
use super::limits::{Limits, SLAB_RECORDS_MOST};
use super::stats::DiskCounters;
use super::write::{Active, Writer};

/// Opens the directory and takes in what is there, the newest where it is more than there is room for. Numbers of new slabs
/// begin at `next` or above.
pub(super) fn load(
    path: &Path,
    limits: Limits,
    held: &Arc<Held>,
    counters: &Arc<DiskCounters>,
    next: u32,
) -> Result<Writer, DiskCacheProblem> {
    let dir = Dir::open(path)?;
    held.clear();
    let numbers = dir.slabs()?;
    let surplus = numbers.len().saturating_sub(limits.slabs_most());
    for number in &numbers[..surplus] {
        dir.remove_slab(*number)?;
    }
    let mut writer = Writer {
        dir,
        held: Arc::clone(held),
        counters: Arc::clone(counters),
        limits,
        active: None,
        next: numbers.last().map_or(0, |last| last.saturating_add(1)).max(next),
    };
    for number in &numbers[surplus..] {
        writer.take_in(*number)?;
    }
    writer.keep_within(0)?;
    // It may become full: it is gone on with where there is room for that.
    let fits = |active: &Active| {
        let full = held.bytes().saturating_sub(active.end).saturating_add(limits.slab_bytes);
        held.has_slab(active.number) && full <= limits.max_bytes
    };
    writer.active = writer.active.take().filter(fits);
    if let Some(active) = &writer.active {
        held.resize_slab(active.number, limits.slab_bytes);
    }
    Ok(writer)
}

impl Writer {
    fn take_in(&mut self, number: u32) -> Result<(), DiskCacheProblem> {
        let found = self.dir.reopen_slab(number).and_then(|file| {
            let slab = Slab::read(&file)?;
            Ok((file, slab))
        });
        let Ok((file, Slab { table, end, sealed })) = found else {
            // Nothing in it can be used, or not by this build.
            return self.dir.remove_slab(number);
        };
        let bytes = if sealed { end + table_len(table.len()) } else { end };
        self.held.add_slab(number, bytes);
        for TableEntry { fingerprint, at } in &table {
            self.held.add(*fingerprint, Place { slab: number, at: *at });
        }
        // The last that is not full is gone on with.
        let is_full = end + UNIT >= self.limits.slab_bytes;
        self.active = (!sealed && !is_full).then_some(Active { number, file, end, table, unflushed: 0 });
        Ok(())
    }
}

/// What is found in a slab.
struct Slab {
    table: Vec<TableEntry>,
    /// Where its records end.
    end: u64,
    sealed: bool,
}

impl Slab {
    fn read(file: &File) -> io::Result<Self> {
        let stat = file.metadata()?;
        let mut header = [0; SLAB_HEADER_LEN];
        if !stat.is_file() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        file.read_exact_at(&mut header, 0)?;
        check_slab_header(&header).map_err(|_| io::ErrorKind::InvalidData)?;
        let length = stat.len();
        if let Some((table, end)) = table(file, length)? {
            return Ok(Self { table, end, sealed: true });
        }
        let (table, end) = walk(file, length)?;
        // What is torn is cut off.
        file.set_len(end)?;
        Ok(Self { table, end, sealed: false })
    }
}

/// The table at the end of a slab, if one is there.
fn table(file: &File, length: u64) -> io::Result<Option<(Vec<TableEntry>, u64)>> {
    let mut end = [0; TABLE_END_LEN];
    let Some(end_at) = length.checked_sub(TABLE_END_LEN as u64) else { return Ok(None) };
    file.read_exact_at(&mut end, end_at)?;
    let entries = table_entries(&end).ok().and_then(|entries| usize::try_from(entries).ok());
    let Some(entries) = entries.filter(|entries| *entries <= SLAB_RECORDS_MOST) else { return Ok(None) };
    let Some(from) = length.checked_sub(table_len(entries)) else { return Ok(None) };
    let mut bytes = vec![0; usize::try_from(length - from).unwrap_or(0)];
    file.read_exact_at(&mut bytes, from)?;
    Ok(parse_table(&bytes, from).ok().map(|table| (table, from)))
}

/// The records of a slab without a table, one after the other, up to the first that is not whole.
fn walk(file: &File, length: u64) -> io::Result<(Vec<TableEntry>, u64)> {
    let (mut table, mut end) = (Vec::new(), UNIT);
    let mut header = [0; RECORD_HEADER_LEN];
    while table.len() < SLAB_RECORDS_MOST
        && end + RECORD_HEADER_LEN as u64 <= length
        && let Ok(at) = u32::try_from(end / UNIT)
    {
        file.read_exact_at(&mut header, end)?;
        let Ok(record) = RecordHeader::parse(&header) else { break };
        let payload_end = end + RECORD_HEADER_LEN as u64 + u64::from(record.length);
        if payload_end > length {
            break;
        }
        table.push(TableEntry { fingerprint: record.key.fingerprint(), at });
        end += record_len(record.length);
    }
    Ok((table, end))
}
