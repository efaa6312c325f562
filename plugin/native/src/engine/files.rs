//! The files of a segment, read and looked at before anything is sent.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use firnline_index::Offset;
use firnline_index::segment::{BrokerFile, BrokerFiles, MAX_BROKER_FILE_LEN};
use firnline_index::transactions::OpenTransaction;
use firnline_logdir::SegmentFile;
use firnline_logdir::files::open_transactions;

use super::FailureKind;
use super::copy::CopyFiles;
use super::segment::Segment;

/// What is read of the files before anything is sent.
pub(super) struct Found {
    pub(super) log_file: SegmentFile,
    pub(super) broker_files: BrokerFiles,
    pub(super) open: Option<Vec<OpenTransaction>>,
}

/// Files that cannot be copied.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unfit {
    #[error("read {path:?}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("look at the segment's file")]
    Look(#[source] firnline_logdir::IoProblem),
    #[error("{path:?} has more than {MAX_BROKER_FILE_LEN} bytes")]
    TooLong { path: PathBuf },
    #[error("{path:?} has {found} bytes, the broker counts {expected}")]
    Length { path: PathBuf, found: u64, expected: u32 },
    #[error("{path:?} is damaged: {what}; its broker would refuse it when it reads the segment back")]
    Index { path: PathBuf, what: &'static str },
    #[error("{path:?} is no producer snapshot")]
    Snapshot { path: PathBuf, source: firnline_logdir::files::SnapshotError },
}

impl Unfit {
    /// A file that cannot be read now may be readable later; one that is wrong stays so.
    pub(super) fn kind(&self) -> FailureKind {
        match self {
            Self::Read { .. } | Self::Look(_) => FailureKind::Retry,
            Self::TooLong { .. } | Self::Length { .. } | Self::Index { .. } | Self::Snapshot { .. } => {
                FailureKind::Other
            }
        }
    }
}

impl Found {
    pub(super) fn read(segment: &Segment, files: &CopyFiles) -> Result<Self, Unfit> {
        let (base, end): (Offset, Offset) = (segment.range.start(), segment.range.end());
        let log_file = SegmentFile::sealed(&files.log, base, end).map_err(Unfit::Look)?;
        if log_file.len != u64::from(segment.size) {
            let (path, found, expected) = (files.log.clone(), log_file.len, segment.size);
            return Err(Unfit::Length { path, found, expected });
        }
        let mut broker_files = BrokerFiles::default()
            .with(
                BrokerFile::OffsetIndex,
                index(&files.offset_index, |bytes| offset_index(bytes, segment.size))?,
            )
            .with(BrokerFile::TimeIndex, index(&files.time_index, time_index)?)
            .with(BrokerFile::LeaderEpochs, files.leader_epochs.clone());
        if let Some(path) = &files.transaction_index {
            broker_files = broker_files.with(BrokerFile::TransactionIndex, read(path)?);
        }
        let mut open = None;
        if let Some(path) = &files.snapshot {
            let snapshot = read(path)?;
            let told = open_transactions(&snapshot);
            open = Some(told.map_err(|source| Unfit::Snapshot { path: path.clone(), source })?);
            broker_files = broker_files.with(BrokerFile::ProducerSnapshot, snapshot);
        }
        Ok(Self { log_file, broker_files, open })
    }
}

/// A whole file, bounded.
fn read(path: &Path) -> Result<Bytes, Unfit> {
    let failed = |source| Unfit::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(MAX_BROKER_FILE_LEN + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_BROKER_FILE_LEN {
        return Err(Unfit::TooLong { path: path.to_owned() });
    }
    Ok(bytes.into())
}

/// An index, held against what a broker holds it against when it fetches it: one that it refuses makes each read of the segment
/// fail, for ever, while the log that it could be made from is gone.
fn index(path: &Path, wrong: impl Fn(&[u8]) -> Option<&'static str>) -> Result<Bytes, Unfit> {
    let bytes = read(path)?;
    match wrong(&bytes) {
        Some(what) => Err(Unfit::Index { path: path.to_owned(), what }),
        None => Ok(bytes),
    }
}

/// `offset relative to the base i32 | position i32`
fn offset_index(bytes: &[u8], size: u32) -> Option<&'static str> {
    let (entries, rest) = bytes.as_chunks::<8>();
    let last = entries.last().map_or(0, |entry| i64::from_be_bytes(*entry));
    let position = last & i64::from(u32::MAX);
    if !rest.is_empty() {
        Some("its length is no multiple of 8")
    } else if last < 0 {
        Some("its last entry lies below the segment's first offset")
    } else if position > 0 && position >= i64::from(size) {
        Some("its last entry lies behind the segment's end")
    } else {
        None
    }
}

/// `timestamp i64 | offset relative to the base i32`
fn time_index(bytes: &[u8]) -> Option<&'static str> {
    let (entries, rest) = bytes.as_chunks::<12>();
    let parts = |entry: &[u8; 12]| {
        let [t0, t1, t2, t3, t4, t5, t6, t7, offset @ ..] = *entry;
        (i64::from_be_bytes([t0, t1, t2, t3, t4, t5, t6, t7]), i32::from_be_bytes(offset))
    };
    let ends = entries.first().map(parts).zip(entries.last().map(parts));
    if !rest.is_empty() {
        return Some("its length is no multiple of 12");
    }
    match ends {
        Some(((first, _), (last, _))) if last < first => Some("its last timestamp lies before its first"),
        Some((_, (_, offset))) if offset < 0 => Some("its last entry lies below the segment's first offset"),
        _ => None,
    }
}
