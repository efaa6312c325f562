//! Our clock beside the store's: whoever deletes by age must not do so because one clock jumped.

use std::time::Duration;

use firnline_index::TimestampMs;
use firnline_store::StoreError;
use firnline_store::env::RandomExt;

use crate::{Step, Tier};

/// Stores tell the time of an object in whole seconds, some of them rounded down.
const GRAIN_MS: i64 = 1_000;

/// Two clocks, read at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clocks {
    /// This machine's clock.
    pub ours: TimestampMs,
    /// The store's clock.
    pub store: TimestampMs,
}

impl Clocks {
    /// The earlier of both: by it nothing is older than it is by either.
    #[must_use]
    pub fn earlier(self) -> TimestampMs {
        self.ours.min(self.store)
    }

    /// How far they are apart.
    #[must_use]
    pub fn apart(self) -> Duration {
        Duration::from_millis(self.ours.get().abs_diff(self.store.get()))
    }
}

impl Tier {
    /// Reads both clocks: writes an object, asks when it was written, deletes it. One PUT, one HEAD, one DELETE; what a
    /// crash leaves is cleared away by the store's probe. Where our two looks at our own clock lie close together and the
    /// object was written between them, the clocks agree. Where they lie far apart, the store was slow, or somebody set our
    /// clock between them: then the store's time is what it told.
    pub async fn clocks(&self) -> Result<Clocks, StoreError> {
        let key = format!("probe/clock-{}", self.env().random.hex_id());
        self.before(Step::ReadClock).await;
        let before = self.now();
        self.store().put_unique(&key, "what time is it?\n").await?;
        let after = self.now();
        let written = self.store().head(&key).await?.last_modified_ms;
        // What cannot be removed does no harm.
        if let Err(error) = self.store().delete(&key).await {
            tracing::debug!(%key, %error, "an object that told the time stays");
        }
        let (ours, store) = (after, TimestampMs::new(written).unwrap_or(TimestampMs::ZERO));
        let possible = before.get().saturating_sub(GRAIN_MS)..=after.get().saturating_add(GRAIN_MS);
        let at_once = after.get().saturating_sub(before.get()) <= GRAIN_MS;
        let store = if at_once && possible.contains(&written) { ours } else { store };
        Ok(Clocks { ours, store })
    }
}
