//! Everything that a server works with.

use std::sync::Arc;

use firnline_proxy::serve::{
    Catalog, CatalogError, Rights, Security, ServeError, ServeSettings, Served, Server,
};
use tokio::sync::watch;

use super::typed::Typed;
use crate::failure::{Failure, Result, of};
use crate::wiring;

/// What was opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) server: Server,
    pub(super) catalog: Arc<Catalog>,
    pub(super) rights: watch::Sender<Arc<Rights>>,
    /// The tier, for people.
    pub(super) tier: String,
}

/// Opens the tier, reads its topics, and opens the port.
pub(super) async fn open(typed: &Typed, settings: ServeSettings, rights: Arc<Rights>) -> Result<Opened> {
    let Typed { context, .. } = typed;
    let tier = context.tier().await?;
    let reading = wiring::reader_settings(&context.config, &tier);
    let catalog = Catalog::load(tier.store().clone(), Arc::clone(&context.env.clock)).await;
    let catalog = Arc::new(catalog.map_err(of_catalog)?);
    let (send, rights) = watch::channel(rights);
    let served = Served {
        cluster_id: tier.cluster_id().clone(),
        catalog: Arc::clone(&catalog),
        reader: wiring::reader(&context.config, &tier),
        max_manifest_age: reading.max_manifest_age,
        rights,
        security: Security::default(),
        random: Arc::clone(&context.env.random),
    };
    let server = Server::bind(settings, served).await.map_err(of_server)?;
    Ok(Opened { server, catalog, rights: send, tier: tier.store().to_string() })
}

fn of_server(error: ServeError) -> Failure {
    of::server(error.code(), error)
}

fn of_catalog(error: CatalogError) -> Failure {
    of::server(error.code(), error)
}
