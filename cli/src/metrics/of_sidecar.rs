//! The metrics of a sidecar, from snapshots.

use std::collections::BTreeMap;

use firnline_offloader::Space;
use firnline_offloader::sidecar::{Counts, Status, Thrown};
use firnline_store::RequestCounts;
use firnline_store::price::PriceList;

use super::names;
use super::shared::{flag, float, requests};
use super::text::{Exposition, Label};

/// What there is to tell besides the status.
#[derive(Debug)]
pub struct Measured<'a> {
    /// When the worker started, in milliseconds since 1970.
    pub started_ms: i64,
    /// Whether everything has answered.
    pub ready: bool,
    /// The disks.
    pub space: &'a [Space],
    /// The requests to the store.
    pub requests: &'a RequestCounts,
    /// What requests cost.
    pub prices: &'a PriceList,
}

/// The page.
pub fn of_sidecar(status: &Status, measured: &Measured<'_>) -> String {
    let mut text = Exposition::default();
    let out = &mut text;
    out.many(&names::BUILD_INFO, [([Label(env!("CARGO_PKG_VERSION"))], 1.0)]);
    out.one(&names::START_TIME, float(measured.started_ms.unsigned_abs()) / 1e3);
    out.one(&names::READY, flag(measured.ready));
    let mut by_code: BTreeMap<&str, u64> = BTreeMap::new();
    for partition in &status.partitions {
        *by_code.entry(partition.wait.code()).or_default() += 1;
    }
    out.many(&names::PARTITIONS, by_code.iter().map(|(code, count)| ([Label(code)], float(*count))));
    let totals = &status.totals;
    out.one(&names::LAG_BYTES, float(totals.lag_bytes));
    out.one(&names::LAG_SEGMENTS, float(totals.lag_segments));
    out.one(&names::LAG_SECONDS, totals.lag_max.as_secs_f64());
    out.one(&names::RECOVERY_POINT, totals.exposed_max.as_secs_f64());
    out.one(&names::PINNED_BYTES, float(totals.pinned_bytes));
    out.one(&names::SOLE_LINK_BYTES, float(totals.sole_link_bytes));
    if let Some(free) = measured.space.iter().map(|disk| disk.free).min() {
        out.one(&names::DISK_FREE_BYTES, float(free));
    }
    out.one(&names::DISK_PRESSURE, flag(status.pressure));
    let sum = |of: fn(&firnline_offloader::sidecar::PartitionStatus) -> u64| {
        float(status.partitions.iter().map(of).sum())
    };
    out.one(&names::GAPS, sum(|partition| partition.gaps.into()));
    out.one(&names::DEAD_BRANCHES, sum(|partition| partition.dead_branches.into()));
    out.one(&names::HANGING, sum(|partition| partition.hanging.len() as u64));
    counts(&totals.counts, out);
    requests(measured.requests, measured.prices, out);
    text.into_text()
}

fn counts(counts: &Counts, out: &mut Exposition) {
    let Counts {
        segments_committed,
        bytes_committed,
        thrown,
        claims,
        cuts,
        gaps,
        pins_released,
        pins_dropped,
        pins_gave_way,
        objects_deleted,
        bytes_deleted,
        scrub_findings,
        takeovers,
    } = *counts;
    out.one(&names::COMMITTED_SEGMENTS, float(segments_committed));
    out.one(&names::COMMITTED_BYTES, float(bytes_committed));
    let Thrown { changed, unproven, bound, tier_end_moved, collected, history, claimed, deleted, failed } =
        thrown;
    let thrown = [
        ("changed", changed),
        ("unproven", unproven),
        ("bound", bound),
        ("tier_end_moved", tier_end_moved),
        ("collected", collected),
        ("history", history),
        ("claimed", claimed),
        ("deleted", deleted),
        ("failed", failed),
    ];
    out.many(&names::THROWN, thrown.map(|(why, count)| ([Label(why)], float(count))));
    out.one(&names::CLAIMS, float(claims));
    out.one(&names::CUTS, float(cuts));
    out.one(&names::GAPS_RECORDED, float(gaps));
    out.one(&names::TAKEOVERS, float(takeovers));
    out.one(&names::PINS_RELEASED, float(pins_released));
    out.one(&names::PINS_DROPPED, float(pins_dropped));
    out.one(&names::PINS_GAVE_WAY, float(pins_gave_way));
    out.one(&names::DELETED_OBJECTS, float(objects_deleted));
    out.one(&names::DELETED_BYTES, float(bytes_deleted));
    out.one(&names::SCRUB_FINDINGS, float(scrub_findings));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_served_with_the_labels_of_its_declaration() {
        let measured = Measured {
            started_ms: 1_700_000_000_500,
            ready: true,
            space: &[Space { free: 7, total: 9, sole_link: 0 }],
            requests: &RequestCounts::default(),
            prices: &PriceList::built_in(),
        };
        let page = of_sidecar(&Status::default(), &measured);
        for metric in names::ALL {
            assert!(
                page.contains(&format!("# TYPE {} {}\n", metric.name, metric.kind.word())),
                "{}",
                metric.name
            );
        }
        for line in
            ["firnline_ready 1", "firnline_start_time_seconds 1700000000.5", "firnline_disk_free_bytes 7"]
        {
            assert!(page.lines().any(|found| found == line), "{line} is not in {page}");
        }
    }
}
