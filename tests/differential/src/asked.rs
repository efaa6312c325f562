//! A question, asked: once of the brokers, and again until all that there is to be had was told.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kafka_protocol::messages::{ListOffsetsRequest, OffsetForLeaderEpochRequest, TopicName};
use kafka_protocol::protocol::StrBytes;

use crate::answer::{Before, End, Kept, Place};
use crate::compare::{self, Sight, Tiers};
use crate::question::{About, Fetch, Question, Scope, Target};
use crate::server::Server;
use crate::session::Session;
use crate::wire::Connection;

/// How long a partition may go without the batch that is there.
const PATIENCE: Duration = Duration::from_secs(20);
const WAIT_MS: i32 = 500;
/// Kafka's OFFSET_OUT_OF_RANGE.
const OUT_OF_RANGE: i16 = 1;
/// Kafka's REQUEST_TIMED_OUT, after which every client asks again.
const TIMED_OUT: i16 = 7;
/// The newest version of ListOffsets whose layout the library knows; those after it have the same.
const TIMES_LAYOUT: i16 = 10;

/// Connections of one who asks, by node.
#[derive(Debug)]
pub struct Asker<'s> {
    server: &'s Server,
    open: BTreeMap<i32, Connection>,
}

/// How it went.
#[derive(Debug, Clone, Copy, Default)]
pub struct Count {
    /// Answers that had nothing, though there was something, and asked to be asked again.
    pub empty: usize,
}

impl<'s> Asker<'s> {
    /// Asks this server.
    pub fn new(server: &'s Server) -> Self {
        Self { server, open: BTreeMap::new() }
    }

    /// The connection to a node; a server that is one node is that for all.
    fn to(&mut self, node: i32) -> Result<&mut Connection, String> {
        let address = self.server.nodes.get(&node).ok_or_else(|| format!("no address of node {node}"))?;
        if let std::collections::btree_map::Entry::Vacant(free) = self.open.entry(node) {
            free.insert(Connection::open(address)?);
        }
        self.open.get_mut(&node).ok_or_else(|| format!("no connection to node {node}"))
    }

    /// Asks the brokers, and holds what they say against the image.
    pub fn before(&mut self, question: &Question, scope: &Scope) -> Result<Before, String> {
        match &question.about {
            About::Fetch(fetch) => {
                let mut session = Session::new(question, fetch);
                let mut rounds = Vec::new();
                for offsets in &fetch.rounds {
                    let wanted: Vec<_> = offsets.iter().copied().map(Some).collect();
                    let entries = session.fetch(self.to(question.node)?, &wanted, 0)?;
                    let mut kept = Vec::new();
                    for (at, entry) in entries.iter().enumerate() {
                        let sight = sight(fetch, at, offsets[at], scope, None);
                        kept.push(match entry {
                            None => Kept::NOTHING,
                            Some(entry) => {
                                if let (0, Some(sight)) = (entry.error, &sight) {
                                    compare::entry(question, sight, entry)
                                        .map_err(|error| format!("the brokers' own answer: {error}"))?;
                                }
                                Kept::of(entry, offsets[at], sight.map(|sight| sight.image))
                            }
                        });
                    }
                    rounds.push(kept);
                }
                Ok(Before::Fetch(rounds))
            }
            About::Times(list) => Ok(Before::Times(self.times(question, list)?)),
            About::Epochs(list) => Ok(Before::Epochs(self.epochs(question, list)?)),
        }
    }

    /// Asks again, and compares.
    pub fn after(
        &mut self,
        question: &Question,
        before: &Before,
        scope: &Scope,
        tiers: &[Tiers],
    ) -> Result<Count, String> {
        match (&question.about, before) {
            (About::Fetch(fetch), Before::Fetch(rounds)) => {
                self.fetched(question, fetch, rounds, scope, tiers)
            }
            (About::Times(list), Before::Times(before)) => {
                let (began, mut count) = (Instant::now(), Count::default());
                let told = loop {
                    let told = self.times(question, list)?;
                    let is_late =
                        |(before, told): (&Place, &Place)| before.error == 0 && told.error == TIMED_OUT;
                    if !before.iter().zip(&told).any(is_late) || began.elapsed() > PATIENCE {
                        break told;
                    }
                    count.empty += 1;
                };
                for ((asked, before), told) in list.iter().zip(before).zip(told) {
                    let known = asked.0.scene.map(|scene| (tiers[scene], &*scope.scenes[scene].image));
                    compare::time(question, asked, *before, told, known)?;
                }
                Ok(count)
            }
            (About::Epochs(list), Before::Epochs(before)) => {
                let (began, mut count) = (Instant::now(), Count::default());
                let told = loop {
                    let told = self.epochs(question, list)?;
                    let is_late = |(before, told): (&End, &End)| compare::is_brokers_alone(*before, *told);
                    if !before.iter().zip(&told).any(is_late) || began.elapsed() > PATIENCE {
                        break told;
                    }
                    count.empty += 1;
                };
                for (((target, epoch), before), told) in list.iter().zip(before).zip(told) {
                    let image = target.scene.map(|scene| &*scope.scenes[scene].image);
                    compare::end(target, *epoch, *before, told, image)?;
                }
                Ok(count)
            }
            _ => Err("the answer before was to another question".to_owned()),
        }
    }

