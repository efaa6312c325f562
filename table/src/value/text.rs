//! Values as text: in the directory names of partitions, and in JSON.

use super::Literal;
use crate::types::PrimitiveType;
use std::fmt::Write as _;

const MICROS_PER_SECOND: i64 = 1_000_000;
const NANOS_PER_SECOND: i64 = 1_000_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// A value as people, and the names of directories, have it: dates and times in ISO 8601, bytes in hexadecimal.
#[must_use]
pub fn to_text(value: &Literal, value_type: &PrimitiveType) -> String {
    match (value, value_type) {
        (Literal::Int(days), PrimitiveType::Date) => date(i64::from(*days)),
        (Literal::Long(micros), PrimitiveType::Time) => clock(*micros, MICROS_PER_SECOND),
        (Literal::Long(micros), PrimitiveType::Timestamp) => timestamp(*micros, MICROS_PER_SECOND, ""),
        (Literal::Long(micros), PrimitiveType::TimestampTz) => {
            timestamp(*micros, MICROS_PER_SECOND, "+00:00")
        }
        (Literal::Long(nanos), PrimitiveType::TimestampNs) => timestamp(*nanos, NANOS_PER_SECOND, ""),
        (Literal::Long(nanos), PrimitiveType::TimestampTzNs) => timestamp(*nanos, NANOS_PER_SECOND, "+00:00"),
        (Literal::Decimal(digits), PrimitiveType::Decimal { scale, .. }) => {
            decimal(*digits, usize::from(*scale))
        }
        (Literal::Boolean(value), _) => value.to_string(),
        (Literal::Int(value), _) => value.to_string(),
        (Literal::Long(value), _) => value.to_string(),
        (Literal::Float(value), _) => value.to_string(),
        (Literal::Double(value), _) => value.to_string(),
        (Literal::Decimal(value), _) => value.to_string(),
        (Literal::String(value), _) => value.clone(),
        (Literal::Uuid(bytes), _) => uuid::Uuid::from_bytes(*bytes).to_string(),
        (Literal::Fixed(bytes) | Literal::Binary(bytes), _) => hex(bytes),
    }
}

fn timestamp(value: i64, per_second: i64, zone: &str) -> String {
    let per_day = SECONDS_PER_DAY.saturating_mul(per_second);
    let (days, rest) = (value.div_euclid(per_day), value.rem_euclid(per_day));
    format!("{}T{}{zone}", date(days), clock(rest, per_second))
}

fn clock(value: i64, per_second: i64) -> String {
    let (seconds, fraction) = (value.div_euclid(per_second), value.rem_euclid(per_second));
    let mut text = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if per_second == NANOS_PER_SECOND {
        let _ = write!(text, ".{fraction:09}");
    } else {
        let _ = write!(text, ".{fraction:06}");
    }
    text
}

/// Year, month and day of a number of days since 1970, by the proleptic Gregorian calendar.
pub(crate) fn civil(days: i64) -> (i64, i64, i64) {
    // Years begin in March here, so that the leap day is the last of one; 719,468 days lead from 0000-03-01 to 1970-01-01.
    let days = days.saturating_add(719_468);
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let in_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * in_year + 2) / 153;
    let day = in_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + next, month, day)
}

/// `2024-02-29`
pub(crate) fn date(days: i64) -> String {
    let (year, month, day) = civil(days);
    format!("{}-{month:02}-{day:02}", padded_year(year))
}

pub(crate) fn padded_year(year: i64) -> String {
    if year < 0 { format!("-{:04}", year.unsigned_abs()) } else { format!("{year:04}") }
}

fn decimal(digits: i128, scale: usize) -> String {
    if scale == 0 {
        return digits.to_string();
    }
    let sign = if digits < 0 { "-" } else { "" };
    let text = format!("{:0>width$}", digits.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = text.split_at(text.len() - scale);
    format!("{sign}{whole}.{fraction}")
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let bytes = text.as_bytes();
    if !bytes.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    bytes.chunks_exact(2).map(|pair| Some(digit(pair.first()?)? << 4 | digit(pair.get(1)?)?)).collect()
}
