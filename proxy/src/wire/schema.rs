//! What messages are made of, as data: the same tables that the readers and writers are made of.

/// A range of versions, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    /// The lowest.
    pub min: i16,
    /// The highest; `i16::MAX` for one that is still in use.
    pub max: i16,
}

impl Versions {
    /// No version.
    pub const NONE: Self = Self { min: 1, max: 0 };

    /// From `min` to `max`.
    #[must_use]
    pub const fn new(min: i16, max: i16) -> Self {
        Self { min, max }
    }

    /// Whether `version` is one of them.
    #[must_use]
    pub const fn has(self, version: i16) -> bool {
        self.min <= version && version <= self.max
    }
}

/// Kafka's notation: `0-14`, `15+`.
macro_rules! versions {
    ($min:literal +) => {
        $crate::wire::schema::Versions::new($min, i16::MAX)
    };
    ($min:literal - $max:literal) => {
        $crate::wire::schema::Versions::new($min, $max)
    };
}
pub(super) use versions;

/// A field of a struct.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Kafka's name of it, in the other case.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// In which versions it is there.
    pub versions: Versions,
    /// In which versions it may be absent, of those in which it is there.
    pub null: Versions,
    /// Its number, where it is a tagged field.
    pub tag: Option<u32>,
}

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// One byte, zero or not.
    Bool,
    /// A signed number of so many bytes.
    Int {
        /// How many.
        bytes: usize,
    },
    /// Sixteen bytes.
    Uuid,
    /// UTF-8 with its length before it.
    Text,
    /// Bytes with their length before them.
    Bytes,
    /// Record batches with their length before them.
    Records,
    /// A number of the same things.
    Array {
        /// What they are.
        of: &'static Kind,
    },
    /// Fields, one after the other, then tagged ones.
    Struct {
        /// The fields; tagged ones last, ascending.
        fields: &'static [Field],
    },
    /// Something that may be absent.
    Nullable {
        /// What it is when there.
        of: &'static Kind,
    },
}
