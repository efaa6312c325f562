//! The worker's life: open, say so, work, hear what it is told, end.

use std::sync::Arc;
use std::time::Duration;

use firnline_offloader::sidecar::Stopped;
use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::open::{self, Opened};
use super::site::SidecarSite;
use super::state::StateExport;
use crate::args::GlobalArgs;
use crate::commands::offload::typed::Typed;
use crate::exit::Exit;
use crate::failure::{Failure, Result, Stop, codes};
use crate::http::Server;
use crate::logs;
use crate::signals::{Signals, Told};
use crate::wiring;

/// How long what is under way may take to end. The sidecar's own grace is shorter; the guard's is longer.
const END_WAIT: Duration = Duration::from_secs(45);
/// How often it is looked whether the worker is ready.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Works until told to end.
pub(super) async fn run(mut typed: Typed, global: &GlobalArgs) -> Result<Exit> {
    let mut signals = Signals::listen()?;
    let opened = tokio::select! {
        opened = open::open(&typed) => opened?,
        exit = ended(&mut signals) => return Ok(exit),
    };
    let (prices, _) = wiring::prices(&typed.context.config, None)?;
    let site = Arc::new(SidecarSite::new(&opened, &typed, prices));
    let mut tasks = JoinSet::new();
    serve(&typed, &site, &mut tasks).await;
    let brokers = Arc::clone(&site);
    tasks.spawn(async move {
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            look.tick().await;
            brokers.look_at_brokers().await;
        }
    });
    if let Some(export) = state_export(&typed, &opened) {
        tasks.spawn(export.run());
    }
    let (stop, stopped) = oneshot::channel::<()>();
    let sidecar = opened.sidecar.clone();
    let mut work = JoinSet::new();
    work.spawn(async move {
        // A sender that was dropped means the same as a word from it.
        sidecar.run(async { drop(stopped.await) }).await
    });
    tracing::info!(node = %opened.node, tier = %opened.store, "the sidecar works");
    let mut look = interval(LOOK_EVERY);
    let mut ready = false;
    let told = loop {
        tokio::select! {
            told = signals.next() => match told {
                Told::End(exit) => break exit,
                Told::Reload => reload(&mut typed, global, &opened),
                Told::Child => {}
            },
            ended = work.join_next() => return Err(broke_off(ended, &opened)),
            _ = look.tick() => {
                site.look_at_store();
                let now = site.unready().is_empty();
                if now != ready {
                    ready = now;
                    if ready {
                        tracing::info!(node = %opened.node, "ready: log directories, brokers and store answer");
                    } else {
                        tracing::warn!(reasons = site.unready().join("; "), "not ready any more");
                    }
                }
            }
        }
    };
    tracing::info!("ending: what is under way has a while to end");
    drop(stop);
    if timeout(END_WAIT, work.join_next()).await.is_err() {
        tracing::warn!("what was under way is left; the next worker does it again");
    }
    // Without it the next run has to prove that this one is gone.
    if let Err(error) = opened.lease.release(&opened.tier).await {
        tracing::warn!(%error, "the lease of this node was not given back");
    }
    Ok(told)
}

/// Why the work ended although nobody said so.
fn broke_off(ended: Option<std::result::Result<Stopped, JoinError>>, opened: &Opened) -> Stop {
    match ended {
        Some(Ok(Stopped::OtherRun { incarnation })) => {
            let what = format!("another run, {incarnation}, works as node {} of this tier", opened.node);
            Failure::new(&codes::SECOND_SIDECAR, what).into()
        }
        // It ends only when told to, or by a bug, which the panic hook has reported.
        Some(Ok(Stopped::Asked)) | None => {
            Failure::new(&codes::INTERNAL, "the sidecar ended by itself").into()
        }
        Some(Err(_)) => Failure::new(&codes::INTERNAL, "the sidecar broke off").into(),
    }
}

async fn ended(signals: &mut Signals) -> Exit {
    loop {
        if let Told::End(exit) = signals.next().await {
            return exit;
        }
    }
}

/// Who writes down what the cluster is, if anybody is to.
fn state_export(typed: &Typed, opened: &Opened) -> Option<StateExport> {
    let offload = &typed.context.config.offload;
    offload.state_export.value.then(|| StateExport {
        client: opened.client.clone(),
        tier: opened.tier.clone(),
        node: opened.node,
        every: offload.state_interval.value.0,
    })
}

/// Opens the port. The archive does not depend on it: where it cannot be opened, it is said, and the work goes on.
async fn serve(typed: &Typed, site: &Arc<SidecarSite>, tasks: &mut JoinSet<()>) {
    let Some(address) = typed.context.config.http.listen.value.0 else { return };
    match Server::bind(address).await {
        Ok(server) => {
            // Another one than asked for where any port was asked for.
            let address = server.address().unwrap_or(address);
            tracing::info!(%address, "metrics, health and status are served");
            tasks.spawn(server.serve(Arc::clone(site) as Arc<dyn crate::http::Site>));
        }
        Err(error) => {
            logs::failure(&Failure::new(&codes::HTTP_PORT, format!("listen on {address}")).caused_by(error));
        }
    }
}

/// Reads the config again. One that is bad changes nothing.
fn reload(typed: &mut Typed, global: &GlobalArgs, opened: &Opened) {
    match typed.read_again(global) {
        Ok(restart) => {
            let settings = open::settings(&typed.context, &typed.patterns, opened);
            opened.host.set_wanted(open::wanted(&settings));
            opened.sidecar.apply(settings);
            if restart.is_empty() {
                tracing::info!("the config was read again and holds");
            } else {
                tracing::warn!(
                    keys = restart.join(", "),
                    "the config was read again and holds, but for keys that need a restart"
                );
            }
        }
        Err(Stop::Failed(failure)) => {
            tracing::error!("the config was not read again; what was read before goes on");
            logs::failure(&failure);
        }
        Err(Stop::ClosedPipe) => {}
    }
}
