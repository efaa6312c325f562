//! The name of a topic's table.
//!
//! Catalogs differ in what they take: Glue and BigLake want lower case, no dots, no dashes. Two topics may therefore want the
//! same name (Kafka itself warns of `a.b` and `a_b`), which is found before anything is created: by the other topics that are
//! exported beside it, and by the source that a table's properties name.

use std::collections::BTreeMap;

use firnline_index::TopicName;

/// The longest name that Glue takes.
const LONGEST: usize = 255;

/// What a dead-letter table is called behind its table's name.
pub const DEAD_LETTERS: &str = "_dlq";

/// The name of a topic's table: `.` and `-` become `_`, upper case becomes lower, `prefix` comes first.
#[must_use]
pub fn table_name(prefix: &str, topic: &TopicName) -> String {
    let plain = |letter: char| match letter {
        '.' | '-' => '_',
        letter => letter.to_ascii_lowercase(),
    };
    prefix.chars().chain(topic.as_str().chars()).map(plain).take(LONGEST - DEAD_LETTERS.len()).collect()
}

/// The name of a table's dead-letter table.
#[must_use]
pub fn dead_letter_name(table: &str) -> String {
    format!("{table}{DEAD_LETTERS}")
}

/// Two topics that would be exported into one table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the topics {first} and {second} would both be exported into {table}; give one of them a table of its own, or a prefix"
)]
pub struct Collision {
    /// The table.
    pub table: String,
    /// One topic.
    pub first: String,
    /// The other.
    pub second: String,
}

/// The tables of several topics, by topic. The dead-letter tables count, too: topic `a_dlq` collides with topic `a`.
///
/// # Errors
/// The first two topics that want the same table.
pub fn table_names<'a>(
    prefix: &str,
    topics: impl IntoIterator<Item = &'a TopicName>,
) -> Result<BTreeMap<TopicName, String>, Collision> {
    let mut taken: BTreeMap<String, TopicName> = BTreeMap::new();
    let mut names = BTreeMap::new();
    for topic in topics {
        let table = table_name(prefix, topic);
        for name in [dead_letter_name(&table), table.clone()] {
            if let Some(first) = taken.insert(name.clone(), topic.clone())
                && first != *topic
            {
                return Err(Collision {
                    table: name,
                    first: first.as_str().to_owned(),
                    second: topic.as_str().to_owned(),
                });
            }
        }
        names.insert(topic.clone(), table);
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(name: &str) -> TopicName {
        TopicName::new(name).unwrap()
    }

    #[test]
    fn names_are_lower_case_and_plain() {
        assert_eq!(table_name("raw_", &topic("Shop.orders-v1")), "raw_shop_orders_v1");
        assert_eq!(dead_letter_name("orders"), "orders_dlq");
        assert_eq!(table_name("", &topic(&"a".repeat(249))).len(), 249);
    }

    #[test]
    fn topics_that_want_the_same_table_are_refused() {
        let error = table_names("", &[topic("a.b"), topic("c"), topic("A-b")]).unwrap_err();
        assert_eq!(
            (error.table.as_str(), error.first.as_str(), error.second.as_str()),
            ("a_b_dlq", "a.b", "A-b")
        );
        assert_eq!(table_names("", &[topic("a"), topic("a_dlq")]).unwrap_err().table, "a_dlq");
        assert_eq!(table_names("", &[topic("a"), topic("b")]).unwrap().len(), 2);
    }
}
