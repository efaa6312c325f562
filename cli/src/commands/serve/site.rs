//! The pages of a server's HTTP port.

use std::sync::Arc;
use std::time::Duration;

use firnline_proxy::serve::{Catalog, Watched};
use firnline_reader::{Disks, Reader};
use firnline_store::Store;
use firnline_store::price::PriceList;

use crate::http::{Page, Site};
use crate::metrics::{self, Seen};

/// A store that answers nothing for so long is named.
const STORE_SILENT: Duration = Duration::from_secs(12);

/// What the pages are made of.
#[derive(Debug)]
pub(super) struct ServerSite {
    pub(super) watched: Watched,
    pub(super) catalog: Arc<Catalog>,
    pub(super) disks: Option<Arc<Disks>>,
    pub(super) reader: Reader,
    pub(super) store: Store,
    pub(super) prices: PriceList,
    pub(super) started_ms: i64,
}

impl ServerSite {
    /// For how long the store has answered nothing, where that is too long.
    fn silent(&self) -> Option<Duration> {
        self.store.silent_for().filter(|lasts| *lasts >= STORE_SILENT)
    }

    fn metrics(&self) -> String {
        let topics = self.catalog.topics();
        let partitions = topics.iter().map(|topic| u64::from(topic.partitions)).sum();
        metrics::of_server(&Seen {
            started_ms: self.started_ms,
            ready: self.silent().is_none(),
            topics: (topics.iter().count() as u64, partitions),
            disks: self.disks.as_ref().map(|disks| disks.found()),
            counts: &self.watched.counts(),
            reader: &self.reader.stats(),
            disk_cache: self.reader.disk_stats(),
            requests: &self.store.counters(),
            prices: &self.prices,
        })
    }
}

impl Site for ServerSite {
    fn page(&self, path: &str) -> Option<Page> {
        let text = |status, body: String| Page { status, content_type: "text/plain; charset=utf-8", body };
        Some(match path {
            "/health/live" => text(200, "live\n".to_owned()),
            "/health/ready" => match self.silent() {
                None => text(200, "ready\n".to_owned()),
                Some(lasts) => {
                    text(503, format!("store: it has answered nothing for {} s\n", lasts.as_secs()))
                }
            },
            "/metrics" => Page { status: 200, content_type: metrics::CONTENT_TYPE, body: self.metrics() },
            _ => return None,
        })
    }
}
