//! A segment that a KIP-405 broker has named: its id, its leader epochs and its files are the broker's.

use firnline_index::ids::{LeaderEpoch, RemoteLogSegmentId, SegmentUuid};
use firnline_index::lineage::EpochStart;
use firnline_index::log_source::LogSource;
use firnline_index::manifest::Kip405;
use firnline_index::segment::{BrokerFiles, SegmentOptions};
use firnline_index::transactions::OpenTransaction;

use super::{Pace, SegmentPlan, UploadError, UploadOutcome};
use crate::Tier;

/// What a broker says of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerSegment {
    /// The broker's id of the segment, which is the upload's, too.
    pub uuid: SegmentUuid,
    /// The leader epoch in its key.
    pub leader_epoch: Option<LeaderEpoch>,
    /// The broker's epoch map of the segment, oldest first.
    pub epochs: Vec<EpochStart>,
    /// The broker's files about it.
    pub files: BrokerFiles,
    /// The transactions open at its end, as the broker's snapshot tells them; `None` = as the batches tell.
    pub open: Option<Vec<OpenTransaction>>,
}

impl BrokerSegment {
    pub(super) fn kip405(&self) -> Kip405 {
        let segment_id = RemoteLogSegmentId::from_bytes(*self.uuid.as_bytes());
        Kip405 { segment_id, epochs: self.epochs.clone() }
    }

    pub(super) fn describe(options: SegmentOptions, this: Self) -> SegmentOptions {
        let kip405 = Some(this.kip405());
        SegmentOptions { kip405, broker_files: this.files, open_at_end: this.open, ..options }
    }
}

impl Tier {
    /// Uploads what `source` yields as the segment that a broker has named, and verifies it; a repeated upload of one id takes
    /// the place of the first. A broker gives a new id to each attempt, so whoever writes under one writes the same log. Cost
    /// as for [`Tier::upload_segment`].
    ///
    /// # Errors
    /// As for [`Tier::upload_segment`]; files that are too long.
    pub async fn upload_broker_segment(
        &self,
        source: Box<dyn LogSource>,
        plan: SegmentPlan,
        named: BrokerSegment,
        pace: &dyn Pace,
    ) -> Result<UploadOutcome, UploadError> {
        self.upload_as(named.uuid, source, plan, Some(named), pace).await
    }
}
