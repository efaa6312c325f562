//! A simulated store: memory with faults by plan, for tests and simulations.
//!
//! A [`Simulation`] holds the objects. Each [`Simulation::connect`] gives a [`Store`] of its own over them, with its own
//! counters, as two processes would have. Rules ([`Rule`]) say which requests meet which [`SimFault`]; latency is drawn per
//! request. All decisions come from one seed, in the order of the requests, and time is `tokio::time`: on a
//! single-threaded runtime with paused time the same seed gives the same [`Simulation::trace`], which
//! [`Simulation::trace_hash`] compares in one number.
//!
//! The faults are those that real stores and networks have shown (a create that is told "exists" though nothing landed,
//! conditions ignored when a quorum is lost, an answer lost after the write was applied, a listing from before the write,
//! one flipped bit). What the simulation must never see is recorded as [`Fatal`]: a delete or an overwrite of a key that
//! the test has declared protected.

mod backend;
mod late;
mod plan;
#[cfg(test)]
mod tests;
mod trace;

pub use plan::{Rule, SimFault, When};
pub use trace::{Change, Fatal, TraceEvent};

use crate::checksum::crc64;
use crate::counts::RequestKind;
use crate::env::{Env, SeededRandom};
use crate::settings::StoreSettings;
use crate::store::Store;
use crate::url::StoreUrl;
use backend::{Connection, Shared, World};
use bytes::Bytes;
use std::ops::Range;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

/// The simulated store behind any number of connections. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Simulation {
    shared: Arc<Shared>,
}

impl Simulation {
    /// An empty store without faults and latency. All its decisions come from `seed`; `env` gives the objects' times.
    #[must_use]
    pub fn new(seed: u64, env: &Env) -> Self {
        Self { shared: Arc::new(Shared::new(SeededRandom::new(seed), Arc::clone(&env.clock))) }
    }

    /// A handle as one process has it. Its retries pause by `env`'s randomness.
    #[must_use]
    pub fn connect(&self, env: &Env) -> Store {
        let mut settings = StoreSettings::new(StoreUrl::Memory);
        settings.part_size = crate::settings::MIN_PART_SIZE;
        self.connect_with(settings, env)
    }

    /// The same with settings of one's own; their address is only shown in errors.
    #[must_use]
    pub fn connect_with(&self, settings: StoreSettings, env: &Env) -> Store {
        Store::over(Arc::new(Connection::new(Arc::clone(&self.shared))), settings, env.clone())
    }

    /// Adds a rule. Of several rules that fit a request, the first added whose turn it is decides.
    pub fn rule(&self, rule: Rule) {
        self.world().rules.push(rule.begin());
    }

    /// Drops all rules: from now on every request succeeds.
    pub fn heal(&self) {
        self.world().rules.clear();
    }

    /// From now on it tells no checksums of what it holds, as some stores do: whoever writes has to read back.
    pub fn without_checksums(&self) {
        self.world().without_checksums = true;
    }

    /// Each request takes a random time from this range from now on.
    pub fn latency(&self, range: Range<Duration>) {
        self.world().latency = range;
    }

    /// Declares keys that begin with `prefix` protected: deleting or overwriting one that exists is [`Fatal`].
    pub fn protect(&self, prefix: &str) {
        self.world().protected.push(prefix.to_owned());
    }

    /// What happened that must never happen.
    #[must_use]
    pub fn fatal(&self) -> Vec<Fatal> {
        self.world().fatal.clone()
    }

    /// Is called at each fatal event, at the moment it happens.
    pub fn on_fatal(&self, hook: impl Fn(&Fatal) + Send + Sync + 'static) {
        self.world().on_fatal = Some(Arc::new(hook));
    }

    /// Is called after each change of an object, at the moment it happens and before anybody is answered. It may look at
    /// the store, but not write to it.
    pub fn on_change(&self, hook: impl Fn(&Change) + Send + Sync + 'static) {
        self.world().on_change = Some(Arc::new(hook));
    }

    /// Is called when a request is sent, before anything is done about it, with what it asks for.
    pub fn on_request(&self, hook: impl Fn(RequestKind, &str) + Send + Sync + 'static) {
        self.world().on_request = Some(Arc::new(hook));
    }

    /// Applies the late writes ([`SimFault::Late`]) whose time has come, in the order of their times. Each request does the
    /// same before it is applied itself.
    pub fn settle_late(&self) {
        self.shared.settle_late();
    }

    /// Every request so far.
    #[must_use]
    pub fn trace(&self) -> Vec<TraceEvent> {
        self.world().trace.clone()
    }

    /// One number for the whole trace: equal for equal traces.
    #[must_use]
    pub fn trace_hash(&self) -> u64 {
        let lines: String = self.world().trace.iter().map(|event| format!("{event}\n")).collect();
        crc64(lines.as_bytes())
    }

    /// Returns once a connection has died of `SimFault::Die`; at once if one has already.
    pub async fn died(&self) {
        let mut dead = self.shared.dead.subscribe();
        dead.wait_for(|dead| *dead > 0).await.expect("the sender lives in the simulation");
    }

    /// The keys of all objects, sorted: what really is there, whatever listings say.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        self.shared.objects.keys()
    }

    /// An object's bytes, without a request.
    #[must_use]
    pub fn peek(&self, key: &str) -> Option<Bytes> {
        self.shared.objects.peek(key)
    }

    /// Puts an object behind everybody's back, as if it had been there or been tampered with.
    pub fn plant(&self, key: &str, bytes: impl Into<Bytes>) {
        self.shared.objects.plant(key, bytes.into());
    }

    /// Takes an object away behind everybody's back, as a lifecycle rule does.
    pub fn lose(&self, key: &str) {
        self.shared.objects.lose(key);
    }

    /// Multipart uploads that are neither completed nor aborted.
    #[must_use]
    pub fn open_uploads(&self) -> usize {
        self.shared.objects.open_uploads()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.shared.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
