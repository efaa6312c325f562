//! Reading the tier's content again, slowly: damage is found before somebody needs what is damaged.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use firnline_tier::check::Finding;
use firnline_tier::scrub::{Scrub, ScrubStep};

use super::Never;
use crate::sidecar::core::Core;
use crate::sidecar::step::SidecarStep;

/// The pause where there is nothing to read, and after each round.
const PAUSE: Duration = Duration::from_secs(600);

impl Core {
    pub(super) async fn scrub(&self) -> Never {
        let Some(settings) = self.settings().scrub else { return std::future::pending().await };
        let mut scrub = Scrub::new(settings);
        let damage = AtomicU64::new(0);
        loop {
            tokio::time::sleep(PAUSE).await;
            scrub.set_partitions(self.led().into_iter().map(|(tip, _)| tip).collect());
            self.before(SidecarStep::Duty).await;
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
                    ScrubStep::Segment(_) => {}
                    // One manifest a second at most, however small the tier is.
                    ScrubStep::Moved => tokio::time::sleep(Duration::from_secs(1)).await,
                    ScrubStep::Round | ScrubStep::Idle => break,
                }
            }
        }
    }
}
