//! Bytes of an object that are no record batch, per GiB of batches. The goals hold for batches of 16 KiB ± 50 %.

use bytes::Bytes;
use firnline_index::segment::{
    BlockCompression, DEFAULT_BLOCK_SIZE, ExpectedOrigin, SectionKind, SegmentOptions, SegmentTail,
    SegmentWriter,
};

use super::sample::{Batch, Random, START_MS, noise, options};

const MIB: u64 = 1 << 20;

#[derive(Clone, Copy)]
struct Load {
    name: &'static str,
    record_bytes: u64,
    batch_bytes: u64,
    /// Bytes that arrive in a second; batches come at irregular intervals.
    rate: u64,
    log_bytes: u64,
    compression: BlockCompression,
}

const LOAD: Load = Load {
    name: "1 KiB records, 16 KiB batches",
    record_bytes: 1_024,
    batch_bytes: 16_384,
    rate: 10 * MIB,
    log_bytes: 64 * MIB,
    compression: BlockCompression::None,
};

/// Writes the load, and returns the overhead in bytes per GiB of raw batches.
fn overhead(load: Load) -> u64 {
    let mut random = Random(42);
    let dense = noise(1, 1 << 21);
    let options = SegmentOptions { block_size: DEFAULT_BLOCK_SIZE, ..options(load.compression) };
    let mut writer = SegmentWriter::new(options).unwrap();
    let (mut next, mut taken, mut time) = (0, 0, 0_u64);
    let mut object = Vec::new();
    while taken < load.log_bytes {
        let mut run = Vec::new();
        while run.len() < 1 << 20 {
            let size = random.between(load.batch_bytes / 2, load.batch_bytes * 3 / 2);
            let records = i32::try_from((size / load.record_bytes).max(1)).unwrap();
            // Between none and two times the mean interval, in microseconds.
            time += random.between(0, 2_000_000 * size / load.rate + 1);
            let at = START_MS + i64::try_from(time / 1_000).unwrap();
            let batch = Batch { base_ms: at, max_ms: at, ..Batch::new(next, records) };
            run.extend(batch.around(&body(load, &dense, &mut random, size)));
            next += i64::from(records);
        }
        taken += run.len() as u64;
        object.clear();
        writer.push(Bytes::from(run), &mut object).unwrap();
    }
    object.clear();
    let summary = writer.finish(&mut object).unwrap();
    let tail =
        SegmentTail::parse(object.pop().unwrap(), summary.tail_position, &ExpectedOrigin::default()).unwrap();
    // The index grows with the log, the rest does not.
    let index = tail.footer().section(SectionKind::BlockIndex).unwrap().length.get();
    let fixed = u64::from(tail.trailer().tail_length) - index;
    let per_gib = index * 1_024 * MIB / summary.log_bytes.get() + fixed;
    let stored = summary.tail_position.get() * 100 / summary.log_bytes.get();
    println!("{}: {:.1} KiB per GiB, blocks stored in {stored} %", load.name, per_gib as f64 / 1_024.0);
    per_gib
}

/// For zstd: records of which 30 to 50 % does not compress, different from batch to batch.
fn body(load: Load, dense: &[u8], random: &mut Random, size: u64) -> Vec<u8> {
    let size = usize::try_from(size).unwrap() - 61;
    let from = usize::try_from(random.between(0, 1 << 19)).unwrap();
    let mut body = dense[from..from + size].to_vec();
    if load.compression != BlockCompression::None {
        let share = usize::try_from(random.between(50, 70)).unwrap();
        for record in body.chunks_mut(512) {
            let plain = record.len() * share / 100;
            record[..plain].fill(b'x');
        }
    }
    body
}

#[test]
fn raw_stays_below_34_kib_per_gib() {
    let steady = overhead(Load { log_bytes: 128 * MIB, ..LOAD });
    assert!(steady <= 34 * 1_024, "{steady}");
    let small = overhead(Load { name: "100 B records, 16 KiB batches", record_bytes: 100, ..LOAD });
    assert!(small <= 34 * 1_024, "{small}");
    let slow = overhead(Load { name: "1 KiB records, 16 KiB batches, 1 MiB/s", rate: MIB, ..LOAD });
    assert!(slow <= 34 * 1_024, "{slow}");
}

#[test]
fn zstd_stays_below_42_kib_per_gib() {
    let zstd = BlockCompression::Zstd { level: 1 };
    let steady = overhead(Load { name: "1 KiB records, 16 KiB batches, zstd", compression: zstd, ..LOAD });
    assert!(steady <= 42 * 1_024, "{steady}");
}

#[test]
fn other_batch_sizes_stay_in_the_same_range() {
    for (name, record_bytes, batch_bytes) in [
        ("1 KiB records, 1 KiB batches", 1_024, 1_024),
        ("200 B records, 4 KiB batches", 200, 4_096),
        ("1 KiB records, 128 KiB batches", 1_024, 131_072),
        ("100 B records, 1 MiB batches", 100, 1 << 20),
    ] {
        let bytes = overhead(Load { name, record_bytes, batch_bytes, ..LOAD });
        assert!(bytes <= 40 * 1_024, "{name}: {bytes}");
    }
}
