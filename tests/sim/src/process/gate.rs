//! Between a process and the scheduler.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures::future::BoxFuture;
use tokio::time::{Instant, Sleep};

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// By itself.
    Done,
    /// It was killed.
    Killed,
}

/// What decides whether a process runs.
#[derive(Debug, Default)]
pub struct Gate {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    killed: bool,
    frozen_until: Option<Instant>,
    /// Awaits until it dies of itself.
    awaits_left: Option<u64>,
    waker: Option<Waker>,
}

impl Gate {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Kills it; it does nothing more.
    pub fn kill(&self) {
        let mut state = self.state();
        state.killed = true;
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }

    /// Kills it at the await that comes so many awaits from now, whichever that is.
    pub fn kill_after(&self, awaits: u64) {
        self.state().awaits_left = Some(awaits);
    }

    /// Freezes it up to then.
    pub fn freeze(&self, until: Instant) {
        let mut state = self.state();
        state.frozen_until = Some(state.frozen_until.map_or(until, |known| known.max(until)));
    }

    /// Whether it was killed.
    pub fn is_killed(&self) -> bool {
        self.state().killed
    }

    /// Whether it stands still now.
    pub fn is_frozen(&self) -> bool {
        self.state().frozen_until.is_some_and(|until| until > Instant::now())
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        let mut state = self.state();
        state.frozen_until = None;
        state.awaits_left = None;
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }

    fn frozen(&self, waker: &Waker) -> Option<Instant> {
        let mut state = self.state();
        state.waker = Some(waker.clone());
        state.frozen_until = state.frozen_until.filter(|until| *until > Instant::now());
        state.frozen_until
    }

    /// Counts an await.
    fn waited(&self) {
        let mut state = self.state();
        match state.awaits_left {
            Some(0) => state.killed = true,
            Some(left) => state.awaits_left = Some(left - 1),
            None => {}
        }
    }
}

/// A process behind its gate.
pub struct Guarded {
    /// Gone once it has ended, and everything of it.
    process: Option<BoxFuture<'static, ()>>,
    gate: Arc<Gate>,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Guarded {
    /// Puts `process` behind `gate`.
    pub fn new(process: BoxFuture<'static, ()>, gate: Arc<Gate>) -> Self {
        Self { process: Some(process), gate, alarm: None }
    }
}

impl Future for Guarded {
    type Output = Until;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Until> {
        let this = &mut *self;
        loop {
            if this.gate.is_killed() {
                this.process = None;
                return Poll::Ready(Until::Killed);
            }
            if let Some(until) = this.gate.frozen(context.waker()) {
                let alarm = this.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
                alarm.as_mut().reset(until);
                match alarm.as_mut().poll(context) {
                    Poll::Ready(()) => continue,
                    Poll::Pending => return Poll::Pending,
                }
            }
            let Some(process) = &mut this.process else { return Poll::Ready(Until::Done) };
            match process.as_mut().poll(context) {
                Poll::Ready(()) => {
                    this.process = None;
                    return Poll::Ready(Until::Done);
                }
                Poll::Pending => this.gate.waited(),
            }
            // It may have killed or frozen itself just now.
            if !this.gate.is_killed() && !this.gate.is_frozen() {
                return Poll::Pending;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use super::*;

    /// A process that counts seconds.
    fn counting(count: &Arc<AtomicU64>) -> BoxFuture<'static, ()> {
        let count = Arc::clone(count);
        Box::pin(async move {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                count.fetch_add(1, Ordering::Relaxed);
            }
        })
    }

    async fn run_for(guarded: &mut Guarded, seconds: u64) -> Option<Until> {
        tokio::time::timeout(Duration::from_secs(seconds), guarded).await.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn frozen_it_does_nothing_and_then_goes_on() {
        let (count, gate) = (Arc::default(), Arc::new(Gate::default()));
        let mut guarded = Guarded::new(counting(&count), Arc::clone(&gate));
        run_for(&mut guarded, 10).await;
        let before = count.load(Ordering::Relaxed);
        gate.freeze(Instant::now() + Duration::from_secs(3600));
        run_for(&mut guarded, 3600).await;
        assert!(count.load(Ordering::Relaxed) <= before + 1);
        run_for(&mut guarded, 10).await;
        assert!(count.load(Ordering::Relaxed) >= before + 9);
    }

    #[tokio::test(start_paused = true)]
    async fn killed_it_is_gone_with_all_it_held() {
        let (count, gate) = (Arc::new(AtomicU64::new(0)), Arc::new(Gate::default()));
        let mut guarded = Guarded::new(counting(&count), Arc::clone(&gate));
        gate.kill_after(3);
        assert_eq!(run_for(&mut guarded, 100).await, Some(Until::Killed));
        assert_eq!(count.load(Ordering::Relaxed), 3);
        assert_eq!(Arc::strong_count(&count), 1);
    }
}
