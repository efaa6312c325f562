//! In which order things happen: what is asked of the store, and what goes to the client. No clock has a say in it.

#[path = "../../tests/it/serve/log.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "a log for tests, of which not all is needed here")]
mod log;
#[path = "../../tests/it/serve/tier.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "a tier for tests, of which not all is needed here")]
mod tier;

mod memory;
mod names;
mod past;

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use firnline_index::Offset;
use firnline_reader::{Bounds, Reader, ReaderSettings, Workers};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex};
use tokio::task::{JoinSet, yield_now};

use self::log::Log;
use self::tier::{World, cluster, tip, topic_id};
use super::bandwidth::Bandwidth;
use super::clients::Clients;
use super::connection::{self, Visit};
use super::counts::Counters;
use super::identity::{Grounds, Identity};
use super::nodes::{Nodes, Ways};
use super::places::Places;
use super::security::ProxySecurity;
use super::settings::ProxyLimits;
use super::shared::Shared;
use super::shares::Shares;
use super::tier::{Archive, Behind, Marks, Tier};
use super::up::Purpose;
use crate::serve::catalog::Catalog;
use crate::serve::stop::{Stop, Stopper};
use crate::wire::messages::delete_records::{
    DeleteRecordsPartition, DeleteRecordsPartitionResult, DeleteRecordsRequest, DeleteRecordsResponse,
    DeleteRecordsTopic, DeleteRecordsTopicResult,
};
use crate::wire::messages::fetch::{
    FetchPartition, FetchRequest, FetchResponse, FetchTopic, FetchableTopicResponse, PartitionData,
};
use crate::wire::messages::list_offsets::{
    ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse, ListOffsetsTopicResponse,
};
use crate::wire::{
    Api, At, List, Records, RequestHeader, read_request, read_response, write_request, write_response,
};

const VERSION: i16 = 13;
const ID: u8 = 7;
const OUT_OF_RANGE: i16 = 1;
/// Where the broker's logs begin, and where they end.
const BROKERS: (i64, i64) = (700, 1100);
/// Pipes that take all that a test writes.
const PIPE_BYTES: usize = 4 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    /// The store was asked for something.
    Store,
    /// So many bytes went to the client.
    Client(usize),
}

type Events = Arc<Mutex<Vec<Event>>>;

/// The client's socket, as the proxy has it.
struct Noted {
    stream: DuplexStream,
    events: Events,
}

impl AsyncRead for Noted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, to)
    }
}

impl AsyncWrite for Noted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(written)) = written {
            self.events.lock().unwrap().push(Event::Client(written));
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// One connection through a proxy, both its ends in the test's hands.
struct Stage {
    client: DuplexStream,
    broker: DuplexStream,
    events: Events,
    shared: Arc<Shared>,
    log: Log,
    world: World,
    _stopper: Stopper,
    _tasks: JoinSet<()>,
}

impl Stage {
    async fn new() -> Self {
        Self::before(Grounds { certificates: false, trusts_all: false }).await
    }

    /// Of a client that the broker knows by this.
    async fn before(grounds: Grounds) -> Self {
        Self::with(grounds, false).await
    }

    async fn with(grounds: Grounds, time_travel: bool) -> Self {
        let mut log = Log::from(100);
        for _ in 0..200 {
            log.data(5, 200);
        }
        let world = World::new();
        world.topic("orders", ID, 2);
        for partition in 0..2 {
            let mut part = world.part(tip("orders", ID, partition), 100);
            for cut in [300, 500, 800] {
                part.upload(&log, cut);
            }
            part.commit();
        }
        let store = world.store();
        let reader = ReaderSettings { workers: Workers::Inline, ..ReaderSettings::default() };
        let archive = Archive {
            cluster_id: cluster(),
            catalog: Catalog::load(store.clone(), Arc::clone(&world.env.clock)).await.unwrap(),
            max_manifest_age: reader.max_manifest_age,
            reader: Reader::new(store.clone(), reader),
            store,
            may_delete: true,
            env: world.env.clone(),
        };
        let limits = ProxyLimits::default();
        let ways = Ways::Ports { host: "127.0.0.1".into(), ip: [127, 0, 0, 1].into(), base: 10_000 };
        let (nodes, _) = Nodes::new(ways, limits.nodes);
        let shared = Arc::new(Shared {
            upstream: Vec::new(),
            nodes,
            requests: Shares::new(limits.requests_bytes),
            answers: Shares::new(limits.answers_bytes),
            plain: Shares::new(limits.requests_bytes),
            sessions: Shares::new(limits.sessions_bytes),
            tier: Behind::there(Tier::new(archive, time_travel)),
            pass_unknown: false,
            security: ProxySecurity::default(),
            bandwidth: Bandwidth::new(None, None),
            clients: Clients::default(),
            counters: Counters::new(),
            limits,
        });
        let events = Events::default();
        let noted = Arc::clone(&events);
        world.sim.on_request(move |_, _| noted.lock().unwrap().push(Event::Store));
        let (client, of_client) = duplex(PIPE_BYTES);
        let (broker, of_broker) = duplex(PIPE_BYTES);
        let of_client = Noted { stream: of_client, events: Arc::clone(&events) };
        let (stopper, stop) = Stopper::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(run(of_client, of_broker, grounds, Arc::clone(&shared), stop));
        Self { client, broker, events, shared, log, world, _stopper: stopper, _tasks: tasks }
    }

