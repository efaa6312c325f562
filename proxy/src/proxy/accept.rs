//! The connections of one port.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::connection::{self, Visit};
use super::counts::Refused;
use super::ended::Ended;
use super::identity::{Grounds, Identity};
use super::link::Leg;
use super::places::{Place, Places};
use super::shared::Shared;
use super::up::Purpose;
use crate::serve::stop::Stop;

/// The pause after a failure to accept, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// Whose port a client has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Bootstrap,
    Node(u16),
}

/// Takes the connections of one port until it is time to stop, and waits for their ends.
pub(crate) async fn accept(
    listener: TcpListener,
    door: Door,
    shared: Arc<Shared>,
    places: Arc<Places>,
    stop: Stop,
) {
    let mut tasks = JoinSet::new();
    let taking = async {
        loop {
            while tasks.try_join_next().is_some() {}
            match listener.accept().await {
                Ok((stream, from)) => {
                    // One waits here for each port; a place that was taken before would be kept from all others.
                    let mut place = places.next().await;
                    if !place.of(from.ip()) {
                        shared.counters.refused(Refused::Address);
                        tracing::debug!(%from, "a connection is closed: its address has too many");
                        continue;
                    }
                    let (shared, stop) = (Arc::clone(&shared), stop.clone());
                    tasks.spawn(async move {
                        if let Err(ended) = serve(stream, from, door, &shared, place, stop).await {
                            if matches!(ended, Ended::Late(_)) {
                                shared.counters.refused(Refused::Entry);
                            }
                            say(&ended, from);
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "a connection could not be taken"
                    );
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    tokio::select! {
        () = taking => {}
        () = stop.stopped() => {}
    }
    drop(listener);
    let drained = async { while tasks.join_next().await.is_some() {} };
    if timeout(shared.limits.drain, drained).await.is_err() {
        tracing::warn!(connections = tasks.len(), "connections are cut off in the middle of an answer");
        tasks.shutdown().await;
    }
}

fn say(ended: &Ended, from: SocketAddr) {
    let error = ended as &dyn std::error::Error;
    match ended {
        Ended::Unknown { .. } | Ended::Correlation { .. } | Ended::Unasked | Ended::BrokerTls { .. } => {
            tracing::warn!(%from, error, "a connection is closed");
        }
        _ => tracing::debug!(%from, error, "a connection is closed"),
    }
}

async fn serve(
    client: TcpStream,
    from: SocketAddr,
    door: Door,
    shared: &Shared,
    place: Place,
    stop: Stop,
) -> Result<(), Ended> {
    let _open = shared.counters.connections.enter();
    client.set_nodelay(true).map_err(Ended::Client)?;
    let (client, door, has_certificate) = enter(client, door, shared).await?;
    let known = match door {
        Door::Bootstrap => None,
        Door::Node(node) => shared.nodes.upstream(node),
    };
    let (broker, purpose) = match (known, door) {
        (Some(address), _) => (shared.call(&address).await?, Purpose::Serve),
        (None, Door::Bootstrap) => (shared.any().await?, Purpose::Serve),
        (None, Door::Node(_)) => (shared.any().await?, Purpose::Learn),
    };
    let security = &shared.security;
    let shows_certificate = security.upstream.as_ref().is_some_and(|tls| tls.borrow().shows_certificate());
    let identity = Identity::new(Grounds {
        certificates: has_certificate || shows_certificate,
        trusts_all: security.cold_for_all,
    });
    let visit = Visit { purpose, identity, place, from: from.ip() };
    connection::run(client, broker, &visit, shared, stop).await
}

/// Does TLS with a client, where that is set up; whom it means is told by the name that it has called.
async fn enter(client: TcpStream, door: Door, shared: &Shared) -> Result<(Leg, Door, bool), Ended> {
    let Some(tls) = &shared.security.tls else { return Ok((Leg::Plain(client), door, false)) };
    let tls = tls.borrow().clone();
    let limit = shared.limits.entry;
    let client = timeout(limit, tls.accept(client)).await.map_err(|_| Ended::Late(limit))?;
    let client = client.map_err(Ended::ClientTls)?;
    let named = client.get_ref().1.server_name().and_then(|name| shared.nodes.named(name));
    let door = named.map_or(door, Door::Node);
    Ok((Leg::Tls(Box::new(client.into())), door, tls.asks_certificates()))
}
