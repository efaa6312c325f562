//! Naming transactions that stay open: they hold back readers of committed records, and nobody else tells.

use std::time::Duration;

use firnline_index::Offset;
use tokio::time::Instant;

use super::Never;
use crate::cluster::{BoundAsk, Leader, OpenProducer};
use crate::sidecar::core::Core;
use crate::sidecar::step::SidecarStep;

/// How often stable offsets are asked at the least.
const INTERVAL: Duration = Duration::from_secs(300);
/// How often at least within the time after which a transaction counts as hanging.
const ASKED_WITHIN: u32 = 4;
/// Partitions whose producers are asked for in one look.
const LOOKED_INTO: usize = 20;

impl Core {
    pub(super) async fn watch_transactions(&self) -> Never {
        loop {
            tokio::time::sleep(INTERVAL.min(self.settings().hanging_after / ASKED_WITHIN)).await;
            let led = self.led();
            if led.is_empty() {
                continue;
            }
            let ask = |(tip, epoch)| BoundAsk {
                tip,
                leader: Leader { node: self.parts.node, epoch },
                epoch_end_of: None,
            };
            let asks: Vec<BoundAsk> = led.into_iter().map(ask).collect();
            self.before(SidecarStep::Duty).await;
            let told = self.parts.cluster.stable_offsets(&asks).await;
            let mut stuck = Vec::new();
            for (ask, told) in asks.into_iter().zip(told) {
                let Ok(stable) = told else { continue };
                if self.note_stable(&ask, stable) {
                    stuck.push(ask);
                }
            }
            for ask in stuck.into_iter().take(LOOKED_INTO) {
                self.name_hanging(&ask).await;
            }
        }
    }

    /// Whether the stable offset has been behind at the same place for too long.
    fn note_stable(&self, ask: &BoundAsk, stable: Offset) -> bool {
        let (limit, now) = (self.settings().hanging_after, Instant::now());
        let stuck = self.with(&ask.tip, |slot| {
            let behind = slot.bound.is_some_and(|bound| stable < bound.high_watermark);
            let since = match slot.stable {
                Some((known, since)) if known == stable && behind => since,
                // What held it back has ended, and nothing else has for long enough.
                _ => {
                    slot.hanging.clear();
                    now
                }
            };
            slot.stable = Some((stable, since));
            behind && now.saturating_duration_since(since) >= limit
        });
        stuck.unwrap_or(false)
    }

    async fn name_hanging(&self, ask: &BoundAsk) {
        self.before(SidecarStep::Duty).await;
        let Ok(producers) = self.parts.cluster.open_producers(&ask.tip, ask.leader).await else { return };
        let (limit, now) = (self.settings().hanging_after, self.now().get());
        let old = |producer: &OpenProducer| {
            let age = u64::try_from(now.saturating_sub(producer.last_timestamp_ms)).unwrap_or(0);
            Duration::from_millis(age) >= limit
        };
        let hanging: Vec<OpenProducer> = producers.into_iter().filter(old).collect();
        for producer in &hanging {
            tracing::warn!(
                tip = %ask.tip, producer = producer.producer_id, from = %producer.start_offset,
                "a transaction stays open; readers of committed records do not get past it"
            );
        }
        self.with(&ask.tip, |slot| slot.hanging = hanging);
    }
}
