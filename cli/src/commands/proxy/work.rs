//! A proxy's life: open, say so, stand between, hear what it is told, end.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::open::{self, Live, Opened};
use super::site::ProxySite;
use super::typed::Typed;
use crate::args::GlobalArgs;
use crate::changes::Files;
use crate::commands::standing::{ended, say_read_again, show, stand};
use crate::exit::Exit;
use crate::failure::{Result, codes};
use crate::signals::Signals;
use crate::wiring;

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
    let site = ProxySite { watched, reader: Arc::clone(&reader), store, prices, started_ms };
    // Its port ends with this.
    let mut beside = JoinSet::new();
    let address = typed.context.config.proxy.http_listen.value.0;
    show(address, site, &codes::PROXY_HTTP_PORT, &mut beside).await;
    if let Some((seeker, sender)) = seeking {
        beside.spawn(seeker.seek(sender));
    }
    let exit =
        stand(&mut signals, &mut files, |end| proxy.run(end), || reload(&mut typed, global, &live)).await;
    if let Some(reader) = reader.get() {
        reader.shutdown().await;
    }
    exit
}

/// Reads the config again. One that is bad changes nothing.
fn reload(typed: &mut Typed, global: &GlobalArgs, live: &Live) {
    let read = typed.read_again(global).map(|(restart, legs)| {
        live.change(legs);
        restart
    });
    say_read_again(read, || {});
}
