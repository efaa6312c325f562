//! `--as-of`: a time, or an end offset for each partition.

use std::collections::BTreeMap;

use firnline_index::{Offset, TimestampMs};
use firnline_proxy::serve::{AsOf, Topics};

use crate::position::{Fixed, Position};
use crate::selector::Selector;

/// What was typed, before the topics of the tier are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    Time(TimestampMs),
    Offsets(Vec<(Selector, Offset)>),
}

impl Asked {
    /// Takes all values of the flag; `None` where it was not given.
    pub(super) fn parse(values: &[String], now: TimestampMs) -> Result<Option<Self>, String> {
        let mut offsets = Vec::new();
        for value in values {
            if let Some((selector, end)) = value.rsplit_once('=') {
                let selector: Selector = selector.parse()?;
                if selector.partition.is_none() {
                    return Err(format!("{value:?} names no partition: write TOPIC/P=OFFSET"));
                }
                let end = end.parse().ok().and_then(|end| Offset::new(end).ok());
                offsets.push((selector, end.ok_or_else(|| format!("{value:?} ends with no offset"))?));
                continue;
            }
            match value.parse::<Position>().map(|position| position.fix(now)) {
                Ok(Fixed::Time(time)) if values.len() == 1 => return Ok(Some(Self::Time(time))),
                Ok(Fixed::Time(_)) => return Err("a time stands alone".to_owned()),
                _ => {
                    return Err(format!(
                        "{value:?} is neither @RFC3339, -2h or the like, nor TOPIC/P=OFFSET"
                    ));
                }
            }
        }
        Ok((!offsets.is_empty()).then_some(Self::Offsets(offsets)))
    }

    /// The same by the ids of topics.
    pub(super) fn resolve(&self, topics: &Topics) -> Result<AsOf, String> {
        let offsets = match self {
            Self::Time(time) => return Ok(AsOf::Time(*time)),
            Self::Offsets(offsets) => offsets,
        };
        let mut ends = BTreeMap::new();
        for (selector, end) in offsets {
            let Selector { topic, id, partition } = selector;
            let found = match id {
                None => topics.named(topic),
                Some(id) => topics.incarnation(topic, *id),
            };
            let there =
                found.zip(*partition).filter(|(topic, partition)| topic.partition(partition.get()).is_some());
            let Some((topic, partition)) = there else {
                return Err(format!("the tier has no {selector}, or several topics of that name"));
            };
            if ends.insert((topic.id, partition), *end).is_some() {
                return Err(format!("{selector} is named twice"));
            }
        }
        Ok(AsOf::Offsets(ends))
    }
}

#[cfg(test)]
mod tests {
    use firnline_index::{PartitionIndex, TopicId, TopicName};
    use firnline_proxy::serve::Topic;

    use super::*;

    fn parse(values: &[&str]) -> Result<Option<Asked>, String> {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        Asked::parse(&values, TimestampMs::new(7_200_000).unwrap())
    }

    #[test]
    fn a_time_stands_alone_and_offsets_name_partitions() {
        assert_eq!(parse(&[]), Ok(None));
        assert_eq!(parse(&["-1h"]), Ok(Some(Asked::Time(TimestampMs::new(3_600_000).unwrap()))));
        assert!(parse(&["@1970-01-01T00:00:01Z"]).unwrap().is_some());
        assert!(parse(&["orders/0=5", "orders/1=0"]).unwrap().is_some());
        for bad in
            [&["latest"][..], &["17"], &["orders=5"], &["orders/0=-1"], &["orders/0="], &["-1h", "-2h"]]
        {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_become_ids_and_what_is_not_there_is_refused() {
        let topic = Topic {
            name: TopicName::new("orders").unwrap(),
            id: TopicId::from_bytes([7; 16]),
            partitions: 2,
            deleted: false,
            configs: BTreeMap::new(),
        };
        let topics = Topics::new([topic]);
        let resolve = |values: &[&str]| parse(values).unwrap().unwrap().resolve(&topics);
        let key = (TopicId::from_bytes([7; 16]), PartitionIndex::new(1).unwrap());
        let end = Offset::new(5).unwrap();
        assert_eq!(resolve(&["orders/1=5"]), Ok(AsOf::Offsets(BTreeMap::from([(key, end)]))));
        for bad in [&["orders/2=5"][..], &["other/0=5"], &["orders/1=5", "orders/1=6"]] {
            assert!(resolve(bad).is_err(), "{bad:?}");
        }
    }
}
