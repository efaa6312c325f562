//! Points in time: RFC 3339 in and out.

use chrono::{DateTime, SecondsFormat, Utc};
use firnline_index::TimestampMs;

/// Reads RFC 3339 with any offset from UTC, to the millisecond. Times before 1970 are refused: no record has one.
pub fn parse_time(text: &str) -> Result<TimestampMs, String> {
    let bad =
        |why: &str| format!("{text:?} is not a time: {why}; write RFC 3339, such as 2026-11-23T10:00:00Z");
    let at = DateTime::parse_from_rfc3339(text).map_err(|error| bad(&error.to_string()))?;
    TimestampMs::new(at.timestamp_millis()).map_err(|_| bad("it lies before 1970"))
}

/// RFC 3339 in UTC with milliseconds. A record may carry any number: one beyond the calendar is shown as `<n> ms`.
pub fn show_time(at: TimestampMs) -> String {
    match DateTime::<Utc>::from_timestamp_millis(at.get()) {
        // Beyond year 9999 RFC 3339 has no form.
        Some(time) if at.get() < 253_402_300_800_000 => time.to_rfc3339_opts(SecondsFormat::Millis, true),
        _ => format!("{} ms", at.get()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_any_offset_and_shown_in_utc() {
        let at = parse_time("2026-11-23T12:00:00.250+02:00").unwrap();
        assert_eq!(show_time(at), "2026-11-23T10:00:00.250Z");
        assert_eq!(parse_time("2026-11-23 10:00:00Z").unwrap(), parse_time("2026-11-23T10:00:00Z").unwrap());
        for bad in ["2026-11-23", "yesterday", "", "2026-13-01T00:00:00Z", "1969-12-31T23:59:59Z"] {
            assert!(parse_time(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn any_number_can_be_shown() {
        assert_eq!(show_time(TimestampMs::new(253_402_300_799_999).unwrap()), "9999-12-31T23:59:59.999Z");
        assert_eq!(show_time(TimestampMs::new(253_402_300_800_000).unwrap()), "253402300800000 ms");
        assert_eq!(show_time(TimestampMs::MAX), "9223372036854775807 ms");
    }
}
