//! Every metric, with its labels and the words that a label can have. docs/metrics.md is generated from here.

/// A metric.
#[derive(Debug)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// What it counts.
    pub help: &'static str,
    /// Its labels.
    pub labels: &'static [LabelName],
}

/// A label.
#[derive(Debug)]
pub struct LabelName {
    /// Its name.
    pub name: &'static str,
    /// Its words, for the reference.
    pub words: &'static str,
}

/// How a value moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Up and down.
    Gauge,
    /// Only up, from 0 at the start of the process.
    Counter,
    /// How many there were up to each of a few sizes, and the sum of all.
    Histogram,
}

impl Kind {
    /// Prometheus' word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Histogram => "histogram",
        }
    }
}

macro_rules! metrics {
    ($all:ident: $about:literal; $($name:ident = $kind:ident $text:literal, $help:literal $(, { $($label:literal: $words:literal),+ })?;)+) => {
        $(
            #[doc = $help]
            pub const $name: Metric = Metric {
                name: $text,
                kind: Kind::$kind,
                help: $help,
                labels: &[$($(LabelName { name: $label, words: $words }),+)?],
            };
        )+
        #[doc = $about]
        pub const $all: &[Metric] = &[$($name),+];
    };
}

metrics! { ALL: "Those of a sidecar, in the order of the page.";
    BUILD_INFO = Gauge "firnline_build_info", "1, with the version of this build as label.",
        { "version": "the version" };
    START_TIME = Gauge "firnline_start_time_seconds", "When the worker or server started, in seconds since 1970.";
    READY = Gauge "firnline_ready", "1 once all that is worked with has answered (log directories, brokers, store), and while it does; else 0.";
    PARTITIONS = Gauge "firnline_partitions",
        "Partitions on this machine, by what they wait for. docs/errors.md has a page for each code.",
        { "code": "codes FIRN-O100 to FIRN-O599; those that some partition has" };
    LAG_BYTES = Gauge "firnline_lag_bytes", "Sealed bytes that are not in the tier, of partitions led here.";
    LAG_SEGMENTS = Gauge "firnline_lag_segments", "Sealed segments that are not in the tier, of partitions led here.";
    LAG_SECONDS = Gauge "firnline_lag_seconds", "How long ago the oldest of them was last written.";
    RECOVERY_POINT = Gauge "firnline_recovery_point_seconds",
        "For how long committed records have been known that the tier lacks, the file still written included: the longest of all partitions led here.";
    PINNED_BYTES = Gauge "firnline_pinned_bytes", "Bytes that pins keep; most of them are Kafka's own files, too.";
    SOLE_LINK_BYTES = Gauge "firnline_sole_link_bytes", "Bytes that pins alone keep: what pins cost of the disk.";
    DISK_FREE_BYTES = Gauge "firnline_disk_free_bytes", "Free bytes of the disk under the log directories that has the fewest.";
    DISK_PRESSURE = Gauge "firnline_disk_pressure", "1 while a disk is near its reserve or pins are over their budget; else 0.";
    GAPS = Gauge "firnline_gaps", "Recorded gaps in the manifests of partitions on this machine.";
    DEAD_BRANCHES = Gauge "firnline_dead_branches", "Dead branches in the manifests of partitions on this machine.";
    HANGING = Gauge "firnline_hanging_transactions", "Transactions that have been open for too long.";
    COMMITTED_SEGMENTS = Counter "firnline_committed_segments_total", "Remote segments committed.";
    COMMITTED_BYTES = Counter "firnline_committed_bytes_total", "Bytes of the log in them.";
    THROWN = Counter "firnline_thrown_uploads_total",
        "Finished uploads that were not committed, by why. There is no other reason.",
        { "why": "changed, unproven, bound, tier_end_moved, collected, history, claimed, deleted, failed" };
    CLAIMS = Counter "firnline_claims_total", "Claims of partitions after elections.";
    CUTS = Counter "firnline_cuts_total", "Cuts of the tier after truncations.";
    GAPS_RECORDED = Counter "firnline_gaps_recorded_total", "Gaps recorded by this sidecar.";
    TAKEOVERS = Counter "firnline_takeovers_total", "Segments committed for partitions that another broker leads.";
    PINS_RELEASED = Counter "firnline_pins_released_total", "Pins released because the tier covers them.";
    PINS_DROPPED = Counter "firnline_pins_dropped_total", "Pins dropped that were never known committed and are off the leader's history.";
    PINS_GAVE_WAY = Counter "firnline_pins_gave_way_total", "Pins that gave way to the reserve of the disk. Each may become a gap.";
    DELETED_OBJECTS = Counter "firnline_deleted_objects_total", "Objects deleted by retention, floors and gc.";
    DELETED_BYTES = Counter "firnline_deleted_bytes_total", "Bytes of them.";
    SCRUB_FINDINGS = Counter "firnline_scrub_findings_total", "Findings of the scrub: objects damaged or gone.";
    REQUESTS = Counter "firnline_store_requests_total", "Requests to the store.",
        {
            "kind": "get, head, put, create, update, begin, part, complete, abort, list, delete",
            "outcome": "ok, absent, refused, busy, denied, damaged, lost, failed"
        };
    REQUEST_SECONDS = Counter "firnline_store_request_seconds_total", "Time spent in them, summed over parallel ones.",
        { "kind": "as above" };
    SENT_BYTES = Counter "firnline_store_sent_bytes_total", "Bytes of objects sent to the store, each attempt counted.";
    RECEIVED_BYTES = Counter "firnline_store_received_bytes_total", "Bytes of objects received from the store.";
    REQUEST_COST = Counter "firnline_store_request_cost_total",
        "What the requests cost by the price list in use, in its currency.",
        { "currency": "the price list's, such as USD" };
}

