//! Offsets, epochs, positions, sizes, times.

use std::fmt;

use super::ValueError;

/// A number that Kafka keeps in a signed integer and that is never negative.
macro_rules! signed {
    ($(#[$doc:meta])* $name:ident, $inner:ty, $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name($inner);

        impl $name {
            /// The smallest value.
            pub const ZERO: Self = Self(0);
            /// The largest value.
            pub const MAX: Self = Self(<$inner>::MAX);

            /// Takes a number from outside; negative ones are refused.
            pub fn new(value: $inner) -> Result<Self, ValueError> {
                if value < 0 {
                    return Err(ValueError::OutOfRange { kind: $kind, value: i64::from(value), min: 0 });
                }
                Ok(Self(value))
            }

            /// Takes Kafka's form of an optional number, in which −1 (and any negative) means absent.
            pub fn from_kafka(value: $inner) -> Option<Self> {
                (value >= 0).then_some(Self(value))
            }

            /// The number as Kafka holds it.
            pub const fn get(self) -> $inner {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

/// A count or position in bytes, or a checksum: any value of its width is possible.
macro_rules! unsigned {
    ($(#[$doc:meta])* $name:ident, $inner:ty) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name($inner);

        impl $name {
            /// Wraps the number.
            pub const fn new(value: $inner) -> Self {
                Self(value)
            }

            /// The number.
            pub const fn get(self) -> $inner {
                self.0
            }
        }
    };
}

/// Sums and differences of positions and sizes.
macro_rules! byte_arithmetic {
    ($name:ident) => {
        impl $name {
            /// Nothing, or the first byte.
            pub const ZERO: Self = Self(0);

            /// Moves on by `bytes`; `None` past 2^64.
            pub fn checked_add(self, bytes: u64) -> Option<Self> {
                self.0.checked_add(bytes).map(Self)
            }

            /// How many bytes lie between `earlier` and here; `None` if `earlier` is later.
            pub fn checked_sub(self, earlier: Self) -> Option<u64> {
                self.0.checked_sub(earlier.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

signed!(
    /// The offset of a record in a partition's log.
    Offset, i64, "offset"
);
signed!(
    /// The epoch of a partition's leader, as the leader writes it into each batch. Magic 0 and 1 have none.
    LeaderEpoch, i32, "leader epoch"
);
signed!(
    /// A partition's number within its topic.
    PartitionIndex, i32, "partition"
);
signed!(
    /// A broker's node id.
    NodeId, i32, "node id"
);
signed!(
    /// The id of an idempotent or transactional producer.
    ProducerId, i64, "producer id"
);
signed!(
    /// Milliseconds since 1970-01-01T00:00:00Z, as records carry them.
    TimestampMs, i64, "timestamp"
);

unsigned!(
    /// A position in the raw bytes of a remote segment, that is, in its batches laid end to end.
    RawPosition, u64
);
unsigned!(
    /// A position in the object as it is stored.
    StoredPosition, u64
);
unsigned!(
    /// A length in bytes.
    ByteCount, u64
);
unsigned!(
    /// A CRC32C (Castagnoli).
    Crc32c, u32
);

byte_arithmetic!(RawPosition);
byte_arithmetic!(StoredPosition);
byte_arithmetic!(ByteCount);

impl fmt::Display for Crc32c {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl Crc32c {
    /// The checksum of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(crc_fast::crc32_iscsi(bytes))
    }
}

impl Offset {
    /// Moves on by `records`; `None` past the largest offset.
    pub fn checked_add(self, records: u64) -> Option<Self> {
        i64::try_from(records).ok().and_then(|n| self.0.checked_add(n)).map(Self)
    }

    /// The offset after this one; `None` at the largest.
    pub fn next(self) -> Option<Self> {
        self.checked_add(1)
    }

    /// How many offsets lie in `[earlier, self)`; `None` if `earlier` is later.
    pub fn checked_sub(self, earlier: Self) -> Option<u64> {
        self.0.checked_sub(earlier.0).and_then(|n| u64::try_from(n).ok())
    }
}
