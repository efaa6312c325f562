//! docs/metrics.md

use std::fmt::Write as _;

use crate::metrics;
use crate::metrics::names::Metric;

const HEAD: &str = "\
# Metrics

Generated from the code by `firnline reference metrics`; a test compares the two.

A sidecar (`firnline offload --config FILE`) serves these at `/metrics` on its HTTP port (`http.listen`, by default this machine
alone), in Prometheus' text format; a server (`firnline serve`) and a proxy (`firnline proxy`) have ports of their own for it (`serve.http.listen`,
`proxy.http.listen`). Names and labels are a contract: new ones may come, none is renamed. No label ever holds
the name of a topic: what is wrong with which partition, `firnline status` and `/status` tell.

Counters begin at 0 with each worker: a guard that starts a new worker shows as a reset, which `rate()` and `increase()` know.

| metric | kind | labels | meaning |
|---|---|---|---|
";

const SERVER: &str = "
## A server

It serves `firnline_build_info`, `firnline_start_time_seconds`, `firnline_ready` and `firnline_store_…` as above, and these:

| metric | kind | labels | meaning |
|---|---|---|---|
";

const PROXY: &str = "
## A proxy

It serves `firnline_build_info`, `firnline_start_time_seconds`, `firnline_ready` and `firnline_store_…` as above, and these:

| metric | kind | labels | meaning |
|---|---|---|---|
";

const EXPORT: &str = "
## Of an exporter

`firnline export`, while it stays, has its version and start, and the requests to the warehouse; and, for each table:

| metric | kind | labels | meaning |
|---|---|---|---|
";

const PLUGIN: &str = "
## The broker plugin

It has no port of its own: the broker shows these by JMX, in the domain `firnline.kafka.remote`, and with them `firnline_ready`, `firnline_store_…` and
`firnline_scrub_findings_total` as above and the disk cache's below. [How](../plugin/README.md).

| metric | kind | labels | meaning |
|---|---|---|---|
";

const REMOTE_LOG: &str = "
## What brokers have tiered

No broker tells a plugin of all segments that there are. They stand in the brokers' own topic `__remote_log_metadata`, which
`firnline status --by-brokers` reads: by topic and with `--json`, and with `--metrics` as these, for whoever collects text files:

| metric | kind | labels | meaning |
|---|---|---|---|
";

const DISK_CACHE: &str = "
## The disk cache

Servers, proxies and the plugin have these, too; all are 0 without `cache.disk.max_size`:

| metric | kind | labels | meaning |
|---|---|---|---|
";

const TAIL: &str = "
## What to be woken by

| expression | why |
|---|---|
| `increase(firnline_pins_gave_way_total[15m]) > 0` | a disk fell below its reserve, and records may be lost |
| `firnline_partitions{code=\"FIRN-O300\"} > 0` for 15 minutes | records are with nobody; a gap follows |
| `firnline_partitions{code=~\"FIRN-O5..\"} > 0` | an operator must decide |
| `increase(firnline_scrub_findings_total[1h]) > 0` | an object in the store is damaged |
| `firnline_ready == 0` for 15 minutes, or no answer | nothing is offloaded; pins grow |
| `increase(firnline_proxy_false_out_of_range_total[15m]) > 0` | a bug of the proxy: please report it, with its log |
| `firnline_export_behind_tier_seconds > 3600` (above your `export.max_lag`) | a table is not written |
| `increase(firnline_export_dead_letters_total[1h]) > 0` | records are no rows: look into the dead letters |
| `firnline_lag_seconds > 4 * 3600` (above your `max_lag`) | uploads are behind |
";

pub(super) fn page() -> String {
    let mut text = HEAD.to_owned();
    table(metrics::names::ALL, &mut text);
    text.push_str(SERVER);
    table(metrics::names::OF_SERVER, &mut text);
    text.push_str(PROXY);
    table(metrics::names::OF_PROXY, &mut text);
    text.push_str(EXPORT);
    table(metrics::names::OF_EXPORT, &mut text);
    text.push_str(PLUGIN);
    table(metrics::names::OF_PLUGIN, &mut text);
    text.push_str(REMOTE_LOG);
    table(metrics::names::OF_REMOTE_LOG, &mut text);
    text.push_str(DISK_CACHE);
    table(metrics::names::OF_DISK_CACHE, &mut text);
    text.push_str(TAIL);
    text
}

fn table(metrics: &[Metric], text: &mut String) {
    for metric in metrics {
        let labels: Vec<String> =
            metric.labels.iter().map(|label| format!("`{}`: {}", label.name, label.words)).collect();
        let labels = labels.join("; ");
        let _ = writeln!(text, "| `{}` | {} | {labels} | {} |", metric.name, metric.kind.word(), metric.help);
    }
}
