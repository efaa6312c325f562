//! What a program told, line by line.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// A record as a client saw it: offset, timestamp, checksums of key and value.
pub type Seen = (i64, i64, Option<u64>, Option<u64>);

/// All that a program told.
#[derive(Debug, Default)]
pub struct Facts {
    /// Records with the member that saw them, by partition, in the order in which they were told.
    pub records: BTreeMap<i32, Vec<(i64, Seen)>>,
    /// All records in their order: partition and offset.
    pub order: Vec<(i32, i64)>,
    /// Partition, time, offset.
    pub at: Vec<(i32, i64, i64)>,
    /// Partition, begin, end.
    pub bounds: Vec<(i32, i64, i64)>,
    /// Errors that the library told the application.
    pub faults: Vec<String>,
    /// What the program wrote beside that, such as the library's own log.
    pub aside: String,
}

impl Facts {
    /// Reads the lines.
    pub fn parse(text: &str) -> Self {
        let mut facts = Self::default();
        for line in text.lines() {
            let told: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            let number =
                |list: &Value, at: usize| list[at].as_i64().unwrap_or_else(|| panic!("no number: {line}"));
            let partition = |list: &Value, at: usize| i32::try_from(number(list, at)).unwrap_or(-1);
            if let Some(record) = told.get("r") {
                let seen = (number(record, 2), number(record, 3), record[4].as_u64(), record[5].as_u64());
                let of = partition(record, 1);
                facts.order.push((of, seen.0));
                facts.records.entry(of).or_default().push((number(record, 0), seen));
            } else if let Some(at) = told.get("at") {
                facts.at.push((partition(at, 0), number(at, 1), number(at, 2)));
            } else if let Some(bounds) = told.get("bounds") {
                facts.bounds.push((partition(bounds, 0), number(bounds, 1), number(bounds, 2)));
            } else {
                facts.faults.push(told["fault"].as_str().unwrap_or(line).to_owned());
            }
        }
        facts
    }

    /// The records of a partition, whoever saw them.
    pub fn of(&self, partition: i32) -> Vec<Seen> {
        self.records.get(&partition).into_iter().flatten().map(|(_, seen)| *seen).collect()
    }

    /// The members that saw anything.
    pub fn members(&self) -> BTreeSet<i64> {
        self.records.values().flatten().map(|(member, _)| *member).collect()
    }
}

/// Panics unless a client saw exactly these records, in this order.
#[track_caller]
pub fn assert_all(what: &str, expected: &[Seen], seen: &[Seen]) {
    for (at, (expected, seen)) in expected.iter().zip(seen).enumerate() {
        assert_eq!(expected, seen, "{what}: record {at} of {}", seen.0);
    }
    assert_eq!(expected.len(), seen.len(), "{what}: how many records; the last seen is {:?}", seen.last());
}

/// Panics unless a client saw each of these records, as it is; some may have come twice.
#[track_caller]
pub fn assert_each(what: &str, expected: &[Seen], seen: &[Seen]) {
    let mut once: Vec<Seen> = seen.to_vec();
    once.sort_unstable();
    once.dedup();
    assert_all(what, expected, &once);
}
