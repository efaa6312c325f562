//! How much of a partition one run may take.

use std::fmt;

/// A share in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u16);

impl Share {
    /// Everything: only by an operator's word.
    pub const ALL: Self = Self(1_000);
    /// A tenth: what a run takes without being told.
    pub const TENTH: Self = Self(100);

    /// So many thousandths; more than a thousand is everything.
    #[must_use]
    pub fn per_mille(thousandths: u16) -> Self {
        Self(thousandths.min(1_000))
    }

    /// In thousandths.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0
    }

    /// The share that `part` is of `whole`, rounded up. Nothing of nothing is nothing.
    #[must_use]
    pub fn of(part: u64, whole: u64) -> Self {
        if part == 0 {
            return Self(0);
        }
        let exact = (u128::from(part) * 1_000).div_ceil(u128::from(whole.max(1)));
        Self(u16::try_from(exact).unwrap_or(1_000).min(1_000))
    }

    /// The largest part of `whole` that lies within it.
    #[must_use]
    pub fn part_of(self, whole: u64) -> u64 {
        let part = u128::from(whole) * u128::from(self.0) / 1_000;
        u64::try_from(part).unwrap_or(whole)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{} %", self.0 / 10, self.0 % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_round_to_the_safe_side() {
        assert_eq!(Share::TENTH.part_of(99), 9);
        assert_eq!(Share::TENTH.part_of(u64::MAX), u64::MAX / 10);
        assert_eq!(Share::of(1, 100_000), Share::per_mille(1));
        assert_eq!(Share::of(0, 0), Share::per_mille(0));
        assert_eq!(Share::of(7, 0), Share::ALL);
        assert_eq!(Share::of(u64::MAX, u64::MAX), Share::ALL);
        assert_eq!(Share::per_mille(105).to_string(), "10.5 %");
    }
}
