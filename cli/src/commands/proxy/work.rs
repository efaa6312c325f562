//! A proxy's life: open, say so, stand between, hear what it is told, end.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::open::{self, Live, Opened};
use super::site::ProxySite;
use super::typed::Typed;
use crate::args::GlobalArgs;
use crate::changes::Files;
use crate::exit::Exit;
use crate::failure::{Failure, Result, Stop, codes};
use crate::signals::{Signals, Told};
use crate::wiring;
use crate::{http, logs};

/// How often it is looked whether a file has changed.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Stands before the brokers until told to end.
pub(super) async fn run(mut typed: Typed, global: &GlobalArgs) -> Result<Exit> {
    let mut signals = Signals::listen()?;
    let settings = wiring::proxy(&typed.context.config);
    let upstream = settings.upstream.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    // Looked at before it is read again: a change in between is seen.
    let mut files = Files::new(typed.files(global));
    let legs = typed.legs()?;
    let protected = (legs.tls.is_some(), legs.upstream.is_some());
    let opened = tokio::select! {
        opened = open::open(&typed, settings, legs) => opened?,
        exit = ended(&mut signals) => return Ok(exit),
    };
    let Opened { proxy, live, reader, store, seeking } = opened;
    let watched = proxy.watched();
    let (topics, partitions) = watched.topics();
    tracing::info!(address = %proxy.address(), upstream, tls = protected.0, broker_tls = protected.1, tier = %store, topics, partitions,
        "the proxy stands before the brokers");
    let (prices, _) = wiring::prices(&typed.context.config, None)?;
    let started_ms = typed.context.env.clock.now_ms();
    let site = ProxySite { watched, reader, store, prices, started_ms };
    // Its port ends with this.
    let mut beside = JoinSet::new();
    show(&typed, site, &mut beside).await;
    if let Some((seeker, sender)) = seeking {
        beside.spawn(seeker.seek(sender));
    }
    let (stop, stopped) = oneshot::channel::<()>();
    let mut work = JoinSet::new();
    work.spawn(proxy.run(async {
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
                return Err(Failure::new(&codes::INTERNAL, "the proxy ended by itself").into());
            }
        }
    };
    tracing::info!("ending: requests at hand are answered");
    drop(stop);
    let _ = work.join_next().await;
    Ok(told)
}

async fn ended(signals: &mut Signals) -> Exit {
    loop {
        if let Told::End(exit) = signals.next().await {
            return exit;
        }
    }
}

/// Opens the HTTP port. Clients do not depend on it: where it cannot be opened, it is said, and they are served.
async fn show(typed: &Typed, site: ProxySite, tasks: &mut JoinSet<()>) {
    let Some(address) = typed.context.config.proxy.http_listen.value.0 else { return };
    match http::Server::bind(address).await {
        Ok(server) => {
            let address = server.address().unwrap_or(address);
            tracing::info!(%address, "metrics and health are served");
            tasks.spawn(server.serve(Arc::new(site)));
        }
        Err(error) => {
            let what = format!("listen on {address}");
            logs::failure(&Failure::new(&codes::PROXY_HTTP_PORT, what).caused_by(error));
        }
    }
}

/// Reads the config again. One that is bad changes nothing.
fn reload(typed: &mut Typed, global: &GlobalArgs, live: &Live) {
    match typed.read_again(global).and_then(|restart| Ok((restart, typed.legs()?))) {
        Ok((restart, legs)) => {
            live.change(legs);
            tracing::info!("the config and its files were read again and hold");
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
