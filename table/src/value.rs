//! Single values of columns: in bounds, partitions and defaults.
//!
//! A [`Literal`] is what is stored, not what it means: a date is an [`Literal::Int`] of days, a timestamp a [`Literal::Long`] of
//! microseconds. What it means stands in the column's type. Its two forms are the specification's: bytes in manifests, JSON
//! in schemas; a third is the text in directory names.

mod text;

pub use text::to_text;
pub(crate) use text::{civil, date, padded_year};

use crate::types::PrimitiveType;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::cmp::Ordering;

/// A value that its type cannot have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{bytes} bytes are no value of the type {value_type}")]
pub struct ValueError {
    /// How many bytes there are.
    pub bytes: usize,
    /// Of what type they should be.
    pub value_type: String,
}

/// A value as it is stored.
#[derive(Clone, Debug)]
pub enum Literal {
    /// boolean
    Boolean(bool),
    /// int, date
    Int(i32),
    /// long, time, all timestamps
    Long(i64),
    /// float
    Float(f32),
    /// double
    Double(f64),
    /// decimal: the digits without the point
    Decimal(i128),
    /// string
    String(String),
    /// uuid
    Uuid([u8; 16]),
    /// fixed
    Fixed(Vec<u8>),
    /// binary
    Binary(Vec<u8>),
}

impl Literal {
    /// The bytes of the specification's single-value serialization.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Boolean(value) => vec![u8::from(*value)],
            Self::Int(value) => value.to_le_bytes().to_vec(),
            Self::Long(value) => value.to_le_bytes().to_vec(),
            Self::Float(value) => value.to_le_bytes().to_vec(),
            Self::Double(value) => value.to_le_bytes().to_vec(),
            Self::Decimal(value) => decimal_bytes(*value),
            Self::String(value) => value.as_bytes().to_vec(),
            Self::Uuid(value) => value.to_vec(),
            Self::Fixed(value) | Self::Binary(value) => value.clone(),
        }
    }

    /// A value from such bytes. Those of a type that was widened since are taken, too.
    ///
    /// # Errors
    /// Bytes that are no value of the type.
    pub fn from_bytes(value_type: &PrimitiveType, bytes: &[u8]) -> Result<Self, ValueError> {
        let bad = || ValueError { bytes: bytes.len(), value_type: value_type.to_string() };
        let int = || bytes.try_into().map(i32::from_le_bytes);
        let long = || bytes.try_into().map(i64::from_le_bytes);
        Ok(match value_type {
            PrimitiveType::Boolean => match bytes {
                [byte] => Self::Boolean(*byte != 0),
                _ => return Err(bad()),
            },
            PrimitiveType::Int | PrimitiveType::Date => Self::Int(int().map_err(|_| bad())?),
            PrimitiveType::Long if bytes.len() == 4 => Self::Long(int().map_err(|_| bad())?.into()),
            PrimitiveType::Long
            | PrimitiveType::Time
            | PrimitiveType::Timestamp
            | PrimitiveType::TimestampTz
            | PrimitiveType::TimestampNs
            | PrimitiveType::TimestampTzNs => Self::Long(long().map_err(|_| bad())?),
            PrimitiveType::Float => Self::Float(bytes.try_into().map(f32::from_le_bytes).map_err(|_| bad())?),
            PrimitiveType::Double if bytes.len() == 4 => {
                Self::Double(bytes.try_into().map(f32::from_le_bytes).map_err(|_| bad())?.into())
            }
            PrimitiveType::Double => {
                Self::Double(bytes.try_into().map(f64::from_le_bytes).map_err(|_| bad())?)
            }
            PrimitiveType::Decimal { .. } => Self::Decimal(decimal(bytes).ok_or_else(bad)?),
            PrimitiveType::String => Self::String(std::str::from_utf8(bytes).map_err(|_| bad())?.to_owned()),
            PrimitiveType::Uuid => Self::Uuid(bytes.try_into().map_err(|_| bad())?),
            PrimitiveType::Fixed(length) => {
                if usize::try_from(*length) != Ok(bytes.len()) {
                    return Err(bad());
                }
                Self::Fixed(bytes.to_vec())
            }
            PrimitiveType::Binary => Self::Binary(bytes.to_vec()),
            PrimitiveType::Unknown | PrimitiveType::Other(_) => return Err(bad()),
        })
    }

    /// Whether a value of this type is stored so.
    #[must_use]
    pub fn fits(&self, value_type: &PrimitiveType) -> bool {
        match (self, value_type) {
            (Self::Fixed(bytes), PrimitiveType::Fixed(length)) => usize::try_from(*length) == Ok(bytes.len()),
            (Self::Boolean(_), PrimitiveType::Boolean)
            | (Self::Int(_), PrimitiveType::Int | PrimitiveType::Date)
            | (
                Self::Long(_),
                PrimitiveType::Long
                | PrimitiveType::Time
                | PrimitiveType::Timestamp
                | PrimitiveType::TimestampTz
                | PrimitiveType::TimestampNs
                | PrimitiveType::TimestampTzNs,
            )
            | (Self::Float(_), PrimitiveType::Float)
            | (Self::Double(_), PrimitiveType::Double)
            | (Self::Decimal(_), PrimitiveType::Decimal { .. })
            | (Self::String(_), PrimitiveType::String)
            | (Self::Uuid(_), PrimitiveType::Uuid)
            | (Self::Binary(_), PrimitiveType::Binary) => true,
            _ => false,
        }
    }

    /// Whether it is a number that equals no number.
    #[must_use]
    pub fn is_nan(&self) -> bool {
        match self {
            Self::Float(value) => value.is_nan(),
            Self::Double(value) => value.is_nan(),
            _ => false,
        }
    }

    /// Which of two values of one type is lower; `None` where the types differ.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        Some(match (self, other) {
            (Self::Boolean(a), Self::Boolean(b)) => a.cmp(b),
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            (Self::Long(a), Self::Long(b)) => a.cmp(b),
            (Self::Float(a), Self::Float(b)) => a.total_cmp(b),
            (Self::Double(a), Self::Double(b)) => a.total_cmp(b),
            (Self::Decimal(a), Self::Decimal(b)) => a.cmp(b),
            (Self::String(a), Self::String(b)) => a.cmp(b),
            (Self::Uuid(a), Self::Uuid(b)) => a.cmp(b),
            (Self::Fixed(a), Self::Fixed(b)) | (Self::Binary(a), Self::Binary(b)) => a.cmp(b),
            _ => return None,
        })
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Boolean(_) => 0,
            Self::Int(_) => 1,
            Self::Long(_) => 2,
            Self::Float(_) => 3,
            Self::Double(_) => 4,
            Self::Decimal(_) => 5,
            Self::String(_) => 6,
            Self::Uuid(_) => 7,
            Self::Fixed(_) => 8,
            Self::Binary(_) => 9,
        }
    }
}

