//! What a table's manifest wants to know of a file's columns, from the statistics that Parquet itself keeps.
//!
//! Bounds are in Iceberg's single-value form: little-endian numbers, decimals as the shortest big-endian two's complement,
//! texts and bytes as they are. Columns inside lists and maps have counts and no bounds: nobody can use them there.

use parquet::basic::{LogicalType, Type as Physical};
use parquet::data_type::AsBytes as _;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnDescriptor;

/// The longest bound that is told: where no shorter upper bound exists, none is better than a long one.
const LONGEST_BOUND: usize = 64;

/// One column of a file: a leaf of the schema, so that a struct has as many as it has fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnMetrics {
    /// The field's id in the table's schema.
    pub field_id: i32,
    /// Bytes in the file, compressed.
    pub bytes: u64,
    /// Values, nulls and NaNs included.
    pub values: u64,
    /// Nulls among them.
    pub nulls: Option<u64>,
    /// NaNs among them; `None` for types that have none.
    pub nans: Option<u64>,
    /// No value is below this; `None` where there is no value, or it is not known.
    pub lower: Option<Vec<u8>>,
    /// No value is above this; likewise.
    pub upper: Option<Vec<u8>>,
}

/// The columns of a file that have a field id.
pub(super) fn columns(metadata: &ParquetMetaData) -> Vec<ColumnMetrics> {
    let schema = metadata.file_metadata().schema_descr();
    let with_id = schema.columns().iter().enumerate().filter_map(|(at, column)| {
        let info = column.self_type().get_basic_info();
        info.has_id().then(|| (at, info.id(), column))
    });
    with_id.map(|(at, field_id, column)| of_column(metadata.row_groups(), at, field_id, column)).collect()
}

/// Where the row groups begin.
pub(super) fn split_offsets(metadata: &ParquetMetaData) -> Vec<i64> {
    let begin = |group: &RowGroupMetaData| {
        let first = group.columns().first()?;
        Some(
            first
                .dictionary_page_offset()
                .map_or(first.data_page_offset(), |dictionary| dictionary.min(first.data_page_offset())),
        )
    };
    metadata.row_groups().iter().filter_map(begin).collect()
}

fn of_column(
    groups: &[RowGroupMetaData],
    at: usize,
    field_id: i32,
    column: &ColumnDescriptor,
) -> ColumnMetrics {
    let mut metrics = ColumnMetrics {
        field_id,
        bytes: 0,
        values: 0,
        nulls: Some(0),
        nans: is_float(column).then_some(0),
        lower: None,
        upper: None,
    };
    let mut bounds = Bounds { kind: Kind::of(column), lower: Side::Empty, upper: Side::Empty };
    for group in groups {
        let chunk = group.column(at);
        let values = u64::try_from(chunk.num_values()).unwrap_or(0);
        metrics.bytes += u64::try_from(chunk.compressed_size()).unwrap_or(0);
        metrics.values += values;
        let statistics = chunk.statistics();
        let nulls = statistics.and_then(Statistics::null_count_opt);
        metrics.nulls = metrics.nulls.zip(nulls).map(|(sum, more)| sum + more);
        let nans = statistics.and_then(Statistics::nan_count_opt);
        metrics.nans = metrics.nans.zip(nans).map(|(sum, more)| sum + more);
        let nothing = nulls.is_some_and(|nulls| nulls + nans.unwrap_or(0) >= values);
        if !nothing {
            bounds.add(statistics);
        }
    }
    if column.max_rep_level() == 0 {
        (metrics.lower, metrics.upper) = bounds.told();
    }
    metrics
}

fn is_float(column: &ColumnDescriptor) -> bool {
    matches!(column.physical_type(), Physical::FLOAT | Physical::DOUBLE)
}

/// How values of a column are ordered and told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// By bytes.
    Bytes,
    /// Signed numbers, big-endian.
    Decimal,
    /// Everything else: by its physical type.
    Native,
}

impl Kind {
    fn of(column: &ColumnDescriptor) -> Self {
        let decimal = matches!(column.logical_type_ref(), Some(LogicalType::Decimal { .. }));
        match column.physical_type() {
            _ if decimal => Self::Decimal,
            Physical::BYTE_ARRAY | Physical::FIXED_LEN_BYTE_ARRAY => Self::Bytes,
            _ => Self::Native,
        }
    }
}

/// One bound over the row groups so far.
#[derive(Debug, Clone, PartialEq)]
enum Side {
    Empty,
    Value(Value),
    /// A row group has values of which nothing is known.
    Unknown,
}

/// A value that can be held against another one of its column.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
enum Value {
    Boolean(bool),
    Integer(i64, Width),
    Float(f32),
    Double(f64),
    Decimal(i128),
    Bytes(Vec<u8>),
}

#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
enum Width {
    Four,
    Eight,
}

