//! An answer in which nothing is cold is passed while it comes: however long it is, next to nothing of it is held.

#![allow(clippy::unwrap_used, reason = "test helpers may panic")]
#![expect(unsafe_code, reason = "counting allocations takes an allocator, and that is unsafe by its trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use firnline_proxy::proxy::{Address, Archive, Proxy, ProxyLimits, ProxySettings};
use firnline_proxy::serve::Catalog;
use firnline_proxy::wire::messages::fetch::{
    FetchPartition, FetchRequest, FetchResponse, FetchTopic, FetchableTopicResponse, PartitionData,
};
use firnline_proxy::wire::{At, List, Records, RequestHeader, write_request, write_response};
use firnline_reader::{Reader, ReaderSettings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

#[path = "it/serve/log.rs"]
#[allow(dead_code, reason = "of a log for tests not all is needed here")]
mod log;
#[path = "it/serve/tier.rs"]
#[allow(dead_code, reason = "of a tier for tests not all is needed here")]
mod tier;

use log::Log;
use tier::{World, cluster, tip};

/// How long the answer is, in pieces that the broker sends again and again.
const PIECES: usize = 1024;
static PIECE: [u8; 64 << 10] = [0; 64 << 10];
/// What the proxy may hold of it: its buffers for two directions, and what sockets and tasks take.
const MOST: usize = 1 << 20;
const VERSION: i16 = 13;
const ID: u8 = 7;

struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(live, Ordering::Relaxed);
        // SAFETY: the caller's promise is the system allocator's condition.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the pointer came from `alloc` above, hence from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A fetch of offset 50,000, hot, or of offset 100, which the broker has lost.
fn request(offset: i64) -> Vec<u8> {
    let partition = FetchPartition {
        partition: 0,
        fetch_offset: offset,
        partition_max_bytes: i32::MAX,
        ..FetchPartition::default()
    };
    let topic = FetchTopic { topic: "orders", topic_id: [ID; 16], partitions: List::from(vec![partition]) };
    let topics = List::from(vec![topic]);
    let request = FetchRequest { session_epoch: At::new(0), topics, ..FetchRequest::default() };
    write_request(&request, VERSION, 5, Some(b"client")).unwrap().into_bytes().to_vec()
}

/// An answer without its records, cut where they belong; its length says that they are there.
fn answer(records: usize) -> (Vec<u8>, Vec<u8>) {
    let data = PartitionData {
        high_watermark: At::new(90_000),
        last_stable_offset: At::new(90_000),
        log_start_offset: At::new(40_000),
        records: At::new(Records::Shared(vec![Bytes::from(vec![0; records])])),
        ..PartitionData::default()
    };
    let partitions = List::from(vec![data]);
    let topic = FetchableTopicResponse { topic: "orders", topic_id: [ID; 16], partitions };
    let responses = List::from(vec![topic]);
    let whole = FetchResponse { session_id: 9, responses, ..FetchResponse::default() };
    let whole = write_response(&whole, VERSION, 5).unwrap().into_bytes();
    // Behind the records: tagged fields of the partition, the topic and the answer.
    let tail = 3;
    (whole[..whole.len() - tail - records].to_vec(), whole[whole.len() - tail..].to_vec())
}

async fn answer_all(listener: TcpListener, front: Arc<Vec<u8>>, back: Arc<Vec<u8>>) {
    let mut tasks = JoinSet::new();
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (front, back) = (Arc::clone(&front), Arc::clone(&back));
        tasks.spawn(async move {
            while let Ok(length) = stream.read_u32().await {
                let mut frame = vec![0; length as usize];
                stream.read_exact(&mut frame).await.unwrap();
                let (header, _) = RequestHeader::read(&frame).unwrap();
                if header.api != firnline_proxy::wire::Api::FETCH {
                    return;
                }
                stream.write_all(&front).await.unwrap();
                for _ in 0..PIECES {
                    stream.write_all(&PIECE).await.unwrap();
                }
                stream.write_all(&back).await.unwrap();
            }
        });
    }
}

async fn archive(world: &World) -> Archive {
    let mut log = Log::from(100);
    for _ in 0..20 {
        log.data(5, 200);
    }
    world.topic("orders", ID, 1);
    world.put(tip("orders", ID, 0), &log, &[]);
    let (store, reader) = (world.store(), ReaderSettings::default());
    Archive {
        cluster_id: cluster(),
        catalog: Catalog::load(store.clone(), Arc::clone(&world.env.clock)).await.unwrap(),
        max_manifest_age: reader.max_manifest_age,
        reader: Reader::new(store.clone(), reader),
        store,
        may_delete: true,
        env: world.env.clone(),
    }
}

/// Reads an answer and throws it away.
async fn discard(stream: &mut TcpStream, buffer: &mut [u8]) -> usize {
    let length = stream.read_u32().await.unwrap() as usize;
    let mut left = length;
    while left > 0 {
        let most = left.min(buffer.len());
        left -= stream.read(&mut buffer[..most]).await.unwrap();
    }
    length
}

#[tokio::test]
async fn a_long_hot_answer_is_not_held() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (front, back) = answer(PIECES * PIECE.len());
    let mut tasks = JoinSet::new();
    tasks.spawn(answer_all(listener, Arc::new(front), Arc::new(back)));
    let world = World::new();
    let settings = ProxySettings {
        upstream: vec![Address { host: "127.0.0.1".into(), port }],
        listen: "127.0.0.1:0".parse().unwrap(),
        advertised_host: None,
        node_port_base: None,
        node_names: None,
        advertised_port: None,
        expected_nodes: None,
        pass_unknown: false,
        time_travel: false,
        limits: ProxyLimits::default(),
    };
    let proxy = Proxy::bind(settings, Some(archive(&world).await)).await.unwrap();
    let address = proxy.address();
    tasks.spawn(proxy.run(std::future::pending()));
    let mut client = TcpStream::connect(address).await.unwrap();
    let mut buffer = vec![0; 64 << 10];
    let request = request(50_000);
    let before = LIVE.load(Ordering::Relaxed);
    for turn in 0..3 {
        // From the second on it is known where the log begins.
        client.write_all(&request).await.unwrap();
        PEAK.store(LIVE.load(Ordering::Relaxed), Ordering::Relaxed);
        assert!(discard(&mut client, &mut buffer).await > PIECES * PIECE.len());
        let held = PEAK.load(Ordering::Relaxed).saturating_sub(before);
        assert!(held < MOST, "turn {turn}: {held} bytes were held of an answer that only passes");
    }
}
