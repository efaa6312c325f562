//! A server's life: open, say so, answer, hear what it is told, end.

use std::sync::Arc;

use firnline_proxy::serve::{Anonymous, Principal, Rights, Rule, Who};
use tokio::task::JoinSet;

use super::open::{self, Live, Opened};
use super::say;
use super::site::ServerSite;
use super::typed::Typed;
use crate::args::GlobalArgs;
use crate::changes::Files;
use crate::commands::standing::{ended, say_read_again, show, stand};
use crate::exit::Exit;
use crate::failure::{Failure, Result, codes};
use crate::signals::Signals;
use crate::wiring;

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
    let (prices, _) = wiring::prices(&typed.context.config, None)?;
    let Opened { server, catalog, disks, live, reader, store } = opened;
    let started_ms = typed.context.env.clock.now_ms();
    let site = ServerSite {
        watched: server.watched(),
        catalog,
        disks,
        reader: reader.clone(),
        store,
        prices,
        started_ms,
    };
    // Its port ends with this.
    let mut beside = JoinSet::new();
    let address = typed.context.config.serve.http_listen.value.0;
    show(address, site, &codes::SERVER_HTTP_PORT, &mut beside).await;
    let exit =
        stand(&mut signals, &mut files, |end| server.run(end), || reload(&mut typed, global, &live)).await;
    reader.shutdown().await;
    exit
}

/// Whether a rule is about somebody who can get in: without a login nobody has a name, with one everybody has.
fn somebody_reads(rights: &Rights, anonymous: Anonymous) -> bool {
    let named = |who: &Who| *who != Who::Principal(Principal::Anonymous);
    rights.rules().iter().any(|Rule { who, .. }| named(who) == (anonymous == Anonymous::Nobody))
}

/// Reads the config again. One that is bad changes nothing.
fn reload(typed: &mut Typed, global: &GlobalArgs, live: &Live) {
    let mut in_force = None;
    let read = typed.read_again(global).map(|(restart, rights, doors)| {
        live.change(Arc::clone(&rights), doors);
        in_force = Some(rights);
        restart
    });
    say_read_again(read, || {
        let Some(rights) = in_force else { return };
        say::rights(&rights);
        if rights.rules().is_empty() {
            tracing::warn!("no rule is left: nobody may read anything");
        }
    });
}
