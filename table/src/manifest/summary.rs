//! What a manifest's list says of its partitions, so that readers need not open it.

use super::list::PartitionSummary;
use crate::value::Literal;
use std::cmp::Ordering;

/// One partition field over all entries of a manifest.
#[derive(Debug, Default)]
pub(super) struct Collected {
    contains_null: bool,
    contains_nan: bool,
    lower: Option<Literal>,
    upper: Option<Literal>,
}

impl Collected {
    pub(super) fn add(&mut self, value: Option<&Literal>) {
        let Some(value) = value else {
            self.contains_null = true;
            return;
        };
        if value.is_nan() {
            self.contains_nan = true;
            return;
        }
        let is = |order: Ordering, than: &Option<Literal>| {
            than.as_ref().is_none_or(|than| value.cmp(than) == order)
        };
        if is(Ordering::Less, &self.lower) {
            self.lower = Some(value.clone());
        }
        if is(Ordering::Greater, &self.upper) {
            self.upper = Some(value.clone());
        }
    }

    pub(super) fn finish(self) -> PartitionSummary {
        PartitionSummary {
            contains_null: self.contains_null,
            contains_nan: Some(self.contains_nan),
            lower: self.lower.map(|value| value.to_bytes()),
            upper: self.upper.map(|value| value.to_bytes()),
        }
    }
}
