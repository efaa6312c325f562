//! What was read of the store, on this machine's disk: blocks and tails of segments, exactly as they are stored, so that what
//! is sealed there stays sealed here.
//!
//! ```text
//!  read:   held (memory: where?) ─► one open, one read ─► header, key, length, checksum ─► decoded, checked as from the store
//!  write:  a run that came from the store ─► 32 MiB that wait at most, else dropped ─► one task ─► the slab at hand
//!                                                                          full: sealed; the one least used gives way
//! ```
//!
//! It promises: a record is given to whoever asks for exactly that part of exactly that upload, or not at all; anything that goes
//! wrong is a miss. It takes no more of the disk than it was told, and leaves a twentieth of the disk free. Files are touched by
//! [`Workers`] alone; a read that takes too long is not waited for, and while one hangs nobody asks the disk at all.
//!
//! Left to others: whether the bytes decode to what the segment's index says (`fetch`), and which of them are worth it.

mod dir;
mod format;
mod held;
mod keep;
mod limits;
mod load;
mod read;
mod stats;
#[cfg(test)]
mod tests;
mod write;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use firnline_index::TopicId;
use firnline_index::manifest::Entry;
use firnline_index::segment::BlockError;
use firnline_store::ByteBudget;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;

use crate::codes;
use crate::settings::Workers;
use crate::stats::count;
use crate::tasks::Tasks;

pub(crate) use format::{Part, RecordKey};
use held::Held;
use keep::Job;
pub use limits::DiskSettings;
use limits::Limits;
use read::{Asked, NotRead, Slabs};
use stats::DiskCounters;
pub use stats::DiskStats;

/// Bytes that wait to be written at most: what comes faster than the disk takes it is dropped, not queued.
const WAITING_BYTES: u64 = 32 << 20;
/// Runs that wait at most.
const WAITING_RUNS: usize = 1024;
/// Reads at once: more do not make a disk faster.
const READS: usize = 16;
/// After this long the store is asked instead.
const PATIENCE: Duration = Duration::from_secs(2);

/// A disk cache. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Disk {
    shared: Arc<Shared>,
    jobs: mpsc::Sender<Job>,
    waiting: ByteBudget,
}

#[derive(Debug)]
struct Shared {
    dir: PathBuf,
    limits: Limits,
    workers: Workers,
    held: Arc<Held>,
    counters: Arc<DiskCounters>,
    /// The least number for a new slab: none is used twice while this process may still look for an old one.
    next: AtomicU32,
    reads: Arc<Semaphore>,
    /// Reads that nobody waits for any more and that have not come back.
    hanging: Arc<AtomicUsize>,
    /// Whether damage was told of.
    told: AtomicBool,
}

/// A record that is asked for, by who asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish {
    pub(crate) key: RecordKey,
    /// As the segment says.
    pub(crate) length: u64,
}

impl RecordKey {
    pub(crate) fn of(topic_id: TopicId, entry: &Entry, part: Part) -> Self {
        Self { topic_id, segment: entry.uuid, object_crc: entry.object_crc, part }
    }
}

impl Disk {
    /// A cache in a directory, which is opened by a task: until then, and whenever that fails, it holds nothing. Within a
    /// runtime.
    pub(crate) fn start(settings: &DiskSettings, workers: Workers, tasks: &Tasks) -> Self {
        Self::with_limits(settings.dir.clone(), Limits::new(settings.max_bytes), workers, tasks)
    }

    fn with_limits(dir: PathBuf, limits: Limits, workers: Workers, tasks: &Tasks) -> Self {
        let (jobs, coming) = mpsc::channel(WAITING_RUNS);
        let shared = Arc::new(Shared {
            dir,
            limits,
            workers,
            held: Arc::default(),
            counters: Arc::default(),
            next: AtomicU32::new(0),
            reads: Arc::new(Semaphore::new(READS)),
            hanging: Arc::default(),
            told: AtomicBool::new(false),
        });
        tasks.spawn(keep::keep(Arc::clone(&shared), coming));
        Self { shared, jobs, waiting: ByteBudget::new(WAITING_BYTES) }
    }

    pub(crate) fn stats(&self) -> DiskStats {
        self.shared.counters.snapshot(&self.shared.held)
    }

    /// Whether it probably holds this. Touches no file.
    pub(crate) fn knows(&self, key: &RecordKey) -> bool {
        self.is_on() && self.shared.held.find(key.fingerprint()).is_some()
    }

