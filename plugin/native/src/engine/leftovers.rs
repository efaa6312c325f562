//! What copies that came to nothing may have left: objects of which no broker ever speaks again.
//!
//! A broker that is told to try again gives the next attempt another id, and so does one whose thread was interrupted: neither
//! asks for a clean-up. Such an object is deleted here, behind the broker's back: nobody was given its custom metadata, so that
//! no metadata can have it as copied. It is deleted again until two minutes have passed, as a write that was given up may land
//! behind the first DELETE. What a crash has kept from being deleted is for `firnline gc --by-brokers`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use firnline_index::SegmentUuid;
use firnline_reader::SegmentRef;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{Core, Inner, close};

/// How many may wait: more than a broker loses in days without its store. Beyond that they are left.
const MOST: usize = 10_000;
/// Behind this no write that was given up can land: brokers' stores have answered, or closed the connection.
const SETTLED: Duration = Duration::from_secs(120);
/// How often what waits is tried again.
const AGAIN: Duration = Duration::from_secs(60);

/// What is to be deleted.
#[derive(Debug, Default)]
pub(super) struct Leftovers {
    waiting: Mutex<HashMap<SegmentUuid, (SegmentRef, Instant)>>,
    /// Who deletes: a copy that takes its id back waits for a DELETE under way.
    turn: tokio::sync::Mutex<()>,
    more: Arc<Notify>,
    left: AtomicU64,
}

impl Leftovers {
    pub(super) fn leave(&self, of: SegmentRef) {
        let mut waiting = self.waiting();
        if waiting.len() < MOST {
            waiting.insert(of.uuid, (of, Instant::now()));
            self.more.notify_one();
        } else {
            self.left.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A copy is made once more under an id: from now on its object is wanted.
    pub(super) async fn take_back(&self, uuid: SegmentUuid) {
        if self.waiting().contains_key(&uuid) {
            let _turn = self.turn.lock().await;
            self.waiting().remove(&uuid);
        }
    }

    /// How many wait, and how many were left because too many did.
    pub(super) fn counts(&self) -> (usize, u64) {
        (self.waiting().len(), self.left.load(Ordering::Relaxed))
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<SegmentUuid, (SegmentRef, Instant)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Deletes what copies leave, until the engine closes.
pub(super) fn begin(inner: &Arc<Inner>) {
    let (weak, mut closing) = (Arc::downgrade(inner), inner.lifetime.closing());
    let more = Arc::clone(&inner.leftovers.more);
    inner.lifetime.handle().spawn(async move {
        loop {
            tokio::select! {
                biased;
                () = close::closed(&mut closing) => return,
                _ = tokio::time::timeout(AGAIN, more.notified()) => {}
            }
            let Some(inner) = Weak::upgrade(&weak) else { return };
            if let Some(core) = inner.core.get() {
                inner.sweep(core).await;
            }
        }
    });
}

impl Inner {
    /// Deletes what waits, each by one DELETE. What the store does not take now is tried again.
    pub(super) async fn sweep(&self, core: &Core) {
        let _turn = self.leftovers.turn.lock().await;
        let all: Vec<_> = self.leftovers.waiting().values().cloned().collect();
        for (of, since) in all {
            let key = of.object_key();
            match core.tier.store().delete(&key).await {
                Ok(()) => {
                    tracing::info!(key, "what a copy that came to nothing may have left is deleted");
                    if since.elapsed() >= SETTLED {
                        self.leftovers.waiting().remove(&of.uuid);
                    }
                }
                Err(error) => {
                    tracing::warn!(key, %error, "what a copy has left could not be deleted; it is tried again");
                    return;
                }
            }
        }
    }
}
