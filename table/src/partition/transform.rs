//! What partitions are made of: functions of one column's values.

use crate::types::PrimitiveType;
use crate::value::{Literal, to_text};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// A function of one column's values. Null becomes null.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transform {
    /// The value itself.
    Identity,
    /// Which of so many buckets a hash falls into; at least 1.
    Bucket(u32),
    /// A number rounded down to a multiple, or so many first characters or bytes; at least 1.
    Truncate(u32),
    /// Years since 1970.
    Year,
    /// Months since 1970.
    Month,
    /// The day.
    Day,
    /// Hours since 1970.
    Hour,
    /// Null for every value: a field that is partitioned by no more.
    Void,
    /// One that is kept, not understood.
    Other(String),
}

impl Transform {
    /// The type of what it makes of such a column; `None` where it cannot.
    #[must_use]
    pub fn result_type(&self, of: &PrimitiveType) -> Option<PrimitiveType> {
        use PrimitiveType as T;
        let is_timestamp = matches!(of, T::Timestamp | T::TimestampTz | T::TimestampNs | T::TimestampTzNs);
        match self {
            Self::Identity if matches!(of, T::Unknown | T::Other(_)) => None,
            Self::Identity | Self::Void => Some(of.clone()),
            Self::Bucket(_) => match of {
                T::Boolean | T::Float | T::Double | T::Unknown | T::Other(_) => None,
                _ => Some(T::Int),
            },
            Self::Truncate(_) => match of {
                T::Int | T::Long | T::Decimal { .. } | T::String | T::Binary => Some(of.clone()),
                _ => None,
            },
            Self::Year | Self::Month if is_timestamp || *of == T::Date => Some(T::Int),
            Self::Day if is_timestamp || *of == T::Date => Some(T::Date),
            Self::Hour if is_timestamp => Some(T::Int),
            Self::Year | Self::Month | Self::Day | Self::Hour | Self::Other(_) => None,
        }
    }

    /// The type of what it makes, if that does not depend on the column.
    pub(super) fn type_of_any(&self) -> Option<PrimitiveType> {
        match self {
            Self::Bucket(_) | Self::Year | Self::Month | Self::Hour => Some(PrimitiveType::Int),
            Self::Day => Some(PrimitiveType::Date),
            // Null, of whatever type.
            Self::Void => Some(PrimitiveType::Unknown),
            _ => None,
        }
    }

    /// What it makes of a value of such a column; `None` is null, and what it is not made for.
    #[must_use]
    pub fn apply(&self, value: &Literal, of: &PrimitiveType) -> Option<Literal> {
        match self {
            Self::Identity => Some(value.clone()),
            Self::Void | Self::Other(_) => None,
            Self::Bucket(buckets) => bucket(value, of, *buckets),
            Self::Truncate(width) => truncate(value, *width),
            Self::Year => {
                let (year, _, _) = crate::value::civil(days(value, of)?);
                int(year.checked_sub(1970)?)
            }
            Self::Month => {
                let (year, month, _) = crate::value::civil(days(value, of)?);
                int(year.checked_sub(1970)?.checked_mul(12)?.checked_add(month - 1)?)
            }
            Self::Day => int(days(value, of)?),
            Self::Hour => match value {
                Literal::Long(at) => int(at.div_euclid(per_second(of)?.checked_mul(3600)?)),
                _ => None,
            },
        }
    }

    /// The name of a field that is this of a column.
    pub(super) fn name_for(&self, column: &str) -> String {
        let suffix = match self {
            Self::Identity => return column.to_owned(),
            Self::Bucket(_) => "bucket",
            Self::Truncate(_) => "trunc",
            Self::Year => "year",
            Self::Month => "month",
            Self::Day => "day",
            Self::Hour => "hour",
            Self::Void => "null",
            Self::Other(_) => "partition",
        };
        format!("{column}_{suffix}")
    }

    /// What it made, as text.
    pub(super) fn text(&self, value: &Literal, value_type: &PrimitiveType) -> String {
        match (self, value) {
            (Self::Year, Literal::Int(years)) => crate::value::padded_year(i64::from(*years) + 1970),
            (Self::Month, Literal::Int(months)) => {
                let (years, month) = (i64::from(*months).div_euclid(12), i64::from(*months).rem_euclid(12));
                format!("{}-{:02}", crate::value::padded_year(years + 1970), month + 1)
            }
            (Self::Day, Literal::Int(days)) => crate::value::date(i64::from(*days)),
            (Self::Hour, Literal::Int(hours)) => {
                let (days, hour) = (i64::from(*hours).div_euclid(24), i64::from(*hours).rem_euclid(24));
                format!("{}-{hour:02}", crate::value::date(days))
            }
            _ => to_text(value, value_type),
        }
    }
}

