//! Writes a log dir for benchmarks: `make-log DIR --partitions N --segments N --segment-bytes N`.
//!
//! Topic `bulk`; each partition has that many sealed segments and an empty active one. Batches are 16 KiB ± 50 %,
//! uniform, of records with 1 KiB of random bytes, one record a millisecond: what a busy topic with compressed or
//! encrypted payloads looks like. The same arguments give the same bytes.

use std::error::Error;
use std::path::Path;

use firnline_index::{
    ClusterId, NodeId, Offset, PartitionIndex, TimestampMs, TopicId, TopicIdPartition, TopicName,
};
use firnline_logdir::fixture::{LogDirWriter, PartitionOptions};
use firnline_records::encode::{BatchBuilder, NewRecord};

/// 2026-03-02T00:00:00Z.
const START_MS: i64 = 1_772_409_600_000;

struct Arguments {
    partitions: i32,
    segments: u64,
    segment_bytes: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let dir =
        words.next().ok_or("usage: make-log DIR [--partitions N] [--segments N] [--segment-bytes N]")?;
    let mut arguments = Arguments { partitions: 1, segments: 1, segment_bytes: 1 << 30 };
    while let Some(flag) = words.next() {
        let value = words.next().ok_or_else(|| format!("{flag} needs a number"))?;
        match flag.as_str() {
            "--partitions" => arguments.partitions = value.parse()?,
            "--segments" => arguments.segments = value.parse()?,
            "--segment-bytes" => arguments.segment_bytes = value.parse()?,
            _ => return Err(format!("unknown flag {flag}").into()),
        }
    }
    write(Path::new(&dir), &arguments)
}

fn write(dir: &Path, arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let cluster = ClusterId::new("benchBENCHbenchBENCHbe")?;
    let mut log = LogDirWriter::create(dir, &cluster, NodeId::new(1)?)?;
    let mut random = SplitMix(0x5eed);
    let noise: Vec<u8> = (0..1 << 20).flat_map(|_| random.next().to_le_bytes()).collect();
    let tip = |partition| -> Result<_, Box<dyn Error>> {
        Ok(TopicIdPartition {
            topic: TopicName::new("bulk")?,
            topic_id: TopicId::from_bytes([0xb5; 16]),
            partition: PartitionIndex::new(partition)?,
        })
    };
    for partition in 0..arguments.partitions {
        let options = PartitionOptions { segment_bytes: arguments.segment_bytes };
        let mut writer = log.partition(&tip(partition)?, Offset::ZERO, options)?;
        for _ in 0..arguments.segments {
            let mut bytes = 0;
            loop {
                let batch = batch(writer.next_offset(), &noise, &mut random)?;
                bytes += batch.len() as u64;
                if bytes > arguments.segment_bytes {
                    break;
                }
                writer.append(&batch)?;
            }
            writer.roll()?;
        }
        writer.finish()?;
    }
    log.shut_down_cleanly()?;
    Ok(())
}

/// 8 to 24 records of 1 KiB, cut out of the noise at a random place.
fn batch(base: Offset, noise: &[u8], random: &mut SplitMix) -> Result<Vec<u8>, Box<dyn Error>> {
    let records = 8 + random.below(17);
    let mut batch = BatchBuilder::new(base);
    for i in 0..records {
        let at = random.below(noise.len() - 1024);
        let timestamp = Some(TimestampMs::new(START_MS + base.get() + i64::try_from(i)?)?);
        batch.push(NewRecord { timestamp, value: noise.get(at..at + 1024), ..Default::default() })?;
    }
    Ok(batch.build()?)
}

/// SplitMix64 (Steele, Lea, Flood 2014): enough for test data.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).unwrap_or(0)
    }
}
