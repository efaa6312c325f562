//! One segment on its own, for who goes through a tier at a trickle.

use std::time::Duration;

use firnline_index::ids::TopicIdPartition;
use firnline_index::manifest::Entry;

use super::partition::Check;
use super::{AnomalyKind, CheckReport, OnFinding};
use crate::Tier;

/// How fast a check reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    bytes_per_second: u64,
}

impl Pace {
    /// At most so many stored bytes a second, one at least.
    #[must_use]
    pub fn per_second(bytes: u64) -> Self {
        Self { bytes_per_second: bytes.max(1) }
    }

    /// Waits as long as `bytes` take.
    pub(super) async fn after(self, bytes: u64) {
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(self.bytes_per_second);
        tokio::time::sleep(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))).await;
    }
}

impl Tier {
    /// Checks every byte of one segment that a manifest names, as [`Tier::check`] does, but for what only its neighbours
    /// tell: which transactions were open where it begins. Reads a few requests ahead of its pace, and no further. One HEAD, one GET
    /// of its end, one GET per 8 MiB. May be dropped at any time.
    pub async fn check_segment(
        &self,
        tip: &TopicIdPartition,
        entry: &Entry,
        pace: Pace,
        on_finding: OnFinding<'_>,
    ) -> CheckReport {
        let mut check = Check::of_segments(self, tip, pace, on_finding);
        let key = entry.object_key(tip);
        check.report.segments = 1;
        check.report.object_bytes = entry.location.length.get();
        let needed = entry.location.start.get().saturating_add(entry.location.length.get());
        match self.store().head(&key).await {
            Ok(meta) if meta.size == needed || (entry.location.key.is_some() && meta.size > needed) => {
                check.content(&key, entry).await;
            }
            Ok(meta) => {
                check.anomaly(&key, AnomalyKind::ObjectLength { expected: needed, found: meta.size });
            }
            // It may have been retired since the manifest was read.
            Err(error) if error.is_not_found() => match check.still_named(entry).await {
                Ok(true) => check.anomaly(&key, AnomalyKind::ObjectMissing { base: entry.range.start() }),
                Ok(false) => {}
                Err(error) => check.unreadable(&key, error),
            },
            Err(error) => check.unreadable(&key, error),
        }
        check.report
    }
}
