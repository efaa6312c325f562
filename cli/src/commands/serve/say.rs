//! What a server says of itself when it starts, and when its rules change.

use firnline_proxy::serve::{Principal, Rights, Rule, Who};

use super::open::Opened;

/// Where it listens, and what for.
pub(super) fn started(opened: &Opened) {
    let topics = opened.catalog.topics();
    let partitions: u64 = topics.iter().map(|topic| u64::from(topic.partitions)).sum();
    tracing::info!(
        address = %opened.server.address(),
        tier = opened.tier,
        topics = topics.len(),
        partitions,
        "the tier is served; nothing can be written"
    );
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
