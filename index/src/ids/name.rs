//! Names: topics, clusters, groups, partitions.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::{PartitionIndex, TopicId, ValueError};

/// A topic's name: 1 to 249 of `a-z A-Z 0-9 . _ -`, neither `.` nor `..` (Kafka's own rule, `Topic.validate`).
/// Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName(Arc<str>);

impl TopicName {
    /// The longest name that Kafka takes.
    pub const MAX_LEN: usize = 249;

    /// Takes a name from outside.
    pub fn new(name: &str) -> Result<Self, ValueError> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        let why = if name.is_empty() {
            "it is empty"
        } else if name.len() > Self::MAX_LEN {
            "it is longer than 249 characters"
        } else if name == "." || name == ".." {
            "it is a directory's own name"
        } else if !name.bytes().all(legal) {
            "only a-z A-Z 0-9 . _ - are allowed"
        } else {
            return Ok(Self(name.into()));
        };
        Err(ValueError::text("topic name", name, why))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A cluster's id: 1 to 47 visible ASCII characters without `/`. Usually 22 characters of base64url, but
/// `kafka-storage format` takes any text. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterId(Arc<str>);

impl ClusterId {
    /// The longest id that a trailer has room for.
    pub const MAX_LEN: usize = 47;

    /// Takes an id from outside.
    pub fn new(id: &str) -> Result<Self, ValueError> {
        if id.is_empty() || id.len() > Self::MAX_LEN {
            return Err(ValueError::text("cluster id", id, "expected 1 to 47 characters"));
        }
        if !id.bytes().all(|b| b.is_ascii_graphic() && b != b'/') {
            return Err(ValueError::text("cluster id", id, "expected visible ASCII without a slash"));
        }
        Ok(Self(id.into()))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A consumer group's name: any text of Kafka's that is not empty and whose key has room for it. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupName(Arc<str>);

impl GroupName {
    /// The most bytes that a name may take in its key: `A-Z a-z 0-9 . _ -` take one each, every other byte three.
    pub const MAX_KEY_LEN: usize = 240;

    /// Takes a name from outside.
    pub fn new(name: &str) -> Result<Self, ValueError> {
        let why = if name.is_empty() {
            "it is empty"
        } else if name.bytes().map(|b| if Self::is_plain(b) { 1 } else { 3 }).sum::<usize>()
            > Self::MAX_KEY_LEN
        {
            "it takes more than 240 bytes in its key, where all but A-Z a-z 0-9 . _ - take three"
        } else {
            return Ok(Self(name.into()));
        };
        Err(ValueError::text("group name", name, why))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a byte stands in keys as it is.
    pub(crate) const fn is_plain(byte: u8) -> bool {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
    }
}

macro_rules! text {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl FromStr for $name {
            type Err = ValueError;

            fn from_str(text: &str) -> Result<Self, ValueError> {
                Self::new(text)
            }
        }
    };
}

text!(TopicName);
text!(ClusterId);
text!(GroupName);

/// One partition of one incarnation of a topic. The id is the key; the name is for people and paths.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicIdPartition {
    /// The topic's name.
    pub topic: TopicName,
    /// The topic's id.
    pub topic_id: TopicId,
    /// The partition's number.
    pub partition: PartitionIndex,
}

impl fmt::Display for TopicIdPartition {
    /// `orders.J8nB1x9RTGqN3oGQx5Lk2A/3`: the directory that the partition's objects have in a bucket, but for
    /// names of more than 200 characters, which keys split.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}/{}", self.topic, self.topic_id, self.partition)
    }
}
