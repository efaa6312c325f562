//! `[encryption]` to a key ring.

use std::sync::Arc;

use firnline_config::surroundings::Surroundings;
use firnline_config::wiring;
use firnline_store::Env;
use firnline_tier::Tier;
use firnline_tier::keys::KeyRing;

use crate::config::Config;
use crate::failure::{Result, of};

/// The ring that the config names, if it names one.
pub fn key_ring(config: &Config, around: &Surroundings, env: &Env) -> Result<Option<Arc<dyn KeyRing>>> {
    Ok(wiring::key_ring(&config.encryption, around, env).map_err(of::config)?)
}

/// The tier with the ring that the config names.
pub fn with_keys(tier: Tier, config: &Config, around: &Surroundings, env: &Env) -> Result<Tier> {
    Ok(match key_ring(config, around, env)? {
        Some(ring) => tier.with_key_ring(ring),
        None => tier,
    })
}
