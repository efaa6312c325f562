//! The tier behind a proxy: there, to come, or none.

use std::sync::{Arc, OnceLock};

use super::Tier;

/// Which it is. Once it is there it stays.
#[derive(Debug)]
pub(crate) struct Behind {
    tier: OnceLock<Arc<Tier>>,
    is_to_come: bool,
}

impl Behind {
    /// None: all passes.
    pub(crate) fn none() -> Self {
        Self { tier: OnceLock::new(), is_to_come: false }
    }

    /// It is there.
    pub(crate) fn there(tier: Tier) -> Self {
        Self { tier: OnceLock::from(Arc::new(tier)), is_to_come: false }
    }

    /// It is to come: its store does not answer yet.
    pub(crate) fn to_come() -> Self {
        Self { tier: OnceLock::new(), is_to_come: true }
    }

    pub(crate) fn get(&self) -> Option<&Arc<Tier>> {
        self.tier.get()
    }

    /// Whether it is to come still: what brokers have lost may be in it.
    pub(crate) fn is_awaited(&self) -> bool {
        self.is_to_come && self.tier.get().is_none()
    }

    /// It has come.
    pub(crate) fn come(&self, tier: Tier) {
        let _ = self.tier.set(Arc::new(tier));
    }
}