    /// Reads records, each of which `check` turns into what is wanted, on the threads for blocking work. `None` for each that
    /// is not here, or not right. Cancel safe.
    pub(crate) async fn get<T: Send + 'static>(
        &self,
        wishes: Vec<Wish>,
        mut check: impl FnMut(usize, Bytes) -> Result<T, BlockError> + Send + 'static,
    ) -> Vec<Option<T>> {
        let count = wishes.len();
        let none = || std::iter::repeat_with(|| None).take(count).collect();
        let asked: Vec<_> = wishes.iter().map(|wish| self.find(wish)).collect();
        if asked.iter().all(Option::is_none) {
            return none();
        }
        let shared = Arc::clone(&self.shared);
        let read = move || {
            let mut slabs = Slabs::new(&shared.dir);
            let one = |(at, asked): (usize, Option<Asked>)| {
                let asked = asked?;
                match slabs.read(&asked) {
                    Ok(bytes) => shared.checked(&asked, check(at, bytes)),
                    Err(why) => shared.missed(&asked, &why),
                }
            };
            asked.into_iter().enumerate().map(one).collect()
        };
        self.in_time(read).await.unwrap_or_else(none)
    }

    /// Has records written, if there is room for `memory` bytes that wait. Does not wait.
    pub(crate) fn put(&self, records: Vec<(RecordKey, Bytes)>, memory: u64) {
        let Shared { limits, counters, held, .. } = &*self.shared;
        if !self.is_on() {
            return;
        }
        let before = records.len();
        let fits = |(_, bytes): &(RecordKey, Bytes)| limits.fits(bytes.len() as u64).is_some();
        let records: Vec<_> = records.into_iter().filter(fits).collect();
        count(&counters.refused_large, (before - records.len()) as u64);
        if records.iter().all(|(key, _)| held.find(key.fingerprint()).is_some()) {
            return;
        }
        let refused = records.len() as u64;
        let sent = match self.waiting.try_reserve(memory) {
            Some(reserved) => self.jobs.try_send(Job { records, _reserved: reserved }).is_ok(),
            None => false,
        };
        if !sent {
            count(&counters.refused_busy, refused);
        }
    }

    /// What was found under this key does not open: it is forgotten.
    pub(crate) fn forget(&self, key: &RecordKey, why: &(dyn std::error::Error + 'static)) {
        let fingerprint = key.fingerprint();
        if let Some(place) = self.shared.held.find(fingerprint) {
            self.shared.damaged(fingerprint, place, why);
        }
    }

    fn is_on(&self) -> bool {
        // While a read hangs, the disk is left alone.
        self.shared.counters.on.load(Ordering::Acquire) && self.shared.hanging.load(Ordering::Acquire) == 0
    }

    fn find(&self, wish: &Wish) -> Option<Asked> {
        let length = u32::try_from(wish.length).ok()?;
        let place = self.shared.held.find(wish.key.fingerprint()).filter(|_| self.is_on())?;
        self.shared.held.used(place.slab);
        Some(Asked { key: wish.key, length, place })
    }

    /// Runs `read` elsewhere, and waits for it as long as one may wait for a disk.
    async fn in_time<T: Send + 'static>(&self, read: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let Shared { reads, hanging, counters, workers, .. } = &*self.shared;
        let Ok(waited) = timeout(PATIENCE, Arc::clone(reads).acquire_owned()).await else {
            count(&counters.slow, 1);
            return None;
        };
        let permit = waited.ok()?;
        let reading = Arc::new(Reading { state: AtomicU8::new(UNDER_WAY), hanging: Arc::clone(hanging) });
        let under_way = UnderWay { reading: Arc::clone(&reading), _permit: permit };
        let run = workers.run(move || {
            let _under_way = under_way;
            read()
        });
        let outcome = timeout(PATIENCE, run).await.ok();
        if outcome.is_none() {
            count(&counters.slow, 1);
            reading.leave();
        }
        outcome
    }
}

impl Shared {
    fn checked<T>(&self, asked: &Asked, outcome: Result<T, BlockError>) -> Option<T> {
        match outcome {
            Ok(value) => {
                count(&self.counters.read_bytes, u64::from(asked.length));
                Some(value)
            }
            Err(why) => {
                self.damaged(asked.key.fingerprint(), asked.place, &why);
                None
            }
        }
    }

    fn missed<T>(&self, asked: &Asked, why: &NotRead) -> Option<T> {
        match why {
            NotRead::Gone => {
                self.held.forget_slab(asked.place.slab);
            }
            NotRead::Shut(_) => tracing::debug!(
                error = why as &dyn std::error::Error,
                "a file of the disk cache is not read; the store is"
            ),
            NotRead::Io(_) | NotRead::Header(_) | NotRead::Other | NotRead::Crc => {
                self.damaged(asked.key.fingerprint(), asked.place, why);
            }
        }
        None
    }

    fn damaged(&self, fingerprint: u64, place: held::Place, why: &(dyn std::error::Error + 'static)) {
        // Another reader may have found it before, or its slab may have given way.
        if !self.held.forget(fingerprint, place) {
            return;
        }
        count(&self.counters.damaged, 1);
        if !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                code = codes::DISK_CACHE_DAMAGED.code,
                dir = %self.dir.display(),
                error = why,
                "a record of the disk cache is damaged and is not used; more of them are counted and not told of"
            );
        }
    }
}

const UNDER_WAY: u8 = 0;
const LEFT: u8 = 1;
const BACK: u8 = 2;

/// A read on a thread of its own: it may hang in the kernel.
#[derive(Debug)]
struct Reading {
    state: AtomicU8,
    hanging: Arc<AtomicUsize>,
}

impl Reading {
    /// Nobody waits for it any more.
    fn leave(&self) {
        self.hanging.fetch_add(1, Ordering::AcqRel);
        let left = self.state.compare_exchange(UNDER_WAY, LEFT, Ordering::AcqRel, Ordering::Acquire);
        if left.is_err() {
            self.hanging.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

/// Held by the thread; dropped when it is back, however.
struct UnderWay {
    reading: Arc<Reading>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if self.reading.state.swap(BACK, Ordering::AcqRel) == LEFT {
            self.reading.hanging.fetch_sub(1, Ordering::AcqRel);
        }
    }
}
