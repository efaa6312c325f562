//! A client that fetches: with a session, if it gets one, as the Java client does (KIP-227).

use std::collections::BTreeSet;

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic, ForgottenTopic};
use kafka_protocol::messages::{FetchRequest, FetchResponse, TopicName};
use kafka_protocol::protocol::StrBytes;

use crate::answer::Entry;
use crate::question::{Fetch, Question, Target};
use crate::wire::Connection;

/// FETCH_SESSION_ID_NOT_FOUND and INVALID_FETCH_SESSION_EPOCH: a client begins anew.
const BEGIN_ANEW: [i16; 2] = [70, 71];
/// The first version that goes by topic id.
const BY_ID: i16 = 13;

/// A client in the middle of a question.
#[derive(Debug)]
pub struct Session<'q> {
    question: &'q Question,
    fetch: &'q Fetch,
    id: i32,
    epoch: i32,
    /// What the server holds of each partition: the offset, where it is in the session.
    held: Vec<Option<i64>>,
}

impl<'q> Session<'q> {
    /// Before its first fetch.
    pub fn new(question: &'q Question, fetch: &'q Fetch) -> Self {
        let epoch = if fetch.session { 0 } else { -1 };
        Self { question, fetch, id: 0, epoch, held: vec![None; fetch.targets.len()] }
    }

    /// Fetches these partitions at these offsets; gives what was told of each, `None` where nothing was.
    pub fn fetch(
        &mut self,
        connection: &mut Connection,
        wanted: &[Option<i64>],
        wait_ms: i32,
    ) -> Result<Vec<Option<Entry>>, String> {
        for _ in 0..3 {
            let incremental = self.id != 0;
            let request = self.request(wanted, wait_ms);
            let version = self.question.version;
            let answer = connection.ask(&request, version, version)?;
            if incremental && BEGIN_ANEW.contains(&answer.error_code) {
                (self.id, self.epoch) = (0, 0);
                self.held.fill(None);
                continue;
            }
            if answer.error_code != 0 {
                return Err(format!("the whole answer has error {}", answer.error_code));
            }
            if self.fetch.session {
                self.follow(&answer, wanted);
            }
            return self.entries(&answer, wanted, incremental);
        }
        Err("three sessions in a row were not known".to_owned())
    }

    fn follow(&mut self, answer: &FetchResponse, wanted: &[Option<i64>]) {
        if answer.session_id == 0 {
            (self.id, self.epoch) = (0, 0);
            self.held.fill(None);
        } else {
            (self.id, self.epoch) = (answer.session_id, self.epoch + 1);
            self.held.copy_from_slice(wanted);
        }
    }

    fn request(&self, wanted: &[Option<i64>], wait_ms: i32) -> FetchRequest {
        let (mut topics, mut forgotten) = (Vec::new(), Vec::new());
        for (at, (target, most)) in self.fetch.targets.iter().enumerate() {
            match wanted[at] {
                Some(offset) if self.held[at] != Some(offset) => {
                    let asked = FetchPartition::default()
                        .with_partition(target.partition)
                        .with_current_leader_epoch(target.epoch)
                        .with_fetch_offset(offset)
                        .with_log_start_offset(-1)
                        .with_last_fetched_epoch(-1)
                        .with_partition_max_bytes(*most);
                    let topic = FetchTopic::default().with_partitions(vec![asked]);
                    let uuid = uuid_of(target);
                    topics.push(if self.question.version >= BY_ID {
                        topic.with_topic_id(uuid)
                    } else {
                        topic.with_topic(name_of(target))
                    });
                }
                None if self.held[at].is_some() => {
                    let topic = ForgottenTopic::default().with_partitions(vec![target.partition]);
                    forgotten.push(if self.question.version >= BY_ID {
                        topic.with_topic_id(uuid_of(target))
                    } else {
                        topic.with_topic(name_of(target))
                    });
                }
                _ => {}
            }
        }
        let request = FetchRequest::default()
            .with_replica_id((-1).into())
            .with_max_wait_ms(wait_ms)
            .with_min_bytes(1)
            .with_max_bytes(self.fetch.max_bytes)
            .with_isolation_level(self.question.isolation)
            .with_topics(topics);
        // What the versions before 7 do not have stays at its default.
        if self.question.version < 7 {
            return request;
        }
        request.with_session_id(self.id).with_session_epoch(self.epoch).with_forgotten_topics_data(forgotten)
    }

    /// The entries, in the order of the partitions. A full answer has all of them, and none has others.
    fn entries(
        &self,
        answer: &FetchResponse,
        wanted: &[Option<i64>],
        incremental: bool,
    ) -> Result<Vec<Option<Entry>>, String> {
        let mut entries: Vec<Option<Entry>> = vec![None; wanted.len()];
        let mut seen = BTreeSet::new();
        for topic in &answer.responses {
            for data in &topic.partitions {
                let is_it = |target: &Target| {
                    target.partition == data.partition_index
                        && if self.question.version >= BY_ID {
                            topic.topic_id == uuid_of(target)
                        } else {
                            topic.topic == name_of(target)
                        }
                };
                let at = self.fetch.targets.iter().position(|(target, _)| is_it(target));
                let at = at.filter(|at| wanted[*at].is_some());
                let Some(at) = at else {
                    return Err(format!(
                        "an entry that nobody asked for: {:?}/{}",
                        topic, data.partition_index
                    ));
                };
                if !seen.insert(at) {
                    return Err(format!("two entries for partition {}", data.partition_index));
                }
                let aborted = data.aborted_transactions.as_ref();
                entries[at] = Some(Entry {
                    error: data.error_code,
                    end: data.high_watermark,
                    stable: data.last_stable_offset,
                    start: data.log_start_offset,
                    aborted: aborted
                        .map(|all| all.iter().map(|one| (one.producer_id.0, one.first_offset)).collect()),
                    preferred: data.preferred_read_replica.0,
                    records: data.records.clone(),
                });
            }
        }
        if !incremental {
            let missing =
                wanted.iter().zip(&entries).filter(|(wanted, entry)| wanted.is_some() && entry.is_none());
            if missing.count() > 0 {
                return Err("an answer without some of its partitions".to_owned());
            }
        }
        Ok(entries)
    }
}

fn name_of(target: &Target) -> TopicName {
    TopicName(StrBytes::from_string(target.topic.to_string()))
}

fn uuid_of(target: &Target) -> uuid::Uuid {
    uuid::Uuid::from_bytes(target.id)
}
