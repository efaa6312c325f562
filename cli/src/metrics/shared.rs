//! What all who work on a tier count.

#[cfg(feature = "serve")]
use firnline_reader::{DiskStats, ReaderStats};
use firnline_store::price::PriceList;
use firnline_store::{RequestCounts, RequestKind, RequestOutcome};

use super::names;
use super::text::{Exposition, Label};

/// Requests to the store, and what they cost.
pub(super) fn requests(made: &RequestCounts, prices: &PriceList, out: &mut Exposition) {
    let each = RequestKind::ALL.into_iter().flat_map(|kind| {
        RequestOutcome::ALL.into_iter().filter_map(move |outcome| {
            let count = made.with_outcome(kind, outcome);
            (count > 0).then(|| ([Label(kind.label()), Label(outcome.label())], float(count)))
        })
    });
    out.many(&names::REQUESTS, each);
    let seconds = RequestKind::ALL.map(|kind| ([Label(kind.label())], made.time(kind).as_secs_f64()));
    out.many(&names::REQUEST_SECONDS, seconds);
    out.one(&names::SENT_BYTES, float(made.bytes_out));
    out.one(&names::RECEIVED_BYTES, float(made.bytes_in));
    out.many(&names::REQUEST_COST, [([Label(&prices.currency)], prices.requests(made))]);
}

/// Where blocks came from.
#[cfg(feature = "serve")]
pub(super) fn blocks(metric: &names::Metric, read: &ReaderStats, out: &mut Exposition) {
    let ReaderStats { block_hits, block_loads, local_blocks, disk_blocks, .. } = read;
    let from =
        [("memory", block_hits), ("disk_cache", disk_blocks), ("disk", local_blocks), ("store", block_loads)];
    out.many(metric, from.map(|(from, count)| ([Label(from)], float(*count))));
}

/// The disk cache.
#[cfg(feature = "serve")]
pub(super) fn disk_cache(disk: &DiskStats, out: &mut Exposition) {
    let DiskStats {
        on,
        bytes,
        records,
        read_bytes,
        written_bytes,
        evicted,
        refused_busy,
        refused_large,
        refused_full,
        damaged,
        slow,
    } = disk;
    out.one(&names::DISK_CACHE_ON, flag(*on));
    out.one(&names::DISK_CACHE_BYTES, float(*bytes));
    out.one(&names::DISK_CACHE_RECORDS, float(*records));
    out.one(&names::DISK_CACHE_READ_BYTES, float(*read_bytes));
    out.one(&names::DISK_CACHE_WRITTEN_BYTES, float(*written_bytes));
    out.one(&names::DISK_CACHE_EVICTED, float(*evicted));
    let refused = [("busy", refused_busy), ("large", refused_large), ("full", refused_full)];
    out.many(&names::DISK_CACHE_REFUSED, refused.map(|(why, count)| ([Label(why)], float(*count))));
    out.one(&names::DISK_CACHE_DAMAGED, float(*damaged));
    out.one(&names::DISK_CACHE_SLOW, float(*slow));
}

pub(super) fn flag(yes: bool) -> f64 {
    f64::from(u8::from(yes))
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus' values are doubles")]
pub(super) fn float(value: u64) -> f64 {
    value as f64
}
