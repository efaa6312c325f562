//! Reading the tier's content again, slowly: damage is found before somebody needs what is damaged.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use firnline_index::TopicIdPartition;
use firnline_tier::check::Finding;
use firnline_tier::scrub::{Scrub, ScrubStep};
use tokio::time::Instant;

use super::Never;
use crate::sidecar::core::Core;
use crate::sidecar::step::SidecarStep;

/// The pause where there is nothing to read, and after each round.
const PAUSE: Duration = Duration::from_secs(600);
/// The pause between two partitions at least.
const BETWEEN: Duration = Duration::from_secs(1);
/// In this part of the time in which all is to be read, a small tier is read: it would be read again and again in no time,
/// and each look costs requests, however few its bytes are. Reading at the rate of the scrub takes four fifths of that time,
/// so that both together keep to it.
const SMALL: u32 = 5;

impl Core {
    pub(super) async fn scrub(&self) -> Never {
        let Some(settings) = self.settings().scrub else { return std::future::pending().await };
        let mut scrub = Scrub::new(settings);
        let damage = AtomicU64::new(0);
        loop {
            tokio::time::sleep(PAUSE).await;
            self.scrub_what_is_led(&mut scrub);
            self.before(SidecarStep::Duty).await;
            let mut since = Instant::now();
            loop {
                let told = |finding: Finding| match finding {
                    Finding::Anomaly(anomaly) => {
                        damage.fetch_add(1, Ordering::Relaxed);
                        tracing::error!(key = %anomaly.key, kind = ?anomaly.kind, "the scrub found damage");
                    }
                    other => tracing::warn!(finding = ?other, "the scrub could not read everything"),
                };
                let step = scrub.step(&self.parts.tier, &told).await;
                self.state().counts.scrub_findings = damage.load(Ordering::Relaxed);
                match step {
                    ScrubStep::Moved if scrub.is_between() => {
                        since = self.rest(&mut scrub, settings.cover_within, since).await;
                    }
                    ScrubStep::Segment(_) | ScrubStep::Moved => {}
                    ScrubStep::Round | ScrubStep::Idle => break,
                }
            }
        }
    }

    /// Waits until the next partition is due, where the one before was due at `since`; gives when that was.
    async fn rest(&self, scrub: &mut Scrub, cover_within: Duration, since: Instant) -> Instant {
        tokio::time::sleep(BETWEEN).await;
        loop {
            let until = since + cover_within / SMALL / self.scrub_what_is_led(scrub);
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return until;
            }
            // More may be led by then.
            tokio::time::sleep(left.min(PAUSE)).await;
        }
    }

    /// Tells the scrub which partitions are its; gives how many, at least 1.
    fn scrub_what_is_led(&self, scrub: &mut Scrub) -> u32 {
        let led: Vec<TopicIdPartition> = self.led().into_iter().map(|(tip, _)| tip).collect();
        let partitions = u32::try_from(led.len()).unwrap_or(u32::MAX).max(1);
        scrub.set_partitions(led);
        partitions
    }
}
