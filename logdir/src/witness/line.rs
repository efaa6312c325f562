//! One line of the witness journal.
//!
//! ```text
//! name <topic id> <name>
//! log <topic id> <partition> <bound> <epoch> <epoch>:<start>,…      `-` where no epoch is known; <bound> <epoch> <epochs> again
//!                                                                   for each older stretch that is still needed
//! bound <topic id> <partition> <bound> <epoch> <CRC32C of the lineage of the `log` line before>
//! forget <topic id> <partition>
//! ```
//! `bound` saves writing a lineage again that has not changed. It names the lineage by its checksum: were the `log` line
//! before it lost to damage, a bound would otherwise vouch for epochs that it was never told with.

use firnline_index::lineage::{EpochStart, Lineage};
use firnline_index::{Crc32c, LeaderEpoch, Offset, PartitionIndex, TopicId, TopicName};

use super::{MAX_OLDER, Stretch};

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// What a topic is called.
    Name(TopicId, TopicName),
    /// All that is remembered of a partition: what was told last, and what was told before.
    Log(Key, Stretch, Vec<Stretch>),
    /// A bound over the same epochs as before.
    Bound(Key, Told, Crc32c),
    /// Nothing is held of the partition any more.
    Forget(Key),
}

/// Which partition.
pub(super) type Key = (TopicId, PartitionIndex);

/// Ordered by epoch, then bound: what is remembered only ever rises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Told {
    pub(super) epoch: LeaderEpoch,
    pub(super) bound: Offset,
}

impl Line {
    /// Reads a line; `None` where it is none of these.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let kind = words.next()?;
        let topic_id: TopicId = words.next()?.parse().ok()?;
        if kind == "name" {
            let name = TopicName::new(words.next()?).ok()?;
            return words.next().is_none().then_some(Self::Name(topic_id, name));
        }
        let key = (topic_id, PartitionIndex::from_kafka(words.next()?.parse().ok()?)?);
        let line = match kind {
            "forget" => Self::Forget(key),
            "log" => {
                let newest = stretch(&mut words)??;
                let older: Vec<Stretch> =
                    std::iter::from_fn(|| stretch(&mut words)).collect::<Option<_>>()?;
                (older.len() <= MAX_OLDER).then_some(Self::Log(key, newest, older))?
            }
            "bound" => {
                let told = told(&mut words)??;
                Self::Bound(key, told, Crc32c::new(u32::from_str_radix(words.next()?, 16).ok()?))
            }
            _ => return None,
        };
        words.next().is_none().then_some(line)
    }

    /// Writes it.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Name(topic_id, name) => format!("name {topic_id} {name}"),
            Self::Log((topic_id, partition), newest, older) => {
                let mut text = format!("log {topic_id} {partition}");
                for Stretch { bound, epoch, lineage } in [newest].into_iter().chain(older) {
                    text.push_str(&format!(" {bound} {epoch} {}", lineage_text(lineage)));
                }
                text
            }
            Self::Bound((topic_id, partition), told, crc) => {
                let (bound, epoch) = (told.bound, told.epoch);
                format!("bound {topic_id} {partition} {bound} {epoch} {crc}")
            }
            Self::Forget((topic_id, partition)) => format!("forget {topic_id} {partition}"),
        }
    }
}

/// The next stretch of a line; `None` at its end, `Some(None)` where it is none.
fn stretch<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<Option<Stretch>> {
    let told = told(words)?;
    Some(
        told.and_then(|Told { bound, epoch }| {
            Some(Stretch { bound, epoch, lineage: lineage(words.next()?)? })
        }),
    )
}

/// The next bound and epoch, likewise.
fn told<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<Option<Told>> {
    let (bound, epoch) = (words.next()?, words.next());
    let bound = || Offset::from_kafka(bound.parse().ok()?);
    let epoch = || LeaderEpoch::from_kafka(epoch?.parse().ok()?);
    Some(bound().and_then(|bound| Some(Told { bound, epoch: epoch()? })))
}

/// By what a `bound` line names a lineage.
pub(super) fn checksum(lineage: &Lineage) -> Crc32c {
    Crc32c::of(lineage_text(lineage).as_bytes())
}

fn lineage_text(lineage: &Lineage) -> String {
    if lineage.is_empty() {
        return "-".to_owned();
    }
    let starts = lineage.starts().iter().map(|entry| format!("{}:{}", entry.epoch, entry.start));
    starts.collect::<Vec<_>>().join(",")
}

fn lineage(text: &str) -> Option<Lineage> {
    if text == "-" {
        return Some(Lineage::empty());
    }
    let start = |entry: &str| {
        let (epoch, start) = entry.split_once(':')?;
        let epoch = LeaderEpoch::from_kafka(epoch.parse().ok()?)?;
        Some(EpochStart { epoch, start: Offset::from_kafka(start.parse().ok()?)? })
    };
    Lineage::new(text.split(',').map(start).collect::<Option<Vec<_>>>()?).ok()
}
