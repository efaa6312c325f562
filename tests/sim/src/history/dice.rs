//! All choices of a history.

use std::ops::Range;

use firnline_store::env::{RandomExt, SeededRandom};

/// A seeded source of choices.
#[derive(Debug)]
pub struct Dice(SeededRandom);

impl Dice {
    /// The dice of `seed`.
    pub fn new(seed: u64) -> Self {
        Self(SeededRandom::new(seed))
    }

    /// A number in `0..bound`.
    pub fn below(&self, bound: u64) -> u64 {
        self.0.below(bound)
    }

    /// A number in the range.
    pub fn range(&self, range: Range<u64>) -> u64 {
        range.start + self.below(range.end - range.start)
    }

    /// Whether the one in so many came up.
    pub fn one_in(&self, so_many: u64) -> bool {
        self.below(so_many) == 0
    }

    /// One of them; `None` of nothing.
    pub fn pick<T: Clone>(&self, of: &[T]) -> Option<T> {
        let at = usize::try_from(self.below(of.len() as u64)).ok()?;
        of.get(at).cloned()
    }

    /// One of them, each as likely as its weight says.
    pub fn weighed<T: Copy>(&self, of: &[(u64, T)]) -> T {
        let mut at = self.below(of.iter().map(|(weight, _)| weight).sum());
        for (weight, what) in of {
            match at.checked_sub(*weight) {
                Some(left) => at = left,
                None => return *what,
            }
        }
        of[0].1
    }

    /// A seed for something else.
    pub fn seed(&self) -> u64 {
        self.0.u64()
    }
}
