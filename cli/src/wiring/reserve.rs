//! `offload.reserve` to bytes of a disk.

use crate::config::Config;

/// Without a size of its own the reserve is this part of the disk, in hundredths,
const PART: u64 = 5;
/// and at most this many bytes.
const MOST: u64 = 20 << 30;

/// How much of a disk stays free of pins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReserveSize(Option<u64>);

impl ReserveSize {
    /// For a disk of `total` bytes.
    pub fn of(self, total: u64) -> u64 {
        self.0.unwrap_or_else(|| (total / 100).saturating_mul(PART).min(MOST))
    }
}

/// The reserve that the config names.
pub fn reserve(config: &Config) -> ReserveSize {
    ReserveSize(config.offload.reserve.value.map(|size| size.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserve_is_its_size_or_a_part_of_the_disk() {
        assert_eq!(ReserveSize(Some(7)).of(1 << 40), 7);
        assert_eq!(ReserveSize(None).of(100 << 30), 5 << 30);
        assert_eq!(ReserveSize(None).of(100 << 40), MOST);
        assert_eq!(ReserveSize(None).of(0), 0);
    }
}
