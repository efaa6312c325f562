//! A broker's fetch sessions, by Kafka's rules.

use std::collections::BTreeMap;

use kafka_protocol::messages::FetchRequest;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};

/// All that it knows.
#[derive(Default)]
pub(crate) struct Cache {
    last: i32,
    sessions: BTreeMap<i32, Cached>,
    /// Whether there is room for further ones.
    pub(crate) is_full: bool,
}

struct Cached {
    epoch: i32,
    topics: Vec<FetchTopic>,
}

impl Cache {
    /// The request with all partitions of its session in it, the session that it goes on with, and whether only what has
    /// changed is told; or the error of the whole.
    pub(super) fn turn(&mut self, mut request: FetchRequest) -> Result<(FetchRequest, i32, bool), i16> {
        let (id, epoch) = (request.session_id, request.session_epoch);
        if let 0 | -1 = epoch {
            self.sessions.remove(&id);
            if epoch == -1 || self.is_full {
                return Ok((request, 0, false));
            }
            self.last += 1;
            let mut cached = Cached { epoch: 1, topics: Vec::new() };
            cached.name(&request.topics);
            request.topics.clone_from(&cached.topics);
            self.sessions.insert(self.last, cached);
            return Ok((request, self.last, false));
        }
        let cached = self.sessions.get_mut(&id).ok_or(70_i16)?;
        if cached.epoch != epoch {
            return Err(71);
        }
        cached.name(&request.topics);
        for forgotten in &request.forgotten_topics_data {
            for topic in &mut cached.topics {
                if topic.topic == forgotten.topic && topic.topic_id == forgotten.topic_id {
                    topic.partitions.retain(|asked| !forgotten.partitions.contains(&asked.partition));
                }
            }
        }
        cached.topics.retain(|topic| !topic.partitions.is_empty());
        cached.epoch += 1;
        request.topics.clone_from(&cached.topics);
        if request.topics.is_empty() {
            self.sessions.remove(&id);
            return Ok((request, 0, false));
        }
        Ok((request, id, true))
    }

    /// Forgets all of them.
    pub(super) fn evict(&mut self) {
        self.sessions.clear();
    }

    /// What it believes of a partition that is in no request: as if another client had gone on with the session.
    pub(super) fn slip_in(&mut self, asked: &FetchPartition) {
        for cached in self.sessions.values_mut() {
            cached.topics[0].partitions.push(asked.clone());
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.sessions.len()
    }
}

impl Cached {
    fn name(&mut self, topics: &[FetchTopic]) {
        for topic in topics {
            let at = self
                .topics
                .iter()
                .position(|known| known.topic == topic.topic && known.topic_id == topic.topic_id)
                .unwrap_or_else(|| {
                    self.topics.push(topic.clone().with_partitions(Vec::new()));
                    self.topics.len() - 1
                });
            for asked in &topic.partitions {
                let partitions = &mut self.topics[at].partitions;
                partitions.retain(|known| known.partition != asked.partition);
                partitions.push(asked.clone());
            }
        }
    }
}
