//! From settings to an engine.

use std::sync::Arc;

use firnline_config::wiring::ReaderKeys;
use firnline_reader::{Reader, ReaderSettings};
use firnline_tier::{Tier, TierParts};
use tokio::sync::OnceCell;

use super::close::Lifetime;
use super::leftovers::{self, Leftovers};
use super::projection::{self, Projection};
use super::rates::Rates;
use super::scrub;
use super::{Core, Counts, Engine, EngineParts, EngineSettings, Failure, FailureKind, Inner};

impl Engine {
    /// An engine. Opens the tier of its cluster, and makes it where the prefix is empty; where the store does not answer,
    /// that is left to the first call that needs it, so that a broker starts without its store.
    ///
    /// # Errors
    /// Where the store answers, and the tier must not be written to: another cluster's, a foreign prefix, credentials that
    /// are refused, a store that ignores conditions.
    pub fn open(parts: EngineParts, settings: EngineSettings) -> Result<Self, Failure> {
        let lifetime = Lifetime::begin(settings.threads)?;
        let (core, counts, projection) = (OnceCell::new(), Counts::default(), Projection::default());
        let leftovers = Leftovers::default();
        let (limit, interval) = (settings.deadlines.close, settings.projection_interval);
        let rates = Rates::new(settings.upload_rate, settings.download_rate, tokio::time::Instant::now());
        let inner = Arc::new(Inner { settings, parts, lifetime, core, counts, projection, rates, leftovers });
        projection::begin(&inner, interval);
        leftovers::begin(&inner);
        scrub::begin(&inner);
        let opened = inner.call("open the tier", limit, async { inner.core().await.map(|_| ()) });
        match opened {
            Err(failure) if failure.kind() != FailureKind::Retry => Err(failure),
            Err(failure) => {
                tracing::warn!(why = failure.line(), "the store does not answer; the next call tries again");
                Ok(Self { inner })
            }
            Ok(()) => Ok(Self { inner }),
        }
    }
}

impl Inner {
    /// Tier and reader, opened by the first who needs them.
    pub(super) async fn core(&self) -> Result<&Core, Failure> {
        self.core.get_or_try_init(|| self.open_core()).await
    }

    async fn open_core(&self) -> Result<Core, Failure> {
        let EngineParts { store, env, ring } = self.parts.clone();
        let EngineSettings { cluster_id, tier: settings, reader, .. } = self.settings.clone();
        let tier = Tier::open_for_writing(TierParts::new(store.clone(), env), settings, &cluster_id).await;
        let mut tier = tier.map_err(Failure::open)?;
        if let Some(ring) = ring {
            tier = tier.with_key_ring(ring);
        }
        let settings = ReaderSettings {
            max_manifest_age: reader.max_manifest_age.min(tier.marker().max_manifest_age),
            cluster_id: Some(cluster_id),
            ..reader
        };
        let keys = Arc::new(ReaderKeys(tier.keys().clone()));
        let reader = Reader::with_keys(store, settings, Some(keys));
        Ok(Core { tier, reader })
    }
}
