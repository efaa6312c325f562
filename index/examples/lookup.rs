//! How long a look-up takes: 10^5 random (segment, offset) pairs over the indexes of 1,000 segments of 1 GiB, all held in
//! memory, batches of 16 KiB ± 50 %. Each look-up is timed alone; the timer's own cost is measured and taken off.
//!
//! `cargo run --release -p firnline-index --example lookup [SEGMENTS]`

#[path = "../tests/it/segment/sample.rs"]
#[expect(dead_code, clippy::unwrap_used, reason = "written for the tests, which use the rest")]
mod sample;

use std::error::Error;
use std::hint::black_box;
use std::io::Write;
use std::time::{Duration, Instant};

use firnline_index::block_index::{BlockIndex, BlockIndexBuilder};
use firnline_index::segment::DEFAULT_BLOCK_SIZE;
use firnline_index::{Crc32c, Offset, RawPosition, TimestampMs};
use sample::{Random, START_MS};

const PAIRS: usize = 100_000;
const GOAL: Duration = Duration::from_nanos(150);
const GIB: u64 = 1 << 30;

fn main() -> Result<(), Box<dyn Error>> {
    let segments: usize = std::env::args().nth(1).map_or(Ok(1_000), |text| text.parse())?;
    let mut random = Random(7);
    let indexes = (0..segments).map(|_| index(&mut random)).collect::<Result<Vec<_>, _>>()?;
    let held: usize = indexes.iter().map(|(index, _)| index.memory_bytes()).sum();
    let pairs: Vec<(usize, u64)> = (0..PAIRS)
        .map(|_| {
            let segment = usize::try_from(random.between(0, segments as u64))?;
            Ok((segment, random.between(0, indexes[segment].1)))
        })
        .collect::<Result<_, Box<dyn Error>>>()?;
    let timer = median(&mut (0..PAIRS).map(|_| timed(|| ())).collect::<Vec<_>>());
    let mut offsets = Vec::with_capacity(PAIRS);
    for (segment, end) in &pairs {
        let (index, offset) = (&indexes[*segment].0, Offset::new(i64::try_from(*end)?)?);
        offsets.push(timed(|| index.find_offset(black_box(offset))));
    }
    let mut entries = Vec::with_capacity(PAIRS);
    for (segment, _) in &pairs {
        let index = &indexes[*segment].0;
        let position = RawPosition::new(random.between(0, GIB));
        entries.push(timed(|| index.find_raw(black_box(position)).and_then(|number| index.entry(number))));
    }
    let by_offset = median(&mut offsets).saturating_sub(timer);
    let by_position = median(&mut entries).saturating_sub(timer);
    let slow = offsets[PAIRS * 99 / 100].saturating_sub(timer);
    writeln!(
        std::io::stdout(),
        "look-up by offset: median {} ns, p99 {} ns (goal {} ns: {}); by position with its entry: median {} ns; \
         {segments} indexes hold {} MiB; timer {} ns taken off",
        by_offset.as_nanos(),
        slow.as_nanos(),
        GOAL.as_nanos(),
        if by_offset <= GOAL { "met" } else { "not met" },
        by_position.as_nanos(),
        held >> 20,
        timer.as_nanos()
    )?;
    Ok(())
}

/// The index of a segment of 1 GiB, and the offset at its end.
fn index(random: &mut Random) -> Result<(BlockIndex, u64), Box<dyn Error>> {
    let mut builder = BlockIndexBuilder::default();
    let (mut offset, mut time) = (0_u64, 0_u64);
    while builder.raw_len() < GIB {
        let start = builder.raw_len();
        let grid_end = (start / u64::from(DEFAULT_BLOCK_SIZE) + 1) * u64::from(DEFAULT_BLOCK_SIZE);
        let (first, mut end) = (offset, start);
        while end < grid_end {
            let size = random.between(8_192, 24_576);
            end += size;
            offset += size / 1_024;
            time += random.between(0, 4);
        }
        let crc = Crc32c::new(u32::try_from(random.next() >> 32)?);
        let at = TimestampMs::new(START_MS + i64::try_from(time)?)?;
        builder.push(Offset::new(i64::try_from(first)?)?, Some(at), end - start, end - start, crc);
    }
    Ok((BlockIndex::parse(builder.finish().into())?, offset))
}

#[inline(never)]
#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn timed<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    let result = work();
    let elapsed = start.elapsed();
    black_box(result);
    elapsed
}

/// Sorts and takes the middle.
fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
