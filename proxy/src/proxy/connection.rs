//! One connection of a client, and the one to a broker that stands for it.

use std::net::IpAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, split};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::down::Down;
use super::ended::Ended;
use super::fetch::{Ends, Kept, Refusals};
use super::identity::Identity;
use super::link::{Peer, Sink, Source};
use super::places::Place;
use super::shared::Shared;
use super::up::{Done, Purpose, Up};
use crate::serve::stop::Stop;

/// Answers that one connection waits for at most; then its client has to wait.
const LINES: usize = 64;
/// How long a broker may take to hang up on a stranger.
const HANG_UP: Duration = Duration::from_secs(5);
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
    let (kept, refusals) = (Kept::default(), Refusals::default());
    let up = Up {
        client: Source::new(client_reads, Peer::Client, stall, limits.request_bytes),
        broker: Sink::new(broker_writes, Peer::Broker, stall),
        lines,
        limits,
        requests: shared.requests.of(visit.from),
        sessions: shared.sessions.of(visit.from),
        kept: kept.clone(),
        refusals: refusals.clone(),
        tier: None,
        behind: &shared.tier,
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
        answers: shared.answers.of(visit.from),
        plain: shared.plain.of(visit.from),
        kept,
        refusals,
        ends: Ends::default(),
        tier: None,
        behind: &shared.tier,
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

/// Returns where a connection has not got in in time. A broker hangs up on a stranger that asks for more than a login; on
/// whom it does not, it serves, though its first answer may be long in coming (a group that is joined) or never come (records that
/// nobody wants acknowledged).
async fn late(visit: &Visit, limit: Duration) {
    tokio::select! {
        () = sleep(limit) => return,
        () = visit.place.entered() => {}
        () = visit.place.asked() => {
            sleep(HANG_UP).await;
            visit.place.enter();
        }
    }
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::identity::Grounds;
    use crate::proxy::places::Places;

    #[tokio::test(start_paused = true)]
    async fn who_asks_and_is_not_hung_up_on_has_got_in() {
        let (limit, places) = (Duration::from_secs(30), Places::new(2, 2, 1));
        let place = places.next().await;
        let identity = Identity::new(Grounds { certificates: false, trusts_all: false });
        let visit = Visit { purpose: Purpose::Serve, identity, place, from: [127, 0, 0, 1].into() };
        timeout(limit + FAREWELL, late(&visit, limit)).await.expect("it has asked for nothing");
        visit.place.ask();
        let until = timeout(HANG_UP / 2, late(&visit, limit)).await;
        assert!(
            until.is_err() && timeout(FAREWELL, places.next()).await.is_err(),
            "a broker may hang up still"
        );
        assert!(timeout(10 * limit, late(&visit, limit)).await.is_err());
        timeout(FAREWELL, places.next()).await.expect("its place is free for another");
    }
}
