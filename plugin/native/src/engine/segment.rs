//! A segment as the broker's metadata names it, and where that is in the tier.

use firnline_index::lineage::EpochStart;
use firnline_index::segment::BrokerFile;
use firnline_index::{
    ByteCount, ClusterId, LeaderEpoch, OffsetRange, SegmentUuid, TimestampMs, TopicIdPartition,
};
use firnline_reader::{SegmentPlace, SegmentRef};

use super::{CustomMetadata, Failure, FailureKind};

/// What the broker passes with every call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// The partition.
    pub tip: TopicIdPartition,
    /// The broker's id of the segment, which is its upload's.
    pub uuid: SegmentUuid,
    /// Its offsets.
    pub range: OffsetRange,
    /// The length of the broker's file, in bytes.
    pub size: u32,
    /// The largest timestamp in it, where there is one.
    pub max_timestamp: Option<TimestampMs>,
    /// The broker that copied it.
    pub broker: i32,
    /// The leader epochs in it, oldest first.
    pub epochs: Vec<EpochStart>,
    /// What a copy gave back; `None` where it never ended, or gave nothing.
    pub custom: Option<Vec<u8>>,
}

/// The files that a broker asks for, by the numbers that cross the border.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IndexType {
    /// 0.
    Offset,
    /// 1.
    Timestamp,
    /// 2.
    ProducerSnapshot,
    /// 3; the only one that a segment may be without.
    Transaction,
    /// 4.
    LeaderEpoch,
}

impl IndexType {
    /// By its number.
    #[must_use]
    pub fn of(number: i32) -> Option<Self> {
        Some(match number {
            0 => Self::Offset,
            1 => Self::Timestamp,
            2 => Self::ProducerSnapshot,
            3 => Self::Transaction,
            4 => Self::LeaderEpoch,
            _ => return None,
        })
    }

    pub(super) fn file(self) -> BrokerFile {
        match self {
            Self::Offset => BrokerFile::OffsetIndex,
            Self::Timestamp => BrokerFile::TimeIndex,
            Self::ProducerSnapshot => BrokerFile::ProducerSnapshot,
            Self::Transaction => BrokerFile::TransactionIndex,
            Self::LeaderEpoch => BrokerFile::LeaderEpochs,
        }
    }
}

/// Whose a segment is.
pub(super) enum Owner {
    /// Ours, and where it is.
    Ours(Box<SegmentRef>),
    /// Its metadata is another plugin's.
    Another,
}

impl Segment {
    /// The epoch in the key of what we copy: known to every call, with custom metadata or without.
    pub(super) fn key_epoch(&self) -> Option<LeaderEpoch> {
        self.epochs.iter().map(|start| start.epoch).max()
    }

    /// Whose it is, and where. A segment without custom metadata is looked for where we would have put it.
    pub(super) fn owner(&self, cluster_id: &ClusterId) -> Owner {
        let known = match self.custom.as_deref().filter(|custom| !custom.is_empty()) {
            None => None,
            Some(custom) => match CustomMetadata::decode(custom) {
                Some(known) => Some(known),
                None => return Owner::Another,
            },
        };
        let mut of = SegmentRef {
            cluster_id: Some(cluster_id.clone()),
            tip: self.tip.clone(),
            uuid: self.uuid,
            leader_epoch: self.key_epoch(),
            range: self.range,
            log_bytes: ByteCount::new(self.size.into()),
            place: known.as_ref().map(|known| SegmentPlace {
                length: known.length,
                tail_position: known.tail_position,
                object_crc: Some(known.object_crc),
            }),
        };
        if let Some(origin) = known.and_then(|known| known.origin) {
            of.cluster_id = None;
            of.tip.topic_id = origin.topic_id;
            of.tip.partition = origin.partition;
            of.uuid = origin.uuid;
            of.leader_epoch = origin.leader_epoch;
        }
        Owner::Ours(Box::new(of))
    }

    /// Where it is, for who reads it.
    pub(super) fn ours(&self, what: &str, cluster_id: &ClusterId) -> Result<SegmentRef, Failure> {
        match self.owner(cluster_id) {
            Owner::Ours(of) => Ok(*of),
            Owner::Another => Err(Failure::new(
                FailureKind::NotFound,
                format!("{what}: its custom metadata is none of firnline's: another plugin copied it"),
            )),
        }
    }

    /// For messages: partition, first offset, id.
    pub(super) fn name(&self) -> String {
        let Self { tip, range, uuid, .. } = self;
        format!("segment {uuid} of {tip} from offset {}", range.start())
    }
}
