//! Scalars: from the wire into a column.

use std::sync::Arc;

use arrow_schema::DataType;
use prost_reflect::{EnumDescriptor, Kind};

use super::wire::{Layout, Wire, low, text, zigzag};
use crate::columns::Column;
use crate::fault::Fault;
use crate::sink;

/// How a scalar is read.
#[derive(Clone)]
pub(super) enum Scalar {
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Sint64,
    Fixed32,
    Fixed64,
    Sfixed32,
    Sfixed64,
    Float,
    Double,
    Bool,
    Text,
    Bytes,
    Enum(Arc<Symbols>),
}

/// The names of an enum's numbers.
pub(super) struct Symbols {
    /// By number, one name each.
    names: Box<[(i32, Box<str>)]>,
    default: i32,
}

impl Scalar {
    /// The scalar of a kind; nothing for a message.
    pub(super) fn of(kind: &Kind) -> Option<Self> {
        Some(match kind {
            Kind::Double => Self::Double,
            Kind::Float => Self::Float,
            Kind::Int32 => Self::Int32,
            Kind::Int64 => Self::Int64,
            Kind::Uint32 => Self::Uint32,
            Kind::Uint64 => Self::Uint64,
            Kind::Sint32 => Self::Sint32,
            Kind::Sint64 => Self::Sint64,
            Kind::Fixed32 => Self::Fixed32,
            Kind::Fixed64 => Self::Fixed64,
            Kind::Sfixed32 => Self::Sfixed32,
            Kind::Sfixed64 => Self::Sfixed64,
            Kind::Bool => Self::Bool,
            Kind::String => Self::Text,
            Kind::Bytes => Self::Bytes,
            Kind::Enum(of) => Self::Enum(Arc::new(Symbols::of(of))),
            Kind::Message(_) => return None,
        })
    }

    /// Whether a column holds every value of it.
    pub(super) fn fits(&self, into: &DataType) -> bool {
        match self {
            Self::Int32 | Self::Sint32 | Self::Sfixed32 => {
                matches!(into, DataType::Int32 | DataType::Int64 | DataType::Float64)
            }
            Self::Int64 | Self::Sint64 | Self::Sfixed64 | Self::Uint32 | Self::Fixed32 => {
                *into == DataType::Int64
            }
            Self::Uint64 | Self::Fixed64 => matches!(into, DataType::Decimal128(20.., 0)),
            Self::Float => matches!(into, DataType::Float32 | DataType::Float64),
            Self::Double => *into == DataType::Float64,
            Self::Bool => *into == DataType::Boolean,
            Self::Text | Self::Enum(_) => *into == DataType::Utf8,
            Self::Bytes => *into == DataType::Binary,
        }
    }

    pub(super) fn layout(&self) -> Layout {
        match self {
            Self::Fixed32 | Self::Sfixed32 | Self::Float => Layout::Fixed32,
            Self::Fixed64 | Self::Sfixed64 | Self::Double => Layout::Fixed64,
            Self::Text | Self::Bytes => Layout::Length,
            _ => Layout::Varint,
        }
    }

    /// Whether a list of it may come as one run of bytes.
    pub(super) fn packs(&self) -> bool {
        self.layout() != Layout::Length
    }

