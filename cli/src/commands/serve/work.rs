//! A server's life: open, say so, answer, hear what it is told, end.

use std::sync::Arc;
use std::time::Duration;

use firnline_proxy::serve::{Anonymous, Principal, Rights, Rule, Who};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::changes::Files;
use super::open::{self, Live, Opened};
use super::say;
use super::typed::Typed;
use crate::args::GlobalArgs;
use crate::exit::Exit;
use crate::failure::{Failure, Result, Stop, codes};
use crate::logs;
use crate::signals::{Signals, Told};
use crate::wiring;

/// How often it is looked whether a file has changed.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Serves until told to end.
pub(super) async fn run(mut typed: Typed, global: &GlobalArgs) -> Result<Exit> {
    let mut signals = Signals::listen()?;
    let rights = typed.rights()?;
    let doors = typed.doors()?;
    let anonymous = typed.anonymous(&doors)?;
    if !somebody_reads(&rights, anonymous) {
        return Err(Failure::new(&codes::NOBODY_READS, "no rule lets anybody read anything").into());
    }
    let settings = wiring::serve(&typed.context.config, anonymous);
    // Looked at before it is read again: a change in between is seen.
    let mut files = Files::new(typed.files(global));
    let how = say::Doors::of(&doors);
    let opened = tokio::select! {
        opened = open::open(&typed, settings, Arc::clone(&rights), doors) => opened?,
        exit = ended(&mut signals) => return Ok(exit),
    };
    say::started(&opened, how);
    say::rights(&rights);
    let Opened { server, live, .. } = opened;
    let (stop, stopped) = oneshot::channel::<()>();
    let mut work = JoinSet::new();
    work.spawn(server.run(async {
        // A sender that was dropped means the same as a word from it.
        drop(stopped.await);
    }));
    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let told = loop {
        tokio::select! {
            told = signals.next() => match told {
                Told::End(exit) => break exit,
                Told::Reload => {
                    let _ = files.changed();
                    reload(&mut typed, global, &live);
                }
                Told::Child => {}
            },
            _ = look.tick() => if files.changed() {
                reload(&mut typed, global, &live);
            },
            // It ends only when told to, or by a bug, which the panic hook has reported.
            _ = work.join_next() => {
                return Err(Failure::new(&codes::INTERNAL, "the server ended by itself").into());
            }
        }
    };
    tracing::info!("ending: requests at hand are answered");
    drop(stop);
    let _ = work.join_next().await;
    Ok(told)
}

/// Whether a rule is about somebody who can get in: without a login nobody has a name, with one everybody has.
fn somebody_reads(rights: &Rights, anonymous: Anonymous) -> bool {
    let named = |who: &Who| *who != Who::Principal(Principal::Anonymous);
    rights.rules().iter().any(|Rule { who, .. }| named(who) == (anonymous == Anonymous::Nobody))
}

async fn ended(signals: &mut Signals) -> Exit {
    loop {
        if let Told::End(exit) = signals.next().await {
            return exit;
        }
    }
}

/// Reads the config again. One that is bad changes nothing.
fn reload(typed: &mut Typed, global: &GlobalArgs, live: &Live) {
    let read = typed.read_again(global).and_then(|restart| Ok((restart, typed.rights()?, typed.doors()?)));
    match read {
        Ok((restart, new, doors)) => {
            tracing::info!("the config and its files were read again and hold");
            say::rights(&new);
            if new.rules().is_empty() {
                tracing::warn!("no rule is left: nobody may read anything");
            }
            live.change(new, doors);
            if !restart.is_empty() {
                tracing::warn!(keys = restart.join(", "), "these keys need a restart");
            }
        }
        Err(Stop::Failed(failure)) => {
            tracing::error!(
                "the config or a file that it names was not read again; what was read before goes on"
            );
            logs::failure(&failure);
        }
        Err(Stop::ClosedPipe) => {}
    }
}