/// A total order, so that partitions can be keys: by type, then by value; NaN equals itself.
impl Ord for Literal {
    fn cmp(&self, other: &Self) -> Ordering {
        self.compare(other).unwrap_or_else(|| self.rank().cmp(&other.rank()))
    }
}

impl PartialOrd for Literal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Literal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Literal {}

impl std::hash::Hash for Literal {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.rank().hash(state);
        self.to_bytes().hash(state);
    }
}

/// Two's complement, most significant byte first, as short as can be.
fn decimal_bytes(value: i128) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let sign = if value < 0 { 0xff } else { 0 };
    let mut start = 0;
    while let (Some(byte), Some(next)) = (bytes.get(start), bytes.get(start + 1)) {
        // The next byte has to say the same sign by its highest bit.
        if *byte != sign || (next ^ sign) & 0x80 != 0 {
            break;
        }
        start += 1;
    }
    bytes.get(start..).unwrap_or_default().to_vec()
}

/// The number that such bytes mean, longer ones with a repeated sign among them.
pub(crate) fn decimal(bytes: &[u8]) -> Option<i128> {
    let first = *bytes.first()?;
    let sign = if first & 0x80 == 0 { 0 } else { 0xff };
    let excess = bytes.len().saturating_sub(16);
    let (head, tail) = bytes.split_at(excess);
    if head.iter().any(|byte| *byte != sign)
        || (excess > 0 && tail.first().is_some_and(|byte| (byte ^ sign) & 0x80 != 0))
    {
        return None;
    }
    let mut whole = [sign; 16];
    whole.get_mut(16_usize.checked_sub(tail.len())?..)?.copy_from_slice(tail);
    Some(i128::from_be_bytes(whole))
}

/// For passing files from one of our processes to another; no part of any format of Iceberg's.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Passed {
    Boolean(bool),
    Int(i32),
    Long(i64),
    Float(u32),
    Double(u64),
    Decimal(String),
    String(String),
    Uuid(String),
    Fixed(String),
    Binary(String),
}

impl Serialize for Literal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let passed = match self {
            Self::Boolean(value) => Passed::Boolean(*value),
            Self::Int(value) => Passed::Int(*value),
            Self::Long(value) => Passed::Long(*value),
            Self::Float(value) => Passed::Float(value.to_bits()),
            Self::Double(value) => Passed::Double(value.to_bits()),
            Self::Decimal(value) => Passed::Decimal(value.to_string()),
            Self::String(value) => Passed::String(value.clone()),
            Self::Uuid(value) => Passed::Uuid(text::hex(value)),
            Self::Fixed(value) => Passed::Fixed(text::hex(value)),
            Self::Binary(value) => Passed::Binary(text::hex(value)),
        };
        passed.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Literal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes =
            |text: &str| text::unhex(text).ok_or_else(|| D::Error::custom("bytes are not hexadecimal"));
        Ok(match Passed::deserialize(deserializer)? {
            Passed::Boolean(value) => Self::Boolean(value),
            Passed::Int(value) => Self::Int(value),
            Passed::Long(value) => Self::Long(value),
            Passed::Float(bits) => Self::Float(f32::from_bits(bits)),
            Passed::Double(bits) => Self::Double(f64::from_bits(bits)),
            Passed::Decimal(text) => Self::Decimal(text.parse().map_err(D::Error::custom)?),
            Passed::String(value) => Self::String(value),
            Passed::Uuid(text) => {
                let bytes = bytes(&text)?;
                Self::Uuid(bytes.try_into().map_err(|_| D::Error::custom("a uuid has 16 bytes"))?)
            }
            Passed::Fixed(text) => Self::Fixed(bytes(&text)?),
            Passed::Binary(text) => Self::Binary(bytes(&text)?),
        })
    }
}

/// Bytes by field ids, for the same purpose as [`Passed`].
pub(crate) mod passed_bounds {
    use super::text::{hex, unhex};
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::collections::BTreeMap;

    pub(crate) fn serialize<S: Serializer>(
        bounds: &BTreeMap<i32, Vec<u8>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        bounds.iter().map(|(id, bytes)| (*id, hex(bytes))).collect::<BTreeMap<_, _>>().serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<BTreeMap<i32, Vec<u8>>, D::Error> {
        let bounds = BTreeMap::<i32, String>::deserialize(from)?;
        let unhexed = bounds.into_iter().map(|(id, text)| Some((id, unhex(&text)?))).collect::<Option<_>>();
        unhexed.ok_or_else(|| D::Error::custom("bytes are not hexadecimal"))
    }
}

#[cfg(test)]
mod tests;
