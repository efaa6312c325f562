//! One segment from the broker's disk into the tier.
//!
//! ```text
//! start ─► files (bounded) ─► snapshot: open transactions ─► upload (scan, CRC, blocks, parts) ─► verified ─► custom metadata
//!   │                                                             │
//!   └─ wait: in turns, as the broker's thread may be interrupted   └─ dropped: parts are thrown away
//! ```
//! A copy writes one object, under a key that the broker's metadata alone gives, so that the clean-up of one that failed finds
//! whatever it has left.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use firnline_index::Offset;
use firnline_index::manifest::EntryKind;
use firnline_index::segment::{BrokerFile, BrokerFiles, MAX_BROKER_FILE_LEN};
use firnline_index::transactions::{OpenTransaction, TransactionStart};
use firnline_logdir::files::open_transactions;
use firnline_logdir::{SegmentFile, SourceOptions};
use firnline_tier::{BrokerSegment, SegmentPlan, UploadOutcome, UploadedSegment};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::metadata::CustomMetadata;
use super::segment::Segment;
use super::source::WholeFile;
use super::{Core, Engine, Failure, FailureKind, Inner, close};

/// Copies that a broker has under way at once, as it comes (`remote.log.manager.copier.thread.pool.size`).
const COPIES_AT_ONCE: u64 = 10;

/// The files of a segment, as the broker hands them in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyFiles {
    /// `.log`.
    pub log: PathBuf,
    /// `.index`.
    pub offset_index: PathBuf,
    /// `.timeindex`.
    pub time_index: PathBuf,
    /// `.txnindex`, where there is one.
    pub transaction_index: Option<PathBuf>,
    /// `.snapshot`, where there is one.
    pub snapshot: Option<PathBuf>,
    /// The leader epochs up to the segment's end, as text.
    pub leader_epochs: Bytes,
}

/// A copy under way. Dropping it aborts it.
#[derive(Debug)]
pub struct Copy {
    inner: Arc<Inner>,
    outcome: watch::Receiver<Option<Result<Vec<u8>, Failure>>>,
    task: AbortHandle,
}

impl Engine {
    /// Begins a copy. Does not wait for it.
    ///
    /// # Errors
    /// Where the engine is closed.
    pub fn start_copy(&self, segment: Segment, files: CopyFiles) -> Result<Copy, Failure> {
        let _inside = self.inner.lifetime.enter("copy a segment")?;
        let (tell, outcome) = watch::channel(None);
        let inner = Arc::clone(&self.inner);
        let mut closing = self.inner.lifetime.closing();
        let task = self.inner.lifetime.handle().spawn(async move {
            let limit = inner.settings.deadlines.copy + inner.time_for(segment.size);
            let what = format!("copy {}", segment.name());
            let copied = tokio::select! {
                biased;
                () = close::closed(&mut closing) => Err(Failure::closed(&what)),
                outcome = tokio::time::timeout(limit, inner.copy(&what, &segment, files)) => {
                    outcome.unwrap_or_else(|_| Err(Failure::late(&what, limit)))
                }
            };
            let counter = match &copied {
                Ok(_) => &inner.counts.copied,
                Err(_) => &inner.counts.copies_failed,
            };
            counter.fetch_add(1, Ordering::Relaxed);
            tell.send_replace(Some(copied));
        });
        Ok(Copy { inner: Arc::clone(&self.inner), outcome, task: task.abort_handle() })
    }
}

impl Copy {
    /// The custom metadata of the segment once it is copied; `None` while it is not after `patience`. Either answer may be
    /// asked for again.
    ///
    /// # Errors
    /// Why it is not copied, and will not be.
    pub fn wait(&self, patience: Duration) -> Result<Option<Vec<u8>>, Failure> {
        let what = "wait for a copy";
        let mut outcome = self.outcome.clone();
        let inside = self.inner.lifetime.enter(what)?;
        let waited = inside
            .block_on(async { tokio::time::timeout(patience, outcome.wait_for(Option::is_some)).await });
        match waited {
            Err(_) => Ok(None),
            Ok(Ok(done)) => done.clone().transpose(),
            // Its task has gone without a word: a bug of ours.
            Ok(Err(_)) => {
                Err(Failure::new(FailureKind::Other, "the copy ended unexpectedly; its log has why"))
            }
        }
    }
}

impl Copy {
    /// Ends it where it is under way. What it has sent is thrown away by the store, in the background; whoever waits is told.
    pub fn abort(&self) {
        self.task.abort();
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        self.abort();
    }
}

