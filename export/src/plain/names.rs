//! The names of files, which are the record of what was exported.

use std::fmt;

use firnline_index::{LeaderEpoch, Offset, OffsetRange, PartitionIndex, TopicName};

/// A file's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileName {
    pub(super) partition: PartitionIndex,
    /// The stretch that it belongs to.
    pub(super) range: OffsetRange,
    /// The leader epoch of the last batch of the stretch.
    pub(super) leader_epoch: Option<LeaderEpoch>,
    pub(super) fingerprint: String,
    /// Which of the stretch's files it is, from 1 on.
    pub(super) number: u32,
    /// How many the stretch has.
    pub(super) of: u32,
}

/// The most files that a stretch may have.
pub(super) const MAX_FILES: u32 = 100_000;

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, range, leader_epoch, fingerprint, number, of } = self;
        write!(f, "p{partition}-{:020}-{:020}-", range.start().get(), range.end().get())?;
        match leader_epoch {
            Some(epoch) => write!(f, "{epoch}")?,
            None => f.write_str("none")?,
        }
        write!(f, "-{fingerprint}-{number}of{of}.parquet")
    }
}

impl FileName {
    /// From the last part of a key; `None` for what no export has written.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let mut parts = name.strip_prefix('p')?.strip_suffix(".parquet")?.split('-');
        let partition = PartitionIndex::new(number(parts.next()?)?).ok()?;
        let mut offset = || {
            let digits = parts.next().filter(|digits| digits.len() == 20)?;
            Offset::new(number(digits)?).ok()
        };
        let range = OffsetRange::new(offset()?, offset()?).ok().filter(|range| !range.is_empty())?;
        let leader_epoch = match parts.next()? {
            "none" => None,
            digits => Some(LeaderEpoch::new(number(digits)?).ok()?),
        };
        let is_hex =
            |text: &&str| text.len() == 8 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let fingerprint = parts.next().filter(is_hex)?.to_owned();
        let (at, of) = parts.next()?.split_once("of")?;
        let (number, of): (u32, u32) = (number(at)?, number(of)?);
        let sound = (1..=of).contains(&number) && of <= MAX_FILES && parts.next().is_none();
        sound.then_some(Self { partition, range, leader_epoch, fingerprint, number, of })
    }
}

/// Digits and nothing else: `+1` is no number here.
fn number<T: std::str::FromStr>(digits: &str) -> Option<T> {
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

/// What the keys of a topic's rows begin with.
pub(super) fn rows_prefix(topic: &TopicName) -> String {
    format!("topic={topic}/")
}

/// What the keys of a topic's dead letters begin with.
pub(super) fn dead_prefix(topic: &TopicName) -> String {
    format!("_dead/topic={topic}/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> FileName {
        FileName {
            partition: PartitionIndex::new(3).expect("a partition"),
            range: OffsetRange::new(Offset::new(1000).expect("an offset"), Offset::MAX).expect("forward"),
            leader_epoch: LeaderEpoch::from_kafka(7),
            fingerprint: "1c9e0d42".to_owned(),
            number: 1,
            of: 2,
        }
    }

    #[test]
    fn names_read_as_they_were_written() {
        let text = name().to_string();
        assert_eq!(text, "p3-00000000000000001000-09223372036854775807-7-1c9e0d42-1of2.parquet");
        assert_eq!(FileName::parse(&text), Some(name()));
        let without = FileName { leader_epoch: None, ..name() };
        assert_eq!(FileName::parse(&without.to_string()), Some(without));
    }

    #[test]
    fn what_no_export_has_written_is_no_name() {
        let text = name().to_string();
        for (from, to) in [
            ("p3", "q3"),
            ("p3", "p+3"),
            ("1of2", "3of2"),
            ("1of2", "0of2"),
            ("1of2", "1of200000"),
            ("-7-", "--"),
            ("1c9e0d42", "1C9E0D42"),
            (".parquet", ".parquet.tmp"),
            ("00000000000000001000", "1000"),
            ("00000000000000001000", "09223372036854775807"),
            ("1of2", "1of2-x"),
        ] {
            assert_eq!(FileName::parse(&text.replacen(from, to, 1)), None, "{from} {to}");
        }
        assert_eq!(FileName::parse("_SUCCESS"), None);
    }
}
