//! Whether a replica's file goes on where the tier ends.
//!
//! Leader epoch and offset together name a record for good. Where the file has the tier's last record, the epochs must be the
//! same; where it begins at the tier's end, its first batch must not be of an older epoch.

use firnline_index::batch::{BatchHeader, Parsed};
use firnline_index::manifest::{Manifest, ManifestKind};
use firnline_index::{LeaderEpoch, Offset, OffsetRange};
use firnline_logdir::{LocalLog, LocalRead, ReadError, SourceOptions};

/// A file that is not joined to the tier.
#[derive(Debug, thiserror::Error)]
pub(super) enum Apart {
    #[error("it begins at offset {begins}, and the tier ends at {tier_end}: what comes between is missing")]
    Hole { begins: Offset, tier_end: Offset },
    #[error(
        "{batch} is one batch in it, and the tier ends at {tier_end}: one of them was truncated and written anew"
    )]
    Within { batch: OffsetRange, tier_end: Offset },
    #[error(
        "it is of another history: around offset {tier_end}, where the tier ends, it is of leader epoch {here}, the tier of {tier}",
        here = Epoch(*here)
    )]
    OtherHistory { tier_end: Offset, here: Option<LeaderEpoch>, tier: LeaderEpoch },
    #[error(
        "the tier's part of it was written by a broker, by KIP-405, whose own metadata says what follows"
    )]
    Kip405,
    #[error("it cannot be read")]
    Read(#[source] ReadError),
}

struct Epoch(Option<LeaderEpoch>);

impl std::fmt::Display for Epoch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(epoch) => epoch.fmt(f),
            None => f.write_str("none"),
        }
    }
}

/// Whether `log` goes on from the manifest; `false` where it has nothing beyond it. Blocks; a few small reads.
pub(super) fn joins(log: &LocalLog, manifest: &Manifest, options: &SourceOptions) -> Result<bool, Apart> {
    if manifest.kind == ManifestKind::Kip405 {
        return Err(Apart::Kip405);
    }
    let tier_end = manifest.tier_end;
    let Some(first) = log.partition().segments.first() else { return Ok(false) };
    if first.base > tier_end {
        return Err(Apart::Hole { begins: first.base, tier_end });
    }
    let Some((header, range)) = batch_at(log, tier_end, options)? else { return Ok(false) };
    if range.start() < tier_end {
        return Err(Apart::Within { batch: range, tier_end });
    }
    let last = tier_end.get().checked_sub(1).and_then(Offset::from_kafka);
    let last = last.filter(|_| tier_end > manifest.serving_start);
    let Some((last, tier)) = last.and_then(|last| Some((last, manifest.lineage.epoch_at(last)?))) else {
        // An empty span begins behind a gap, whose epochs nobody knows; but they were none that go back.
        let newest = manifest.lineage.last().map(|last| last.epoch);
        return match newest.filter(|newest| header.leader_epoch < Some(*newest)) {
            Some(tier) => Err(Apart::OtherHistory { tier_end, here: header.leader_epoch, tier }),
            None => Ok(true),
        };
    };
    let before = if first.base <= last { batch_at(log, last, options)? } else { None };
    let (here, fits) = match before.filter(|(_, range)| range.contains(last)) {
        Some((before, _)) => (before.leader_epoch, before.leader_epoch == Some(tier)),
        None => (header.leader_epoch, header.leader_epoch >= Some(tier)),
    };
    if fits { Ok(true) } else { Err(Apart::OtherHistory { tier_end, here, tier }) }
}

/// The batch that holds `offset`, or the first after it.
fn batch_at(
    log: &LocalLog,
    offset: Offset,
    options: &SourceOptions,
) -> Result<Option<(BatchHeader, OffsetRange)>, Apart> {
    match log.read(offset, 1).map_err(Apart::Read)? {
        LocalRead::Data { bytes, range } => {
            match BatchHeader::parse(&bytes, range.start(), &options.limits) {
                Ok(Parsed::Header(header)) => Ok(Some((header, range))),
                // It was parsed a moment ago.
                Ok(Parsed::NeedMore(_)) | Err(_) => Ok(None),
            }
        }
        LocalRead::BelowStart { .. } | LocalRead::AtEnd { .. } => Ok(None),
    }
}
