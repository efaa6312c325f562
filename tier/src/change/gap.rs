//! A gap: offsets known lost, so that the tier can go on behind them.

use firnline_index::ids::OffsetRange;
use firnline_index::manifest::{GapReason, Manifest, Unmade};

use crate::edit::{Applied, Edit, Fence, Known, Lost, Refused};

/// Records that a range from the tier's end on is lost.
#[derive(Debug, Clone)]
pub struct RecordGap {
    /// The offsets; they begin at the tier's end as it was when the range was given up. Without an operator's word the gap ends
    /// where somebody has told meanwhile that he holds what begins there.
    pub range: OffsetRange,
    /// Why. With [`GapReason::Operator`] it may be recorded without a leader epoch.
    pub reason: GapReason,
}

impl Edit for RecordGap {
    fn fence(&self) -> Fence {
        match self.reason {
            GapReason::Operator => Fence::Anyone,
            GapReason::LocalRetention | GapReason::Reserve | GapReason::Damage => Fence::Leader,
        }
    }

    fn apply(&self, head: Option<&Manifest>, known: &Known<'_>) -> Result<Applied, Unmade> {
        let Some(head) = head else { return Ok(Applied::Refused(Refused::NoManifest)) };
        if head.tier_end != self.range.start() {
            let (expected, now) = (self.range.start(), head.tier_end);
            return Ok(Lost::TierEndMoved { expected, now }.into());
        }
        let mut next = head.clone();
        let range = match (&head.claim, self.reason) {
            (Some(claim), GapReason::LocalRetention | GapReason::Reserve | GapReason::Damage) => {
                claim.undivided(self.range)
            }
            (None, _) | (_, GapReason::Operator) => self.range,
        };
        next.record_gap(range, self.reason, known.now())?;
        Ok(Applied::head(next))
    }
}
