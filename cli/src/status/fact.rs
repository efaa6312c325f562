//! One thing that a person may have to know.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

/// How soon somebody must look; the worst is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// As it should be.
    Fine,
    /// Held up on purpose, or for a moment.
    Held,
    /// Something does not answer; it is tried again.
    Trouble,
    /// Something is lost or damaged, and stays so.
    Lost,
    /// Records may be lost when nothing changes.
    AtRisk,
    /// Nothing goes on until somebody decides.
    Operator,
}

/// What a fact is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The tier as a whole.
    Tier,
    /// One broker's sidecar.
    Node(i32),
    /// One partition.
    Partition {
        /// The topic's name.
        topic: String,
        /// The topic's id.
        topic_id: String,
        /// The partition's number.
        partition: i32,
    },
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tier => f.write_str("tier"),
            Self::Node(node) => write!(f, "node {node}"),
            Self::Partition { topic, partition, .. } => write!(f, "{topic}/{partition}"),
        }
    }
}

/// A fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// The code of its page.
    pub code: String,
    /// How soon somebody must look.
    pub urgency: Urgency,
    /// What it is about.
    pub subject: Subject,
    /// What is the matter, in one sentence.
    pub text: String,
    /// How many bytes wait because of it, as far as known.
    pub lag_bytes: u64,
    /// What to type, where one command is the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

impl Fact {
    /// The order of the screen: the worst first, of equals the one that holds up most.
    pub fn worst_first(&self, other: &Self) -> Ordering {
        let key = |fact: &Self| (fact.urgency, fact.lag_bytes);
        key(other).cmp(&key(self)).then_with(|| {
            (&self.subject, &self.code, &self.text).cmp(&(&other.subject, &other.code, &other.text))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_stands_first_and_then_what_holds_up_most() {
        let fact = |urgency, lag_bytes| Fact {
            code: "FIRN-O220".into(),
            urgency,
            subject: Subject::Node(1),
            text: String::new(),
            lag_bytes,
            command: None,
        };
        let mut facts = [
            fact(Urgency::Held, 9),
            fact(Urgency::Operator, 0),
            fact(Urgency::Trouble, 1),
            fact(Urgency::Trouble, 2),
        ];
        facts.sort_by(Fact::worst_first);
        let order: Vec<_> = facts.iter().map(|fact| (fact.urgency, fact.lag_bytes)).collect();
        assert_eq!(
            order,
            [(Urgency::Operator, 0), (Urgency::Trouble, 2), (Urgency::Trouble, 1), (Urgency::Held, 9)]
        );
    }
}