metrics! { OF_SERVER: "Those of a server alone, in the order of the page.";
    SERVE_TOPICS = Gauge "firnline_serve_topics", "Topics that are served to those who may read them.";
    SERVE_PARTITIONS = Gauge "firnline_serve_partitions", "Partitions of them.";
    SERVE_DISK_PARTITIONS = Gauge "firnline_serve_log_dir_partitions",
        "Partitions of which stopped brokers have something that the tier has not; 0 without --log-dir, as the next three.";
    SERVE_DISK_BYTES = Gauge "firnline_serve_log_dir_bytes", "Bytes of record batches of it.";
    SERVE_DISK_UNPROVEN = Gauge "firnline_serve_log_dir_unproven_offsets",
        "Offsets of it that nobody has proven committed; above 0 only with --beyond-checkpoint.";
    SERVE_DISK_HELD = Gauge "firnline_serve_log_dir_held",
        "Log directories in which a broker has come to life; what only they have is not read any more.";
    SERVE_CONNECTIONS_OPEN = Gauge "firnline_serve_connections", "Connections that are open.";
    SERVE_CONNECTIONS = Counter "firnline_serve_connections_total", "Connections taken.";
    SERVE_LOGINS = Counter "firnline_serve_logins_total", "Logins.", { "outcome": "ok, refused" };
    SERVE_REQUESTS = Counter "firnline_serve_requests_total", "Requests answered.",
        { "api": "Kafka's names of those that are answered, such as Fetch" };
    SERVE_REQUEST_SECONDS = Counter "firnline_serve_request_seconds_total",
        "Time spent on them, summed over parallel ones; a fetch that waits for records waits in it.", { "api": "as above" };
    SERVE_REQUEST_DURATION = Histogram "firnline_serve_request_duration_seconds",
        "The same for each request, in buckets up to 1, 5, 25, 100 and 500 ms, 2.5 and 10 s.", { "api": "as above" };
    SERVE_RECORD_BYTES = Counter "firnline_serve_record_bytes_total", "Bytes of records in answers.";
    SERVE_BLOCKS = Counter "firnline_serve_blocks_total", "Blocks of segments that were read for them, by where they came from.",
        { "from": "memory, disk_cache, disk, store" };
}

