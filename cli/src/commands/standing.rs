//! What stands until it is told to end, a server or a proxy: its files are looked at meanwhile, and its figures are shown.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::selection::usage;
use crate::changes::Files;
use crate::config::{Origin, Set, Value};
use crate::exit::Exit;
use crate::failure::{Code, Failure, Result, Stop, codes};
use crate::signals::{Signals, Told};
use crate::{http, logs};

/// How often it is looked whether a file has changed.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Runs what `begin` gives until a signal ends it: then the future that it was begun with comes. `reload` is called when the
/// files are to be read again.
pub(super) async fn stand<W>(
    signals: &mut Signals,
    files: &mut Files,
    begin: impl FnOnce(BoxFuture<'static, ()>) -> W,
    mut reload: impl FnMut(),
) -> Result<Exit>
where
    W: Future<Output = ()> + Send + 'static,
{
    let (stop, stopped) = oneshot::channel::<()>();
    let mut work = JoinSet::new();
    // A sender that was dropped means the same as a word from it.
    work.spawn(begin(stopped.map(drop).boxed()));
    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let told = loop {
        tokio::select! {
            told = signals.next() => match told {
                Told::End(exit) => break exit,
                Told::Reload => {
                    let _ = files.changed();
                    reload();
                }
                Told::Child => {}
            },
            _ = look.tick() => if files.changed() {
                reload();
            },
            // It ends only when told to, or by a bug, which the panic hook has reported.
            _ = work.join_next() => {
                return Err(Failure::new(&codes::INTERNAL, "what was to stand ended by itself").into());
            }
        }
    };
    tracing::info!("ending: requests at hand are answered");
    drop(stop);
    let _ = work.join_next().await;
    Ok(told)
}

/// Waits until a signal ends it, before there is anything to be reloaded.
pub(super) async fn ended(signals: &mut Signals) -> Exit {
    loop {
        if let Told::End(exit) = signals.next().await {
            return exit;
        }
    }
}

/// Opens the HTTP port. Clients do not depend on it: where it cannot be opened, it is said, and they are served.
pub(super) async fn show(
    address: Option<SocketAddr>,
    site: impl http::Site,
    code: &Code,
    tasks: &mut JoinSet<()>,
) {
    let Some(address) = address else { return };
    match http::Server::bind(address).await {
        Ok(server) => {
            let address = server.address().unwrap_or(address);
            tracing::info!(%address, "metrics and health are served");
            tasks.spawn(server.serve(Arc::new(site)));
        }
        Err(error) => {
            let what = format!("listen on {address}");
            logs::failure(&Failure::new(code, what).caused_by(error));
        }
    }
}

/// Says what came of reading the config again, where it is in force by now: what more there is to say of it, the keys that differ
/// and need a restart; or why what was read before goes on.
pub(super) fn say_read_again(read: Result<Vec<String>>, more: impl FnOnce()) {
    match read {
        Ok(restart) => {
            tracing::info!("the config and its files were read again and hold");
            more();
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

/// A key's value as it was typed.
pub(super) fn said<T: Value>(flag: &str, text: &str) -> Result<Set<T>> {
    let value = T::parse(text).map_err(|error| usage(format!("{flag}: {error}")))?;
    Ok(Set { value, origin: Origin::CommandLine })
}