fn int(value: i64) -> Option<Literal> {
    i32::try_from(value).ok().map(Literal::Int)
}

/// Units of a timestamp in a second.
fn per_second(of: &PrimitiveType) -> Option<i64> {
    match of {
        PrimitiveType::Timestamp | PrimitiveType::TimestampTz => Some(1_000_000),
        PrimitiveType::TimestampNs | PrimitiveType::TimestampTzNs => Some(1_000_000_000),
        _ => None,
    }
}

fn days(value: &Literal, of: &PrimitiveType) -> Option<i64> {
    match value {
        Literal::Int(days) => Some(i64::from(*days)),
        Literal::Long(at) => Some(at.div_euclid(per_second(of)?.checked_mul(86_400)?)),
        _ => None,
    }
}

fn bucket(value: &Literal, of: &PrimitiveType, buckets: u32) -> Option<Literal> {
    let hash = match value {
        Literal::Int(value) => murmur3(&i64::from(*value).to_le_bytes()),
        // Nanoseconds fall into the bucket of their microsecond.
        Literal::Long(value) if matches!(of, PrimitiveType::TimestampNs | PrimitiveType::TimestampTzNs) => {
            murmur3(&value.div_euclid(1000).to_le_bytes())
        }
        Literal::Long(value) => murmur3(&value.to_le_bytes()),
        Literal::Decimal(_)
        | Literal::String(_)
        | Literal::Uuid(_)
        | Literal::Fixed(_)
        | Literal::Binary(_) => murmur3(&value.to_bytes()),
        Literal::Boolean(_) | Literal::Float(_) | Literal::Double(_) => return None,
    };
    int(i64::from(hash & 0x7fff_ffff).checked_rem(i64::from(buckets))?)
}

fn truncate(value: &Literal, width: u32) -> Option<Literal> {
    let length = usize::try_from(width).unwrap_or(usize::MAX);
    Some(match value {
        Literal::Int(value) => {
            // What lies below the lowest number has no multiple: it wraps, as other engines have it.
            let width = i32::try_from(width).ok()?;
            Literal::Int(value.wrapping_sub(value.checked_rem_euclid(width)?))
        }
        Literal::Long(value) => {
            Literal::Long(value.wrapping_sub(value.checked_rem_euclid(i64::from(width))?))
        }
        Literal::Decimal(value) => {
            Literal::Decimal(value.wrapping_sub(value.checked_rem_euclid(i128::from(width))?))
        }
        Literal::String(text) => Literal::String(text.chars().take(length).collect()),
        Literal::Binary(bytes) => Literal::Binary(bytes.iter().copied().take(length).collect()),
        _ => return None,
    })
}

/// MurmurHash3 for 32 bits with seed 0, which the specification's buckets are made by.
fn murmur3(bytes: &[u8]) -> u32 {
    const C1: u32 = 0xcc9e_2d51;
    const C2: u32 = 0x1b87_3593;
    let scramble = |block: u32| block.wrapping_mul(C1).rotate_left(15).wrapping_mul(C2);
    let mut hash = 0_u32;
    let (blocks, tail) = bytes.as_chunks::<4>();
    for block in blocks {
        hash = (hash ^ scramble(u32::from_le_bytes(*block)))
            .rotate_left(13)
            .wrapping_mul(5)
            .wrapping_add(0xe654_6b64);
    }
    let last = tail.iter().rev().fold(0_u32, |last, byte| last << 8 | u32::from(*byte));
    hash ^= scramble(last);
    // The length goes in modulo 2^32; no value is that long.
    hash ^= u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    hash ^= hash >> 16;
    hash = hash.wrapping_mul(0x85eb_ca6b);
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}

impl fmt::Display for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Identity => "identity",
            Self::Bucket(buckets) => return write!(f, "bucket[{buckets}]"),
            Self::Truncate(width) => return write!(f, "truncate[{width}]"),
            Self::Year => "year",
            Self::Month => "month",
            Self::Day => "day",
            Self::Hour => "hour",
            Self::Void => "void",
            Self::Other(text) => text,
        };
        f.write_str(text)
    }
}

/// What is not known is kept, so every text is a transform.
impl FromStr for Transform {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let number = |word: &str| {
            let inner = text.strip_prefix(word)?.strip_prefix('[')?.strip_suffix(']')?;
            let number = inner.trim().parse::<u32>().ok()?;
            (number > 0 && i32::try_from(number).is_ok()).then_some(number)
        };
        Ok(match text {
            "identity" => Self::Identity,
            "year" => Self::Year,
            "month" => Self::Month,
            "day" => Self::Day,
            "hour" => Self::Hour,
            "void" => Self::Void,
            _ => number("bucket")
                .map(Self::Bucket)
                .or_else(|| number("truncate").map(Self::Truncate))
                .unwrap_or_else(|| Self::Other(text.to_owned())),
        })
    }
}

