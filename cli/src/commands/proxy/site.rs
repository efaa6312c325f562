//! The pages of a proxy's HTTP port.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use firnline_proxy::proxy::Watched;
use firnline_reader::{Reader, ReaderStats};
use firnline_store::Store;
use firnline_store::price::PriceList;

use crate::http::{Page, Site};
use crate::metrics::{self, Watching};

/// A store that answers nothing for so long is named.
const STORE_SILENT: Duration = Duration::from_secs(12);

/// What the pages are made of.
#[derive(Debug)]
pub(super) struct ProxySite {
    pub(super) watched: Watched,
    /// Once there is a tier.
    pub(super) reader: Arc<OnceLock<Reader>>,
    pub(super) store: Store,
    pub(super) prices: PriceList,
    pub(super) started_ms: i64,
}

impl ProxySite {
    fn metrics(&self) -> String {
        metrics::of_proxy(&Watching {
            started_ms: self.started_ms,
            topics: self.watched.topics(),
            brokers: self.watched.nodes() as u64,
            store_silent: self.store.silent_for().unwrap_or_default(),
            counts: &self.watched.counts(),
            has_tier: self.watched.has_tier(),
            reader: &self.reader.get().map_or_else(ReaderStats::default, Reader::stats),
            disk_cache: self.reader.get().map(Reader::disk_stats).unwrap_or_default(),
            clients: &self.watched.clients(),
            requests: &self.store.counters(),
            prices: &self.prices,
        })
    }

    /// Whether clients that come now are served. What is hot does not depend on the store, so a store that is silent is said
    /// and takes no proxy out of service: its neighbours have the same one.
    fn ready(&self) -> (u16, String) {
        if !self.watched.counts().reaches_brokers {
            return (503, "brokers: none was there when one was called last\n".to_owned());
        }
        if !self.watched.has_tier() {
            return (200, "ready; the store of the tier has not answered yet\n".to_owned());
        }
        match self.store.silent_for().filter(|lasts| *lasts >= STORE_SILENT) {
            None => (200, "ready\n".to_owned()),
            Some(lasts) => {
                (200, format!("ready; the store has answered nothing for {} s\n", lasts.as_secs()))
            }
        }
    }
}

impl Site for ProxySite {
    fn page(&self, path: &str) -> Option<Page> {
        let text = |status, body: String| Page { status, content_type: "text/plain; charset=utf-8", body };
        Some(match path {
            "/health/live" => text(200, "live\n".to_owned()),
            "/health/ready" => {
                let (status, body) = self.ready();
                text(status, body)
            }
            "/metrics" => Page { status: 200, content_type: metrics::CONTENT_TYPE, body: self.metrics() },
            _ => return None,
        })
    }
}
