//! Bounds and last stable offsets: per leader a handful of requests on one connection.
//!
//! All of them carry the leader epoch, so each is answered only by the leader under that epoch. While a broker leads under
//! one epoch its log is only appended to and its high watermark only rises, so what the first answer said of epochs below
//! the high watermark still holds at the last. The one thing that may change is the log start, which moves up: it is asked
//! last, so that an epoch's end above it proves that the leader knew the epoch (see [`Bound::vouches_for`]). One
//! connection, because a broker that restarts between two answers may have lost what it had not flushed.

use std::collections::{BTreeMap, HashMap, HashSet};

use firnline_index::lineage::EpochEnd;
use firnline_index::{NodeId, Offset, TopicId};
use firnline_kafka::requests::epochs::EpochAsk;
use firnline_kafka::requests::metadata::Topic;
use firnline_kafka::requests::offsets::{LeaderAsk, Position};
use firnline_kafka::{Client, Code, Lease, RequestError};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};

use super::{ask_error, unavailable};
use crate::cluster::{AskError, Bound, BoundAsk, Leader};

/// Leaders asked at the same time.
const LEADERS_AT_ONCE: usize = 32;

/// What one leader told of one partition, in any of the requests.
type Told<T> = Result<T, Code>;

/// The places that one leader was asked for, and its answers.
type OfLeader<T> = (Vec<usize>, Vec<Result<T, AskError>>);

/// The requests to one leader.
type Ask<T> =
    for<'a> fn(&'a mut Lease, &'a [&'a BoundAsk]) -> BoxFuture<'a, Result<Vec<Told<T>>, RequestError>>;

pub(super) async fn bounds(client: &Client, asks: &[BoundAsk]) -> Vec<Result<Bound, AskError>> {
    each_leader(client, asks, |lease, asks| bounds_of_leader(lease, asks).boxed()).await
}

pub(super) async fn stable_offsets(client: &Client, asks: &[BoundAsk]) -> Vec<Result<Offset, AskError>> {
    each_leader(client, asks, |lease, asks| stable_of_leader(lease, asks).boxed()).await
}

async fn bounds_of_leader(lease: &mut Lease, asks: &[&BoundAsk]) -> Result<Vec<Told<Bound>>, RequestError> {
    let leader_asks: Vec<LeaderAsk> = asks.iter().map(|ask| leader_ask(ask)).collect();
    let ends = epoch_ends(lease, asks).await?;
    let high = lease.offsets(Position::HighWatermark, &leader_asks).await?;
    let starts = lease.offsets(Position::LogStart, &leader_asks).await?;
    let each = asks.iter().zip(ends).zip(high.into_iter().zip(starts));
    Ok(each.map(|((ask, end), (high, start))| bound(ask.leader, end, high, start)).collect())
}

async fn stable_of_leader(lease: &mut Lease, asks: &[&BoundAsk]) -> Result<Vec<Told<Offset>>, RequestError> {
    let leader_asks: Vec<LeaderAsk> = asks.iter().map(|ask| leader_ask(ask)).collect();
    lease.offsets(Position::LastStable, &leader_asks).await
}

fn bound(
    leader: Leader,
    epoch_end: Told<Option<EpochEnd>>,
    high_watermark: Told<Offset>,
    log_start: Told<Offset>,
) -> Told<Bound> {
    Ok(Bound { leader, high_watermark: high_watermark?, log_start: log_start?, epoch_end: epoch_end? })
}

fn leader_ask(ask: &BoundAsk) -> LeaderAsk {
    LeaderAsk { topic: ask.tip.topic.clone(), partition: ask.tip.partition, epoch: ask.leader.epoch }
}

/// The epoch ends of those partitions that ask for one.
async fn epoch_ends(
    lease: &mut Lease,
    asks: &[&BoundAsk],
) -> Result<Vec<Told<Option<EpochEnd>>>, RequestError> {
    let wanted: Vec<EpochAsk> = asks
        .iter()
        .filter_map(|ask| ask.epoch_end_of.map(|end_of| EpochAsk { of: leader_ask(ask), end_of }))
        .collect();
    if wanted.is_empty() {
        return Ok(asks.iter().map(|_| Ok(None)).collect());
    }
    let mut told = lease.epoch_ends(&wanted).await?.into_iter();
    let ends = asks.iter().map(|ask| match ask.epoch_end_of {
        Some(_) => told.next().unwrap_or(Ok(None)),
        None => Ok(None),
    });
    Ok(ends.collect())
}

