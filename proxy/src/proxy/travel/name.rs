//! What a name means: a topic, and a time. Pure.

use chrono::{DateTime, NaiveDate};
use firnline_index::TimestampMs;

/// The longest name that is looked at, in bytes; a topic's own is of 249 at most.
const NAME_BYTES: usize = 300;

/// A name taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PastName<'n> {
    /// The topic behind it.
    pub(crate) base: &'n str,
    pub(crate) when: When,
}

/// A time as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    At(TimestampMs),
    /// So many milliseconds before now.
    Ago(i64),
}

impl<'n> PastName<'n> {
    /// `None` where it is an ordinary name, or its time is none: a day (which begins in UTC), RFC 3339, or a number of `s`, `m`,
    /// `h`, `d` or `w` back from now.
    pub(crate) fn read(name: &'n str) -> Option<Self> {
        let (base, time) = name.split_once('@').filter(|(base, _)| !base.is_empty())?;
        if name.len() > NAME_BYTES {
            return None;
        }
        Some(Self { base, when: When::read(time)? })
    }
}

impl When {
    fn read(text: &str) -> Option<Self> {
        if let Some(back) = text.strip_prefix('-') {
            let unit = back.chars().next_back()?;
            let number = back.strip_suffix(unit)?;
            let seconds: i64 = match unit {
                's' => 1,
                'm' => 60,
                'h' => 3600,
                'd' => 86_400,
                'w' => 604_800,
                _ => return None,
            };
            let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
            let number: i64 = number.parse().ok().filter(|_| is_number)?;
            return Some(Self::Ago(number.checked_mul(seconds)?.checked_mul(1000)?));
        }
        let at = match text.parse::<NaiveDate>() {
            Ok(day) if text.len() == 10 => day.and_hms_opt(0, 0, 0)?.and_utc().timestamp_millis(),
            _ => DateTime::parse_from_rfc3339(text).ok()?.timestamp_millis(),
        };
        TimestampMs::new(at).ok().map(Self::At)
    }

    /// The time, where it is `now`.
    pub(crate) fn fix(self, now_ms: i64) -> TimestampMs {
        match self {
            Self::At(at) => at,
            Self::Ago(back) => TimestampMs::new(now_ms.saturating_sub(back)).unwrap_or(TimestampMs::ZERO),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(name: &str) -> Option<i64> {
        PastName::read(name).map(|name| name.when.fix(1_000_000_000).get())
    }

    #[test]
    fn a_day_a_time_and_a_span_are_understood() {
        assert_eq!(at("orders@2026-08-01"), Some(1_785_542_400_000));
        assert_eq!(at("orders@2026-08-01T02:00:00+02:00"), Some(1_785_542_400_000));
        assert_eq!(at("orders@2026-08-01T00:00:00.250Z"), Some(1_785_542_400_250));
        assert_eq!(at("orders@-2h"), Some(1_000_000_000 - 7_200_000));
        assert_eq!(at("orders@-3d"), Some(1_000_000_000 - 259_200_000));
        assert_eq!(at("orders@-9999w"), Some(0), "there was no log before 1970");
        assert_eq!(PastName::read("orders@-2h").unwrap().base, "orders");
    }

    #[test]
    fn anything_else_is_a_name_like_others() {
        let long = format!("{}@-2h", "x".repeat(300));
        for name in [
            "orders",
            "orders@",
            "@-2h",
            "orders@2026-08",
            "orders@yesterday",
            "orders@-h",
            "orders@-2",
            "orders@--2h",
            "orders@-2y",
            "orders@-99999999999999999999h",
            "orders@-9223372036854775w",
            "orders@1969-01-01",
            "orders@-+2h",
            "orders@-2\u{e9}",
            &long,
        ] {
            assert_eq!(PastName::read(name), None, "{name}");
        }
    }
}
