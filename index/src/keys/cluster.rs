//! The keys below `cluster/`: what the sidecars of a cluster tell each other, what a restore needs of it, and the groups of
//! consumers of servers without brokers.

use std::fmt;

use super::ObjectKey;
use crate::ids::{GroupName, NodeId, PartitionIndex};

pub(super) const SUMMARY: &str = "summary";
pub(super) const LEASE: &str = "lease";
pub(super) const GROUP: &str = ".json";

/// Takes apart what follows `cluster/`.
pub(super) fn parse(rest: &str) -> Option<ObjectKey> {
    let (kind, rest) = rest.split_once('/')?;
    match kind {
        "nodes" => of_node(rest),
        "floors" => {
            let (topic_id, partition) = rest.split_once('.')?;
            let partition = PartitionIndex::new(partition.parse().ok()?).ok()?;
            Some(ObjectKey::FloorHint { topic_id: topic_id.parse().ok()?, partition })
        }
        "groups" => Some(ObjectKey::Group { group: group(rest.strip_suffix(GROUP)?)? }),
        "state" => Some(ObjectKey::ClusterState { name: rest.parse().ok()? }),
        _ => None,
    }
}

fn of_node(rest: &str) -> Option<ObjectKey> {
    let (node, name) = rest.split_once('/')?;
    let node = NodeId::new(node.parse().ok()?).ok()?;
    match name {
        SUMMARY => Some(ObjectKey::NodeSummary { node }),
        LEASE => Some(ObjectKey::NodeLease { node }),
        _ => None,
    }
}

/// A group's name in a key: bytes outside `A-Z a-z 0-9 . _ -` are `~` and two hexadecimal digits.
pub(super) struct Escaped<'a>(pub(super) &'a GroupName);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.as_str().bytes() {
            if GroupName::is_plain(byte) {
                write!(f, "{}", char::from(byte))?;
            } else {
                write!(f, "~{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// Takes an escaped name apart. Other spellings of it are refused by who compares what was parsed with the text.
fn group(text: &str) -> Option<GroupName> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'~' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    GroupName::new(&String::from_utf8(bytes).ok()?).ok()
}
