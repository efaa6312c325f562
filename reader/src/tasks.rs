//! The tasks that a reader has started. They go on when whoever asked has gone, so that what was paid for is kept; none
//! outlives [`Tasks::stop`] or the runtime.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::task::JoinSet;

/// Owns the tasks.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    set: Mutex<JoinSet<()>>,
    refuses: bool,
}

impl Tasks {
    /// Starts none: what would be brought by one is not brought, and whoever waits for it is told so at once.
    pub(crate) fn refusing() -> Self {
        Self { set: Mutex::default(), refuses: true }
    }

    /// Starts a task. It must be bounded by itself: requests end by the store's deadline.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if self.refuses {
            return;
        }
        let mut set = self.set();
        // What has ended is taken out here, so that the set grows only with what is under way.
        while let Some(ended) = set.try_join_next() {
            report(ended);
        }
        set.spawn(task);
    }

    /// Ends all tasks and waits until they are gone.
    pub(crate) async fn stop(&self) {
        let mut set = std::mem::take(&mut *self.set());
        set.abort_all();
        while let Some(ended) = set.join_next().await {
            report(ended);
        }
    }

    fn set(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A panic in a task is a bug of ours: those who waited are told that the flight is over, and the log has the rest.
fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(error = &error as &dyn std::error::Error, "a task of the reader has failed");
    }
}
