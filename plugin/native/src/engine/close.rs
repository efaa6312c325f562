//! The runtime, who is inside, and how it ends.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::{Engine, Failure, FailureKind};

/// Threads for blocking work at most: files and codecs, more of which at once are no sooner done. Others wait.
const BLOCKING_THREADS: usize = 32;

/// The life of an engine.
pub(super) struct Lifetime {
    handle: Handle,
    /// Taken out when it ends.
    runtime: Mutex<Option<Runtime>>,
    closing: watch::Sender<bool>,
    inside: watch::Sender<usize>,
}

/// A call under way: the runtime is not shut down before it has gone.
pub(super) struct Inside<'a> {
    of: &'a Lifetime,
}

impl Lifetime {
    pub(super) fn begin(threads: usize) -> Result<Self, Failure> {
        let built = Builder::new_multi_thread()
            .worker_threads(threads.max(1))
            .max_blocking_threads(BLOCKING_THREADS)
            .thread_name("firnline")
            .enable_all()
            .build();
        let runtime = built.map_err(|error| Failure::because(FailureKind::Other, "start threads", error))?;
        Ok(Self {
            handle: runtime.handle().clone(),
            runtime: Mutex::new(Some(runtime)),
            closing: watch::Sender::new(false),
            inside: watch::Sender::new(0),
        })
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    pub(super) fn enter(&self, what: &str) -> Result<Inside<'_>, Failure> {
        self.inside.send_modify(|inside| *inside += 1);
        let inside = Inside { of: self };
        // Looked at after it was counted: whoever closes sees this call, or is seen by it.
        if *self.closing.borrow() { Err(Failure::closed(what)) } else { Ok(inside) }
    }

    pub(super) fn closing(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }
}

impl Inside<'_> {
    pub(super) fn closing(&self) -> watch::Receiver<bool> {
        self.of.closing()
    }

    pub(super) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.of.handle.block_on(work)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.of.inside.send_modify(|inside| *inside -= 1);
    }
}

/// Waits until the engine is being closed.
pub(super) async fn closed(closing: &mut watch::Receiver<bool>) {
    if closing.wait_for(|closing| *closing).await.is_err() {
        // The engine has gone: what still runs is dropped with its runtime.
        std::future::pending::<()>().await;
    }
}

impl Engine {
    /// Ends all work within the closing deadline: calls under way fail, copies are aborted, what is on its way to the disk
    /// cache is given up. A second time it does nothing. Calls after it fail.
    pub fn close(&self) {
        let lifetime = &self.inner.lifetime;
        if lifetime.closing.send_replace(true) {
            return;
        }
        let limit = self.inner.settings.deadlines.close;
        let rest = lifetime.handle.block_on(async {
            let until = Instant::now() + limit;
            let left = || until.saturating_duration_since(Instant::now());
            let mut inside = lifetime.inside.subscribe();
            let _ = timeout(left(), inside.wait_for(|inside| *inside == 0)).await;
            if let Some(core) = self.inner.core.get() {
                // What does not get there now stands in the segments' footers.
                let _ = timeout(left() / 2, self.inner.write_down(core)).await;
                let _ = timeout(left() / 2, self.inner.sweep(core)).await;
                let _ = timeout(left(), core.reader.shutdown()).await;
            }
            // Uploads that were dropped are thrown away by requests of their own.
            let _ = timeout(left(), self.inner.parts.store.settle()).await;
            left()
        });
        if let Some(runtime) = lifetime.take() {
            runtime.shutdown_timeout(rest.max(Duration::from_millis(100)));
        }
    }
}

impl Lifetime {
    fn take(&self) -> Option<Runtime> {
        self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Lifetime {
    fn drop(&mut self) {
        // An engine that nobody has closed: the thread that drops it may be one of its own, which must not wait.
        if let Some(runtime) = self.take() {
            runtime.shutdown_background();
        }
    }
}
