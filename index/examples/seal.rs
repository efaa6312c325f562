//! How fast batches are sealed into a segment on one core, in GB/s, beside copying and checksumming the same bytes.
//!
//! `cargo run --release -p firnline-index --example seal [BATCH_BYTES]`

#[path = "../tests/it/segment/sample.rs"]
#[expect(dead_code, clippy::unwrap_used, reason = "written for the tests, which use the rest")]
mod sample;

use std::error::Error;
use std::hint::black_box;
use std::io::Write;
use std::time::Instant;

use bytes::Bytes;
use firnline_index::Crc32c;
use firnline_index::segment::{BlockCompression, DEFAULT_BLOCK_SIZE, SegmentOptions, SegmentWriter};
use sample::{Batch, noise, options};

const RUNS: usize = 256;
const RUN_BYTES: usize = 1 << 20;
const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let batch_bytes: usize = std::env::args().nth(1).map_or(Ok(16 << 10), |text| text.parse())?;
    let body = noise(1, batch_bytes.saturating_sub(61));
    let mut next = 0;
    let runs: Vec<Bytes> = (0..RUNS)
        .map(|_| {
            let mut run = Vec::new();
            while run.len() < RUN_BYTES {
                run.extend(Batch::new(next, 16).around(&body));
                next += 16;
            }
            run.into()
        })
        .collect();
    let total: usize = runs.iter().map(Bytes::len).sum();
    let mut target = vec![0_u8; 2 * RUN_BYTES + batch_bytes];
    let copy =
        best(total, || runs.iter().for_each(|run| target[..run.len()].copy_from_slice(black_box(run))));
    let checksum = best(total, || {
        runs.iter().for_each(|run| {
            black_box(Crc32c::of(run));
        });
    });
    let seal = |compression| {
        best(total, || {
            let options = SegmentOptions { block_size: DEFAULT_BLOCK_SIZE, ..options(compression) };
            let mut writer = SegmentWriter::new(options).expect("settings in range");
            let mut out = Vec::new();
            for run in &runs {
                writer.push(run.clone(), &mut out).expect("well-formed batches");
            }
            black_box(writer.finish(&mut out).expect("a segment with batches"));
        })
    };
    let raw = seal(BlockCompression::None);
    let zstd = seal(BlockCompression::Zstd { level: 1 });
    writeln!(
        std::io::stdout(),
        "batches of {batch_bytes} bytes, {} MiB: copy {copy:.1}, crc32c {checksum:.1}, seal raw {raw:.1}, \
         seal with zstd 1 tried {zstd:.2} GB/s",
        total >> 20
    )?;
    Ok(())
}

/// The best of a few rounds, in GB/s.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn best(bytes: usize, mut work: impl FnMut()) -> f64 {
    let mut rates = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        work();
        bytes as f64 / start.elapsed().as_secs_f64() / 1e9
    });
    rates.by_ref().fold(0.0, f64::max)
}