    /// Where the tier begins and ends is known.
    fn know(&self) {
        let at = |offset| Offset::new(offset).unwrap();
        let bounds = Bounds { start: at(100), serving_start: at(100), last_stable: at(800), end: at(800) };
        let known = self.shared.tier.get().unwrap().known();
        for partition in 0..2 {
            let mut place = known.with_id(topic_id(ID)).unwrap().place(partition).unwrap().lock();
            place.note_marks(Marks::of_bounds(bounds));
            place.note_end(BROKERS.1);
            place.note_start(BROKERS.0);
        }
    }

    /// Asks for two offsets, has the broker answer, and gives the answer's partitions: their errors and numbers of bytes.
    async fn fetch(&mut self, offsets: [i64; 2], max_bytes: i32) -> Vec<(i16, usize)> {
        self.client.write_all(&request(offsets, max_bytes)).await.unwrap();
        self.answer().await;
        let answer = read(&mut self.client).await;
        let answer: FetchResponse<'_> = read_response(&answer, VERSION).unwrap();
        let mut entries = Vec::new();
        for topic in &answer.responses {
            let entry = |data: &PartitionData<'_>| (data.error_code.value, data.records.value.len());
            entries.extend(topic.partitions.iter().map(|data| entry(&data)));
        }
        entries
    }

    /// As a broker whose logs have lost their beginnings.
    async fn answer(&mut self) {
        let mut asked = read(&mut self.broker).await;
        while RequestHeader::read(&asked).unwrap().0.api == Api::LIST_OFFSETS {
            self.tell_ends(&asked).await;
            asked = read(&mut self.broker).await;
        }
        let (header, body) = RequestHeader::read(&asked).unwrap();
        let request: FetchRequest<'_> = read_request(&header, body).unwrap();
        let topics = request.topics.iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|asked| {
                let data = PartitionData { partition_index: asked.partition, ..PartitionData::default() };
                if !(BROKERS.0..=BROKERS.1).contains(&asked.fetch_offset) {
                    let nowhere = At::new(-1);
                    return PartitionData {
                        error_code: At::new(OUT_OF_RANGE),
                        high_watermark: nowhere,
                        ..data
                    };
                }
                PartitionData {
                    high_watermark: At::new(BROKERS.1),
                    last_stable_offset: At::new(BROKERS.1),
                    log_start_offset: At::new(BROKERS.0),
                    records: At::new(Records::Shared(vec![self.log.bytes_from(asked.fetch_offset).into()])),
                    ..data
                }
            });
            let partitions = partitions.collect();
            FetchableTopicResponse { topic: "orders", topic_id: [ID; 16], partitions }
        });
        let answer = FetchResponse { responses: topics.collect(), ..FetchResponse::default() };
        let mut frame = write_response(&answer, VERSION, header.correlation_id).unwrap();
        self.broker.write_all_buf(&mut frame).await.unwrap();
    }

    /// Where the logs end that the proxy asks for itself.
    async fn tell_ends(&mut self, asked: &[u8]) {
        let (header, body) = RequestHeader::read(asked).unwrap();
        let request: ListOffsetsRequest<'_> = read_request(&header, body).unwrap();
        let topics = request.topics.iter().map(|topic| {
            let end = |partition_index| ListOffsetsPartitionResponse {
                partition_index,
                offset: At::new(BROKERS.1),
                ..ListOffsetsPartitionResponse::default()
            };
            let partitions = topic.partitions.iter().map(|asked| end(asked.partition_index)).collect();
            ListOffsetsTopicResponse { name: topic.name, partitions }
        });
        let answer = ListOffsetsResponse { topics: topics.collect(), ..ListOffsetsResponse::default() };
        let mut frame = write_response(&answer, header.version, header.correlation_id).unwrap();
        self.broker.write_all_buf(&mut frame).await.unwrap();
    }

    /// What has happened, and forgets it.
    fn events(&self) -> Vec<Event> {
        std::mem::take(&mut *self.events.lock().unwrap())
    }

    /// What happened until the store was asked for something.
    async fn events_until_the_store_was_asked(&self) -> Vec<Event> {
        for _ in 0..10_000 {
            if self.events.lock().unwrap().contains(&Event::Store) {
                return self.events();
            }
            yield_now().await;
        }
        panic!("the store is never asked: {:?}", self.events());
    }
}

