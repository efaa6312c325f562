//! Everything that a proxy works with.

use std::sync::Arc;

use firnline_proxy::proxy::{Archive, Proxy, ProxyError, ProxySecurity, ProxySettings};
use firnline_proxy::serve::{Catalog, CatalogError};
use firnline_proxy::tls::{Tls, UpstreamTls};
use firnline_reader::Reader;
use firnline_store::Store;
use tokio::sync::watch;

use super::typed::Typed;
use crate::failure::{Failure, Result, of};
use crate::wiring::{self, Legs};

/// What was opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) proxy: Proxy,
    pub(super) live: Live,
    pub(super) reader: Reader,
    pub(super) store: Store,
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

/// Opens the tier, reads its topics, and opens the ports.
pub(super) async fn open(typed: &Typed, settings: ProxySettings, legs: Legs) -> Result<Opened> {
    let Typed { context, .. } = typed;
    let tier = context.tier().await?;
    let store = tier.store().clone();
    let catalog = Catalog::load(store.clone(), Arc::clone(&context.env.clock)).await.map_err(of_catalog)?;
    let reader = wiring::reader(&context.config, &tier);
    let archive = Archive {
        cluster_id: tier.cluster_id().clone(),
        catalog,
        reader: reader.clone(),
        store: store.clone(),
        max_manifest_age: wiring::reader_settings(&context.config, &tier).max_manifest_age,
        may_delete: context.config.proxy.delete_records.value,
        env: context.env.clone(),
    };
    let live = Live::new(legs);
    let security = ProxySecurity {
        tls: live.tls.as_ref().map(watch::Sender::subscribe),
        upstream: live.upstream.as_ref().map(watch::Sender::subscribe),
        cold_for_all: context.config.proxy.cold_for_all.value,
    };
    let proxy = Proxy::bind_secured(settings, security, Some(archive)).await.map_err(of_proxy)?;
    Ok(Opened { proxy, live, reader, store })
}

fn of_proxy(error: ProxyError) -> Failure {
    of::proxy(error.code(), error)
}

fn of_catalog(error: CatalogError) -> Failure {
    of::server(error.code(), error)
}
