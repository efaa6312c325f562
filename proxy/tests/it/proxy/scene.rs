//! A broker whose log has lost its beginning, a tier that has it, and a proxy that knows both.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use bytes::Bytes;
use firnline_proxy::proxy::{Archive, ProxySettings};
use firnline_proxy::serve::Catalog;
use firnline_reader::{Reader, ReaderSettings, Workers};
use firnline_store::Store;
use kafka_protocol::messages::delete_records_response::{
    DeleteRecordsPartitionResult, DeleteRecordsTopicResult,
};
use kafka_protocol::messages::fetch_request::FetchPartition;
use kafka_protocol::messages::fetch_response::{AbortedTransaction, FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kafka_protocol::messages::metadata_response::MetadataResponseTopic;
use kafka_protocol::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderTopicResult,
};
use kafka_protocol::messages::{
    DeleteRecordsRequest, DeleteRecordsResponse, FetchResponse, ListOffsetsRequest, ListOffsetsResponse,
    MetadataRequest, MetadataResponse, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::broker::{Asked, Broker, Running, settings};
use super::cache::Cache;
use crate::serve::log::Log;
use crate::serve::tier::{World, cluster, tip};

pub(super) const ID: u8 = 7;
pub(super) const OUT_OF_RANGE: i16 = 1;

/// What the broker's log of each partition of `orders` says.
#[derive(Clone)]
pub(super) struct Brokers {
    pub(super) log: Arc<Log>,
    /// Where each partition's log begins.
    pub(super) starts: Arc<[AtomicI64; 3]>,
    /// The error of each partition that has no other.
    pub(super) error: Arc<std::sync::atomic::AtomicI16>,
    /// How many partitions had records deleted.
    pub(super) deletions: Arc<std::sync::atomic::AtomicUsize>,
    /// The error of each partition that is asked for offsets.
    pub(super) offsets_error: Arc<std::sync::atomic::AtomicI16>,
    /// Whether it tells what it leads.
    pub(super) leads: Arc<AtomicBool>,
    pub(super) end: Arc<AtomicI64>,
    pub(super) id: Arc<std::sync::atomic::AtomicU8>,
    /// Where committed records end; the end of the log where it lies beyond that.
    pub(super) stable: Arc<AtomicI64>,
    /// Producers and first offsets of aborted transactions that reach beyond the tier's end.
    pub(super) aborted: Arc<std::sync::Mutex<Vec<(i64, i64)>>>,
    /// Whether it has had enough of fetches for now.
    pub(super) throttles: Arc<AtomicBool>,
    /// Its fetch sessions.
    pub(super) cache: Arc<std::sync::Mutex<Cache>>,
}

impl Brokers {
    fn of(log: Log, start: i64) -> Self {
        let end = log.end();
        Self {
            log: Arc::new(log),
            starts: Arc::new([start, start, start].map(AtomicI64::new)),
            offsets_error: Arc::default(),
            error: Arc::default(),
            deletions: Arc::default(),
            leads: Arc::new(AtomicBool::new(true)),
            end: Arc::new(AtomicI64::new(end)),
            id: Arc::new(std::sync::atomic::AtomicU8::new(ID)),
            stable: Arc::new(AtomicI64::new(i64::MAX)),
            aborted: Arc::default(),
            throttles: Arc::default(),
            cache: Arc::default(),
        }
    }

    fn start(&self, partition: i32) -> i64 {
        usize::try_from(partition)
            .ok()
            .and_then(|partition| self.starts.get(partition))
            .map_or(0, |start| start.load(Ordering::SeqCst))
    }

    fn answer(&self, asked: &Asked) -> Bytes {
        match asked.key {
            1 => self.fetch(asked),
            2 => self.offsets(asked),
            3 => self.metadata(asked),
            21 => self.deleted(asked),
            23 => self.epochs(asked),
            _ => asked.echo(b""),
        }
    }

    fn fetch(&self, asked: &Asked) -> Bytes {
        if self.throttles.load(Ordering::SeqCst) {
            return asked.answer(&FetchResponse::default().with_throttle_time_ms(10));
        }
        let turn = self.cache.lock().unwrap().turn(asked.body());
        let (request, session_id, is_next) = match turn {
            Ok(turn) => turn,
            Err(code) => return asked.answer(&FetchResponse::default().with_error_code(code)),
        };
        let end = self.end.load(Ordering::SeqCst);
        let error = self.error.load(Ordering::SeqCst);
        let entry = |wanted: &FetchPartition| {
            let data =
                PartitionData::default().with_partition_index(wanted.partition).with_high_watermark(-1);
            let data = data.with_aborted_transactions(None).with_records(Some(Bytes::new()));
            let data = data.with_preferred_read_replica((-1).into());
            if error != 0 {
                return data.with_error_code(error);
            }
            let start = self.start(wanted.partition);
            if !(start..=end).contains(&wanted.fetch_offset) {
                return data.with_error_code(OUT_OF_RANGE);
            }
            let room = usize::try_from(wanted.partition_max_bytes.min(request.max_bytes)).unwrap();
            let mut records = Vec::new();
            let stable = self.stable.load(Ordering::SeqCst).min(end);
            let before = if request.isolation_level == 1 { stable } else { end };
            for batch in self.log.between(wanted.fetch_offset, before) {
                if !records.is_empty() && records.len() + batch.bytes.len() > room {
                    break;
                }
                records.extend_from_slice(&batch.bytes);
            }
            let aborted = self.aborted.lock().unwrap().clone();
            let aborted =
                aborted.into_iter().filter(|_| wanted.fetch_offset < stable).map(|(producer, first)| {
                    AbortedTransaction::default().with_producer_id(producer.into()).with_first_offset(first)
                });
            let aborted = (request.isolation_level == 1).then(|| aborted.collect());
            let data = data.with_aborted_transactions(aborted);
            let data = data.with_high_watermark(end).with_last_stable_offset(stable);
            data.with_log_start_offset(start).with_records(Some(records.into()))
        };
        let topics = request.topics.iter().map(|topic| {
            let answer = FetchableTopicResponse::default().with_topic(topic.topic.clone());
            let entries = topic.partitions.iter().map(entry);
            let is_news = |entry: &PartitionData| {
                !is_next
                    || entry.error_code != 0
                    || entry.records.as_ref().is_some_and(|bytes| !bytes.is_empty())
            };
            answer.with_topic_id(topic.topic_id).with_partitions(entries.filter(is_news).collect())
        });
        let topics = topics.filter(|topic| !topic.partitions.is_empty());
        asked.answer(&FetchResponse::default().with_session_id(session_id).with_responses(topics.collect()))
    }

    fn offsets(&self, asked: &Asked) -> Bytes {
        let request: ListOffsetsRequest = asked.body();
        let leads = self.leads.load(Ordering::SeqCst);
        let epoch = if asked.version >= 4 { 9 } else { -1 };
        let topics = request.topics.iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|asked| {
                let answer =
                    ListOffsetsPartitionResponse::default().with_partition_index(asked.partition_index);
                let error = if leads { self.offsets_error.load(Ordering::SeqCst) } else { 6 };
                // A follower does tell those who look into replicas where its own log ends.
                if error != 0 && request.replica_id.0 != -2 {
                    return answer.with_error_code(error);
                }
                let (timestamp, offset) = self.found(asked.partition_index, asked.timestamp);
                answer.with_timestamp(timestamp).with_offset(offset).with_leader_epoch(epoch)
            });
            let answer = ListOffsetsTopicResponse::default().with_name(topic.name.clone());
            answer.with_partitions(partitions.collect())
        });
        asked.answer(&ListOffsetsResponse::default().with_topics(topics.collect()))
    }

    /// The record at offset N has the timestamp 1,000,000 + N.
    fn found(&self, partition: i32, timestamp: i64) -> (i64, i64) {
        let (start, end) = (self.start(partition), self.end.load(Ordering::SeqCst));
        match timestamp {
            -1 => (-1, end),
            -2 | -4 => (-1, start),
            -3 => (1_000_000 + end - 1, end - 1),
            0.. => match start.max(timestamp - 1_000_000) {
                offset if offset < end => (1_000_000 + offset, offset),
                _ => (-1, -1),
            },
            _ => (-1, -1),
        }
    }

    /// Of epochs before the 5th it knows only where its log begins.
    fn epochs(&self, asked: &Asked) -> Bytes {
        let request: OffsetForLeaderEpochRequest = asked.body();
        let end = self.end.load(Ordering::SeqCst);
        let topics = request.topics.iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|asked| {
                let answer = EpochEndOffset::default().with_partition(asked.partition);
                let (epoch, end) = match asked.leader_epoch {
                    5 => (5, end),
                    6.. => (-1, -1),
                    lower => (lower, self.start(asked.partition)),
                };
                answer.with_leader_epoch(epoch).with_end_offset(end)
            });
            let answer = OffsetForLeaderTopicResult::default().with_topic(topic.topic.clone());
            answer.with_partitions(partitions.collect())
        });
        asked.answer(&OffsetForLeaderEpochResponse::default().with_topics(topics.collect()))
    }

    fn deleted(&self, asked: &Asked) -> Bytes {
        let request: DeleteRecordsRequest = asked.body();
        let topics = request.topics.iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|asked| {
                let answer =
                    DeleteRecordsPartitionResult::default().with_partition_index(asked.partition_index);
                // As a broker: rights are looked at first.
                let error = match self.error.load(Ordering::SeqCst) {
                    0 if asked.offset < -1 => OUT_OF_RANGE,
                    error => error,
                };
                if error != 0 {
                    return answer.with_error_code(error).with_low_watermark(-1);
                }
                self.deletions.fetch_add(1, Ordering::SeqCst);
                answer.with_low_watermark(match asked.offset {
                    -1 => self.end.load(Ordering::SeqCst),
                    offset => self.start(asked.partition_index).max(offset),
                })
            });
            let answer = DeleteRecordsTopicResult::default().with_name(topic.name.clone());
            answer.with_partitions(partitions.collect())
        });
        asked.answer(&DeleteRecordsResponse::default().with_topics(topics.collect()))
    }

    fn metadata(&self, asked: &Asked) -> Bytes {
        let request: MetadataRequest = asked.body();
        let topics = request.topics.unwrap_or_default();
        let topics = topics.into_iter().map(|topic| {
            let id = Uuid::from_bytes([self.id.load(Ordering::SeqCst); 16]);
            MetadataResponseTopic::default().with_name(topic.name).with_topic_id(id)
        });
        asked.answer(&MetadataResponse::default().with_topics(topics.collect()))
    }
}

