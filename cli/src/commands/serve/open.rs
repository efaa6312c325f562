//! Everything that a server works with.

use std::sync::Arc;

use firnline_proxy::serve::{
    ByConnecting, Catalog, CatalogError, Rights, Security, ServeError, ServeSettings, Served, Server, Tls,
    Topic, Users,
};
use firnline_reader::{Disks, Reader};
use firnline_store::Store;
use firnline_tier::{Tier, TierParts};
use tokio::sync::watch;

use super::typed::Typed;
use crate::failure::{Failure, Result, of};
use crate::wiring::{self, Doors};

/// What was opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) server: Server,
    pub(super) catalog: Arc<Catalog>,
    pub(super) disks: Option<Arc<Disks>>,
    pub(super) live: Live,
    pub(super) reader: Reader,
    pub(super) store: Store,
}

/// What changes while the server runs.
#[derive(Debug)]
pub(super) struct Live {
    rights: watch::Sender<Arc<Rights>>,
    tls: Option<watch::Sender<Tls>>,
    users: Option<watch::Sender<Arc<Users>>>,
}

impl Live {
    fn new(rights: Arc<Rights>, doors: Doors) -> Self {
        let Doors { tls, users } = doors;
        let rights = watch::Sender::new(rights);
        Self { rights, tls: tls.map(watch::Sender::new), users: users.map(watch::Sender::new) }
    }

    /// From here on these hold. What was not asked of clients at the start is not asked of them now.
    pub(super) fn change(&self, new: Arc<Rights>, doors: Doors) {
        let Doors { tls: new_tls, users: new_users } = doors;
        if let (Some(users), Some(new)) = (&self.users, new_users) {
            users.send_replace(new);
        }
        if let (Some(tls), Some(new)) = (&self.tls, new_tls)
            && tls.borrow().asks_certificates() == new.asks_certificates()
        {
            tls.send_replace(new);
        }
        self.rights.send_replace(new);
    }
}

/// Opens the tier, reads its topics, and opens the port.
pub(super) async fn open(
    typed: &Typed,
    mut settings: ServeSettings,
    rights: Arc<Rights>,
    doors: Doors,
) -> Result<Opened> {
    let Typed { context, .. } = typed;
    let (tier, disks) = tier(typed).await?;
    let reading = wiring::reader_settings(&context.config, &tier);
    let catalog = Catalog::load(tier.store().clone(), Arc::clone(&context.env.clock)).await;
    let catalog = Arc::new(catalog.map_err(of_catalog)?);
    let reader = wiring::serving_reader(&context.config, &tier);
    if let Some(disks) = &disks {
        disks.lay(&reader).await.map_err(of::log_dir)?;
        catalog.set_disks(disks.topics().iter().map(Topic::on_disk).collect());
    }
    settings.as_of = typed.as_of(&catalog.topics())?;
    let live = Live::new(rights, doors);
    let served = Served {
        cluster_id: tier.cluster_id().clone(),
        catalog: Arc::clone(&catalog),
        reader: reader.clone(),
        disks: disks.clone(),
        max_manifest_age: reading.max_manifest_age,
        rights: live.rights.subscribe(),
        security: Security {
            tls: live.tls.as_ref().map(watch::Sender::subscribe),
            users: live.users.as_ref().map(watch::Sender::subscribe),
            login_lifetime: context.config.serve.login_lifetime.value.map(|lifetime| lifetime.0),
        },
        store: tier.store().clone(),
        clock: Arc::clone(&context.env.clock),
        random: Arc::clone(&context.env.random),
        reach: Arc::new(ByConnecting),
    };
    let server = Server::bind(settings, served).await.map_err(of_server)?;
    Ok(Opened { server, catalog, disks, live, reader, store: tier.store().clone() })
}

/// The tier, and the log directories beside it. Where directories alone are named, the tier is an empty one in memory.
async fn tier(typed: &Typed) -> Result<(Tier, Option<Arc<Disks>>)> {
    let Typed { context, .. } = typed;
    if context.config.store.url.value.is_some() {
        let tier = context.tier().await?;
        let disks = typed.disks(Some(tier.cluster_id().clone()))?;
        return Ok((tier, disks));
    }
    let Some(disks) = typed.disks(None)? else { return Ok((context.tier().await?, None)) };
    let mut config = context.config.clone();
    config.store.url = wiring::tier_address("memory:")?;
    let store = wiring::store(&config, &context.around, &context.env)?;
    let settings = wiring::tier(&config, store.settings());
    let parts = TierParts::new(store, context.env.clone());
    let tier = Tier::open_for_writing(parts, settings, disks.cluster_id()).await.map_err(of::open_tier)?;
    tracing::warn!(
        "no tier is named: the log directories are served alone, and what groups commit is gone with this process"
    );
    Ok((tier, Some(disks)))
}

fn of_server(error: ServeError) -> Failure {
    of::server(error.code(), error)
}

fn of_catalog(error: CatalogError) -> Failure {
    of::server(error.code(), error)
}
