//! Everything that a proxy works with.

use std::sync::{Arc, OnceLock};

use firnline_proxy::proxy::{Archive, Proxy, ProxyError, ProxySecurity, ProxySettings};
use firnline_proxy::serve::CatalogError;
use firnline_proxy::tls::{Tls, UpstreamTls};
use firnline_reader::Reader;
use firnline_store::Store;
use tokio::sync::{oneshot, watch};

use super::found::Seeker;
use super::typed::Typed;
use crate::failure::{Failure, Result, of};
use crate::wiring::Legs;

/// What was opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) proxy: Proxy,
    pub(super) live: Live,
    /// Once there is a tier.
    pub(super) reader: Arc<OnceLock<Reader>>,
    pub(super) store: Store,
    /// Where its store does not answer yet.
    pub(super) seeking: Option<(Seeker, oneshot::Sender<Archive>)>,
}

/// What changes while the proxy runs.
#[derive(Debug)]
pub(super) struct Live {
    tls: Option<watch::Sender<Tls>>,
    upstream: Option<watch::Sender<UpstreamTls>>,
}

impl Live {
    fn new(legs: Legs) -> Self {
        let Legs { tls, upstream } = legs;
        Self { tls: tls.map(watch::Sender::new), upstream: upstream.map(watch::Sender::new) }
    }

    /// From here on these hold, for connections to come. What was not asked of clients at the start is not asked of them now.
    pub(super) fn change(&self, legs: Legs) {
        let Legs { tls: new_tls, upstream: new_upstream } = legs;
        if let (Some(tls), Some(new)) = (&self.tls, new_tls)
            && tls.borrow().asks_certificates() == new.asks_certificates()
        {
            tls.send_replace(new);
        }
        if let (Some(upstream), Some(new)) = (&self.upstream, new_upstream) {
            upstream.send_replace(new);
        }
    }
}

/// Opens the ports, and the tier, where its store answers.
pub(super) async fn open(typed: &Typed, settings: ProxySettings, legs: Legs) -> Result<Opened> {
    let Typed { context, .. } = typed;
    let store = context.store()?;
    let seeker = Seeker::new(context, &store);
    let reader = Arc::clone(&seeker.reader);
    let first = seeker.first().await?;
    let live = Live::new(legs);
    let security = ProxySecurity {
        tls: live.tls.as_ref().map(watch::Sender::subscribe),
        upstream: live.upstream.as_ref().map(watch::Sender::subscribe),
        cold_for_all: context.config.proxy.cold_for_all.value,
    };
    let (proxy, seeking) = match first {
        Some(archive) => {
            (Proxy::bind_secured(settings, security, Some(archive)).await.map_err(of_proxy)?, None)
        }
        None => {
            let (proxy, sender) = Proxy::bind_awaiting(settings, security).await.map_err(of_proxy)?;
            (proxy, Some((seeker, sender)))
        }
    };
    Ok(Opened { proxy, live, reader, store, seeking })
}

fn of_proxy(error: ProxyError) -> Failure {
    of::proxy(error.code(), error)
}

pub(super) fn of_catalog(error: CatalogError) -> Failure {
    of::server(error.code(), error)
}