/// A fetch of two offsets, its length before it.
fn request(offsets: [i64; 2], max_bytes: i32) -> Bytes {
    let partition = |(partition, fetch_offset)| FetchPartition {
        partition,
        fetch_offset,
        partition_max_bytes: max_bytes,
        ..FetchPartition::default()
    };
    let partitions = (0..).zip(offsets).map(partition).collect();
    let topic = FetchTopic { topic: "orders", topic_id: [ID; 16], partitions };
    let request = FetchRequest {
        max_wait_ms: 500,
        max_bytes: At::new(max_bytes),
        topics: List::from(vec![topic]),
        ..FetchRequest::default()
    };
    write_request(&request, VERSION, 5, Some(b"client")).unwrap().into_bytes()
}

async fn run(client: Noted, broker: DuplexStream, grounds: Grounds, shared: Arc<Shared>, stop: Stop) {
    let identity = Identity::new(grounds);
    let place = Places::new(1, 1, 1).next().await;
    let visit = Visit { purpose: Purpose::Serve, identity, place, from: [127, 0, 0, 1].into() };
    connection::run(client, broker, &visit, &shared, stop).await.unwrap();
}

async fn read(from: &mut DuplexStream) -> Bytes {
    let length = from.read_u32().await.unwrap();
    let mut frame = vec![0; length as usize];
    from.read_exact(&mut frame).await.unwrap();
    frame.into()
}

/// The bytes that went to the client before the store was asked.
fn before_store(events: &[Event]) -> usize {
    let before = events.iter().take_while(|event| **event != Event::Store);
    before.map(|event| if let Event::Client(bytes) = event { *bytes } else { 0 }).sum()
}

fn all_to_client(events: &[Event]) -> usize {
    events.iter().map(|event| if let Event::Client(bytes) = event { *bytes } else { 0 }).sum()
}

