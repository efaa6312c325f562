//! Which partitions were asked for, and which answered.

use std::collections::{BTreeMap, HashMap};

use firnline_index::{PartitionIndex, TopicName};

use crate::wire::ProtocolError;

/// The answers to a list of partitions, put in their places one by one.
pub(crate) struct Asked<'a, T> {
    places: HashMap<(&'a str, i32), usize>,
    answers: Vec<Option<T>>,
}

impl<'a, T> Asked<'a, T> {
    pub(crate) fn new(partitions: impl Iterator<Item = (&'a TopicName, PartitionIndex)>) -> Self {
        let places: HashMap<_, _> = partitions
            .enumerate()
            .map(|(place, (topic, partition))| ((topic.as_str(), partition.get()), place))
            .collect();
        let answers = places.iter().map(|_| None).collect();
        Self { places, answers }
    }

    pub(crate) fn put(&mut self, topic: &str, partition: i32, answer: T) -> Result<(), ProtocolError> {
        let fault = |how| {
            let what = format!("{}/{partition}", topic.chars().take(300).collect::<String>());
            ProtocolError::Unasked { what, how }
        };
        let place = self.places.get(&(topic, partition)).ok_or_else(|| fault("unasked"))?;
        match self.answers.get_mut(*place) {
            Some(empty @ None) => *empty = Some(answer),
            Some(Some(_)) => return Err(fault("twice")),
            // A partition asked twice has one place fewer than the list is long.
            None => return Err(fault("once where it was asked twice")),
        }
        Ok(())
    }

    /// All answers, in the order asked.
    pub(crate) fn finish(self) -> Result<Vec<T>, ProtocolError> {
        let missing = self.answers.iter().position(Option::is_none);
        if let Some(place) = missing {
            let name = self.places.iter().find(|(_, at)| **at == place);
            let what = name.map_or_else(
                || "a partition that was asked twice".to_owned(),
                |((topic, partition), _)| format!("{topic}/{partition}"),
            );
            return Err(ProtocolError::Missing { what });
        }
        Ok(self.answers.into_iter().flatten().collect())
    }
}

/// The partitions of a list by topic, as requests name them.
pub(crate) fn by_topic<'a, A>(
    asks: &'a [A],
    topic: impl Fn(&'a A) -> &'a TopicName,
) -> BTreeMap<&'a str, Vec<&'a A>> {
    let mut topics: BTreeMap<&str, Vec<&A>> = BTreeMap::new();
    for ask in asks {
        topics.entry(topic(ask).as_str()).or_default().push(ask);
    }
    topics
}