impl Inner {
    /// What a copy of so many bytes may take besides: the store's time, and that of copies that share a rate with it.
    fn time_for(&self, bytes: u32) -> Duration {
        let slowest = self.parts.store.settings().deadlines.min_rate_bytes_per_second;
        let share = self.settings.upload_rate.map(|rate| rate / COPIES_AT_ONCE);
        let seconds = |rate: u64| u64::from(bytes) / rate.max(1);
        Duration::from_secs(seconds(slowest).saturating_add(share.map_or(0, seconds)))
    }

    async fn copy(&self, what: &str, segment: &Segment, files: CopyFiles) -> Result<Vec<u8>, Failure> {
        self.projection.check(what, &segment.tip)?;
        let core = self.core().await?;
        let (of, log) = (segment.clone(), files.log.clone());
        let worker = core.tier.workers();
        let found = worker.run(move || Found::read(&of, &files)).await;
        let Found { log_file, broker_files, open } =
            found.map_err(|why| Failure::because(why.kind(), what, why))?;
        let plan = SegmentPlan {
            tip: segment.tip.clone(),
            base: segment.range.start(),
            // What the segments before left open is theirs to tell.
            transactions: TransactionStart::Unknown { span_start: segment.range.start() },
            last_epoch: None,
            size_hint: segment.size.into(),
            kind: EntryKind::Segment,
            replaces: Vec::new(),
            form: self.settings.form.clone(),
        };
        let named = BrokerSegment {
            uuid: segment.uuid,
            leader_epoch: segment.key_epoch(),
            epochs: segment.epochs.clone(),
            files: broker_files,
            open,
        };
        let options = SourceOptions { limits: core.tier.settings().limits, ..SourceOptions::default() };
        let source = Box::new(WholeFile::new(log_file, segment.size.into(), &options));
        let outcome = core.tier.upload_broker_segment(source, plan, named, &self.rates).await;
        match outcome.map_err(|error| Failure::upload(what, error))? {
            UploadOutcome::Uploaded(uploaded) => Ok(self.copied(core, segment, &uploaded)),
            UploadOutcome::Empty => {
                let why = format!("{what}: {log:?} holds no batch");
                Err(Failure::new(FailureKind::Other, why))
            }
        }
    }

    fn copied(&self, core: &Core, segment: &Segment, uploaded: &UploadedSegment) -> Vec<u8> {
        let entry = &uploaded.entry;
        let metadata = CustomMetadata {
            length: entry.location.length,
            tail_position: entry.tail_position,
            object_crc: entry.object_crc,
            sealed: entry.key_id.is_some(),
            origin: None,
        };
        self.counts.copied_bytes.fetch_add(segment.size.into(), Ordering::Relaxed);
        self.projection.added(&segment.tip, entry.clone());
        let custom = metadata.encode();
        // A repeated copy has another salt: what memory holds of the first does not fit it.
        let told = Segment { custom: Some(custom.clone()), ..segment.clone() };
        if let Ok(of) = told.ours("copy", &self.settings.cluster_id) {
            core.reader.forget_segment(&of);
        }
        custom
    }
}

/// What is read of the files before anything is sent.
struct Found {
    log_file: SegmentFile,
    broker_files: BrokerFiles,
    open: Option<Vec<OpenTransaction>>,
}

/// Files that cannot be copied.
#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error("read {path:?}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("look at the segment's file")]
    Look(#[source] firnline_logdir::IoProblem),
    #[error("{path:?} has more than {MAX_BROKER_FILE_LEN} bytes")]
    TooLong { path: PathBuf },
    #[error("{path:?} has {found} bytes, the broker counts {expected}")]
    Length { path: PathBuf, found: u64, expected: u32 },
    #[error("{path:?} is no producer snapshot")]
    Snapshot { path: PathBuf, source: firnline_logdir::files::SnapshotError },
}

impl Unfit {
    /// A file that cannot be read now may be readable later; one that is wrong stays so.
    fn kind(&self) -> FailureKind {
        match self {
            Self::Read { .. } | Self::Look(_) => FailureKind::Retry,
            Self::TooLong { .. } | Self::Length { .. } | Self::Snapshot { .. } => FailureKind::Other,
        }
    }
}

impl Found {
    fn read(segment: &Segment, files: &CopyFiles) -> Result<Self, Unfit> {
        let (base, end): (Offset, Offset) = (segment.range.start(), segment.range.end());
        let log_file = SegmentFile::sealed(&files.log, base, end).map_err(Unfit::Look)?;
        if log_file.len != u64::from(segment.size) {
            let (path, found, expected) = (files.log.clone(), log_file.len, segment.size);
            return Err(Unfit::Length { path, found, expected });
        }
        let mut broker_files = BrokerFiles::default()
            .with(BrokerFile::OffsetIndex, read(&files.offset_index)?)
            .with(BrokerFile::TimeIndex, read(&files.time_index)?)
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

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Inner({})", self.parts.store)
    }
}
