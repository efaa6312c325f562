//! The pages of an exporter's HTTP port.

use std::sync::Arc;
use std::time::Duration;

use firnline_export::metrics::ExportMetrics;
use firnline_store::Store;
use firnline_store::price::PriceList;

use crate::http::{Page, Site};
use crate::metrics::{self, Exported};

/// A store that answers nothing for so long is named.
const STORE_SILENT: Duration = Duration::from_secs(12);

/// A table that is exported to.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) table: String,
    pub(super) metrics: Arc<ExportMetrics>,
}

/// What the pages are made of.
#[derive(Debug)]
pub(super) struct ExportSite {
    pub(super) tables: Arc<[Watched]>,
    /// Where the tables are.
    pub(super) store: Store,
    pub(super) started_ms: i64,
    pub(super) prices: PriceList,
}

impl ExportSite {
    fn metrics(&self) -> String {
        let tables: Vec<_> =
            self.tables.iter().map(|watched| (watched.table.as_str(), watched.metrics.snapshot())).collect();
        metrics::of_export(&Exported {
            started_ms: self.started_ms,
            tables: &tables,
            requests: &self.store.counters(),
            prices: &self.prices,
        })
    }
}

impl Site for ExportSite {
    fn page(&self, path: &str) -> Option<Page> {
        let text = |status, body: String| Page { status, content_type: "text/plain; charset=utf-8", body };
        Some(match path {
            "/health/live" => text(200, "live\n".to_owned()),
            "/health/ready" => match self.store.silent_for().filter(|lasts| *lasts >= STORE_SILENT) {
                None => text(200, "ready\n".to_owned()),
                Some(lasts) => {
                    text(503, format!("warehouse: it has answered nothing for {} s\n", lasts.as_secs()))
                }
            },
            "/metrics" => Page { status: 200, content_type: metrics::CONTENT_TYPE, body: self.metrics() },
            _ => return None,
        })
    }
}
