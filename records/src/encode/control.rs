//! The markers that end a transaction.

use firnline_index::batch::ProducerInfo;
use firnline_index::{LeaderEpoch, Offset, ProducerId, TimestampMs};

use super::{BatchBuilder, EncodeError, NewRecord};

/// A marker's place and meaning.
#[derive(Debug, Clone, Copy)]
pub struct ControlMarker {
    /// Where it stands. A control batch holds one record.
    pub offset: Offset,
    /// The partition leader's epoch; `None` is written as −1.
    pub leader_epoch: Option<LeaderEpoch>,
    /// Whose transaction it ends.
    pub producer: ProducerId,
    /// The producer's epoch under which the coordinator wrote it.
    pub producer_epoch: i16,
    /// The epoch of the transaction coordinator.
    pub coordinator_epoch: i32,
    /// When it was written.
    pub timestamp: Option<TimestampMs>,
    /// Whether the transaction was committed; else it was aborted.
    pub committed: bool,
}

/// The batch of one commit or abort marker.
///
/// ```text
/// key:   version i16 = 0 | type i16: 0 abort, 1 commit
/// value: version i16 = 0 | coordinator epoch i32
/// ```
pub fn control_batch(marker: &ControlMarker) -> Result<Vec<u8>, EncodeError> {
    let mut key = [0_u8; 4];
    key[3] = u8::from(marker.committed);
    let mut value = [0_u8; 6];
    value[2..].copy_from_slice(&marker.coordinator_epoch.to_be_bytes());
    let producer = ProducerInfo { id: marker.producer, epoch: marker.producer_epoch, base_sequence: -1 };
    let mut batch = BatchBuilder::new(marker.offset)
        .leader_epoch(marker.leader_epoch)
        .producer(producer)
        .transactional()
        .control();
    batch.push(NewRecord {
        timestamp: marker.timestamp,
        key: Some(&key),
        value: Some(&value),
        headers: &[],
    })?;
    batch.build()
}