    /// Reads one value into a column.
    #[inline]
    pub(super) fn read(&self, wire: &mut Wire<'_>, column: &mut Column) -> Result<(), Fault> {
        match self {
            Self::Int32 => sink::int(column, low(wire.varint()?).cast_signed()),
            Self::Int64 => sink::long(column, wire.varint()?.cast_signed()),
            Self::Uint32 => sink::long(column, low(wire.varint()?).into()),
            Self::Uint64 => sink::decimal(column, wire.varint()?.into()),
            Self::Sint32 => sink::int(column, sint(low(wire.varint()?))),
            Self::Sint64 => sink::long(column, zigzag(wire.varint()?)),
            Self::Fixed32 => sink::long(column, u32::from_le_bytes(wire.array()?).into()),
            Self::Fixed64 => sink::decimal(column, u64::from_le_bytes(wire.array()?).into()),
            Self::Sfixed32 => sink::int(column, i32::from_le_bytes(wire.array()?)),
            Self::Sfixed64 => sink::long(column, i64::from_le_bytes(wire.array()?)),
            Self::Float => sink::float(column, f32::from_le_bytes(wire.array()?)),
            Self::Double => sink::double(column, f64::from_le_bytes(wire.array()?)),
            Self::Bool => sink::boolean(column, wire.varint()? != 0),
            Self::Text => sink::text(column, wire.text()?),
            Self::Bytes => sink::bytes(column, wire.bytes()?),
            Self::Enum(symbols) => symbols.push(low(wire.varint()?).cast_signed(), column),
        }
    }

    /// Reads the value that a wire wholly is: without the length before it.
    #[inline]
    pub(super) fn whole(&self, mut wire: Wire<'_>, column: &mut Column) -> Result<(), Fault> {
        match self {
            Self::Text => sink::text(column, text(wire.rest())?),
            Self::Bytes => sink::bytes(column, wire.rest()),
            _ => self.read(&mut wire, column),
        }
    }

    /// A number's bits as a map tells keys apart; nothing of a text.
    pub(super) fn bits(&self, wire: &mut Wire<'_>) -> Result<u64, Fault> {
        Ok(match self {
            Self::Text | Self::Bytes => 0,
            Self::Int32 | Self::Uint32 | Self::Sint32 | Self::Enum(_) => low(wire.varint()?).into(),
            Self::Int64 | Self::Uint64 | Self::Sint64 => wire.varint()?,
            Self::Bool => u64::from(wire.varint()? != 0),
            Self::Fixed32 | Self::Sfixed32 | Self::Float => u32::from_le_bytes(wire.array()?).into(),
            Self::Fixed64 | Self::Sfixed64 | Self::Double => u64::from_le_bytes(wire.array()?),
        })
    }

    /// Puts the value of a field that is not there into a column.
    pub(super) fn default(&self, column: &mut Column) -> Result<(), Fault> {
        match self {
            Self::Int32 | Self::Sint32 | Self::Sfixed32 => sink::int(column, 0),
            Self::Int64 | Self::Sint64 | Self::Sfixed64 | Self::Uint32 | Self::Fixed32 => {
                sink::long(column, 0)
            }
            Self::Uint64 | Self::Fixed64 => sink::decimal(column, 0),
            Self::Float => sink::float(column, 0.0),
            Self::Double => sink::double(column, 0.0),
            Self::Bool => sink::boolean(column, false),
            Self::Text => sink::text(column, ""),
            Self::Bytes => sink::bytes(column, &[]),
            Self::Enum(symbols) => symbols.push(symbols.default, column),
        }
    }
}

#[inline]
fn sint(value: u32) -> i32 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

impl Symbols {
    fn of(of: &EnumDescriptor) -> Self {
        let mut names: Vec<(i32, Box<str>)> = of
            .enum_descriptor_proto()
            .value
            .iter()
            .map(|value| (value.number(), Box::from(value.name())))
            .collect();
        // Of several names for a number the first declared stands: the sort is stable.
        names.sort_by_key(|(number, _)| *number);
        names.dedup_by_key(|(number, _)| *number);
        let default = of.default_value().number();
        Self { names: names.into(), default }
    }

    #[inline]
    fn push(&self, number: i32, column: &mut Column) -> Result<(), Fault> {
        // Most enums count from 0 without a hole.
        let direct = usize::try_from(number).ok().and_then(|index| self.names.get(index));
        if let Some((known, name)) = direct
            && *known == number
        {
            return sink::text(column, name);
        }
        match self.names.binary_search_by_key(&number, |(known, _)| *known) {
            Ok(index) => sink::text(column, self.names.get(index).map_or("", |(_, name)| name)),
            Err(_) => sink::text(column, &number.to_string()),
        }
    }
}
