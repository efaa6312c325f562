//! Reading again what this broker tiers, slowly: damage is found before a consumer finds it.
//!
//! A partition is read by the broker that was the last to write its manifest, which is the one that leads it or led it last:
//! no two read the same, and one that is restarted goes on with what was its own. What is found is logged and counted, and
//! changes nothing.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use firnline_index::{NodeId, TopicIdPartition};
use firnline_tier::Tier;
use firnline_tier::check::Finding;
use firnline_tier::scrub::{Scrub, ScrubOf, ScrubSettings, ScrubStep};

use super::{Inner, close};

/// How an engine scrubs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineScrub {
    /// Everything is read once in this time.
    pub within: Duration,
    /// Stored bytes a second at most.
    pub bytes_per_second: u64,
    /// The pause before each round, and where there is nothing to read.
    pub pause: Duration,
}

impl Default for EngineScrub {
    fn default() -> Self {
        let ScrubSettings { cover_within, most_bytes_per_second, .. } = ScrubSettings::default();
        Self {
            within: cover_within,
            bytes_per_second: most_bytes_per_second,
            pause: Duration::from_secs(600),
        }
    }
}

/// In this part of the time in which all is to be read a small tier is read: each look costs requests, however few its bytes.
const SMALL: u32 = 5;
/// How many times as long as manifests wait to be written a segment may be gone and named.
const LAG: u32 = 4;

/// Scrubs until the engine closes, where it is to, and knows which broker it works for.
pub(super) fn begin(inner: &Arc<Inner>) {
    let (Some(settings), Some(node)) = (inner.settings.scrub, inner.settings.broker) else { return };
    let (weak, mut closing) = (Arc::downgrade(inner), inner.lifetime.closing());
    let lag = inner.settings.projection_interval * LAG;
    inner.lifetime.handle().spawn(async move {
        tokio::select! {
            biased;
            () = close::closed(&mut closing) => {}
            () = rounds(&weak, settings, node, lag) => {}
        }
    });
}

/// Goes round and round, until the engine is gone.
async fn rounds(weak: &Weak<Inner>, settings: EngineScrub, node: NodeId, lag: Duration) {
    let mut scrub = Scrub::new(ScrubSettings {
        cover_within: settings.within,
        most_bytes_per_second: settings.bytes_per_second,
        of: ScrubOf::Mirrors { node, lag },
    });
    loop {
        tokio::time::sleep(settings.pause).await;
        let Some(inner) = weak.upgrade() else { return };
        let Some(core) = inner.core.get() else { continue };
        let partitions = partitions(&core.tier).await;
        let between = settings.within / SMALL / u32::try_from(partitions.len()).unwrap_or(u32::MAX).max(1);
        scrub.set_partitions(partitions);
        drop(inner);
        loop {
            let Some(inner) = weak.upgrade() else { return };
            let Some(core) = inner.core.get() else { break };
            match scrub.step(&core.tier, &|finding| inner.tell(finding)).await {
                ScrubStep::Moved if scrub.is_between() => {
                    drop(inner);
                    tokio::time::sleep(between).await;
                }
                ScrubStep::Segment(_) | ScrubStep::Moved => {}
                ScrubStep::Round | ScrubStep::Idle => break,
            }
        }
    }
}

/// All that the tier holds. What cannot be listed now is listed in the next round.
async fn partitions(tier: &Tier) -> Vec<TopicIdPartition> {
    let mut all = Vec::new();
    let topics = tier.topics().await;
    for topic in topics.iter().flatten() {
        match tier.partitions(topic).await {
            Ok(partitions) => all.extend(partitions),
            Err(error) => tracing::warn!(%error, topic = %topic.topic, "the scrub could not list a topic"),
        }
    }
    if let Err(error) = topics {
        tracing::warn!(%error, "the scrub could not list the tier");
    }
    all
}

impl Inner {
    fn tell(&self, finding: Finding) {
        match finding {
            Finding::Anomaly(anomaly) => {
                self.counts.scrub_findings.fetch_add(1, Ordering::Relaxed);
                tracing::error!(key = %anomaly.key, kind = ?anomaly.kind, "the scrub found damage");
            }
            other => tracing::warn!(finding = ?other, "the scrub could not read everything"),
        }
    }
}
