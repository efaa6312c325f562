//! The metrics of a server, from snapshots.

use firnline_proxy::serve::ServeCounts;
use firnline_reader::{DiskStats, Found, ReaderStats};
use firnline_store::RequestCounts;
use firnline_store::price::PriceList;

use super::durations::durations;
use super::names;
use super::shared::{blocks, disk_cache, flag, float, requests};
use super::text::{Exposition, Label};

/// What is told of a server.
#[derive(Debug)]
pub struct Seen<'a> {
    /// When it started, in milliseconds since 1970.
    pub started_ms: i64,
    /// Whether the store answers.
    pub ready: bool,
    /// How many topics are served, and how many partitions.
    pub topics: (u64, u64),
    /// What is served of stopped brokers' disks, where any are.
    pub disks: Option<Found>,
    /// What it has done.
    pub counts: &'a ServeCounts,
    /// Where its bytes came from.
    pub reader: &'a ReaderStats,
    /// What is kept on disk of them.
    pub disk_cache: DiskStats,
    /// The requests to the store.
    pub requests: &'a RequestCounts,
    /// What requests cost.
    pub prices: &'a PriceList,
}

/// The page.
pub fn of_server(seen: &Seen<'_>) -> String {
    let mut text = Exposition::default();
    let out = &mut text;
    out.many(&names::BUILD_INFO, [([Label(env!("CARGO_PKG_VERSION"))], 1.0)]);
    out.one(&names::START_TIME, float(seen.started_ms.unsigned_abs()) / 1e3);
    out.one(&names::READY, flag(seen.ready));
    out.one(&names::SERVE_TOPICS, float(seen.topics.0));
    out.one(&names::SERVE_PARTITIONS, float(seen.topics.1));
    let Found { partitions, bytes, unproven, held } = seen.disks.unwrap_or_default();
    out.one(&names::SERVE_DISK_PARTITIONS, float(partitions));
    out.one(&names::SERVE_DISK_BYTES, float(bytes));
    out.one(&names::SERVE_DISK_UNPROVEN, float(unproven));
    out.one(&names::SERVE_DISK_HELD, float(held));
    let ServeCounts { apis, connections, connections_open, record_bytes, logins, logins_refused } =
        seen.counts;
    out.one(&names::SERVE_CONNECTIONS_OPEN, float(*connections_open));
    out.one(&names::SERVE_CONNECTIONS, float(*connections));
    let outcomes = [([Label("ok")], float(*logins)), ([Label("refused")], float(*logins_refused))];
    out.many(&names::SERVE_LOGINS, outcomes);
    let named: Vec<(String, f64, f64)> =
        apis.iter().map(|api| (api.api.to_string(), float(api.requests), api.took.as_secs_f64())).collect();
    out.many(&names::SERVE_REQUESTS, named.iter().map(|(name, count, _)| ([Label(name)], *count)));
    out.many(&names::SERVE_REQUEST_SECONDS, named.iter().map(|(name, _, took)| ([Label(name)], *took)));
    durations(&names::SERVE_REQUEST_DURATION, apis, out);
    out.one(&names::SERVE_RECORD_BYTES, float(*record_bytes));
    blocks(&names::SERVE_BLOCKS, seen.reader, out);
    disk_cache(&seen.disk_cache, out);
    requests(seen.requests, seen.prices, out);
    text.into_text()
}
