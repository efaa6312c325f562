//! A log from before Kafka 0.11, in message formats 0 and 1. No broker of today writes these, but all read them: the files are
//! put where a stopped broker will find them.

use std::io::Write;
use std::path::Path;

use crc_fast::{CrcAlgorithm, checksum};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::dice::Dice;

/// Below the segment size of the brokers, so that what they append first stands in one file with what is old.
const SEGMENT_BYTES: usize = 900 << 10;
/// Formats of each file: as when a broker was upgraded in the middle of one.
const FILES: [&[u8]; 3] = [&[0], &[0, 1], &[1]];
const GZIP: u8 = 1;

/// Puts the files into the empty directory of a partition whose broker does not run.
pub fn put(directory: &Path, seed: u64, first_ms: i64) {
    for entry in std::fs::read_dir(directory).expect("list a partition").flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if [".log", ".index", ".timeindex", ".snapshot"].iter().any(|end| name.ends_with(end)) {
            std::fs::remove_file(entry.path()).expect("remove a file of an empty log");
        }
    }
    let mut dice = Dice::new(seed, 91);
    let mut next = 0;
    for formats in FILES {
        let base = next;
        let mut bytes = Vec::new();
        while bytes.len() < SEGMENT_BYTES {
            let part = bytes.len() * formats.len() / SEGMENT_BYTES;
            let magic = formats[part.min(formats.len() - 1)];
            let count = if dice.one_in(3) { 1 } else { 1 + dice.offset_below(30) };
            let set = Set { magic, first: next, time: first_ms + next * 1000 };
            bytes.extend(if count == 1 { set.plain(&mut dice, 1) } else { set.wrapped(&mut dice, count) });
            next += count;
        }
        std::fs::write(directory.join(format!("{base:020}.log")), bytes).expect("write an old segment");
    }
}

/// Messages that follow one another.
struct Set {
    magic: u8,
    first: i64,
    time: i64,
}

impl Set {
    /// So many, each by itself.
    fn plain(&self, dice: &mut Dice, count: i64) -> Vec<u8> {
        (0..count).flat_map(|step| self.one(dice, self.first + step, step)).collect()
    }

    /// So many in one, compressed. Within it, format 0 has offsets of the log and format 1 counts from 0.
    fn wrapped(&self, dice: &mut Dice, count: i64) -> Vec<u8> {
        let counted = |step| if self.magic == 0 { self.first + step } else { step };
        let inner: Vec<u8> = (0..count).flat_map(|step| self.one(dice, counted(step), step)).collect();
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(&inner).expect("memory takes all");
        let packed = packed.finish().expect("memory takes all");
        let last = count - 1;
        message(self.magic, GZIP, self.first + last, self.time + last * 1000, None, Some(&packed))
    }

    fn one(&self, dice: &mut Dice, offset: i64, step: i64) -> Vec<u8> {
        let length = 100 + dice.below(1500);
        let (key, value) = (format!("old-{}", dice.below(40)), dice.bytes(length));
        let key = (!dice.one_in(5)).then_some(key.as_bytes());
        message(self.magic, 0, offset, self.time + step * 1000, key, Some(&value))
    }
}

/// One message with its offset and size before it.
fn message(
    magic: u8,
    codec: u8,
    offset: i64,
    time: i64,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
) -> Vec<u8> {
    let mut covered = vec![magic, codec];
    if magic == 1 {
        covered.extend(time.to_be_bytes());
    }
    for part in [key, value] {
        let length = part.map_or(-1, |part| i32::try_from(part.len()).expect("a small message"));
        covered.extend(length.to_be_bytes());
        covered.extend(part.unwrap_or_default());
    }
    let crc = u32::try_from(checksum(CrcAlgorithm::Crc32IsoHdlc, &covered)).expect("32 bits");
    let size = i32::try_from(covered.len() + 4).expect("a small message");
    let mut bytes = Vec::with_capacity(16 + covered.len());
    bytes.extend(offset.to_be_bytes());
    bytes.extend(size.to_be_bytes());
    bytes.extend(crc.to_be_bytes());
    bytes.extend(covered);
    bytes
}
