//! What operators do: one command each, as `firnline` does it.

use std::time::Duration;

use firnline_index::{Offset, Said, TopicIdPartition};
use firnline_store::env::RandomExt;
use firnline_tier::floors::FloorRequest;
use firnline_tier::gc::{GcMemory, GcOutcome, GcRequest, GcSettings};
use firnline_tier::policy::SetRetention;
use firnline_tier::retention::{Limits, Share};
use firnline_tier::{KnownTopic, Tier};

use super::{Desk, open};

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// `policy set`: what the tier keeps of a topic.
    Keep {
        /// Of which.
        topic: KnownTopic,
        /// What.
        limits: Limits,
        /// What may go by it.
        share: Share,
    },
    /// `gc`: objects that nothing names, from this age on.
    Collect {
        /// The partition.
        tip: TopicIdPartition,
        /// How old an object must be.
        grace: Duration,
    },
    /// `delete-records`: everything below so many thousandths of what the tier has.
    DeleteRecords {
        /// The partition.
        tip: TopicIdPartition,
        /// Where between the tier's start and end, in thousandths.
        permille: u64,
    },
    /// `pause`, or `resume`.
    Pause {
        /// Which topic.
        topic: KnownTopic,
        /// Whether it is to stand still.
        paused: bool,
    },
    /// `rewrap`: all topic keys under the ring's active key, after making new ones where that is asked for.
    Rewrap {
        /// A partition of the topic that gets a new key.
        new_key: Option<TopicIdPartition>,
    },
}

impl Act {
    /// Its name in the sums.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Keep { .. } => "policy-set",
            Self::Collect { .. } => "gc",
            Self::DeleteRecords { .. } => "delete-records",
            Self::Pause { .. } => "pause",
            Self::Rewrap { .. } => "rewrap",
        }
    }
}

/// Carries it out, once. What comes of it shows in the store.
pub async fn perform(desk: Desk, act: Act) {
    let Some(tier) = open(&desk).await else { return };
    match act {
        Act::Keep { topic, limits, share } => {
            if let Ok(clocks) = tier.clocks().await {
                let _said = tier.set_retention(&topic, SetRetention { limits, share }, clocks).await;
            }
        }
        Act::Collect { tip, grace } => collect(&tier, &tip, grace).await,
        Act::DeleteRecords { tip, permille } => delete_records(&tier, tip, permille).await,
        Act::Pause { topic, paused } => {
            let _said = tier.set_paused(&topic, paused.then(|| said(&tier))).await;
        }
        Act::Rewrap { new_key } => {
            if let Some(tip) = new_key
                && let Ok(true) = tier.has_topic_key(&tip).await
            {
                let _made = tier.new_topic_key(&tip).await;
            }
            let _done = tier.rewrap(|_| true, false, |_, _, _| {}).await;
        }
    }
}

fn said(tier: &Tier) -> Said {
    Said { by: "operator".to_owned(), at: tier.now(), why: String::new() }
}

async fn collect(tier: &Tier, tip: &TopicIdPartition, grace: Duration) {
    let Ok(clocks) = tier.clocks().await else { return };
    let settings = GcSettings { min_age: grace, share: Share::ALL, ..GcSettings::default() };
    let request = GcRequest { tip, writer: None, paused: false, clocks, known_generation: None, after: None };
    let mut memory = GcMemory::new();
    if let Ok(GcOutcome::Condemned(condemned, _)) = tier.gc(&request, &settings, &mut memory).await {
        let _done = tier.delete_condemned(&condemned, &mut memory).await;
    }
}

async fn delete_records(tier: &Tier, tip: TopicIdPartition, permille: u64) {
    let Ok(Some(preview)) = tier.preview_floor(&tip, Offset::ZERO).await else { return };
    let (start, end) = (preview.tier_start.get(), preview.tier_end.get());
    let span = (end - start).unsigned_abs();
    let at = start + i64::try_from(span * permille / 1000).unwrap_or(0);
    let Ok(offset) = Offset::new(at) else { return };
    let share = if tier.env().random.below(2) == 0 { None } else { Some(Share::ALL) };
    let _written = tier.write_floor(&FloorRequest { tip, offset, said: said(tier), share }).await;
}
