//! Everything that a proxy works with.

use std::sync::Arc;

use firnline_proxy::proxy::{Archive, Proxy, ProxyError, ProxySettings};
use firnline_proxy::serve::{Catalog, CatalogError};
use firnline_reader::Reader;
use firnline_store::Store;

use super::typed::Typed;
use crate::failure::{Failure, Result, of};
use crate::wiring;

/// What was opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) proxy: Proxy,
    pub(super) reader: Reader,
    pub(super) store: Store,
}

/// Opens the tier, reads its topics, and opens the ports.
pub(super) async fn open(typed: &Typed, settings: ProxySettings) -> Result<Opened> {
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
    let proxy = Proxy::bind(settings, Some(archive)).await.map_err(of_proxy)?;
    Ok(Opened { proxy, reader, store })
}

fn of_proxy(error: ProxyError) -> Failure {
    of::proxy(error.code(), error)
}

fn of_catalog(error: CatalogError) -> Failure {
    of::server(error.code(), error)
}
