//! What a sidecar shows at `/status`, and what is made of the bucket's summaries where none can be asked: one shape.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::fact::{Fact, Urgency};
use crate::exit::Exit;
use crate::failure::codes;

/// The most facts on one page. With 10,000 partitions in the same trouble the first hundred say what there is to say, and
/// the counts say how many there are.
pub const FACTS_MAX: usize = 100;

/// Where a page comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A sidecar itself, now.
    Sidecar,
    /// Summaries in the bucket, as old as the page says.
    Bucket,
}

/// What is behind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Lag {
    /// Sealed bytes that are not in the tier.
    pub bytes: u64,
    /// Sealed segments that are not in the tier; unknown from the bucket.
    pub segments: Option<u64>,
    /// How long ago the oldest of them was last written; unknown from the bucket.
    pub seconds: Option<f64>,
    /// For how long committed records have been known that the tier lacks, the file still written included: the recovery
    /// point of the bucket. Unknown from the bucket.
    #[serde(default)]
    pub recovery_point_seconds: Option<f64>,
}

/// Topics of which segments are sealed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encrypted {
    /// How many.
    pub topics: u64,
    /// The first of them, by name.
    pub names: Vec<String>,
}

/// Names of encrypted topics on one page at most.
#[cfg(any(feature = "sidecar", test))]
const NAMES_MAX: usize = 100;

#[cfg(any(feature = "sidecar", test))]
impl Encrypted {
    /// Of all names.
    pub fn of(names: impl Iterator<Item = String>) -> Self {
        let mut names: Vec<String> = names.collect();
        names.sort_unstable();
        let topics = names.len() as u64;
        names.truncate(NAMES_MAX);
        Self { topics, names }
    }
}

/// What pins keep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pins {
    /// Bytes pinned.
    pub bytes: u64,
    /// Those of them that Kafka has deleted.
    pub sole_link_bytes: u64,
    /// Free bytes of the fullest disk; unknown from the bucket.
    pub disk_free_bytes: Option<u64>,
}

/// What was done since the sidecar started.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// Segments committed.
    pub segments: u64,
    /// Raw bytes of them.
    pub bytes: u64,
    /// Requests to the store.
    pub requests: u64,
    /// What they cost by list price.
    pub request_cost: f64,
    /// Its currency.
    pub currency: String,
}

/// A page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatusPage {
    /// The version of the shape: 1.
    pub v: u8,
    /// `status`.
    pub kind: String,
    /// Where it comes from.
    pub source: Source,
    /// The cluster.
    pub cluster_id: String,
    /// The brokers that it speaks for.
    pub nodes: Vec<i32>,
    /// The build that made it.
    pub version: String,
    /// When, in milliseconds since 1970; of the bucket's summaries the oldest.
    pub at_ms: i64,
    /// Partitions in all.
    pub partitions: u64,
    /// What is behind.
    pub lag: Lag,
    /// What pins keep.
    pub pins: Pins,
    /// Recorded gaps.
    pub gaps: u64,
    /// Dead branches.
    pub dead_branches: u64,
    /// What the scrub has found damaged; unknown from the bucket.
    pub findings: Option<u64>,
    /// Topics of which segments are sealed; unknown from the bucket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encrypted: Option<Encrypted>,
    /// What was done since the start; only of a sidecar itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<Counts>,
    /// How many facts there are of each code, those left out of `facts` included.
    pub by_code: BTreeMap<String, u64>,
    /// The worst facts, the worst first.
    pub facts: Vec<Fact>,
}

impl StatusPage {
    /// Takes in what is to be told: counts it all, keeps the worst. Facts that are fine are counted only.
    pub fn tell(&mut self, facts: impl IntoIterator<Item = Fact>) {
        let mut kept = std::mem::take(&mut self.facts);
        for fact in facts {
            *self.by_code.entry(fact.code.clone()).or_default() += 1;
            if fact.urgency > Urgency::Fine {
                kept.push(fact);
            }
            // Cut now and then, so that memory follows the page and not the partitions.
            if kept.len() >= 4 * FACTS_MAX {
                worst(&mut kept);
            }
        }
        worst(&mut kept);
        self.facts = kept;
    }

    /// How `firnline status` ends: by the worst that any code says, in the order damage, cannot tell, fine. What merely
    /// waits is fine: the records are safe.
    pub fn exit(&self) -> Exit {
        let pages = codes::all();
        let exits = self.by_code.keys().filter_map(|id| pages.iter().find(|page| page.id == id));
        let exits: Vec<Exit> = exits.map(|page| page.exit).collect();
        match exits {
            exits if exits.contains(&Exit::Difference) => Exit::Difference,
            exits if exits.contains(&Exit::Environment) => Exit::Environment,
            _ => Exit::Fine,
        }
    }
}

fn worst(facts: &mut Vec<Fact>) {
    facts.sort_by(Fact::worst_first);
    facts.truncate(FACTS_MAX);
}

#[cfg(test)]
pub mod tests {
    use super::super::fact::Subject;
    use super::*;

    /// A page of a sidecar without anything to tell.
    pub fn quiet() -> StatusPage {
        StatusPage {
            v: 1,
            kind: "status".into(),
            source: Source::Sidecar,
            cluster_id: "c".into(),
            nodes: vec![1],
            version: "0".into(),
            at_ms: 0,
            partitions: 10_000,
            lag: Lag::default(),
            pins: Pins::default(),
            gaps: 0,
            dead_branches: 0,
            findings: Some(0),
            encrypted: None,
            done: None,
            by_code: BTreeMap::new(),
            facts: Vec::new(),
        }
    }

    pub fn fact(partition: i32, code: &str, urgency: Urgency) -> Fact {
        Fact {
            code: code.to_owned(),
            urgency,
            subject: Subject::Partition { topic: "orders".into(), topic_id: "i".into(), partition },
            text: "so it is".into(),
            lag_bytes: 0,
            command: None,
        }
    }

    #[test]
    fn ten_thousand_partitions_make_a_short_page_with_all_counts() {
        let mut page = quiet();
        let one = |at: i32| match at {
            9_999 => fact(at, "FIRN-O500", Urgency::Operator),
            at if at % 2 == 0 => fact(at, "FIRN-O220", Urgency::Trouble),
            at => fact(at, "FIRN-O100", Urgency::Fine),
        };
        page.tell((0..10_000).map(one));
        assert_eq!(page.facts.len(), FACTS_MAX);
        assert_eq!(page.facts[0].code, "FIRN-O500");
        assert_eq!(page.by_code["FIRN-O220"], 5_000);
        assert_eq!(page.by_code["FIRN-O100"], 4_999);
        let text = serde_json::to_string(&page).unwrap();
        assert!(text.starts_with(r#"{"v":1,"kind":"status""#) && text.len() < 64 << 10, "{}", text.len());
        assert_eq!(serde_json::from_str::<StatusPage>(&text).unwrap(), page);
    }

    #[test]
    fn waiting_is_fine_and_damage_stands_before_not_knowing() {
        let exit = |codes: &[&str]| {
            let mut page = quiet();
            page.tell(codes.iter().map(|code| fact(0, code, Urgency::Held)));
            page.exit()
        };
        assert_eq!(exit(&[]), Exit::Fine);
        assert_eq!(exit(&["FIRN-O220", "FIRN-O300", "FIRN-O120"]), Exit::Fine);
        assert_eq!(exit(&["FIRN-O700"]), Exit::Environment);
        assert_eq!(exit(&["FIRN-O700", "FIRN-O600"]), Exit::Difference);
        assert_eq!(exit(&["FIRN-O601"]), Exit::Difference);
    }
}
