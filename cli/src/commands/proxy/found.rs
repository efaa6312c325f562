//! The tier that a proxy fills from: found at once, or sought until its store answers. What is hot waits for neither.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use firnline_proxy::proxy::Archive;
use firnline_proxy::serve::Catalog;
use firnline_reader::Reader;
use firnline_store::{Env, Store};
use firnline_tier::{Tier, TierParts};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

use super::open::of_catalog;
use crate::commands::context::Context;
use crate::config::Config;
use crate::failure::{Failure, Result, Stop, of};
use crate::surroundings::Surroundings;
use crate::wiring;

/// How long a store may take at the start before the proxy begins without it.
const PATIENCE: Duration = Duration::from_secs(5);
/// The pause between two attempts.
const PAUSE: Duration = Duration::from_secs(5);
/// How often it is said that there is none yet.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// What it takes to find it.
#[derive(Debug, Clone)]
pub(super) struct Seeker {
    config: Config,
    around: Surroundings,
    env: Env,
    store: Store,
    /// The reader of what was found.
    pub(super) reader: Arc<OnceLock<Reader>>,
}

impl Seeker {
    pub(super) fn new(context: &Context, store: &Store) -> Self {
        Self {
            config: context.config.clone(),
            around: context.around.clone(),
            env: context.env.clone(),
            store: store.clone(),
            reader: Arc::default(),
        }
    }

    /// Looks once; `None` where the store does not answer, or not in time. What a person has to mend is told.
    pub(super) async fn first(&self) -> Result<Option<Archive>> {
        match timeout(PATIENCE, self.find()).await {
            Ok(Ok(archive)) => Ok(Some(archive)),
            Ok(Err(Stop::Failed(failure))) if of::is_silence(&failure) => {
                say(&failure);
                Ok(None)
            }
            Ok(Err(stop)) => Err(stop),
            Err(_) => {
                tracing::warn!(
                    seconds = PATIENCE.as_secs(),
                    "the store has not answered: the proxy begins without the tier; what is hot passes"
                );
                Ok(None)
            }
        }
    }

    /// Looks until there is one, and hands it on.
    pub(super) async fn seek(self, proxy: oneshot::Sender<Archive>) {
        let mut said = Instant::now();
        loop {
            sleep(PAUSE).await;
            match self.find().await {
                Ok(archive) => {
                    tracing::info!(tier = %self.store, "the tier is there: what brokers have lost comes from it");
                    // Without a receiver the proxy has ended.
                    let _ = proxy.send(archive);
                    return;
                }
                Err(Stop::Failed(failure)) if said.elapsed() >= SAY_EVERY => {
                    say(&failure);
                    said = Instant::now();
                }
                Err(_) => {}
            }
        }
    }

    async fn find(&self) -> Result<Archive> {
        let settings = wiring::tier(&self.config, self.store.settings());
        let parts = TierParts::new(self.store.clone(), self.env.clone());
        let tier = Tier::open(parts, settings).await.map_err(of::open_tier)?;
        let tier = wiring::with_keys(tier, &self.config, &self.around, &self.env)?;
        let catalog = Catalog::load(self.store.clone(), Arc::clone(&self.env.clock)).await;
        let catalog = catalog.map_err(of_catalog)?;
        let reader = self.reader.get_or_init(|| wiring::serving_reader(&self.config, &tier)).clone();
        Ok(Archive {
            cluster_id: tier.cluster_id().clone(),
            catalog,
            reader,
            store: self.store.clone(),
            max_manifest_age: wiring::reader_settings(&self.config, &tier).max_manifest_age,
            may_delete: self.config.proxy.delete_records.value,
            env: self.env.clone(),
        })
    }
}

fn say(failure: &Failure) {
    tracing::warn!(
        code = failure.code.id,
        cause = failure.sentence(),
        "the proxy stands without the tier: what is hot passes, and it is tried again until its store answers"
    );
}
