//! One remote segment from a source to a verified object.
//!
//! ```text
//!  source ─► pump (worker thread) ─► pace ─► parts ─► store      finality ─► complete ─► verify ─► Uploaded
//!            headers, Kafka CRC,             budget,              │             │           │
//!            blocks, index, zstd             in parallel          └─ changed ───┴── failed ─┴─► nothing is named by anything
//! ```
//!
//! One pass over the bytes. What is read is read once, on a worker; blocks are slices of what was read, and go to the
//! store without another copy. Memory: one fill of the pump, and parts within the tier's budget.
//!
//! The key holds a fresh uuid, so that nobody else ever writes it and a repeated request writes the same bytes; where a broker
//! has named the segment ([`BrokerSegment`]), the key holds the broker's id, and only that segment is ever written there. Whatever
//! goes wrong leaves parts that are thrown away, or an object that no manifest names. Not cancel safe beyond that: a
//! dropped upload is aborted in the background by the store.

mod broker;
mod error;
mod pace;
mod pump;
mod verify;

use firnline_index::ids::{LeaderEpoch, Offset, Salt, SegmentUuid, TopicIdPartition};
use firnline_index::log_source::{Finality, LogSource};
use firnline_index::manifest::{Entry, EntryKind};
use firnline_index::segment::{BlockCompression, SegmentOptions, SegmentOrigin, SegmentSummary};
use firnline_index::transactions::{OpenTransaction, TransactionStart};
use firnline_store::env::RandomExt;
use firnline_store::{Upload, UploadOptions};

pub use broker::BrokerSegment;
pub use error::UploadError;
pub use pace::{Pace, Pacer, Unpaced};
use pump::{Ended, Filled, Pump};

use crate::keys::Encryption;
use crate::{Step, Tier, TierSettings};

/// Raw bytes that the pump takes from the source before they are handed to the store: what an upload holds in memory
/// outside the budget.
const FILL_BYTES: usize = 1 << 20;

/// What is to be uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentPlan {
    /// The partition.
    pub tip: TopicIdPartition,
    /// The segment's first offset; the source has nothing below it.
    pub base: Offset,
    /// The transactions open at `base`.
    pub transactions: TransactionStart,
    /// The newest leader epoch below `base`, where one is known. A first batch of a lower one has diverged.
    pub last_epoch: Option<LeaderEpoch>,
    /// About how many raw bytes will come; decides the size of parts.
    pub size_hint: u64,
    /// Whether it is to stay, or is a piece of a segment that is not sealed yet.
    pub kind: EntryKind,
    /// The tail pieces that it takes the place of.
    pub replaces: Vec<SegmentUuid>,
    /// How it is stored.
    pub form: SegmentForm,
}

/// How a segment is stored; what is not said is as the tier's and the store's settings say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SegmentForm {
    /// Whether its blocks are compressed where that pays.
    pub compression: Option<BlockCompression>,
    /// The storage class of its object.
    pub storage_class: Option<String>,
    /// Whether it is sealed with the topic's key.
    pub encryption: Encryption,
}

/// A segment that is in the store, verified, and that no manifest names yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadedSegment {
    /// The entry it will have. The commit sets its time.
    pub entry: Entry,
    /// The transactions open at its end.
    pub open: Vec<OpenTransaction>,
}

/// How an upload ended.
#[derive(Debug)]
pub enum UploadOutcome {
    /// The segment is in the store.
    Uploaded(Box<UploadedSegment>),
    /// The source had no batch; nothing was written.
    Empty,
}

/// What an upload is from its first batch on.
struct Begun {
    leader_epoch: Option<LeaderEpoch>,
    key: String,
    upload: Upload,
}

impl Tier {
    /// Uploads what `source` yields as one remote segment, and verifies it. Cost: one PUT, or one request to begin, one a
    /// part and one to complete; where the store compares no checksum of ours, GETs over the whole object besides.
    pub async fn upload_segment(
        &self,
        source: Box<dyn LogSource>,
        plan: SegmentPlan,
    ) -> Result<UploadOutcome, UploadError> {
        self.upload_paced(source, plan, &Unpaced).await
    }

    /// The same, no faster than `pace` lets it.
    pub async fn upload_paced(
        &self,
        source: Box<dyn LogSource>,
        plan: SegmentPlan,
        pace: &dyn Pace,
    ) -> Result<UploadOutcome, UploadError> {
        let uuid = SegmentUuid::from_bytes(self.env().random.uuid());
        self.upload_as(uuid, source, plan, None, pace).await
    }

