//! How long questions have been waiting without any answer: what stands still behind an open connection fails only when its
//! time is up, and somebody may want to know sooner.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The silence of whom questions are asked.
#[derive(Debug, Default)]
pub struct Silence(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    open: u32,
    /// When the first question was asked that nothing was answered since.
    since: Option<Instant>,
}

impl Silence {
    /// A question is asked.
    pub fn ask(&self) -> Asked<'_> {
        let mut state = self.state();
        state.open = state.open.saturating_add(1);
        state.since.get_or_insert_with(Instant::now);
        Asked(self)
    }

    /// For how long nothing was answered to anything; `None` where nothing waits for an answer, and nothing was left without.
    #[must_use]
    pub fn lasts(&self) -> Option<Duration> {
        self.state().since.map(|since| since.elapsed())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A question under way. Dropped, it was not answered.
#[derive(Debug)]
pub struct Asked<'a>(&'a Silence);

impl Asked<'_> {
    /// It was answered, whatever the answer is.
    pub fn answered(self) {
        let mut state = self.0.state();
        // The others have waited no longer than since this answer, as far as anybody can tell.
        state.since = (state.open > 1).then(Instant::now);
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.open = state.open.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn silence_begins_with_a_question_and_ends_with_any_answer() {
        let silence = Silence::default();
        let wait = |seconds| tokio::time::sleep(Duration::from_secs(seconds));
        assert_eq!(silence.lasts(), None);
        let (first, second) = (silence.ask(), silence.ask());
        wait(5).await;
        assert_eq!(silence.lasts(), Some(Duration::from_secs(5)));
        first.answered();
        wait(3).await;
        assert_eq!(silence.lasts(), Some(Duration::from_secs(3)), "one is still open");
        drop(second);
        wait(2).await;
        assert_eq!(silence.lasts(), Some(Duration::from_secs(5)), "it was given up, and nothing is heard");
        silence.ask().answered();
        assert_eq!(silence.lasts(), None);
    }
}
