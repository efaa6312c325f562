//! Which partitions: `TOPIC`, `TOPIC/P`, `TOPIC@ID/P`, and `--topic REGEX`.

use std::fmt;
use std::str::FromStr;

use firnline_index::{PartitionIndex, TopicId, TopicName};
use regex::Regex;

/// A topic or one of its partitions, as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// The topic's name.
    pub topic: TopicName,
    /// The topic's id, where the name alone would not do: a topic that was deleted and made again has several.
    pub id: Option<TopicId>,
    /// The partition; without one, all of the topic.
    pub partition: Option<PartitionIndex>,
}

impl FromStr for Selector {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = |why: &dyn fmt::Display| {
            format!("{text:?} names no partition: {why} (write TOPIC/P, or TOPIC@ID/P)")
        };
        let (topic, partition) = match text.rsplit_once('/') {
            Some((topic, number)) => {
                let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
                let number = if digits { number.parse().ok() } else { None };
                let partition = number.and_then(|n| PartitionIndex::new(n).ok());
                (topic, Some(partition.ok_or_else(|| bad(&"after the slash stands a partition's number"))?))
            }
            None => (text, None),
        };
        let (topic, id) = match topic.split_once('@') {
            Some((topic, id)) => (topic, Some(id.parse().map_err(|error| bad(&error))?)),
            None => (topic, None),
        };
        Ok(Self { topic: TopicName::new(topic).map_err(|error| bad(&error))?, id, partition })
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.topic.fmt(f)?;
        if let Some(id) = self.id {
            write!(f, "@{id}")?;
        }
        if let Some(partition) = self.partition {
            write!(f, "/{partition}")?;
        }
        Ok(())
    }
}

/// A regular expression that a topic's whole name must match.
#[derive(Debug, Clone)]
pub struct TopicPattern {
    text: String,
    whole: Regex,
}

impl TopicPattern {
    /// Whether the whole of `topic` matches.
    pub fn matches(&self, topic: &TopicName) -> bool {
        self.whole.is_match(topic.as_str())
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for TopicPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Compiled alone first, so that a stray bracket is reported as the user's own and cannot close our group.
        let shown = |error: regex::Error| format!("{text:?} is not a regular expression: {error}");
        Regex::new(text).map_err(shown)?;
        let whole = Regex::new(&format!("^(?:{text})$")).map_err(shown)?;
        Ok(Self { text: text.to_owned(), whole })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn topics_and_partitions_are_told_apart() {
        let one: Selector = "orders/3".parse().unwrap();
        assert_eq!((one.topic.as_str(), one.partition.map(PartitionIndex::get)), ("orders", Some(3)));
        let id = TopicId::from_bytes([7; 16]);
        let recreated: Selector = format!("orders@{id}/3").parse().unwrap();
        assert_eq!(recreated.id, Some(id));
        assert_eq!(recreated.to_string(), format!("orders@{id}/3"));
        assert_eq!("orders".parse::<Selector>().unwrap().partition, None);
    }

    #[test]
    fn what_is_neither_is_refused() {
        for bad in ["", "/3", "a/", "a/x", "a/-1", "a/+1", "a/2147483648", "a b/1", "a/1/2", "a@x/1", "../1"]
        {
            assert!(bad.parse::<Selector>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn patterns_match_whole_names() {
        let name = |text| TopicName::new(text).unwrap();
        let either: TopicPattern = "a|b".parse().unwrap();
        assert!(either.matches(&name("a")) && either.matches(&name("b")));
        assert!(!either.matches(&name("ab")) && !either.matches(&name("xa")));
        assert!("a(".parse::<TopicPattern>().is_err());
        assert!("a)(b".parse::<TopicPattern>().is_err());
        assert!("a)|(?:.*".parse::<TopicPattern>().is_err());
    }

    #[test]
    fn a_comment_mode_pattern_cannot_hide_the_end() {
        assert!("(?x)a#".parse::<TopicPattern>().is_err_and(|e| e.contains("regular expression")));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = text.parse::<Selector>();
            let _ = text.parse::<TopicPattern>();
        }
    }
}
