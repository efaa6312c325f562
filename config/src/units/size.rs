//! A number of bytes with its unit: `10GiB`.

use std::fmt;
use std::str::FromStr;

/// A size in bytes. Written as a whole number and a unit without a space: `B KiB MiB GiB TiB` or `kB MB GB TB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

/// Unit and bytes in one of it; the binary ones first, largest first, as `Display` looks for one that fits.
const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let bad =
            || format!("{text:?} is not a size: write a whole number and a unit, such as 10GiB or 500MB");
        if number.is_empty() {
            return Err(bad());
        }
        let (_, one) = UNITS.into_iter().find(|(name, _)| *name == unit).ok_or_else(bad)?;
        let number: Option<u64> = number.parse().ok();
        let bytes = number.and_then(|n| n.checked_mul(one));
        bytes.map(Self).ok_or_else(|| format!("{text:?} is more bytes than 64 bits can count"))
    }
}

impl fmt::Display for Size {
    /// The shortest exact form; reads back as the same size.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(_, one): &(&str, u64)| self.0 >= *one && self.0.is_multiple_of(*one);
        let (unit, one) = UNITS.into_iter().find(fits).unwrap_or(("B", 1));
        write!(f, "{}{unit}", self.0 / one)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_need_a_unit_and_a_whole_number() {
        assert_eq!("10GiB".parse(), Ok(Size(10 << 30)));
        assert_eq!("500MB".parse(), Ok(Size(500_000_000)));
        assert_eq!("0B".parse(), Ok(Size(0)));
        for bad in ["", "10", "GiB", "1.5GiB", "10 GiB", "10gib", "-1B", "10GiBx", "１B"] {
            assert!(bad.parse::<Size>().is_err(), "{bad:?}");
        }
        assert!("99999999TiB".parse::<Size>().unwrap_err().contains("64 bits"));
    }

    proptest! {
        #[test]
        fn any_size_reads_back(bytes: u64) {
            prop_assert_eq!(Size(bytes).to_string().parse(), Ok(Size(bytes)));
        }
    }
}
