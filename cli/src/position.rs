//! Where to start and stop in a partition: `OFFSET | @RFC3339 | -2h | earliest | latest`.

use std::fmt;
use std::str::FromStr;

use firnline_index::{Offset, TimestampMs};

use crate::units::{Span, parse_time, show_time};

/// A position as it was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// An offset.
    Offset(Offset),
    /// The first record at or after a time.
    At(TimestampMs),
    /// The first record at or after so long before now.
    Ago(Span),
    /// The first offset that the tier serves.
    Earliest,
    /// One past the last offset of the tier.
    Latest,
}

/// A position that needs nothing but the partition to become an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fixed {
    /// An offset.
    Offset(Offset),
    /// The first record at or after a time.
    Time(TimestampMs),
    /// The first offset that the tier serves.
    Earliest,
    /// One past the last offset of the tier.
    Latest,
}

impl Position {
    /// What the text is for, in one line of a usage message.
    pub const FORMS: &'static str =
        "an offset, @RFC3339, a duration back from now such as -2h, earliest or latest";

    /// Ties the position to the clock. A duration longer than the time since 1970 means 1970.
    pub fn fix(self, now: TimestampMs) -> Fixed {
        match self {
            Self::Offset(offset) => Fixed::Offset(offset),
            Self::At(at) => Fixed::Time(at),
            Self::Ago(Span(back)) => {
                let back = i64::try_from(back.as_millis()).unwrap_or(i64::MAX);
                Fixed::Time(TimestampMs::new(now.get().saturating_sub(back)).unwrap_or(TimestampMs::ZERO))
            }
            Self::Earliest => Fixed::Earliest,
            Self::Latest => Fixed::Latest,
        }
    }
}

impl Fixed {
    /// Whether a range from here to `until` runs backwards, whatever the partition holds.
    pub fn is_after(self, until: Self) -> bool {
        match (self, until) {
            (Self::Offset(from), Self::Offset(until)) => from > until,
            (Self::Time(from), Self::Time(until)) => from > until,
            (Self::Latest, Self::Earliest) => true,
            _ => false,
        }
    }
}

impl FromStr for Position {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = |why: String| format!("{why} (a position is {})", Self::FORMS);
        match text {
            "earliest" => return Ok(Self::Earliest),
            "latest" => return Ok(Self::Latest),
            _ => {}
        }
        if let Some(time) = text.strip_prefix('@') {
            return parse_time(time).map(Self::At);
        }
        if let Some(back) = text.strip_prefix('-') {
            return back.parse().map(Self::Ago).map_err(bad);
        }
        // `parse` would take "+5" too, which no tool writes.
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad(format!("{text:?} is not a position")));
        }
        let offset = text.parse().ok().and_then(|number| Offset::new(number).ok());
        offset
            .map(Self::Offset)
            .ok_or_else(|| bad(format!("offset {text} is beyond the largest, {}", Offset::MAX)))
    }
}

impl fmt::Display for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offset(offset) => offset.fmt(f),
            Self::Time(at) => write!(f, "@{}", show_time(*at)),
            Self::Earliest => f.write_str("earliest"),
            Self::Latest => f.write_str("latest"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn at(ms: i64) -> TimestampMs {
        TimestampMs::new(ms).unwrap()
    }

    #[test]
    fn the_five_forms() {
        assert_eq!("17".parse(), Ok(Position::Offset(Offset::new(17).unwrap())));
        assert_eq!("@1970-01-01T00:00:01Z".parse(), Ok(Position::At(at(1000))));
        assert_eq!("-2h".parse(), Ok(Position::Ago(Span(Duration::from_secs(7200)))));
        assert_eq!("earliest".parse(), Ok(Position::Earliest));
        assert_eq!("latest".parse(), Ok(Position::Latest));
    }

    #[test]
    fn everything_else_is_refused_with_the_forms() {
        for bad in ["", "+5", "-5", "2h", "@yesterday", "Earliest", "9223372036854775808", "1e3", "-", "@"] {
            assert!(bad.parse::<Position>().is_err(), "{bad:?}");
        }
        assert!("beginning".parse::<Position>().unwrap_err().contains("earliest"));
    }

    #[test]
    fn back_from_now_stops_at_1970() {
        let position: Position = "-99999999d".parse().unwrap();
        assert_eq!(position.fix(at(5)), Fixed::Time(at(0)));
        assert_eq!("-1s".parse::<Position>().unwrap().fix(at(5000)), Fixed::Time(at(4000)));
    }

    #[test]
    fn backwards_is_seen_where_it_needs_no_data() {
        let offset = |n| Fixed::Offset(Offset::new(n).unwrap());
        assert!(offset(5).is_after(offset(4)));
        assert!(!offset(5).is_after(offset(5)));
        assert!(Fixed::Time(at(2)).is_after(Fixed::Time(at(1))));
        assert!(Fixed::Latest.is_after(Fixed::Earliest));
        assert!(!offset(5).is_after(Fixed::Latest));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = text.parse::<Position>();
        }
    }
}
