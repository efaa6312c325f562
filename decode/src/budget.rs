//! How many values one record may become. A few bytes can stand for many values: items of no size, a union of many
//! types where each item fills one of its columns and leaves the others null. A record pays for the values of each
//! item of a list or map, from a budget that its own length sets, so that memory stays in proportion to bytes read.

/// Values that a record of any length may have.
const BASE: u64 = 65_536;
/// Values more for each byte. A list of wide structs written by an old writer, with most columns null, needs tens.
const PER_BYTE: u64 = 32;

/// What one record has left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    left: u64,
}

impl Budget {
    /// The budget of a record of `length` bytes.
    #[inline]
    pub(crate) fn of(length: usize) -> Self {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        Self { left: BASE.saturating_add(length.saturating_mul(PER_BYTE)) }
    }

    /// Pays for `items` of `cells` values each; `false` where the record cannot.
    #[inline]
    pub(crate) fn pay(&mut self, items: u64, cells: u64) -> bool {
        match self.left.checked_sub(items.saturating_mul(cells)) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_pays_in_proportion_to_its_length() {
        let mut budget = Budget::of(10);
        assert!(budget.pay(65_536, 1));
        assert!(budget.pay(320, 1));
        assert!(!budget.pay(1, 1));
        assert!(!Budget::of(10).pay(u64::MAX, u64::MAX));
    }
}