/// Asks each leader for its partitions, all leaders at once, and lays the answers in the order of `asks`.
async fn each_leader<T: Send>(client: &Client, asks: &[BoundAsk], ask: Ask<T>) -> Vec<Result<T, AskError>> {
    let mut answers: Vec<Option<Result<T, AskError>>> = asks.iter().map(|_| None).collect();
    // Two topics that bore one name may be asked at once, but not in one request, which goes by name.
    let mut waiting: Vec<usize> = (0..asks.len()).collect();
    while !waiting.is_empty() {
        let mut named = HashSet::new();
        let (now, later): (Vec<usize>, Vec<usize>) = waiting
            .into_iter()
            .partition(|&place| named.insert((&asks[place].tip.topic, asks[place].tip.partition)));
        waiting = later;
        let mut by_leader: BTreeMap<NodeId, Vec<usize>> = BTreeMap::new();
        for place in now {
            by_leader.entry(asks[place].leader.node).or_default().push(place);
        }
        let mut leaders: Vec<BoxFuture<'_, OfLeader<T>>> = Vec::new();
        for (node, places) in by_leader {
            let of_leader: Vec<&BoundAsk> = places.iter().map(|&place| &asks[place]).collect();
            leaders.push(async move { (places, one_leader(client, node, &of_leader, ask).await) }.boxed());
        }
        let mut leaders = futures::stream::iter(leaders).buffer_unordered(LEADERS_AT_ONCE);
        while let Some((places, told)) = leaders.next().await {
            for (place, told) in places.into_iter().zip(told) {
                answers[place] = Some(told);
            }
        }
    }
    let silent = || Err(AskError::Unavailable("a leader's answer was left out".into()));
    answers.into_iter().map(|answer| answer.unwrap_or_else(silent)).collect()
}

async fn one_leader<T: Send>(
    client: &Client,
    node: NodeId,
    asks: &[&BoundAsk],
    ask: Ask<T>,
) -> Vec<Result<T, AskError>> {
    let asked = async {
        let mut lease = client.lease(node).await?;
        let told = ask(&mut lease, asks).await?;
        let topics = topics_now(&mut lease, asks).await?;
        Ok::<_, RequestError>((told, topics))
    };
    match asked.await {
        Ok((told, topics)) => {
            let each = asks.iter().zip(told);
            each.map(|(ask, told)| {
                let told = told.map_err(|code| refusal(code, ask))?;
                still_so(ask, topics.get(&ask.tip.topic_id)).map(|()| told)
            })
            .collect()
        }
        Err(error) => asks.iter().map(|_| Err(unavailable(error.clone()))).collect(),
    }
}

/// The topics as the same broker tells them after it answered.
async fn topics_now(
    lease: &mut Lease,
    asks: &[&BoundAsk],
) -> Result<HashMap<TopicId, Told<Topic>>, RequestError> {
    let ids: HashSet<TopicId> = asks.iter().map(|ask| ask.tip.topic_id).collect();
    let ids: Vec<TopicId> = ids.into_iter().collect();
    let told = lease.topics_by_id(&ids).await?;
    Ok(ids.into_iter().zip(told).collect())
}

/// Whether the answer was about this very topic, by the leader that was asked.
fn still_so(ask: &BoundAsk, topic: Option<&Told<Topic>>) -> Result<(), AskError> {
    let topic = match topic {
        Some(Ok(topic)) => topic,
        Some(Err(code)) => return Err(refusal(*code, ask)),
        None => return Err(AskError::Unknown),
    };
    if topic.name != ask.tip.topic {
        return Err(AskError::Unknown);
    }
    let partition = topic.partitions.iter().find(|told| told.partition == ask.tip.partition);
    let leader = partition.ok_or(AskError::Unknown)?.leader;
    if leader == Some((ask.leader.node, ask.leader.epoch)) {
        Ok(())
    } else {
        Err(AskError::Fenced { asked: ask.leader })
    }
}

fn refusal(code: Code, ask: &BoundAsk) -> AskError {
    ask_error(code, ask.leader, || format!("DESCRIBE on TOPIC {}", ask.tip.topic))
}