metrics! { OF_PROXY: "Those of a proxy alone, in the order of the page.";
    PROXY_TOPICS = Gauge "firnline_proxy_topics", "Topics of the tier that are known.";
    PROXY_PARTITIONS = Gauge "firnline_proxy_partitions", "Partitions of them.";
    PROXY_BROKERS = Gauge "firnline_proxy_brokers", "Brokers that have ports here.";
    PROXY_HAS_TIER = Gauge "firnline_proxy_has_tier",
        "Whether the tier is there. 0 where its store has not answered since the start: what brokers have lost is told empty.";
    PROXY_STORE_SILENT = Gauge "firnline_proxy_store_silent_seconds",
        "For how long the store has answered nothing that it was asked. What is hot does not wait for it.";
    PROXY_CONNECTIONS_OPEN = Gauge "firnline_proxy_connections", "Connections of clients that are open.";
    PROXY_CONNECTIONS = Counter "firnline_proxy_connections_total", "Connections of clients taken.";
    PROXY_REFUSED = Counter "firnline_proxy_connections_refused_total",
        "Connections that were closed because their address had too many, or because they did not get in in time.",
        { "why": "address, entry" };
    PROXY_REQUESTS = Counter "firnline_proxy_requests_total", "Requests answered.",
        { "api": "Kafka's names of those that were seen, such as Fetch" };
    PROXY_REQUEST_SECONDS = Counter "firnline_proxy_request_seconds_total",
        "Time from when they were passed on to when their answers were, summed over parallel ones; a fetch that a broker holds waits in it.",
        { "api": "as above" };
    PROXY_REQUEST_DURATION = Histogram "firnline_proxy_request_duration_seconds",
        "The same for each request, in buckets up to 1, 5, 25, 100 and 500 ms, 2.5 and 10 s.", { "api": "as above" };
    PROXY_PASSED_BYTES = Counter "firnline_proxy_passed_bytes_total", "Bytes of requests and of brokers' answers.",
        { "to": "broker, client" };
    PROXY_HOT_BYTES = Counter "firnline_proxy_hot_bytes_total", "Bytes of brokers' answers to fetches.";
    PROXY_COLD_BYTES = Counter "firnline_proxy_cold_bytes_total", "Bytes of records that came from the tier.";
    PROXY_COLD = Counter "firnline_proxy_cold_partitions_total",
        "Partitions in answers that a broker refused as out of range, by what became of them: filled from the tier, told empty for the time being, failed, or truly refused. Of the empty ones `throttled` were not read because as much was read as may be.",
        { "outcome": "filled, empty, failed, refused, throttled" };
    PROXY_CLIENT_BYTES = Counter "firnline_proxy_client_cold_bytes_total",
        "Bytes of records that came from the tier, by who read them.",
        { "client": "`client.id` of 200 at most, the others together as `other`", "group": "its consumer group, where that is seen" };
    PROXY_CLIENT_COST = Gauge "firnline_proxy_client_cost",
        "What the requests to the store have cost, shared out by these bytes.",
        { "client": "as above", "group": "as above", "currency": "the price list's, such as USD" };
    PROXY_UNPROVEN = Counter "firnline_proxy_cold_unproven_total",
        "Partitions that were not filled from the tier because the broker does not know the client by its own name.",
        { "why": "certificate, gssapi" };
    PROXY_FALSE_OUT_OF_RANGE = Counter "firnline_proxy_false_out_of_range_total",
        "Offsets of the tier that were about to be told as out of range and were held back. Must stay 0: anything else is a bug.";
    PROXY_BLOCKS = Counter "firnline_proxy_blocks_total", "Blocks of segments that were read, by where they came from.",
        { "from": "memory, disk_cache, disk, store" };
}

metrics! { OF_EXPORT: "Those of an exporter alone, in the order of the page.";
    EXPORT_BEHIND_TIER = Gauge "firnline_export_behind_tier_seconds", "How far a table is behind the tier, by the records' own times; absent where nothing tells.", { "table": "its full name" };
    EXPORT_BACKLOG_OFFSETS = Gauge "firnline_export_backlog_offsets", "Offsets that the tier has and a table does not have yet.", { "table": "as above" };
    EXPORT_ROWS = Counter "firnline_export_rows_total", "Rows that became part of a table.", { "table": "as above" };
    EXPORT_READ_BYTES = Counter "firnline_export_read_bytes_total", "Uncompressed bytes of keys, values and headers of those rows.", { "table": "as above" };
    EXPORT_FILES = Counter "firnline_export_files_total", "Files that became part of a table.", { "table": "as above" };
    EXPORT_FILE_BYTES = Counter "firnline_export_file_bytes_total", "Bytes of those files.", { "table": "as above" };
    EXPORT_DEAD_LETTERS = Counter "firnline_export_dead_letters_total", "Records that became dead letters.",
        { "table": "as above", "reason": "the words of `dlq_reason`; at most 64, further ones count as `other`" };
    EXPORT_LOST_OFFSETS = Counter "firnline_export_lost_offsets_total", "Offsets that the tier has on record as lost, or that went from it before they were exported.", { "table": "as above" };
    EXPORT_COMMITS = Counter "firnline_export_commits_total", "Commits to a table.", { "table": "as above" };
    EXPORT_COMMIT_FAILURES = Counter "firnline_export_commit_failures_total", "Attempts to commit that were not plainly accepted.",
        { "table": "as above", "kind": "`conflict`, `unknown`, `refused`, `unavailable`" };
    EXPORT_COMMIT_SECONDS = Counter "firnline_export_commit_seconds_total", "Time of commits, all attempts together.", { "table": "as above" };
    EXPORT_LAST_COMMIT = Gauge "firnline_export_last_commit_time_seconds", "When a table was last committed to, in seconds since 1970; absent before the first.", { "table": "as above" };
    EXPORT_ABANDONED = Counter "firnline_export_abandoned_rounds_total", "Rounds whose files were given up because a table had moved on.", { "table": "as above" };
    EXPORT_STALLS = Counter "firnline_export_stalls_total", "Times that an export stood still because a schema registry did not answer.", { "table": "as above" };
    EXPORT_ROUND_FAILURES = Counter "firnline_export_round_failures_total", "Rounds that failed and were tried again.", { "table": "as above" };
}