#[tokio::test]
async fn an_answer_with_records_of_the_broker_has_left_before_the_store_is_asked() {
    for is_known in [false, true] {
        let mut stage = Stage::new().await;
        stage.events();
        if is_known {
            stage.know();
        }
        let hot = stage.log.bytes_from(1050).len();
        assert_eq!(stage.fetch([100, 1050], 10 << 20).await, [(0, 0), (0, hot)], "known: {is_known}");
        let events = stage.events_until_the_store_was_asked().await;
        let sent = before_store(&events);
        assert!(sent > hot && sent == all_to_client(&events), "known: {is_known}: {events:?}");
        // By and by the reader has it, and it goes along without a question.
        let mut cold = 0;
        for _ in 0..1000 {
            for _ in 0..100 {
                yield_now().await;
            }
            stage.events();
            let entries = stage.fetch([100, 1050], 10 << 20).await;
            cold = entries[0].1;
            let events = stage.events();
            assert_eq!(before_store(&events), all_to_client(&events), "known: {is_known}: {events:?}");
            if cold > 0 {
                break;
            }
        }
        assert!(cold > 0, "it was read behind the answers");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_deletes_by_the_certificate_of_the_proxy() {
    let mut stage = Stage::before(Grounds { certificates: true, trusts_all: false }).await;
    let partition = DeleteRecordsPartition { partition_index: 0, offset: At::new(-1) };
    let topics = List::from(vec![DeleteRecordsTopic { name: "orders", partitions: vec![partition].into() }]);
    let request = DeleteRecordsRequest { topics, timeout_ms: 1000 };
    let mut frame = write_request(&request, 2, 5, Some(b"client")).unwrap();
    stage.client.write_all_buf(&mut frame).await.unwrap();
    let asked = read(&mut stage.broker).await;
    let (header, body) = RequestHeader::read(&asked).unwrap();
    let asked: DeleteRecordsRequest<'_> = read_request(&header, body).unwrap();
    let offset = asked.topics.iter().next().unwrap().partitions.iter().next().unwrap().offset.value;
    assert_eq!(offset, -2, "the broker was asked to delete by the right of the proxy");
    // As brokers answer that.
    let told = DeleteRecordsPartitionResult {
        partition_index: 0,
        low_watermark: At::new(-1),
        error_code: At::new(1),
    };
    let topics = List::from(vec![DeleteRecordsTopicResult { name: "orders", partitions: vec![told].into() }]);
    let answer = DeleteRecordsResponse { topics, ..DeleteRecordsResponse::default() };
    let mut frame = write_response(&answer, 2, 5).unwrap();
    stage.broker.write_all_buf(&mut frame).await.unwrap();
    let answer = read(&mut stage.client).await;
    let answer: DeleteRecordsResponse<'_> = read_response(&answer, 2).unwrap();
    let code = answer.topics.iter().next().unwrap().partitions.iter().next().unwrap().error_code.value;
    assert_eq!(code, 29);
}

#[tokio::test]
async fn a_hot_fetch_never_asks_the_store() {
    for is_known in [false, true] {
        let mut stage = Stage::new().await;
        stage.events();
        if is_known {
            stage.know();
        }
        for offset in [1050, 700, BROKERS.1] {
            stage.fetch([offset, offset], 10 << 20).await;
        }
        for _ in 0..1000 {
            yield_now().await;
        }
        assert!(!stage.events().contains(&Event::Store));
    }
}

#[tokio::test]
async fn a_long_answer_with_a_refusal_that_nobody_has_foreseen_asks_nothing_either() {
    let mut stage = Stage::new().await;
    stage.events();
    let hot = stage.log.bytes_from(700).len();
    assert!(hot > 64 << 10, "it is passed while it comes");
    assert_eq!(stage.fetch([100, 700], 10 << 20).await, [(0, 0), (0, hot)]);
    for _ in 0..1000 {
        yield_now().await;
    }
    assert!(!stage.events().contains(&Event::Store));
    stage.fetch([100, 1050], 10 << 20).await;
    let events = stage.events_until_the_store_was_asked().await;
    assert_eq!(before_store(&events), all_to_client(&events));
}

#[tokio::test(start_paused = true)]
async fn only_cold_partitions_are_waited_for() {
    let mut stage = Stage::new().await;
    stage.know();
    stage.events();
    let entries = stage.fetch([100, 200], 10 << 20).await;
    assert!(entries.iter().all(|(code, bytes)| *code == 0 && *bytes > 0));
    assert_eq!(before_store(&stage.events()), 0, "the store was asked before the answer went");
}

#[tokio::test(start_paused = true)]
async fn what_is_hot_waits_for_no_memory() {
    let mut stage = Stage::new().await;
    stage.know();
    let taken = stage.shared.answers.all().reserve(stage.shared.answers.all().total()).await;
    let hot = stage.log.bytes_from(700).len();
    let minute = std::time::Duration::from_secs(60);
    let entries = tokio::time::timeout(minute, stage.fetch([100, 700], 10 << 20)).await;
    assert_eq!(entries.expect("others hold all memory for long answers"), [(0, 0), (0, hot)]);
    drop(taken);
}

#[tokio::test]
async fn a_queue_of_requests_is_counted_and_a_claim_is_not() {
    let mut stage = Stage::new().await;
    let free = memory::requests_taken;
    let front = request([100, 200], 1 << 20);
    // One is looked at, one is about to be.
    for (times, taken) in [(1, 0), (9, 8 * 4096)] {
        for _ in 0..times {
            stage.client.write_all(&front).await.unwrap();
        }
        for _ in 0..1000 {
            yield_now().await;
        }
        assert_eq!(free(&stage), taken, "after {times} more");
    }
    let mut stage = Stage::new().await;
    let claim = [&(8_i32 << 20).to_be_bytes()[..], &front[4..]].concat();
    stage.client.write_all(&claim).await.unwrap();
    for _ in 0..1000 {
        yield_now().await;
    }
    assert_eq!(free(&stage), 0, "nothing of it has come");
}
