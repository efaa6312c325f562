//! Sixteen-byte ids. This crate never makes one up: callers bring the bytes.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::ValueError;

macro_rules! sixteen {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// Wraps the bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

/// Text form `01234567-89ab-cdef-0123-456789abcdef`, lower case, and nothing else.
macro_rules! hyphenated {
    ($name:ident, $kind:literal) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                ::uuid::Uuid::from_bytes(self.0).hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = ValueError;

            fn from_str(text: &str) -> Result<Self, ValueError> {
                let parsed = ::uuid::Uuid::try_parse(text).ok().map(|u| Self(*u.as_bytes()));
                // One id has one text: upper case, braces and the bare form would give one object two keys.
                parsed.filter(|id| id.to_string() == text).ok_or_else(|| {
                    ValueError::text($kind, text, "expected 8-4-4-4-12 lower-case hexadecimal digits")
                })
            }
        }
    };
}

sixteen!(
    /// A topic's id, given by the cluster; a recreated topic has another. Shown as Kafka shows it.
    TopicId
);
sixteen!(
    /// The id of one upload of a remote segment.
    SegmentUuid
);
sixteen!(
    /// The id of one attempt to replace a manifest.
    CommitId
);
sixteen!(
    /// The id of a wrapped topic key.
    KeyId
);
sixteen!(
    /// The id of one write of a small immutable object: a manifest page, a floor.
    ObjectUuid
);
sixteen!(
    /// The id of one run of a writer; a restarted process has another.
    Incarnation
);
sixteen!(
    /// Drawn afresh by each collection of unreferenced objects and put into the manifest before it deletes.
    GcBoundary
);
sixteen!(
    /// The id that a broker's remote log metadata gives a segment (KIP-405). Shown as Kafka shows it.
    RemoteLogSegmentId
);
sixteen!(
    /// Random bytes drawn afresh for each upload attempt, so that no cipher key is used twice.
    Salt
);

hyphenated!(SegmentUuid, "segment id");
hyphenated!(CommitId, "commit id");
hyphenated!(KeyId, "key id");
hyphenated!(Salt, "salt");
hyphenated!(ObjectUuid, "object id");
hyphenated!(Incarnation, "incarnation");
hyphenated!(GcBoundary, "gc boundary");

/// Text form of Kafka's own ids: 22 characters of base64url, without padding.
macro_rules! kafkas {
    ($name:ident, $kind:literal) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
            }
        }

        impl FromStr for $name {
            type Err = ValueError;

            fn from_str(text: &str) -> Result<Self, ValueError> {
                URL_SAFE_NO_PAD
                    .decode(text)
                    .ok()
                    .and_then(|bytes| <[u8; 16]>::try_from(bytes).ok())
                    .map(Self)
                    .ok_or_else(|| ValueError::text($kind, text, "expected 22 characters of base64url"))
            }
        }
    };
}

kafkas!(TopicId, "topic id");
kafkas!(RemoteLogSegmentId, "remote log segment id");
