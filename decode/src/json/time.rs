//! Dates and times of RFC 3339, without a calendar library: days since 1970 by Howard Hinnant's `days_from_civil`
//! (<https://howardhinnant.github.io/date_algorithms.html>), which holds for all years that are taken here.

const MICROS: i64 = 1_000_000;
const DAY: i64 = 86_400 * MICROS;

/// Days since 1970 of `YYYY-MM-DD`.
pub(super) fn date(text: &str) -> Option<i32> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let (year, month, day) = (number(&bytes[..4])?, number(&bytes[5..7])?, number(&bytes[8..])?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    if !(1..=longest).contains(&day) {
        return None;
    }
    // Years begin in March here, so that the leap day is their last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    i32::try_from(era * 146_097 + day_of_era - 719_468).ok()
}

/// Microseconds since midnight of `HH:MM:SS[.fraction]`. Digits behind the sixth are not kept.
pub(super) fn time(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || bytes[2] != b':' || bytes[5] != b':' {
        return None;
    }
    let (hour, minute, second) = (number(&bytes[..2])?, number(&bytes[3..5])?, number(&bytes[6..8])?);
    // A leap second is the last of its minute.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let micros = match &bytes[8..] {
        [] => 0,
        [b'.', fraction @ ..] if (1..=12).contains(&fraction.len()) => {
            number(fraction)?;
            let kept = &fraction[..fraction.len().min(6)];
            number(kept)? * 10_i64.pow(u32::try_from(6 - kept.len()).ok()?)
        }
        _ => return None,
    };
    Some(((hour * 60 + minute) * 60 + second.min(59)) * MICROS + micros)
}

/// Microseconds since 1970 of a date and a time with `T` or a blank between, in UTC where a zone is wanted.
pub(super) fn timestamp(text: &str, with_zone: bool) -> Option<i64> {
    let (day, rest) = text.split_at_checked(10)?;
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, zone) = match rest.find(['Z', 'z', '+', '-']) {
        Some(at) => (&rest[..at], Some(&rest[at..])),
        None => (rest, None),
    };
    let offset = match zone {
        None if !with_zone => 0,
        Some("Z" | "z") if with_zone => 0,
        Some(zone) if with_zone => {
            let bytes = zone.as_bytes();
            if bytes.len() != 6 || bytes[3] != b':' {
                return None;
            }
            let (hours, minutes) = (number(&bytes[1..3])?, number(&bytes[4..6])?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let offset = (hours * 60 + minutes) * 60 * MICROS;
            if bytes[0] == b'-' { -offset } else { offset }
        }
        _ => return None,
    };
    Some(i64::from(date(day)?) * DAY + time(clock)? - offset)
}

fn number(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || digits.len() > 12 {
        return None;
    }
    digits
        .iter()
        .try_fold(0, |value, digit| digit.is_ascii_digit().then(|| value * 10 + i64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_count_from_1970() {
        for (text, days) in [
            ("1970-01-01", 0),
            ("1969-12-31", -1),
            ("2000-02-29", 11_016),
            ("2026-12-01", 20_788),
            ("0001-01-01", -719_162),
        ] {
            assert_eq!(date(text), Some(days), "{text}");
        }
        for no in ["2026-02-29", "2026-13-01", "2026-00-10", "2026-1-1", "20260101", "", "2026-12-01x"] {
            assert_eq!(date(no), None, "{no}");
        }
    }

    #[test]
    fn timestamps_have_a_zone_where_one_is_wanted_and_else_none() {
        assert_eq!(timestamp("1970-01-01T00:00:01.5Z", true), Some(1_500_000));
        assert_eq!(timestamp("1970-01-01T01:00:00+01:00", true), Some(0));
        assert_eq!(timestamp("1970-01-01 00:00:00.000001", false), Some(1));
        assert_eq!(timestamp("1970-01-01T00:00:00.1234567Z", true), Some(123_456));
        for (no, zone) in [
            ("1970-01-01T00:00:00", true),
            ("1970-01-01T00:00:00Z", false),
            ("1970-01-01", true),
            ("1970-01-01T24:00:00Z", true),
            ("1970-01-01T00:00:00+1:00", true),
            ("ä970-01-01T00:00:00Z", true),
        ] {
            assert_eq!(timestamp(no, zone), None, "{no}");
        }
    }
}
