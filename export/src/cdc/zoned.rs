//! Times with a zone as Debezium writes them: ISO 8601 texts such as `2024-02-03T04:05:06.123456Z`.

use chrono::DateTime;

/// Microseconds since 1970 in UTC; finer digits are cut off.
pub(super) fn micros(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::micros;

    #[test]
    fn zones_are_taken_off() {
        assert_eq!(micros("1970-01-01T00:00:01Z"), Some(1_000_000));
        assert_eq!(micros("1970-01-01T01:00:00.000001+01:00"), Some(1));
        assert_eq!(micros("1970-01-01T00:00:00.123456789Z"), Some(123_456));
        assert_eq!(micros("1969-12-31T23:59:59.5Z"), Some(-500_000));
        assert_eq!(micros("yesterday"), None);
        assert_eq!(micros("1970-01-01T00:00:00"), None);
    }
}
