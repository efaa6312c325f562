//! One segment from the broker's disk into the tier.
//!
//! ```text
//! start ─► files (bounded) ─► snapshot: open transactions ─► upload (scan, CRC, blocks, parts) ─► verified ─► custom metadata
//!   │                                                             │
//!   └─ wait: in turns, as the broker's thread may be interrupted   └─ dropped: parts are thrown away
//! ```
//! A copy writes one object, under a key that the broker's metadata alone gives, so that the clean-up of one that failed finds
//! whatever it has left.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use firnline_index::manifest::EntryKind;
use firnline_index::transactions::TransactionStart;
use firnline_logdir::SourceOptions;
use firnline_tier::{BrokerSegment, SegmentPlan, UploadOutcome, UploadedSegment};
use tokio::sync::watch;

use super::files::Found;
use super::segment::{Owner, Segment};
use super::source::WholeFile;
use super::{Core, CustomMetadata, Engine, Failure, FailureKind, Inner, close};

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
    stop: watch::Sender<bool>,
    state: Arc<Mutex<State>>,
}

/// Whether somebody answers for what a copy has made.
#[derive(Debug)]
enum State {
    /// It is under way.
    Running,
    /// It is done, and nobody was told.
    Copied(Segment),
    /// Whoever asked has its custom metadata, or its failure: what is there is the broker's.
    Told,
    /// Nobody waits for it any more.
    Dropped,
}

impl Engine {
    /// Begins a copy. Does not wait for it.
    ///
    /// # Errors
    /// Where the engine is closed.
    pub fn start_copy(&self, segment: Segment, files: CopyFiles) -> Result<Copy, Failure> {
        let _inside = self.inner.lifetime.enter("copy a segment")?;
        let (tell, outcome) = watch::channel(None);
        let (stop, mut stopped) = watch::channel(false);
        let inner = Arc::clone(&self.inner);
        let mut closing = self.inner.lifetime.closing();
        let state = Arc::new(Mutex::new(State::Running));
        let here = Arc::clone(&state);
        self.inner.lifetime.handle().spawn(async move {
            let limit = inner.settings.deadlines.copy + inner.time_for(segment.size);
            let what = format!("copy {}", segment.name());
            let sent = AtomicBool::new(false);
            let copied = tokio::select! {
                biased;
                () = close::closed(&mut closing) => Err(Failure::closed(&what)),
                () = close::closed(&mut stopped) => Err(dropped_copy(&what)),
                outcome = tokio::time::timeout(limit, inner.copy(&what, &segment, files, &sent)) => {
                    outcome.unwrap_or_else(|_| Err(Failure::late(&what, limit)))
                }
            };
            let counter = match &copied {
                Ok(_) => &inner.counts.copied,
                Err(_) => &inner.counts.copies_failed,
            };
            counter.fetch_add(1, Ordering::Relaxed);
            let mut state = here.lock().unwrap_or_else(PoisonError::into_inner);
            let dropped = matches!(*state, State::Dropped);
            match &copied {
                Ok(_) if dropped => inner.regret(&segment),
                Ok(_) => *state = State::Copied(segment),
                // The broker itself cleans up behind any other failure.
                Err(failure) if dropped || failure.kind() == FailureKind::Retry => {
                    if sent.load(Ordering::Relaxed) {
                        inner.leave(&segment);
                    }
                }
                Err(_) => {}
            }
            drop(state);
            tell.send_replace(Some(copied));
        });
        Ok(Copy { inner: Arc::clone(&self.inner), outcome, stop, state })
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
        let done = match waited {
            Err(_) => return Ok(None),
            Ok(Ok(done)) => done.clone().transpose(),
            // Its task has gone without a word: a bug of ours.
            Ok(Err(_)) => {
                let why = "the copy ended unexpectedly; its log has why";
                return Err(Failure::new(FailureKind::Other, why));
            }
        };
        let mut state = self.state();
        if matches!(*state, State::Dropped) {
            return Err(dropped_copy(what));
        }
        *state = State::Told;
        done
    }

    /// Ends it where it is under way, and sees to it that nothing is left of what nobody was told of. Whoever waits is told.
    pub fn abort(&self) {
        let mut state = self.state();
        match std::mem::replace(&mut *state, State::Dropped) {
            State::Running => {
                self.stop.send_replace(true);
            }
            State::Copied(segment) => self.inner.regret(&segment),
            State::Told => *state = State::Told,
            State::Dropped => {}
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        self.abort();
    }
}

fn dropped_copy(what: &str) -> Failure {
    Failure::new(FailureKind::Retry, format!("{what}: it was dropped"))
}

impl Inner {
    /// What a copy of so many bytes may take besides: the store's time, and that of copies that share a rate with it.
    fn time_for(&self, bytes: u32) -> Duration {
        let slowest = self.parts.store.settings().deadlines.min_rate_bytes_per_second;
        let share = self.settings.upload_rate.map(|rate| rate / COPIES_AT_ONCE);
        let seconds = |rate: u64| u64::from(bytes) / rate.max(1);
        Duration::from_secs(seconds(slowest).saturating_add(share.map_or(0, seconds)))
    }

    /// Nobody was told of a copy that is done: its object goes, and no manifest names it.
    fn regret(&self, segment: &Segment) {
        self.projection.removed(&segment.tip, segment.uuid, segment.range.start());
        self.leave(segment);
    }

    /// Something may be there that the broker has never heard of.
    fn leave(&self, segment: &Segment) {
        let named = Segment { custom: None, ..segment.clone() };
        if let Owner::Ours(of) = named.owner(&self.settings.cluster_id) {
            self.leftovers.leave(*of);
        }
    }

    async fn copy(
        &self,
        what: &str,
        segment: &Segment,
        files: CopyFiles,
        sent: &AtomicBool,
    ) -> Result<Vec<u8>, Failure> {
        self.projection.check(what, &segment.tip)?;
        let core = self.core().await?;
        self.leftovers.take_back(segment.uuid).await;
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
        sent.store(true, Ordering::Relaxed);
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
            core.reader.note_segment(&of);
        }
        custom
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Inner({})", self.parts.store)
    }
}
