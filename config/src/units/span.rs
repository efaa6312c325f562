//! A duration with its unit: `30s`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A duration. Written as a whole number and one of `ms s m h d`, without a space. Months and years are left out:
/// they have no fixed length, and `m` must not be mistaken for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let bad =
            || format!("{text:?} is not a duration: write a whole number and one of ms s m h d, such as 30s");
        if number.is_empty() {
            return Err(bad());
        }
        let (_, one) = UNITS.into_iter().find(|(name, _)| *name == unit).ok_or_else(bad)?;
        let number: Option<u64> = number.parse().ok();
        let ms = number.and_then(|n| n.checked_mul(one));
        ms.map(|ms| Self(Duration::from_millis(ms))).ok_or_else(|| format!("{text:?} is too long"))
    }
}

impl fmt::Display for Span {
    /// The shortest exact form (to the millisecond); reads back as the same duration.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        let fits = |(_, one): &(&str, u64)| ms >= u128::from(*one) && ms.is_multiple_of(u128::from(*one));
        let (unit, one) = UNITS.into_iter().find(fits).unwrap_or(("ms", 1));
        write!(f, "{}{unit}", ms / u128::from(one))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_need_a_unit() {
        assert_eq!("90s".parse(), Ok(Span(Duration::from_secs(90))));
        assert_eq!(Span(Duration::from_secs(90)).to_string(), "90s");
        assert_eq!(Span(Duration::from_secs(7200)).to_string(), "2h");
        for bad in ["", "5", "5M", "5 s", "s", "1.5h", "-2h", "1h30m", "5w"] {
            assert!(bad.parse::<Span>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_duration_reads_back(ms: u64) {
            let span = Span(Duration::from_millis(ms));
            prop_assert_eq!(span.to_string().parse(), Ok(span));
        }
    }
}
