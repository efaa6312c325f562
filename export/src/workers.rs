//! Who does work that would hold up the async threads.

/// Where decoding and encoding run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Workers {
    /// The runtime's threads for blocking work.
    #[default]
    Threads,
    /// The caller itself, at once. For tests on one thread whose time is paused: the order of things is then the same in
    /// every run.
    Inline,
}

impl Workers {
    /// Runs `work` to its end and gives back what it returned; a panic in it goes on here. Work that was begun is not
    /// cancelled with the future.
    pub async fn run<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> T {
        match self {
            Self::Inline => work(),
            Self::Threads => match tokio::task::spawn_blocking(work).await {
                Ok(value) => value,
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    // Only a runtime that shuts down refuses blocking work, and it drops this future as well.
                    Err(_) => std::future::pending().await,
                },
            },
        }
    }
}
