//! The pages of a sidecar's port.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use firnline_index::NodeId;
use firnline_kafka::Client;
use firnline_offloader::sidecar::{Sidecar, Status};
use firnline_offloader::{DirectoryHost, Host as _, Space};
use firnline_store::price::PriceList;
use firnline_store::{Env, RequestCounts, RequestKind, RequestOutcome, Store};
use tokio::time::timeout;

use super::open::Opened;
use crate::commands::offload::typed::Typed;
use crate::http::{Page, Site};
use crate::metrics::{self, Measured};
use crate::status::{Beside, Counts, StatusPage, of_sidecar};

/// What the pages are made of.
#[derive(Debug)]
pub(super) struct SidecarSite {
    sidecar: Sidecar,
    host: std::sync::Arc<DirectoryHost>,
    client: Client,
    store: Store,
    env: Env,
    prices: PriceList,
    cluster_id: String,
    node: NodeId,
    bootstrap: String,
    started_ms: i64,
    /// The store's counters when they were last looked at.
    seen: Mutex<RequestCounts>,
    /// Whether the store answered none of the requests made since then.
    store_silent: AtomicBool,
    /// Whether no broker answered when all were asked because nothing was heard of them.
    brokers_silent: AtomicBool,
}

/// Who answers nothing for so long is asked whether it is there (brokers), or named (the store). A worker that is ready is
/// not so any more at most 15 s after brokers or store have left a question unanswered; questions are asked each 5 s.
const SILENT: Duration = Duration::from_secs(3);
const STORE_SILENT: Duration = Duration::from_secs(12);
/// How long all brokers together have to answer that they are there.
const THERE: Duration = Duration::from_secs(3);

impl SidecarSite {
    pub(super) fn new(opened: &Opened, typed: &Typed, prices: PriceList) -> Self {
        let config = &typed.context.config;
        let bootstrap = config.kafka.bootstrap.value.0.iter().map(ToString::to_string);
        Self {
            sidecar: opened.sidecar.clone(),
            host: std::sync::Arc::clone(&opened.host),
            client: opened.client.clone(),
            store: opened.store.clone(),
            env: typed.context.env.clone(),
            prices,
            cluster_id: opened.tier.cluster_id().to_string(),
            node: opened.node,
            bootstrap: bootstrap.collect::<Vec<_>>().join(","),
            started_ms: typed.context.env.clock.now_ms(),
            seen: Mutex::new(opened.store.counters()),
            store_silent: AtomicBool::new(false),
            brokers_silent: AtomicBool::new(false),
        }
    }

    /// Looks whether the store answers; to be called every second or so. Without requests nothing is learnt, and what was
    /// known stays.
    pub(super) fn look_at_store(&self) {
        let now = self.store.counters();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let new = now.since(&seen);
        if new.total() > 0 {
            self.store_silent.store(!answered(&new), Ordering::Relaxed);
            *seen = now;
        }
    }

    /// Looks whether the brokers answer; to be called every second or so, and not twice at once. One question to each broker,
    /// and only where nothing is heard of them.
    pub(super) async fn look_at_brokers(&self) {
        let silent = self.client.silent_for().is_some_and(|lasts| lasts >= SILENT);
        let there = !silent || timeout(THERE, self.client.is_there()).await.unwrap_or(false);
        self.brokers_silent.store(!there, Ordering::Relaxed);
    }

    /// The status, with what only this site knows.
    fn status(&self) -> Status {
        let mut status = self.sidecar.status();
        if self.brokers_silent.load(Ordering::Relaxed) && status.cluster_error.is_none() {
            let lasts = self.client.silent_for().unwrap_or_default();
            status.cluster_error = Some(format!("no broker has answered for {} s", lasts.as_secs()).into());
        }
        status
    }

    /// Why the sidecar is not ready; empty where it is.
    pub(super) fn unready(&self) -> Vec<String> {
        self.reasons(&self.status())
    }

    fn reasons(&self, status: &Status) -> Vec<String> {
        let mut reasons = Vec::new();
        reasons.extend(status.host_error.as_ref().map(|error| format!("log directories: {error}")));
        reasons.extend(status.cluster_error.as_ref().map(|error| format!("brokers: {error}")));
        if reasons.is_empty() && self.client.brokers().is_empty() {
            reasons.push("brokers: none has answered yet".to_owned());
        }
        let silent = self.store.silent_for().filter(|lasts| *lasts >= STORE_SILENT);
        if let Some(lasts) = silent {
            reasons.push(format!("store: it has answered nothing for {} s", lasts.as_secs()));
        } else if self.store_silent.load(Ordering::Relaxed) {
            reasons.push("store: it answers nothing".to_owned());
        }
        reasons
    }

    fn status_page(&self, status: &Status, space: Vec<Space>) -> StatusPage {
        let requests = self.store.counters();
        let counts = &status.totals.counts;
        let done = Counts {
            segments: counts.segments_committed,
            bytes: counts.bytes_committed,
            requests: requests.total(),
            request_cost: self.prices.requests(&requests),
            currency: self.prices.currency.clone(),
        };
        let beside = Beside {
            cluster_id: self.cluster_id.clone(),
            node: self.node.get(),
            now_ms: self.env.clock.now_ms(),
            space,
            problems: self.host.lasting_problems(),
            done,
            bootstrap: self.bootstrap.clone(),
        };
        of_sidecar(status, beside)
    }
}

impl Site for SidecarSite {
    fn page(&self, path: &str) -> Option<Page> {
        // A disk that cannot be asked shows as absent here, and as an error in the status.
        let space = || self.host.space().unwrap_or_default();
        Some(match path {
            "/health/live" => text(200, "live\n".to_owned()),
            "/health/ready" => match self.unready() {
                reasons if reasons.is_empty() => text(200, "ready\n".to_owned()),
                reasons => text(503, reasons.join("\n") + "\n"),
            },
            "/metrics" => {
                let status = self.status();
                let measured = Measured {
                    started_ms: self.started_ms,
                    ready: self.reasons(&status).is_empty(),
                    space: &space(),
                    requests: &self.store.counters(),
                    prices: &self.prices,
                };
                let body = metrics::of_sidecar(&status, &measured);
                Page { status: 200, content_type: metrics::CONTENT_TYPE, body }
            }
            "/status" => {
                let page = self.status_page(&self.status(), space());
                match serde_json::to_string(&page) {
                    Ok(body) => Page { status: 200, content_type: "application/json", body: body + "\n" },
                    Err(error) => text(500, format!("{error}\n")),
                }
            }
            _ => return None,
        })
    }
}

fn text(status: u16, body: String) -> Page {
    Page { status, content_type: "text/plain; charset=utf-8", body }
}

/// Whether the store gave an answer to any of them, if only that there is no such object.
fn answered(requests: &RequestCounts) -> bool {
    let answers = [RequestOutcome::Ok, RequestOutcome::Absent, RequestOutcome::Refused];
    let any = |kind: RequestKind| answers.iter().any(|outcome| requests.with_outcome(kind, *outcome) > 0);
    RequestKind::ALL.into_iter().any(any)
}
