//! One connection of a client, and the one to a broker that stands for it.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, split};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::down::Down;
use super::ended::Ended;
use super::fetch::Kept;
use super::link::{Peer, Sink, Source};
use super::server::Shared;
use super::settings::Address;
use super::up::{Done, Purpose, Up};
use crate::serve::stop::Stop;

/// Answers that one connection waits for at most; then its client has to wait.
const LINES: usize = 64;
/// How long a broker may take to hang up once its client has.
const FAREWELL: Duration = Duration::from_secs(1);

/// Connects to a broker.
pub(crate) async fn connect(address: &Address, limit: Duration) -> Result<TcpStream, Ended> {
    let connected = timeout(limit, TcpStream::connect((&*address.host, address.port))).await;
    let stream = connected.map_err(|_| Ended::Absent(limit))?;
    let stream = stream.map_err(|source| Ended::Connect { address: address.clone(), source })?;
    stream.set_nodelay(true).map_err(Ended::Broker)?;
    Ok(stream)
}

/// Passes what goes between a client and a broker, until either goes.
pub(crate) async fn run<C, B>(
    client: C,
    broker: B,
    purpose: Purpose,
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
        purpose,
        limits,
        requests: &shared.requests,
        sessions: &shared.sessions,
        kept: kept.clone(),
        tier: shared.tier.as_deref(),
        pass_unknown: shared.pass_unknown,
        counters: &shared.counters,
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
        turn: 0,
        reads: JoinSet::new(),
    };
    let (up, mut down) = (Box::pin(up.run()), Box::pin(down.run()));
    let (done, mut broker) = tokio::select! {
        ended = up => ended?,
        ended = &mut down => return ended,
    };
    match done {
        // What is on its way is still to be sent; how it ends is in the broker's log as much as in ours.
        Done::Stopped => timeout(limits.drain, down).await.unwrap_or(Ok(())),
        Done::Gone if purpose == Purpose::Learn => timeout(limits.stall, down).await.unwrap_or(Ok(())),
        Done::Gone => {
            // What was sent to the broker has to reach it, though nobody waits for an answer.
            broker.finish().await;
            let _ = timeout(FAREWELL, down).await;
            Ok(())
        }
    }
}