metrics! { OF_PLUGIN: "Those of the broker plugin alone, in the order of the page.";
    PLUGIN_COPIES = Counter "firnline_plugin_copies_total", "Segments that the broker handed over.", { "outcome": "`copied`, `failed`" };
    PLUGIN_COPIED_BYTES = Counter "firnline_plugin_copied_bytes_total", "Bytes of those that were copied, as they are in the broker's log.";
    PLUGIN_FETCHES = Counter "firnline_plugin_fetches_total", "Streams that the broker began to read.";
    PLUGIN_FETCHED_BYTES = Counter "firnline_plugin_fetched_bytes_total", "Bytes that it read from them.";
    PLUGIN_INDEXES = Counter "firnline_plugin_indexes_total", "Files beside a log (offset index and the like) that it asked for.";
    PLUGIN_DELETES = Counter "firnline_plugin_deletes_total", "Segments that it wanted deleted.";
    PLUGIN_BLOCKS = Counter "firnline_plugin_blocks_total", "Blocks that were read for it, by where they lay.",
        { "from": "`memory`, `disk_cache`, `store`" };
    PLUGIN_PROJECTION_WAITING = Gauge "firnline_plugin_projection_waiting", "Copies and deletions that no manifest mirrors yet.";
    PLUGIN_PROJECTION_FORGOTTEN = Counter "firnline_plugin_projection_forgotten_total",
        "Copies and deletions that no manifest will mirror: too many waited. `firnline repair mirror` makes the manifest right.";
    PLUGIN_LEFTOVERS_WAITING = Gauge "firnline_plugin_leftovers_waiting",
        "Objects of copies that came to nothing, which are still to be deleted.";
    PLUGIN_LEFTOVERS_FORGOTTEN = Counter "firnline_plugin_leftovers_forgotten_total",
        "Such objects that are left for `firnline gc --by-brokers`: too many waited.";
    PLUGIN_PREVIOUS_CALLS = Counter "firnline_plugin_previous_calls_total",
        "Calls that went to the plugin that the brokers had before, counted by the Java half.", { "call": "`fetch`, `index`, `delete`" };
}

metrics! { OF_REMOTE_LOG: "What brokers have tiered, by their own metadata, in the order of the page.";
    REMOTE_LOG_SEGMENTS = Gauge "firnline_remote_log_segments", "Segments that are in the tier, by the plugin that copied them.",
        { "by": "firnline, another_plugin" };
    REMOTE_LOG_BYTES = Gauge "firnline_remote_log_bytes", "Bytes of them, as they were in the broker's log.", { "by": "as above" };
}

metrics! { OF_DISK_CACHE: "Those of the disk cache of a server or a proxy, in the order of the page.";
    DISK_CACHE_ON = Gauge "firnline_disk_cache_on", "1 while the disk cache is at work; 0 where none is set, or where it cannot be used.";
    DISK_CACHE_BYTES = Gauge "firnline_disk_cache_bytes", "Bytes of the disk that its files may take now.";
    DISK_CACHE_RECORDS = Gauge "firnline_disk_cache_records", "Blocks and ends of segments that it holds.";
    DISK_CACHE_READ_BYTES = Counter "firnline_disk_cache_read_bytes_total", "Bytes that were read from it and were right.";
    DISK_CACHE_WRITTEN_BYTES = Counter "firnline_disk_cache_written_bytes_total", "Bytes that were written to it.";
    DISK_CACHE_EVICTED = Counter "firnline_disk_cache_evicted_total", "Records that gave way to newer ones, or to a disk that was full.";
    DISK_CACHE_REFUSED = Counter "firnline_disk_cache_refused_total",
        "Records that were not written: those before them still were, they are too long, or the disk was full.",
        { "why": "busy, large, full" };
    DISK_CACHE_DAMAGED = Counter "firnline_disk_cache_damaged_total",
        "Records that were read and were not what was written. The store gave them instead.";
    DISK_CACHE_SLOW = Counter "firnline_disk_cache_slow_total", "Reads of it that took too long; the store was asked instead.";
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every() -> impl Iterator<Item = &'static Metric> {
        let running = ALL.iter().chain(OF_SERVER).chain(OF_PROXY).chain(OF_EXPORT).chain(OF_PLUGIN);
        running.chain(OF_REMOTE_LOG).chain(OF_DISK_CACHE)
    }

    #[test]
    fn names_follow_the_rules_and_stand_once() {
        let mut names: Vec<_> = every().map(|metric| metric.name).collect();
        for metric in every() {
            assert!(metric.name.starts_with("firnline_"), "{}", metric.name);
            assert_eq!(metric.kind == Kind::Counter, metric.name.ends_with("_total"), "{}", metric.name);
            assert!(metric.help.ends_with('.') && !metric.help.contains('\n'), "{}", metric.name);
            let plain = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(metric.name.chars().all(plain), "{}", metric.name);
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), every().count());
    }
}
