//! `[cache]` and `[limits]` to a reader.

use std::sync::Arc;

use firnline_config::wiring::{self, ReaderKeys};
use firnline_reader::{Reader, ReaderSettings};
use firnline_tier::Tier;

use crate::config::Config;

/// A reader of the tier. Makes no request.
pub fn reader(config: &Config, tier: &Tier) -> Reader {
    let keys = Arc::new(ReaderKeys(tier.keys().clone()));
    Reader::with_keys(tier.store().clone(), reader_settings(config, tier), Some(keys))
}

/// A reader for those who serve. They scan nothing, so that all of the memory is for single reads: a stream from a store that is
/// far away takes some ten long requests at once. And they alone keep on disk what they have read. Within a runtime.
#[cfg(feature = "serve")]
pub fn serving_reader(config: &Config, tier: &Tier) -> Reader {
    let settings = reader_settings(config, tier);
    let settings = ReaderSettings {
        budget_bytes: settings.budget_bytes.saturating_mul(2),
        disk: wiring::disk(&config.cache),
        ..settings
    };
    let keys = Arc::new(ReaderKeys(tier.keys().clone()));
    Reader::with_keys(tier.store().clone(), settings, Some(keys))
}

/// How it works, without what is kept on disk.
pub fn reader_settings(config: &Config, tier: &Tier) -> ReaderSettings {
    ReaderSettings {
        // Never above what the tier's deleters reckon with.
        max_manifest_age: ReaderSettings::default().max_manifest_age.min(tier.marker().max_manifest_age),
        cluster_id: Some(tier.cluster_id().clone()),
        ..wiring::reader(&config.cache, &config.limits)
    }
}
