//! What was done, as text: `name value` a line, labels as Prometheus writes them. The names are those of docs/metrics.md.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use firnline_reader::{DiskStats, ReaderStats};
use firnline_store::{RequestCounts, RequestKind, RequestOutcome};

use super::{Core, Counts, Engine};

impl Engine {
    /// Everything that is counted. Makes no request and waits for nothing.
    #[must_use]
    pub fn metrics(&self) -> String {
        let mut out = String::new();
        requests(&self.inner.parts.store.counters(), &mut out);
        calls(&self.inner.counts, &mut out);
        let (waiting, forgotten) = self.inner.projection.counts();
        line(&mut out, "firnline_plugin_projection_waiting", "", waiting as u64);
        line(&mut out, "firnline_plugin_projection_forgotten_total", "", forgotten);
        let (waiting, left) = self.inner.leftovers.counts();
        line(&mut out, "firnline_plugin_leftovers_waiting", "", waiting as u64);
        line(&mut out, "firnline_plugin_leftovers_forgotten_total", "", left);
        let core = self.inner.core.get();
        line(&mut out, "firnline_ready", "", u64::from(core.is_some()));
        if let Some(Core { reader, .. }) = core {
            blocks(&reader.stats(), &mut out);
            disk_cache(&reader.disk_stats(), &mut out);
        }
        out
    }
}

fn requests(made: &RequestCounts, out: &mut String) {
    for kind in RequestKind::ALL {
        for outcome in RequestOutcome::ALL {
            let count = made.with_outcome(kind, outcome);
            if count > 0 {
                let labels = format!("{{kind=\"{}\",outcome=\"{}\"}}", kind.label(), outcome.label());
                line(out, "firnline_store_requests_total", &labels, count);
            }
        }
    }
    line(out, "firnline_store_sent_bytes_total", "", made.bytes_out);
    line(out, "firnline_store_received_bytes_total", "", made.bytes_in);
}

fn calls(counts: &Counts, out: &mut String) {
    let Counts {
        copied,
        copied_bytes,
        copies_failed,
        fetches,
        fetched_bytes,
        indexes,
        deletes,
        scrub_findings,
    } = counts;
    for (name, labels, count) in [
        ("firnline_plugin_copies_total", "{outcome=\"copied\"}", copied),
        ("firnline_plugin_copies_total", "{outcome=\"failed\"}", copies_failed),
        ("firnline_plugin_copied_bytes_total", "", copied_bytes),
        ("firnline_plugin_fetches_total", "", fetches),
        ("firnline_plugin_fetched_bytes_total", "", fetched_bytes),
        ("firnline_plugin_indexes_total", "", indexes),
        ("firnline_plugin_deletes_total", "", deletes),
        ("firnline_scrub_findings_total", "", scrub_findings),
    ] {
        line(out, name, labels, count.load(Ordering::Relaxed));
    }
}

fn blocks(read: &ReaderStats, out: &mut String) {
    let ReaderStats { block_hits, block_loads, disk_blocks, .. } = read;
    for (from, count) in [("memory", block_hits), ("disk_cache", disk_blocks), ("store", block_loads)] {
        line(out, "firnline_plugin_blocks_total", &format!("{{from=\"{from}\"}}"), *count);
    }
}

fn disk_cache(disk: &DiskStats, out: &mut String) {
    let DiskStats { on, bytes, records, read_bytes, written_bytes, evicted, damaged, slow, .. } = disk;
    let DiskStats { refused_busy, refused_large, refused_full, .. } = disk;
    for (name, labels, value) in [
        ("firnline_disk_cache_on", "", u64::from(*on)),
        ("firnline_disk_cache_bytes", "", *bytes),
        ("firnline_disk_cache_records", "", *records),
        ("firnline_disk_cache_read_bytes_total", "", *read_bytes),
        ("firnline_disk_cache_written_bytes_total", "", *written_bytes),
        ("firnline_disk_cache_evicted_total", "", *evicted),
        ("firnline_disk_cache_refused_total", "{why=\"busy\"}", *refused_busy),
        ("firnline_disk_cache_refused_total", "{why=\"large\"}", *refused_large),
        ("firnline_disk_cache_refused_total", "{why=\"full\"}", *refused_full),
        ("firnline_disk_cache_damaged_total", "", *damaged),
        ("firnline_disk_cache_slow_total", "", *slow),
    ] {
        line(out, name, labels, value);
    }
}

fn line(out: &mut String, name: &str, labels: &str, value: u64) {
    // A String takes whatever is written to it.
    let _ = writeln!(out, "{name}{labels} {value}");
}
