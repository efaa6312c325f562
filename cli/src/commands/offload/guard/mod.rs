//! The guard: a small process that starts the worker, starts it again when it ends, and keeps the reserve of free disk
//! while it is dead, so that the broker's disk never fills with pins that nobody looks after.
//!
//! ```text
//!            start              ends
//!   waiting ──────► working ──────────► waiting (reserve kept, backoff)
//!      │               │ told to end
//!      │ told to end   ▼
//!      └──────────► ending: signal passed on, then waited for, at last killed
//! ```
//!
//! It opens no store and no connection, and holds nothing of the worker's: what the worker dies of must not take the
//! guard along.

mod backoff;
mod child;
mod reserve;

use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use firnline_store::Env;
use firnline_store::env::RandomExt as _;
use rustix::process::Signal;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::typed::log_dirs;
use crate::args::GlobalArgs;
use crate::commands::config;
use crate::exit::Exit;
use crate::failure::{Result, Stop};
use crate::logs;
use crate::signals::{Signals, Told};
use crate::surroundings::Surroundings;
use backoff::Backoff;
use child::{Starter, Worker, described};
use reserve::Keeper;

/// How often the free space is looked at while no worker does.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a worker may take to end in order.
const END_WAIT: Duration = Duration::from_secs(60);

/// Guards until told to end.
pub async fn run(log_dir: Vec<PathBuf>, global: &GlobalArgs, around: Surroundings) -> Result<Exit> {
    let signals = Signals::listen()?;
    let config = config::effective(global, &around)?;
    let dirs = log_dirs(log_dir, &config)?;
    let keeper = Keeper::new(dirs, &config);
    let guard = Guard {
        signals,
        keeper,
        starter: Starter::of_this_process()?,
        backoff: Backoff::default(),
        env: Env::system(),
    };
    guard.run(global, &around).await
}

struct Guard {
    signals: Signals,
    keeper: Keeper,
    starter: Starter,
    backoff: Backoff,
    env: Env,
}

/// What became of a worker.
enum Became {
    /// It ended by itself.
    Ended(ExitStatus),
    /// We were told to end, and it has ended with us.
    Told(Exit),
}

impl Guard {
    async fn run(mut self, global: &GlobalArgs, around: &Surroundings) -> Result<Exit> {
        let mut ever_settled = false;
        loop {
            let lived = match self.starter.start() {
                Ok(worker) => {
                    tracing::info!(worker = worker.id(), "worker started");
                    match self.watch(worker).await {
                        (Became::Told(exit), _) => return Ok(exit),
                        (Became::Ended(status), lived) => {
                            ever_settled |= lived >= reserve::SETTLED;
                            if let Some(exit) = self.hopeless(status, ever_settled) {
                                return Ok(exit);
                            }
                            tracing::error!(end = described(status), "the worker has ended");
                            lived
                        }
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "a worker could not be started");
                    Duration::ZERO
                }
            };
            let wait = self.backoff.after(lived, self.env.random.u64());
            tracing::info!(
                wait_ms = wait.as_millis(),
                "the next worker starts after a pause; the reserve is kept"
            );
            if let Some(exit) = self.wait(wait, global, around).await {
                return Ok(exit);
            }
        }
    }

    /// An end that another start cannot mend. Where another sidecar works here, it keeps the reserve, and we are not needed.
    /// Else it is the config that is wrong, or going on would be unsafe, before anything was at stake; while pins lie here
    /// the guard stays whatever it is, since nobody else keeps the reserve for them.
    fn hopeless(&self, status: ExitStatus, ever_settled: bool) -> Option<Exit> {
        let ended_with = |exit: Exit| status.code() == Some(i32::from(exit.code()));
        if ended_with(Exit::Refused) && self.keeper.others_work() {
            return Some(Exit::Refused);
        }
        let exit = [Exit::Usage, Exit::Refused].into_iter().find(|exit| ended_with(*exit))?;
        (!ever_settled && !self.keeper.holds_pins()).then_some(exit)
    }

    /// Lets the worker work, passing on what we are told.
    async fn watch(&mut self, mut worker: Worker) -> (Became, Duration) {
        // Signals of children may be merged or come from a stop, so the worker is asked in any case; the ticks are for a
        // signal that came before we listened.
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told: Option<(Exit, Instant)> = None;
        loop {
            match worker.ended() {
                Ok(None) => {}
                Ok(Some(status)) => {
                    let became = told.map_or(Became::Ended(status), |(exit, _)| Became::Told(exit));
                    return (became, worker.lived());
                }
                Err(error) => tracing::error!(%error, "the worker cannot be waited for"),
            }
            let deadline = told.map_or_else(|| Instant::now() + END_WAIT, |(_, deadline)| deadline);
            tokio::select! {
                now = self.signals.next() => match (now, told) {
                    (Told::Child, _) => {}
                    (Told::Reload, _) => worker.send(Signal::HUP),
                    (Told::End(exit), None) => {
                        worker.send(if exit == Exit::Interrupted { Signal::INT } else { Signal::TERM });
                        told = Some((exit, Instant::now() + END_WAIT));
                    }
                    // Who says so twice does not want to wait.
                    (Told::End(_), Some(_)) => worker.send(Signal::KILL),
                },
                _ = look.tick() => {}
                () = sleep_until(deadline), if told.is_some() => {
                    tracing::warn!("the worker did not end in time and is killed");
                    worker.send(Signal::KILL);
                    // A killed process ends as soon as the kernel lets it go; there is nothing more to do than wait.
                    told = told.map(|(exit, _)| (exit, Instant::now() + END_WAIT));
                }
            }
        }
    }

    /// Waits between two workers, keeping the reserve. `Some` if told to end meanwhile.
    async fn wait(&mut self, wait: Duration, global: &GlobalArgs, around: &Surroundings) -> Option<Exit> {
        let until = Instant::now() + wait;
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = look.tick() => self.keeper.keep().await,
                told = self.signals.next() => match told {
                    Told::End(exit) => return Some(exit),
                    Told::Reload => match config::effective(global, around) {
                        Ok(config) => {
                            self.keeper.reload(&config);
                            // Whoever changed the config may have mended what the worker died of.
                            return None;
                        }
                        Err(stop) => tell(stop),
                    },
                    Told::Child => {}
                },
                () = sleep_until(until) => return None,
            }
        }
    }
}

/// A config that cannot be used now does not end the guard: what it read before goes on.
fn tell(stop: Stop) {
    if let Stop::Failed(failure) = stop {
        tracing::error!("the config was not read again; what was read before goes on");
        logs::failure(&failure);
    }
}