    /// All rounds of a fetch. A partition that has told all it can is asked for no more, as by a client that goes on.
    fn fetched(
        &mut self,
        question: &Question,
        fetch: &Fetch,
        before: &[Vec<Kept>],
        scope: &Scope,
        tiers: &[Tiers],
    ) -> Result<Count, String> {
        let mut session = Session::new(question, fetch);
        let mut count = Count::default();
        for (offsets, before) in fetch.rounds.iter().zip(before) {
            let began = Instant::now();
            let mut wanted: Vec<Option<i64>> = offsets.iter().copied().map(Some).collect();
            while wanted.iter().any(Option::is_some) {
                let entries = session.fetch(self.to(question.node)?, &wanted, WAIT_MS)?;
                let mut got = 0;
                for (at, told) in entries.iter().enumerate() {
                    let Some(offset) = wanted[at] else { continue };
                    let sight = sight(fetch, at, offset, scope, Some(tiers));
                    let of = |error: String| format!("{}: {error}", place(fetch, at, offset));
                    let is_due = before[at].error == 0
                        && sight.as_ref().is_some_and(|sight| sight.has_batch(question));
                    let was_outside = before[at].error == OUT_OF_RANGE;
                    if let Some(told) = told {
                        // Who has not heard from the leader where the log ends says nothing, once, and then the truth.
                        if was_outside && told.error == 0 && !told.has_records() {
                            continue;
                        }
                        compare::same(question, sight.as_ref(), &before[at], told).map_err(of)?;
                        if let (0, Some(sight)) = (told.error, &sight) {
                            compare::entry(question, sight, told).map_err(of)?;
                        }
                        got += usize::from(told.has_records() || told.error != 0);
                        if is_due && !told.has_records() && told.error == 0 {
                            continue;
                        }
                    } else if is_due || before[at].error != 0 {
                        continue;
                    }
                    wanted[at] = None;
                }
                count.empty += usize::from(got == 0 && wanted.iter().any(Option::is_some));
                if began.elapsed() > PATIENCE {
                    return Err(format!("nothing is told of {wanted:?} in {PATIENCE:?}"));
                }
            }
        }
        Ok(count)
    }

    fn times(&mut self, question: &Question, list: &[(Target, i64)]) -> Result<Vec<Place>, String> {
        let topic = |(target, at): &(Target, i64)| {
            let mut partition =
                ListOffsetsPartition::default().with_partition_index(target.partition).with_timestamp(*at);
            // What a version does not have stays at its default.
            if question.version >= 4 {
                partition = partition.with_current_leader_epoch(target.epoch);
            }
            ListOffsetsTopic::default().with_name(named(target)).with_partitions(vec![partition])
        };
        let mut request = ListOffsetsRequest::default()
            .with_replica_id((-1).into())
            .with_topics(list.iter().map(topic).collect());
        if question.version >= 2 {
            request = request.with_isolation_level(question.isolation);
        }
        if question.version >= 10 {
            request = request.with_timeout_ms(30_000);
        }
        let layout = question.version.min(TIMES_LAYOUT);
        let answer = self.to(question.node)?.ask(&request, question.version, layout)?;
        let mut found = Vec::new();
        for (target, at) in list {
            let mut told =
                answer.topics.iter().filter(|topic| topic.name == named(target)).flat_map(|t| &t.partitions);
            let told = told.find(|told| told.partition_index == target.partition);
            let told = told
                .ok_or_else(|| format!("nothing is told of {}/{} at {at}", target.topic, target.partition))?;
            found.push(Place {
                error: told.error_code,
                timestamp: told.timestamp,
                offset: told.offset,
                epoch: told.leader_epoch,
            });
        }
        Ok(found)
    }

    fn epochs(&mut self, question: &Question, list: &[(Target, i32)]) -> Result<Vec<End>, String> {
        let topic = |(target, epoch): &(Target, i32)| {
            let partition = OffsetForLeaderPartition::default()
                .with_partition(target.partition)
                .with_current_leader_epoch(target.epoch)
                .with_leader_epoch(*epoch);
            OffsetForLeaderTopic::default().with_topic(named(target)).with_partitions(vec![partition])
        };
        let request = OffsetForLeaderEpochRequest::default()
            .with_replica_id((-1).into())
            .with_topics(list.iter().map(topic).collect());
        let answer = self.to(question.node)?.ask(&request, question.version, question.version)?;
        let mut found = Vec::new();
        for (target, epoch) in list {
            let mut told =
                answer.topics.iter().filter(|topic| topic.topic == named(target)).flat_map(|t| &t.partitions);
            let told = told.find(|told| told.partition == target.partition);
            let told = told
                .ok_or_else(|| format!("nothing of {}/{} epoch {epoch}", target.topic, target.partition))?;
            found.push(End { error: told.error_code, epoch: told.leader_epoch, end: told.end_offset });
        }
        Ok(found)
    }
}

fn named(target: &Target) -> TopicName {
    TopicName(StrBytes::from_string(target.topic.to_string()))
}

fn place(fetch: &Fetch, at: usize, offset: i64) -> String {
    let (target, _) = &fetch.targets[at];
    format!("{}/{} from {offset} on", target.topic, target.partition)
}

/// What there is to be told of a partition; `None` of one that does not exist.
fn sight<'i>(
    fetch: &Fetch,
    at: usize,
    offset: i64,
    scope: &'i Scope,
    tiers: Option<&[Tiers]>,
) -> Option<Sight<'i>> {
    let (target, most) = &fetch.targets[at];
    let scene = target.scene?;
    let image = &*scope.scenes[scene].image;
    let local = tiers.map_or(0, |tiers| tiers[scene].local);
    let ends = tiers.map_or((image.end, image.stable), |tiers| tiers[scene].ends);
    let most = usize::try_from((*most).min(fetch.max_bytes)).unwrap_or(0);
    Some(Sight { image, offset, most, ends, local })
}
