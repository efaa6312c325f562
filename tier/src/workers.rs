//! Where work goes that would hold up the async threads: reading files, checksums, compression.

/// Who runs blocking work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Workers {
    /// The runtime's threads for blocking work.
    #[default]
    Threads,
    /// The caller itself, at once. For tests on one thread whose time is paused: the order of things is then the same
    /// in every run.
    Inline,
}

impl Workers {
    /// Runs `work` to its end and gives back what it returned; a panic in it goes on here. Not cancelled when the
    /// future is dropped: `work` runs to its end unseen, so it must be bounded and must not need an answer.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn both_kinds_give_back_what_the_work_returned() {
        assert_eq!(Workers::Inline.run(|| 7).await, 7);
        assert_eq!(Workers::Threads.run(|| 7).await, 7);
    }

    #[tokio::test]
    #[should_panic(expected = "inside the work")]
    async fn a_panic_in_the_work_is_not_swallowed() {
        Workers::Threads.run(|| panic!("inside the work")).await
    }
}
