//! The metrics of a proxy, from snapshots.

use std::time::Duration;

use firnline_proxy::proxy::{ClientRead, ProxyCounts};
use firnline_reader::{DiskStats, ReaderStats};
use firnline_store::RequestCounts;
use firnline_store::price::PriceList;

use super::durations::durations;
use super::names;
use super::shared::{blocks, disk_cache, flag, float, requests};
use super::text::{Exposition, Label};

/// What is told of a proxy.
#[derive(Debug)]
pub struct Watching<'a> {
    /// When it started, in milliseconds since 1970.
    pub started_ms: i64,
    /// How many topics of the tier are known, and how many partitions.
    pub topics: (u64, u64),
    /// How many brokers have ports.
    pub brokers: u64,
    /// Whether the tier is there.
    pub has_tier: bool,
    /// For how long the store has answered nothing.
    pub store_silent: Duration,
    /// What it has done.
    pub counts: &'a ProxyCounts,
    /// Where cold bytes came from.
    pub reader: &'a ReaderStats,
    /// What is kept on disk of them.
    pub disk_cache: DiskStats,
    /// Who has read how much of the tier.
    pub clients: &'a [ClientRead],
    /// The requests to the store.
    pub requests: &'a RequestCounts,
    /// What requests cost.
    pub prices: &'a PriceList,
}

/// The page.
pub fn of_proxy(seen: &Watching<'_>) -> String {
    let mut text = Exposition::default();
    let out = &mut text;
    let ProxyCounts {
        apis,
        connections,
        connections_open,
        refused_address,
        refused_entry,
        to_brokers,
        to_clients,
        hot_bytes,
        cold_bytes,
        cold_filled,
        cold_empty,
        cold_failed,
        cold_throttled,
        out_of_range,
        false_out_of_range,
        cold_unproven,
        reaches_brokers,
    } = seen.counts;
    out.many(&names::BUILD_INFO, [([Label(env!("CARGO_PKG_VERSION"))], 1.0)]);
    out.one(&names::START_TIME, float(seen.started_ms.unsigned_abs()) / 1e3);
    out.one(&names::READY, flag(*reaches_brokers));
    out.one(&names::PROXY_TOPICS, float(seen.topics.0));
    out.one(&names::PROXY_PARTITIONS, float(seen.topics.1));
    out.one(&names::PROXY_BROKERS, float(seen.brokers));
    out.one(&names::PROXY_HAS_TIER, flag(seen.has_tier));
    out.one(&names::PROXY_STORE_SILENT, seen.store_silent.as_secs_f64());
    out.one(&names::PROXY_CONNECTIONS_OPEN, float(*connections_open));
    out.one(&names::PROXY_CONNECTIONS, float(*connections));
    let refused = [("address", *refused_address), ("entry", *refused_entry)];
    out.many(&names::PROXY_REFUSED, refused.map(|(why, count)| ([Label(why)], float(count))));
    let named: Vec<(String, f64, f64)> =
        apis.iter().map(|api| (api.api.to_string(), float(api.requests), api.took.as_secs_f64())).collect();
    out.many(&names::PROXY_REQUESTS, named.iter().map(|(name, count, _)| ([Label(name)], *count)));
    out.many(&names::PROXY_REQUEST_SECONDS, named.iter().map(|(name, _, took)| ([Label(name)], *took)));
    durations(&names::PROXY_REQUEST_DURATION, apis, out);
    let passed = [("broker", *to_brokers), ("client", *to_clients)];
    out.many(&names::PROXY_PASSED_BYTES, passed.map(|(to, bytes)| ([Label(to)], float(bytes))));
    out.one(&names::PROXY_HOT_BYTES, float(*hot_bytes));
    out.one(&names::PROXY_COLD_BYTES, float(*cold_bytes));
    let became = [
        ("filled", cold_filled),
        ("empty", cold_empty),
        ("failed", cold_failed),
        ("refused", out_of_range),
        ("throttled", cold_throttled),
    ];
    out.many(&names::PROXY_COLD, became.map(|(outcome, count)| ([Label(outcome)], float(*count))));
    clients(seen, out);
    let unproven = cold_unproven.map(|(why, count)| ([Label(why.label())], float(count)));
    out.many(&names::PROXY_UNPROVEN, unproven);
    out.one(&names::PROXY_FALSE_OUT_OF_RANGE, float(*false_out_of_range));
    blocks(&names::PROXY_BLOCKS, seen.reader, out);
    disk_cache(&seen.disk_cache, out);
    requests(seen.requests, seen.prices, out);
    text.into_text()
}

/// Who has read what, and what that has cost.
fn clients(seen: &Watching<'_>, out: &mut Exposition) {
    let each = |read: &ClientRead| float(read.read.bytes);
    let all: f64 = seen.clients.iter().map(each).sum();
    let bytes = seen.clients.iter().map(|read| ([Label(&read.client), Label(&read.group)], each(read)));
    out.many(&names::PROXY_CLIENT_BYTES, bytes);
    let cost = seen.prices.requests(seen.requests);
    let currency = Label(&seen.prices.currency);
    let shares = seen.clients.iter().map(|read| {
        let share = if all > 0.0 { cost * each(read) / all } else { 0.0 };
        ([Label(&read.client), Label(&read.group), currency], share)
    });
    out.many(&names::PROXY_CLIENT_COST, shares);
}
