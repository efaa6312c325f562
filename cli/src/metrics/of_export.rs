//! The metrics of an exporter, from snapshots.

use firnline_export::metrics::MetricsSnapshot;
use firnline_store::RequestCounts;
use firnline_store::price::PriceList;

use super::names;
use super::shared::{float, requests};
use super::text::{Exposition, Label};

/// What is told of an exporter.
#[derive(Debug)]
pub struct Exported<'a> {
    /// When it started, in milliseconds since 1970.
    pub started_ms: i64,
    /// Its tables by name, and what each has counted.
    pub tables: &'a [(&'a str, MetricsSnapshot)],
    /// The requests to the warehouse.
    pub requests: &'a RequestCounts,
    /// What requests cost.
    pub prices: &'a PriceList,
}

/// The page.
pub fn of_export(seen: &Exported<'_>) -> String {
    let mut text = Exposition::default();
    let out = &mut text;
    out.many(&names::BUILD_INFO, [([Label(env!("CARGO_PKG_VERSION"))], 1.0)]);
    out.one(&names::START_TIME, float(seen.started_ms.unsigned_abs()) / 1e3);
    let mut each = |metric: &names::Metric, value: &dyn Fn(&MetricsSnapshot) -> Option<f64>| {
        let told = seen.tables.iter().filter_map(|(table, of)| Some(([Label(table)], value(of)?)));
        out.many(metric, told);
    };
    each(&names::EXPORT_BEHIND_TIER, &|of| of.behind_tier_seconds.map(float));
    each(&names::EXPORT_BACKLOG_OFFSETS, &|of| Some(float(of.backlog_offsets)));
    each(&names::EXPORT_ROWS, &|of| Some(float(of.added.rows)));
    each(&names::EXPORT_READ_BYTES, &|of| Some(float(of.added.read_bytes)));
    each(&names::EXPORT_FILES, &|of| Some(float(of.added.files)));
    each(&names::EXPORT_FILE_BYTES, &|of| Some(float(of.added.file_bytes)));
    each(&names::EXPORT_LOST_OFFSETS, &|of| Some(float(of.added.lost_offsets)));
    each(&names::EXPORT_COMMITS, &|of| Some(float(of.commits)));
    each(&names::EXPORT_COMMIT_SECONDS, &|of| Some(of.commit_time.as_secs_f64()));
    each(&names::EXPORT_LAST_COMMIT, &|of| of.last_commit_ms.map(|at| float(at) / 1e3));
    each(&names::EXPORT_ABANDONED, &|of| Some(float(of.abandoned)));
    each(&names::EXPORT_STALLS, &|of| Some(float(of.stalls)));
    each(&names::EXPORT_ROUND_FAILURES, &|of| Some(float(of.round_failures)));
    let dead = seen.tables.iter().flat_map(|(table, of)| {
        of.dead_letters.iter().map(|(reason, count)| ([Label(table), Label(reason)], float(*count)))
    });
    out.many(&names::EXPORT_DEAD_LETTERS, dead);
    let failures = seen.tables.iter().flat_map(|(table, of)| {
        of.commit_failures.iter().map(|(kind, count)| ([Label(table), Label(kind.word())], float(*count)))
    });
    out.many(&names::EXPORT_COMMIT_FAILURES, failures);
    requests(seen.requests, seen.prices, out);
    text.into_text()
}
