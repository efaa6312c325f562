//! Segments of an attached bucket: what the broker asks of them and the tier does not keep as it is.
//!
//! Their batches bear the leader epochs of another cluster, and a sidecar's have none of a broker's files. Everything here is
//! made of the segment's end, which is held whenever a segment is open; `docs/decisions/2026-11-30-attach.md` says why each
//! is right.

mod epochs;
mod indexes;

use bytes::Bytes;
use firnline_index::segment::BrokerFile;
use firnline_logdir::files::snapshot_of_open;
use firnline_reader::SegmentHandle;

use epochs::LowerError;

use super::segment::{IndexType, Segment};
use super::{CustomMetadata, Failure, FailureKind};

impl Segment {
    /// Whether it is of another cluster, or of another topic id.
    pub(super) fn is_attached(&self) -> bool {
        let known = self.custom.as_deref().and_then(CustomMetadata::decode);
        known.is_some_and(|known| known.origin.is_some())
    }
}

/// The bytes from `position` on, in leader epoch 0. `next` is where a batch begins, kept from one read to the next.
pub(super) async fn read(
    what: &str,
    handle: &SegmentHandle,
    position: u64,
    max_bytes: usize,
    next: &mut Option<u64>,
) -> Result<Vec<Bytes>, Failure> {
    match epochs::read_lowered(handle, position, max_bytes, next).await {
        Ok(bytes) => Ok(bytes.into_iter().collect()),
        Err(LowerError::Read(error)) => Err(Failure::read(what, error)),
        Err(error) => Err(Failure::because(FailureKind::Other, what, error)),
    }
}

/// A file of an attached segment. No request but where the segment has files of the broker that wrote it: those are given
/// as they are.
pub(super) async fn file(
    what: &str,
    segment: &Segment,
    handle: &SegmentHandle,
    of_type: IndexType,
) -> Result<Option<Bytes>, Failure> {
    let is_cut = segment.range.end() < handle.footer().range.end();
    let stored = match of_type.file() {
        // What was made of the whole says too much.
        _ if is_cut => None,
        // What these say is of the other cluster.
        BrokerFile::LeaderEpochs | BrokerFile::ProducerSnapshot => None,
        file => handle.broker_file(file).await.map_err(|error| Failure::read(what, error))?,
    };
    if stored.is_some() {
        return Ok(stored);
    }
    let base = handle.footer().range.start();
    Ok(Some(match of_type {
        IndexType::Offset => indexes::offsets(base, segment.size.into(), handle.index()),
        IndexType::Timestamp => indexes::times(base, segment.size.into(), handle.index()),
        IndexType::Transaction => indexes::transactions(handle.transactions(), segment.range.end()),
        IndexType::LeaderEpoch => indexes::leader_epochs(),
        // The new cluster's producers begin anew; transactions of the old one may still be open here.
        // Where a segment is cut nothing is.
        IndexType::ProducerSnapshot if is_cut => snapshot_of_open(&[]).into(),
        IndexType::ProducerSnapshot => snapshot_of_open(&handle.transactions().open).into(),
    }))
}