    async fn upload_as(
        &self,
        uuid: SegmentUuid,
        source: Box<dyn LogSource>,
        plan: SegmentPlan,
        named: Option<BrokerSegment>,
        pace: &dyn Pace,
    ) -> Result<UploadOutcome, UploadError> {
        let given_epoch = named.as_ref().map(|named| named.leader_epoch);
        let kip405 = named.as_ref().map(BrokerSegment::kip405);
        // Before anything is read: without its key nothing of an encrypted topic goes up.
        let said = match plan.form.encryption {
            Encryption::On => true,
            Encryption::Off => false,
            Encryption::Unsaid => self.is_sealed_topic(&plan.tip).await?,
        };
        let seal = if said { Some(self.sealing_key(&plan.tip).await?) } else { None };
        self.keep_sealed(&plan.tip, said).await?;
        let options = SegmentOptions { seal, ..self.segment_options(&plan, uuid) };
        let options = named.into_iter().fold(options, BrokerSegment::describe);
        // Compresses what a broker gave besides.
        let last_epoch = plan.last_epoch;
        let pump = self.workers().run(move || Pump::new(source, options, last_epoch)).await?;
        self.before(Step::UploadRead).await;
        let (pump, first) = self.fill(pump).await?;
        let Some(first_batch) = first.first_batch else { return Ok(UploadOutcome::Empty) };
        let mut begun = self.begin(&plan, uuid, given_epoch.unwrap_or(first_batch.epoch))?;
        let sent = self.send(pump, first, &mut begun.upload, pace).await;
        let summary = match sent {
            Ok(sent) => sent,
            Err(error) => {
                self.before(Step::UploadAbort).await;
                begun.upload.abort().await;
                return Err(error);
            }
        };
        self.before(Step::UploadComplete).await;
        let Begun { leader_epoch, key, upload } = begun;
        let stored = upload.complete().await?;
        let expected = summary.object_bytes.get();
        if stored.size != expected {
            return Err(UploadError::Length { key, expected, found: stored.size });
        }
        if !stored.verified {
            self.read_back(&key, expected, summary.object_crc).await?;
        }
        tracing::info!(
            %key, range = %summary.range, log_bytes = %summary.log_bytes, read_back = !stored.verified, "segment uploaded"
        );
        let of_store = || self.store().settings().storage_class.clone();
        let storage_class = plan.form.storage_class.or_else(of_store);
        Ok(UploadOutcome::Uploaded(Box::new(UploadedSegment {
            open: summary.transactions.open.clone(),
            entry: Entry { kind: plan.kind, storage_class, kip405, ..Entry::of(uuid, leader_epoch, summary) },
        })))
    }

    fn segment_options(&self, plan: &SegmentPlan, uuid: SegmentUuid) -> SegmentOptions {
        let TopicIdPartition { topic, topic_id, partition } = plan.tip.clone();
        let cluster_id = self.cluster_id().clone();
        let origin = SegmentOrigin { cluster_id, topic, topic_id, partition, uuid };
        let salt = Salt::from_bytes(self.env().random.uuid());
        let TierSettings { block_bytes, compression, limits, .. } = self.settings().clone();
        SegmentOptions {
            block_size: block_bytes,
            compression: plan.form.compression.unwrap_or(compression),
            transactions: plan.transactions.clone(),
            limits,
            kind: plan.kind,
            replaces: plan.replaces.clone(),
            ..SegmentOptions::new(origin, salt, plan.base)
        }
    }

    fn begin(
        &self,
        plan: &SegmentPlan,
        uuid: SegmentUuid,
        leader_epoch: Option<LeaderEpoch>,
    ) -> Result<Begun, UploadError> {
        let key = firnline_index::keys::ObjectKey::Segment {
            tip: plan.tip.clone(),
            base: plan.base,
            leader_epoch,
            uuid,
        };
        let key = key.to_string();
        // Index, transactions and footer come on top of the batches; more than the hint is fine.
        let size_hint = Some(plan.size_hint.saturating_add(plan.size_hint / 4096 + 4096));
        let upload = self.store().upload(&key, UploadOptions { budget: self.budget().clone(), size_hint })?;
        Ok(Begun { leader_epoch, key, upload: upload.in_class(plan.form.storage_class.clone()) })
    }

    /// Takes the next bytes from the source, on a worker.
    async fn fill(&self, pump: Pump) -> Result<(Pump, Filled), UploadError> {
        self.workers().run(move || pump.fill(FILL_BYTES)).await
    }

    /// Moves everything from the source to the store, up to but not including the object's appearance.
    async fn send(
        &self,
        pump: Pump,
        first: Filled,
        upload: &mut Upload,
        pace: &dyn Pace,
    ) -> Result<SegmentSummary, UploadError> {
        let (mut pump, mut filled) = (pump, first);
        loop {
            pace.pass(filled.taken).await;
            self.before(Step::UploadWrite).await;
            for bytes in filled.out {
                upload.write(bytes).await?;
            }
            if filled.ended {
                break;
            }
            self.before(Step::UploadRead).await;
            (pump, filled) = self.fill(pump).await?;
        }
        let Ended { summary, out, mut source } = self.workers().run(move || pump.finish()).await?;
        self.before(Step::UploadWrite).await;
        for bytes in out {
            upload.write(bytes).await?;
        }
        self.before(Step::UploadFinality).await;
        match self.workers().run(move || source.finish()).await? {
            Finality::Stable => Ok(summary),
            Finality::Changed { what } => Err(UploadError::Changed { what }),
        }
    }
}