impl Serialize for Transform {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Transform {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use PrimitiveType as T;

    #[test]
    fn buckets_are_those_of_the_specification() {
        let decimal = T::Decimal { precision: 9, scale: 2 };
        let uuid = *uuid::Uuid::parse_str("f79c3e09-677c-4bbd-a479-3f349cb785e7").unwrap().as_bytes();
        for (of, value, hash) in [
            (T::Int, Literal::Int(34), 2_017_239_379_i32),
            (T::Long, Literal::Long(34), 2_017_239_379),
            (decimal, Literal::Decimal(1420), -500_754_589),
            (T::Date, Literal::Int(17_486), -653_330_422),
            (T::Time, Literal::Long(81_068_000_000), -662_762_989),
            (T::Timestamp, Literal::Long(1_510_871_468_000_000), -2_047_944_441),
            (T::Timestamp, Literal::Long(1_510_871_468_000_001), -1_207_196_810),
            (T::TimestampNs, Literal::Long(1_510_871_468_000_001_001), -1_207_196_810),
            (T::String, Literal::String("iceberg".to_owned()), 1_210_000_089),
            (T::Uuid, Literal::Uuid(uuid), 1_488_055_340),
            (T::Fixed(4), Literal::Fixed(vec![0, 1, 2, 3]), -188_683_207),
            (T::Binary, Literal::Binary(vec![0, 1, 2, 3]), -188_683_207),
        ] {
            let expected = (hash & i32::MAX) % 16;
            assert_eq!(Transform::Bucket(16).apply(&value, &of), Some(Literal::Int(expected)), "{of}");
            let full = Transform::Bucket(0x7fff_ffff).apply(&value, &of);
            assert_eq!(full, Some(Literal::Int((hash & i32::MAX) % i32::MAX)), "{of}");
        }
    }

    #[test]
    fn truncation_rounds_down_and_cuts_characters() {
        let of = |width, value| Transform::Truncate(width).apply(&value, &T::Int);
        assert_eq!(of(10, Literal::Int(-1)), Some(Literal::Int(-10)));
        assert_eq!(of(10, Literal::Long(19)), Some(Literal::Long(10)));
        assert_eq!(of(50, Literal::Decimal(1065)), Some(Literal::Decimal(1050)));
        assert_eq!(of(2, Literal::String("äöü".to_owned())), Some(Literal::String("äö".to_owned())));
        assert_eq!(of(3, Literal::Binary(vec![1, 2, 3, 4])), Some(Literal::Binary(vec![1, 2, 3])));
        assert_eq!(of(10, Literal::Int(i32::MIN)), Some(Literal::Int(i32::MAX - 1)));
    }

    #[test]
    fn times_before_1970_fall_into_the_units_that_hold_them() {
        let at = Literal::Long(-1);
        let of = T::TimestampTz;
        for transform in [Transform::Year, Transform::Month, Transform::Day, Transform::Hour] {
            assert_eq!(transform.apply(&at, &of), Some(Literal::Int(-1)), "{transform}");
        }
        let leap = Literal::Int(19_782);
        assert_eq!(Transform::Month.apply(&leap, &T::Date), Some(Literal::Int(54 * 12 + 1)));
        assert_eq!(Transform::Year.apply(&leap, &T::Date), Some(Literal::Int(54)));
        assert_eq!(Transform::Hour.apply(&leap, &T::Date), None);
    }

    #[test]
    fn text_is_what_directories_are_named() {
        for (transform, value, text) in [
            (Transform::Year, 54, "2024"),
            (Transform::Month, -1, "1969-12"),
            (Transform::Day, 19_782, "2024-02-29"),
            (Transform::Hour, 474_780, "2024-02-29-12"),
            (Transform::Bucket(4), 3, "3"),
        ] {
            assert_eq!(transform.text(&Literal::Int(value), &T::Int), text);
        }
    }

    #[test]
    fn unknown_transforms_are_kept() {
        for text in
            ["identity", "bucket[16]", "truncate[3]", "day", "void", "zorder", "bucket[0]", "bucket[x]"]
        {
            let transform: Transform = text.parse().unwrap();
            assert_eq!(transform.to_string(), text);
        }
        assert_eq!("bucket[0]".parse(), Ok(Transform::Other("bucket[0]".to_owned())));
    }
}