/// A tier with `orders`, whose log is that of [`log`] up to `tier_end`, and a broker that has it from `broker_start` on.
pub(super) struct Scene {
    pub(super) world: World,
    pub(super) brokers: Brokers,
    pub(super) broker: Broker,
    pub(super) proxy: Running,
    /// The reader's, with its counts.
    store: Store,
    pub(super) log: Arc<Log>,
}

pub(super) fn log() -> Log {
    let mut log = Log::from(100);
    for _ in 0..200 {
        log.data(5, 200);
    }
    log
}

impl Scene {
    pub(super) async fn new(tier_end: i64, broker_start: i64) -> Self {
        Self::with(log(), tier_end, broker_start, |_, _| {}).await
    }

    pub(super) async fn with(
        log: Log,
        tier_end: i64,
        broker_start: i64,
        change: impl FnOnce(&mut ProxySettings, &mut Archive),
    ) -> Self {
        let world = World::new();
        world.topic("orders", ID, 3);
        for partition in 0..2 {
            let mut part = world.part(tip("orders", ID, partition), log.batches[0].base);
            for cut in [300, 500, tier_end] {
                if cut <= tier_end {
                    part.upload(&log, cut);
                }
            }
            part.commit();
        }
        let catalog = Catalog::load(world.store(), Arc::clone(&world.env.clock)).await.unwrap();
        let store = world.store();
        let mut archive = archive(&world, store.clone(), catalog);
        let brokers = Brokers::of(log, broker_start);
        let says = brokers.clone();
        let broker = Broker::start(move |asked| vec![says.answer(asked)]).await;
        let mut settings = settings(broker.port);
        change(&mut settings, &mut archive);
        let proxy = Running::filling(settings, archive).await;
        let log = Arc::clone(&brokers.log);
        Self { world, brokers, broker, proxy, store, log }
    }

    /// Another proxy before the same broker, with the tier's topics as they are told by a catalog.
    pub(super) async fn anew(&self, catalog: Catalog) -> Running {
        Running::filling(settings(self.broker.port), archive(&self.world, self.world.store(), catalog)).await
    }

    /// What the broker was asked, by number.
    pub(super) fn keys(&self) -> Vec<i16> {
        self.broker.asked().iter().map(|asked| asked.key).collect()
    }

    pub(super) fn gets(&self) -> u64 {
        self.store.counters().total()
    }
}

/// What a proxy fills from.
pub(super) fn archive(world: &World, store: Store, catalog: Catalog) -> Archive {
    let reader = ReaderSettings { workers: Workers::Inline, ..ReaderSettings::default() };
    Archive {
        cluster_id: cluster(),
        catalog,
        max_manifest_age: reader.max_manifest_age,
        reader: Reader::new(store, reader),
        store: world.store(),
        may_delete: true,
        env: world.env.clone(),
    }
}

pub(super) fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}
