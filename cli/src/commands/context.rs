//! What every command starts from: the config in force, the world, and the tier that is meant.

use firnline_index::{Said, TimestampMs};
use firnline_store::{Env, Store};
use firnline_tier::{Tier, TierParts};

use super::config;
use crate::args::GlobalArgs;
use crate::config::Config;
use crate::failure::{Failure, Result, codes, of};
use crate::surroundings::Surroundings;
use crate::wiring;

/// The config in force, and the world.
#[derive(Debug)]
pub struct Context {
    /// File, environment and command line together.
    pub config: Config,
    /// The process's environment.
    pub around: Surroundings,
    /// Clock and randomness.
    pub env: Env,
}

impl Context {
    /// Reads the config. `first` is a tier given as first argument.
    pub fn new(global: &GlobalArgs, first: Option<&str>, around: Surroundings) -> Result<Self> {
        let mut config = config::effective(global, &around)?;
        if let Some(first) = first {
            if let Some(flag) = &global.store {
                let what = format!("the tier is named twice, as {first} and by --store {flag}");
                return Err(Failure::new(&codes::USAGE, what).help("leave one of the two out").into());
            }
            config.store.url = wiring::tier_address(first)?;
        }
        Ok(Self { config, around, env: Env::system() })
    }

    /// Opens the tier for an operator's change: a store that could not keep it safe is refused.
    pub async fn tier_for_writing(&self) -> Result<Tier> {
        let read = self.tier().await?;
        let store = read.store().clone();
        let settings = wiring::tier(&self.config, store.settings());
        let parts = TierParts::new(store, self.env.clone());
        let tier = Tier::open_for_writing(parts, settings, read.cluster_id()).await.map_err(of::open_tier)?;
        wiring::with_keys(tier, &self.config, &self.around, &self.env)
    }

    /// Who gives this command, and why, as it is written beside what it changes.
    pub fn said(&self, why: &str) -> Result<Said> {
        let named = ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(|name| self.around.var(name));
        if why.len() > Said::MAX_LEN {
            let what = format!("--why is longer than {} bytes", Said::MAX_LEN);
            return Err(Failure::new(&codes::USAGE, what).into());
        }
        let by: String = named.unwrap_or("unknown").chars().take(64).collect();
        Ok(Said { by, at: self.now(), why: why.to_owned() })
    }

    /// The time now.
    pub fn now(&self) -> TimestampMs {
        // A clock before 1970 is as good as one at 1970 for telling "two hours ago".
        TimestampMs::new(self.env.clock.now_ms()).unwrap_or(TimestampMs::ZERO)
    }

    /// Opens the store. Makes no request.
    pub fn store(&self) -> Result<Store> {
        wiring::store(&self.config, &self.around, &self.env)
    }

    /// Opens the tier for reading. One request.
    pub async fn tier(&self) -> Result<Tier> {
        let store = self.store()?;
        let settings = wiring::tier(&self.config, store.settings());
        let parts = TierParts::new(store, self.env.clone());
        let tier = Tier::open(parts, settings).await.map_err(of::open_tier)?;
        wiring::with_keys(tier, &self.config, &self.around, &self.env)
    }
}

/// Whether a first argument names a tier: an address, or a directory in a form that no topic's name has.
pub fn names_a_tier(text: &str) -> bool {
    text.contains("://")
        || ["/", "./", "../", "memory:"].iter().any(|start| text.starts_with(start))
        || text == "."
        || text == ".."
}
