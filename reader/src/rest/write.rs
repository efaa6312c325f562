//! The rest as segments that nobody uploaded: the writer of remote segments runs over the file, and its blocks are thrown away.

use std::sync::Arc;

use bytes::Bytes;
use firnline_index::batch::{BatchHeader, Parsed};
use firnline_index::log_source::{Finality, LogSource as _, SourceError};
use firnline_index::manifest::{Entry, Manifest};
use firnline_index::segment::{
    ExpectedOrigin, SegmentOptions, SegmentOrigin, SegmentReadError, SegmentTail, SegmentWriteError,
    SegmentWriter,
};
use firnline_index::transactions::TransactionStart;
use firnline_index::{LeaderEpoch, Offset, Salt, SegmentUuid, StoredPosition};
use firnline_logdir::{FileSource, PartitionDir, SourceOptions};
use firnline_store::env::{Random, RandomExt as _};

use super::Unuploaded;

/// Bytes read at a time.
const RUN_BYTES: usize = 1 << 20;

/// A file that was whole a moment ago, and is not any more.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    #[error("the log cannot be read")]
    Source(#[from] SourceError),
    #[error("{what}")]
    Changed { what: String },
    #[error("the log cannot be indexed")]
    Writer(#[from] SegmentWriteError),
    #[error("the index of the log cannot be read back")]
    Reader(#[from] SegmentReadError),
}

/// Segments of the log in `[manifest's end, until)`, one for each of its files. Blocks; reads all of it.
pub(super) fn write(
    partition: &PartitionDir,
    manifest: &Manifest,
    until: Offset,
    options: &SourceOptions,
    random: &dyn Random,
) -> Result<Vec<Unuploaded>, WriteError> {
    let mut segments = Vec::new();
    let (mut next, mut open) = (manifest.tier_end, manifest.transaction_start());
    // A file at a time: an index of more than one would be larger than readers take.
    let ends =
        partition.segments.iter().map(|segment| segment.next_base.map_or(until, |base| base.min(until)));
    for end in ends {
        if end <= next {
            continue;
        }
        let one = Piece { partition, manifest, from: next, until: end, open: open.clone() };
        if let Some(segment) = one.write(options, random)? {
            next = segment.entry.range.end();
            open = TransactionStart::Known(segment.open.clone());
            segments.push(segment);
        }
    }
    Ok(segments)
}

/// A stretch of the log in one file.
struct Piece<'a> {
    partition: &'a PartitionDir,
    manifest: &'a Manifest,
    from: Offset,
    until: Offset,
    open: TransactionStart,
}

impl Piece<'_> {
    fn write(self, options: &SourceOptions, random: &dyn Random) -> Result<Option<Unuploaded>, WriteError> {
        let Self { partition, manifest, from, until, open } = self;
        let uuid = SegmentUuid::from_bytes(random.uuid());
        let origin = SegmentOrigin {
            cluster_id: manifest.cluster_id.clone(),
            topic: manifest.tip.topic.clone(),
            topic_id: manifest.tip.topic_id,
            partition: manifest.tip.partition,
            uuid,
        };
        let expect = ExpectedOrigin { uuid: Some(uuid), ..ExpectedOrigin::default() };
        let salt = Salt::from_bytes(random.uuid());
        let mut writer = SegmentWriter::new(SegmentOptions {
            transactions: open,
            limits: options.limits,
            ..SegmentOptions::new(origin, salt, from)
        })?;
        let mut source = FileSource::open(partition, from, Some(until), options);
        let (mut blocks, mut first) = (Vec::new(), None);
        while let Some(run) = source.next_run(RUN_BYTES)? {
            let epoch = epoch_of(&run.bytes, from, options);
            first.get_or_insert(epoch);
            writer.push(run.bytes, &mut blocks)?;
            blocks.clear();
        }
        if let Finality::Changed { what } = source.finish()? {
            return Err(WriteError::Changed { what });
        }
        let Some(leader_epoch) = first else { return Ok(None) };
        let summary = writer.finish(&mut blocks)?;
        // The last piece is the tail, whole; what comes before it are the last blocks.
        let tail = blocks.pop().unwrap_or_default();
        let at = StoredPosition::new(summary.tail_position.get());
        let tail = Arc::new(SegmentTail::parse(tail, at, &expect)?);
        let open = summary.transactions.open.clone();
        Ok(Some(Unuploaded { entry: Entry::of(uuid, leader_epoch, summary), open, tail }))
    }
}

/// The leader epoch of the first batch.
fn epoch_of(bytes: &Bytes, least: Offset, options: &SourceOptions) -> Option<LeaderEpoch> {
    match BatchHeader::parse(bytes, least, &options.limits) {
        Ok(Parsed::Header(header)) => header.leader_epoch,
        Ok(Parsed::NeedMore(_)) | Err(_) => None,
    }
}
