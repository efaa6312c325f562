//! Ids of brokers.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use super::{Value, quoted};

/// The most that a range may hold: each is a port that is opened.
const MOST: u16 = 1000;

/// A range of ids, both ends included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeIds(pub RangeInclusive<u16>);

impl Value for NodeIds {
    fn kind() -> Cow<'static, str> {
        "`FIRST-LAST`".into()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let id = |text: &str| text.parse().map_err(|_| format!("{text:?} is no id of a broker, 0 to 65535"));
        let (first, last): (u16, u16) = (id(first)?, id(last)?);
        if last < first || last - first >= MOST {
            return Err(format!("{text:?} is no range of 1 to {MOST} ids, such as 0-5"));
        }
        Ok(Self(first..=last))
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&format!("{}-{}", self.0.start(), self.0.end())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_reads_back_as_it_is() {
        assert_eq!(NodeIds::parse("0-5").unwrap(), NodeIds(0..=5));
        assert_eq!(NodeIds::parse("7").unwrap().show().unwrap(), "\"7-7\"");
        for bad in ["", "5-0", "a-b", "0-1000", "-1", "0-70000"] {
            assert!(NodeIds::parse(bad).is_err(), "{bad:?}");
        }
    }
}
