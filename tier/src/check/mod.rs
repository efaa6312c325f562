//! Is what the manifests name there, and is it what they say?
//!
//! | depth | looks at | requests |
//! |---|---|---|
//! | existence | manifest algebra, pages, each object's presence and length | 1 GET a manifest or page, 1 LIST per 1,000 objects |
//! | content | besides: every block's CRC, the index against the batches, Kafka's own CRCs, transactions computed anew across segments, footers against entries and batches, each object's own CRC | 1 GET per 8 MiB, 1 a segment |
//!
//! It goes on after whatever it finds. What the store did not let us read is not damage, and is told apart. Nothing is
//! changed. An offloader may work meanwhile: what is missing is called missing only if a manifest read after that still
//! names it.

mod anomaly;
mod content;
mod partition;
mod presence;
mod segment;

use firnline_index::ids::TopicIdPartition;
use firnline_store::StoreError;
use futures::StreamExt;

pub use anomaly::{Anomaly, AnomalyKind};
pub use segment::Pace;

use crate::Tier;
use crate::keys::KeyError;

/// How closely to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckDepth {
    /// Whether it is there.
    Existence,
    /// Whether every byte is right.
    Content,
}

/// One thing that a check has to tell.
#[derive(Debug)]
pub enum Finding {
    /// Damage.
    Anomaly(Anomaly),
    /// The store did not let us look, so nothing is known.
    Unreadable {
        /// The object's key, or the prefix of a listing.
        key: String,
        /// Why.
        source: Box<StoreError>,
    },
    /// A sealed segment whose key cannot be had, so nothing is known of what is in it.
    Locked {
        /// The object's key.
        key: String,
        /// Why not.
        source: Box<KeyError>,
    },
    /// An object that nothing names: an upload under way, or what is left of one that was not committed. No damage.
    Unnamed {
        /// Its key.
        key: String,
        /// Its length in bytes.
        size: u64,
        /// Last change by the store's clock, milliseconds since 1970.
        last_modified_ms: i64,
    },
}

/// What was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Partitions that have a manifest.
    pub partitions: u64,
    /// Segments that manifests name.
    pub segments: u64,
    /// Blocks whose bytes were checked.
    pub blocks: u64,
    /// Batches that were walked.
    pub batches: u64,
    /// Raw bytes of those batches.
    pub log_bytes: u64,
    /// Stored bytes of the segments named.
    pub object_bytes: u64,
    /// Findings that are damage.
    pub anomalies: u64,
    /// Places that could not be read.
    pub unreadable: u64,
    /// Objects that nothing names.
    pub unnamed: u64,
}

impl CheckReport {
    /// Whether nothing is wrong, as far as could be seen.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.anomalies == 0 && self.unreadable == 0
    }

    pub(crate) fn add(&mut self, other: Self) {
        let Self { partitions, segments, blocks, batches, log_bytes, object_bytes, .. } = other;
        self.partitions += partitions;
        self.segments += segments;
        self.blocks += blocks;
        self.batches += batches;
        self.log_bytes += log_bytes;
        self.object_bytes = self.object_bytes.saturating_add(object_bytes);
        self.anomalies += other.anomalies;
        self.unreadable += other.unreadable;
        self.unnamed += other.unnamed;
    }
}

/// Who is told of findings while a check goes on.
pub type OnFinding<'a> = &'a (dyn Fn(Finding) + Sync);

impl Tier {
    /// Checks partitions, `parallel` at a time, and tells each finding as it comes. With [`CheckDepth::Content`] memory is
    /// about 30 MiB for each of them.
    pub async fn check(
        &self,
        tips: Vec<TopicIdPartition>,
        depth: CheckDepth,
        parallel: usize,
        on_finding: OnFinding<'_>,
    ) -> CheckReport {
        let mut report = CheckReport::default();
        let mut checks = futures::stream::iter(tips)
            .map(|tip| async move { self.check_partition(&tip, depth, None, on_finding).await })
            .buffer_unordered(parallel.max(1));
        while let Some(one) = checks.next().await {
            report.add(one);
        }
        report
    }

    /// Checks the content of partitions, one after the other at a pace, so that readers of the same tier do not suffer: what
    /// the scrub of a sidecar does, at once and for partitions of any leader.
    pub async fn check_slowly(
        &self,
        tips: Vec<TopicIdPartition>,
        pace: Pace,
        on_finding: OnFinding<'_>,
    ) -> CheckReport {
        let mut report = CheckReport::default();
        for tip in tips {
            report.add(self.check_partition(&tip, CheckDepth::Content, Some(pace), on_finding).await);
        }
        report
    }
}
