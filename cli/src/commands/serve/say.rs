//! What a server says of itself when it starts, and when its rules change.

use firnline_proxy::serve::{Principal, Rights, Rule, Tls, Who};

use super::open::Opened;
use crate::wiring;

/// How who comes is known, for people.
#[derive(Debug, Clone, Copy)]
pub(super) struct Doors {
    tls: bool,
    certificates: bool,
    users: Option<usize>,
}

impl Doors {
    pub(super) fn of(doors: &wiring::Doors) -> Self {
        let wiring::Doors { tls, users } = doors;
        Self {
            tls: tls.is_some(),
            certificates: tls.as_ref().is_some_and(Tls::asks_certificates),
            users: users.as_ref().map(|users| users.len()),
        }
    }

    fn login(self) -> String {
        match (self.users, self.certificates) {
            (None, false) => "nobody has to log in".to_owned(),
            (None, true) => "clients show certificates".to_owned(),
            (Some(users), false) => format!("clients log in, one of {users} users"),
            (Some(users), true) => format!("clients show certificates and log in, one of {users} users"),
        }
    }
}

/// Where it listens, and what for.
pub(super) fn started(opened: &Opened, doors: Doors) {
    let topics = opened.catalog.topics();
    let partitions: u64 = topics.iter().map(|topic| u64::from(topic.partitions)).sum();
    tracing::info!(
        address = %opened.server.address(),
        tier = %opened.store,
        topics = topics.len(),
        partitions,
        tls = doors.tls,
        login = doors.login(),
        "the tier is served; nothing can be written"
    );
    if let Some(found) = opened.disks.as_ref().map(|disks| disks.found()) {
        tracing::info!(
            partitions = found.partitions,
            bytes = found.bytes,
            unproven_offsets = found.unproven,
            "of these partitions what stopped brokers have behind the tier is served"
        );
    }
    if topics.is_empty() {
        tracing::warn!("there is no topic in this tier");
    }
}

/// Who may read what.
pub(super) fn rights(rights: &Rights) {
    for Rule { who, topics } in rights.rules() {
        let who = match who {
            Who::Principal(Principal::Anonymous) => "whoever does not log in".to_owned(),
            Who::Principal(Principal::User(name)) => format!("user {name}"),
            Who::AnyUser => "whoever logs in".to_owned(),
        };
        tracing::info!(who, topics = topics.as_str(), "may read");
    }
}
