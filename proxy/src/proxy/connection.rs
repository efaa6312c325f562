//! One connection of a client, and the one to a broker that stands for it.

use std::net::IpAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, split};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::down::Down;
use super::ended::Ended;
use super::fetch::Kept;
use super::identity::Identity;
use super::link::{Peer, Sink, Source};
use super::places::Place;
use super::shared::Shared;
use super::up::{Done, Purpose, Up};
use crate::serve::stop::Stop;

/// Answers that one connection waits for at most; then its client has to wait.
const LINES: usize = 64;
/// How long a broker may take to hang up once its client has.
const FAREWELL: Duration = Duration::from_secs(1);

/// Who has come, and for what.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) purpose: Purpose,
    pub(crate) identity: Identity,
    pub(crate) place: Place,
    pub(crate) from: IpAddr,
}

/// Passes what goes between a client and a broker, until either goes.
pub(crate) async fn run<C, B>(
    client: C,
    broker: B,
    visit: &Visit,
    shared: &Shared,
    stop: Stop,
) -> Result<(), Ended>
where
    C: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    let limits = &shared.limits;
    let stall = limits.stall;
    let (client_reads, client_writes) = split(client);
    let (broker_reads, broker_writes) = split(broker);
    let (lines, answers) = mpsc::channel(LINES);
    let kept = Kept::default();
    let up = Up {
        client: Source::new(client_reads, Peer::Client, stall, limits.request_bytes),
        broker: Sink::new(broker_writes, Peer::Broker, stall),
        lines,
        limits,
        requests: &shared.requests,
        sessions: &shared.sessions,
        kept: kept.clone(),
        tier: shared.tier.as_deref(),
        pass_unknown: shared.pass_unknown,
        counters: &shared.counters,
        visit,
        clients: &shared.clients,
        stop,
        bare: 0,
    };
    let down = Down {
        broker: Source::new(broker_reads, Peer::Broker, stall, limits.answer_bytes),
        client: Sink::new(client_writes, Peer::Client, stall),
        lines: answers,
        nodes: &shared.nodes,
        answers: &shared.answers,
        kept,
        tier: shared.tier.clone(),
        pass_unknown: shared.pass_unknown,
        counters: &shared.counters,
        visit,
        limits,
        bandwidth: &shared.bandwidth,
        clients: &shared.clients,
        has_said: false,
        consents: None,
        turn: 0,
        reads: JoinSet::new(),
    };
    let (up, mut down) = (Box::pin(up.run()), Box::pin(down.run()));
    let (done, mut broker) = tokio::select! {
        ended = up => ended?,
        ended = &mut down => return ended,
        () = late(visit, limits.entry) => return Err(Ended::Late(limits.entry)),
    };
    match done {
        // What is on its way is still to be sent; how it ends is in the broker's log as much as in ours.
        Done::Stopped => timeout(limits.drain, down).await.unwrap_or(Ok(())),
        Done::Gone if visit.purpose == Purpose::Learn => timeout(limits.stall, down).await.unwrap_or(Ok(())),
        Done::Gone => {
            // What was sent to the broker has to reach it, though nobody waits for an answer.
            broker.finish().await;
            let _ = timeout(FAREWELL, down).await;
            Ok(())
        }
    }
}

/// Returns where a connection has not got in in time.
async fn late(visit: &Visit, limit: Duration) {
    tokio::select! {
        () = sleep(limit) => {}
        () = visit.place.entered() => std::future::pending().await,
    }
}