struct Bounds {
    kind: Kind,
    lower: Side,
    upper: Side,
}

impl Bounds {
    fn add(&mut self, statistics: Option<&Statistics>) {
        let (lower, upper) = statistics.map_or((None, None), |statistics| values(self.kind, statistics));
        self.lower = joined(std::mem::replace(&mut self.lower, Side::Empty), lower, |new, old| new < old);
        self.upper = joined(std::mem::replace(&mut self.upper, Side::Empty), upper, |new, old| new > old);
    }

    fn told(self) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
        let tell = |side| match side {
            Side::Value(value) => Some(value.told()).filter(|told| told.len() <= LONGEST_BOUND),
            Side::Empty | Side::Unknown => None,
        };
        (tell(self.lower), tell(self.upper))
    }
}

fn joined(known: Side, new: Option<Value>, further: impl Fn(&Value, &Value) -> bool) -> Side {
    match (known, new) {
        (Side::Unknown, _) | (_, None) => Side::Unknown,
        (Side::Empty, Some(new)) => Side::Value(new),
        (Side::Value(old), Some(new)) => Side::Value(if further(&new, &old) { new } else { old }),
    }
}

fn values(kind: Kind, statistics: &Statistics) -> (Option<Value>, Option<Value>) {
    let value = |bytes: Option<&[u8]>| bytes.and_then(|bytes| Value::of(kind, statistics, bytes));
    (value(statistics.min_bytes_opt()), value(statistics.max_bytes_opt()))
}

impl Value {
    /// From the bytes that Parquet keeps: little-endian numbers; decimals in bytes are big-endian.
    fn of(kind: Kind, statistics: &Statistics, bytes: &[u8]) -> Option<Self> {
        let native = match statistics {
            Statistics::Boolean(_) => Self::Boolean(*bytes.first()? != 0),
            Statistics::Int32(_) => {
                Self::Integer(i64::from(i32::from_le_bytes(bytes.try_into().ok()?)), Width::Four)
            }
            Statistics::Int64(_) => Self::Integer(i64::from_le_bytes(bytes.try_into().ok()?), Width::Eight),
            Statistics::Float(_) => Self::Float(f32::from_le_bytes(bytes.try_into().ok()?)),
            Statistics::Double(_) => Self::Double(f64::from_le_bytes(bytes.try_into().ok()?)),
            Statistics::ByteArray(_) | Statistics::FixedLenByteArray(_) if kind == Kind::Decimal => {
                Self::Decimal(signed(bytes)?)
            }
            Statistics::ByteArray(_) | Statistics::FixedLenByteArray(_) => Self::Bytes(bytes.to_vec()),
            Statistics::Int96(_) => return None,
        };
        Some(match (kind, native) {
            (Kind::Decimal, Self::Integer(value, _)) => Self::Decimal(i128::from(value)),
            (_, native) => native,
        })
    }

    fn told(&self) -> Vec<u8> {
        match self {
            Self::Boolean(value) => vec![u8::from(*value)],
            Self::Integer(value, Width::Four) => {
                i32::try_from(*value).unwrap_or_default().to_le_bytes().to_vec()
            }
            Self::Integer(value, Width::Eight) => value.to_le_bytes().to_vec(),
            Self::Float(value) => value.as_bytes().to_vec(),
            Self::Double(value) => value.as_bytes().to_vec(),
            Self::Decimal(value) => shortest(*value),
            Self::Bytes(value) => value.clone(),
        }
    }
}

/// A big-endian two's complement of up to 16 bytes.
fn signed(bytes: &[u8]) -> Option<i128> {
    let first = *bytes.first()?;
    let mut wide = [if first & 0x80 == 0 { 0 } else { 0xff }; 16];
    let start = 16_usize.checked_sub(bytes.len())?;
    wide[start..].copy_from_slice(bytes);
    Some(i128::from_be_bytes(wide))
}

/// The fewest bytes of a big-endian two's complement that still have the sign.
fn shortest(value: i128) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let spare = |at: usize| {
        let (byte, next) = (bytes[at], bytes[at + 1]);
        (byte == 0 && next & 0x80 == 0) || (byte == 0xff && next & 0x80 != 0)
    };
    let start = (0..15).find(|at| !spare(*at)).unwrap_or(15);
    bytes[start..].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_told_in_the_fewest_bytes() {
        for (value, told) in [
            (0, vec![0]),
            (127, vec![0x7f]),
            (128, vec![0, 0x80]),
            (-1, vec![0xff]),
            (-128, vec![0x80]),
            (-129, vec![0xff, 0x7f]),
            (1420, vec![0x05, 0x8c]),
        ] {
            assert_eq!(shortest(value), told, "{value}");
            assert_eq!(signed(&told), Some(value));
        }
        assert_eq!(shortest(i128::MIN).len(), 16);
        assert_eq!(signed(&[0; 17]), None);
    }
}
