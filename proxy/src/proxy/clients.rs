//! Who read how much of the tier: by what clients call themselves, and the consumer groups that they are in.
//!
//! A fetch names no group. That a client is in one is seen from what it says to the coordinator under the same name from the
//! same address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::wire::{Api, RequestHeader, Value as _};

/// Pairs of client and group that are told apart; all others are one.
const PAIRS: usize = 200;
/// Memberships that are kept.
const MEMBERS: usize = 10_000;
/// The longest name that is kept, in bytes.
const NAME_BYTES: usize = 100;
/// What all are called that are not told apart.
const OTHERS: &str = "other";

/// What clients have read.
#[derive(Debug, Default)]
pub(crate) struct Clients(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    groups: HashMap<(IpAddr, Box<str>), Box<str>>,
    read: HashMap<(Box<str>, Box<str>), ClientBytes>,
}

/// What clients of one name in one group have read of the tier.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClientBytes {
    /// Bytes of records.
    pub bytes: u64,
    /// Partitions in answers.
    pub partitions: u64,
}

/// The same with who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientRead {
    /// What it calls itself; empty where it does not.
    pub client: String,
    /// Its group, where it is known to be in one; else empty.
    pub group: String,
    /// What it has read.
    pub read: ClientBytes,
}

impl Clients {
    /// Notes the group that a request to a coordinator names, where it is one.
    pub(crate) fn note_group(&self, from: IpAddr, front: &[u8]) {
        let Some((client, group)) = group(front) else { return };
        let mut known = self.known();
        let key = (from, client);
        if known.groups.get(&key).is_none_or(|known| **known != *group)
            && (known.groups.len() < MEMBERS || known.groups.contains_key(&key))
        {
            known.groups.insert(key, group);
        }
    }

    /// Notes what a client was given.
    pub(crate) fn note_read(&self, from: IpAddr, client: &str, bytes: u64, partitions: u64) {
        let mut known = self.known();
        let key = (from, client.into());
        let group = known.groups.get(&key).cloned().unwrap_or_default();
        let mut pair = (key.1, group);
        if known.read.len() >= PAIRS && !known.read.contains_key(&pair) {
            pair = (OTHERS.into(), OTHERS.into());
        }
        let read = known.read.entry(pair).or_default();
        read.bytes += bytes;
        read.partitions += partitions;
    }

    /// All of it, those first who have read most.
    pub(crate) fn snapshot(&self) -> Vec<ClientRead> {
        let known = self.known();
        let told = known.read.iter().map(|((client, group), read)| ClientRead {
            client: client.to_string(),
            group: group.to_string(),
            read: *read,
        });
        let mut told: Vec<ClientRead> = told.collect();
        told.sort_by(|a, b| {
            b.read.bytes.cmp(&a.read.bytes).then_with(|| (&a.client, &a.group).cmp(&(&b.client, &b.group)))
        });
        told
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a client calls itself, as far as that is kept.
pub(crate) fn name(client: Option<&[u8]>) -> Box<str> {
    let text = String::from_utf8_lossy(client.unwrap_or_default());
    let ends = text.char_indices().map(|(at, letter)| at + letter.len_utf8());
    let end = ends.take_while(|end| *end <= NAME_BYTES).last().unwrap_or(0);
    text[..end].into()
}

/// The client and its group, of a request that begins with the name of one.
fn group(front: &[u8]) -> Option<(Box<str>, Box<str>)> {
    const NAMING: [Api; 4] =
        [Api::OFFSET_COMMIT, Api::JOIN_GROUP, Api::HEARTBEAT, Api::CONSUMER_GROUP_HEARTBEAT];
    let (header, mut body) = RequestHeader::read(front).ok()?;
    if !NAMING.contains(&header.api) {
        return None;
    }
    let group = <&str>::read(&mut body).ok()?;
    Some((name(header.client_id), name(Some(group.as_bytes()))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::messages::heartbeat::HeartbeatRequest;
    use crate::wire::write_request;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_group_is_that_of_the_name_and_the_address() {
        let clients = Clients::default();
        for version in [0, 4] {
            let request = HeartbeatRequest { group_id: "billing", ..HeartbeatRequest::default() };
            let frame = write_request(&request, version, 1, Some(b"app")).unwrap().into_bytes();
            clients.note_group(ip("192.0.2.1"), &frame[4..]);
        }
        clients.note_read(ip("192.0.2.1"), "app", 10, 1);
        clients.note_read(ip("192.0.2.1"), "app", 5, 1);
        clients.note_read(ip("192.0.2.2"), "app", 7, 1);
        clients.note_read(ip("192.0.2.1"), "", 1, 1);
        let told: Vec<_> = clients
            .snapshot()
            .into_iter()
            .map(|told| (told.client, told.group, told.read.bytes, told.read.partitions))
            .collect();
        let row =
            |client: &str, group: &str, bytes, parts| (client.to_owned(), group.to_owned(), bytes, parts);
        assert_eq!(told, [row("app", "billing", 15, 2), row("app", "", 7, 1), row("", "", 1, 1)]);
    }

    #[test]
    fn who_changes_names_does_not_fill_the_memory() {
        let clients = Clients::default();
        for number in 0..PAIRS * 3 {
            let client = format!("{number}-{}", "x".repeat(1000));
            clients.note_read(ip("192.0.2.1"), &name(Some(client.as_bytes())), 1, 1);
        }
        let told = clients.snapshot();
        assert_eq!(told.len(), PAIRS + 1);
        assert_eq!((&*told[0].client, told[0].read.bytes), ("other", 2 * PAIRS as u64));
        assert!(told.iter().all(|told| told.client.len() <= NAME_BYTES));
    }

    #[test]
    fn what_names_no_group_is_passed_over() {
        assert_eq!(group(&[]), None);
        assert_eq!(group(&[0, 1, 0, 12, 0, 0, 0, 1, 0xff, 0xff, 0]), None);
    }
}
