//! One connection.

use std::io::{Error, Read as _, Result, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{
    ApiKey, BrokerId, FetchRequest, FetchResponse, RequestHeader, ResponseHeader, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};

/// The newest version that names topics and not their ids.
const VERSION: i16 = 12;
/// How long a broker may wait for records that are not there yet.
const WAIT_MS: i32 = 500;
/// What precedes a batch's length, with the length itself; and where the last offset's delta stands in a batch.
const FRONT: usize = 12;
const LAST_DELTA: usize = 23;

/// What a connection reads.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) at: String,
    pub(crate) topic: String,
    pub(crate) partitions: i32,
    pub(crate) fetch: i32,
    pub(crate) partition_fetch: i32,
    pub(crate) from: i64,
    pub(crate) bytes: u64,
    pub(crate) time: Duration,
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            at: String::new(),
            topic: String::new(),
            partitions: 1,
            fetch: 1 << 20,
            partition_fetch: 1 << 20,
            from: 0,
            bytes: u64::MAX,
            time: Duration::from_secs(600),
        }
    }
}

/// What came.
#[derive(Debug, Default)]
pub(crate) struct Read {
    bytes: u64,
    empty: u64,
    /// Of each fetch with records.
    took: Vec<Duration>,
}

impl Read {
    pub(crate) fn add(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.empty += other.empty;
        self.took.extend(other.took);
    }

    #[expect(clippy::print_stdout, reason = "it is what the program is for")]
    pub(crate) fn show(mut self, time: Duration) {
        self.took.sort_unstable();
        let count = self.took.len();
        let share = |of: usize| self.took.get((count * of / 100).min(count.saturating_sub(1)));
        let ms = |of: usize| share(of).map_or(0.0, |time| time.as_secs_f64() * 1e3);
        println!(
            r#"{{"bytes":{},"fetches":{count},"empty":{},"seconds":{:.6},"p50_ms":{:.4},"p99_ms":{:.4},"most_ms":{:.4}}}"#,
            self.bytes,
            self.empty,
            time.as_secs_f64(),
            ms(50),
            ms(99),
            ms(100),
        );
    }
}

/// Where a partition is read next.
#[derive(Debug, Clone, Copy)]
struct Place {
    partition: i32,
    next: i64,
}

pub(crate) fn read(wanted: &Wanted) -> Result<Read> {
    let mut stream = TcpStream::connect(&wanted.at)?;
    stream.set_nodelay(true)?;
    let mut places: Vec<Place> =
        (0..wanted.partitions).map(|partition| Place { partition, next: wanted.from }).collect();
    let (mut read, begun, mut answer) = (Read::default(), Instant::now(), BytesMut::new());
    while !places.is_empty() && read.bytes < wanted.bytes && begun.elapsed() < wanted.time {
        let asked = Instant::now();
        stream.write_all(&request(wanted, &places)?)?;
        answer = receive(&mut stream, answer)?;
        let took = asked.elapsed();
        let frame = answer.split().freeze();
        let before = read.bytes;
        take(frame, &mut places, &mut read.bytes)?;
        if read.bytes == before {
            read.empty += 1;
        } else {
            read.took.push(took);
        }
    }
    Ok(read)
}

fn request(wanted: &Wanted, places: &[Place]) -> Result<Bytes> {
    let partitions = places.iter().map(|place| {
        FetchPartition::default()
            .with_partition(place.partition)
            .with_fetch_offset(place.next)
            .with_partition_max_bytes(wanted.partition_fetch)
    });
    let topic = FetchTopic::default()
        .with_topic(TopicName(StrBytes::from_string(wanted.topic.clone())))
        .with_partitions(partitions.collect());
    let fetch = FetchRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_max_wait_ms(WAIT_MS)
        .with_min_bytes(1)
        .with_max_bytes(wanted.fetch)
        .with_session_epoch(-1)
        .with_topics(vec![topic]);
    let header = RequestHeader::default()
        .with_request_api_key(ApiKey::Fetch as i16)
        .with_request_api_version(VERSION)
        .with_client_id(Some(StrBytes::from_static_str("fetch-rate")));
    let mut frame = BytesMut::new();
    frame.put_i32(0);
    header.encode(&mut frame, 2).map_err(Error::other)?;
    fetch.encode(&mut frame, VERSION).map_err(Error::other)?;
    let length = i32::try_from(frame.len() - 4).map_err(Error::other)?;
    frame[..4].copy_from_slice(&length.to_be_bytes());
    Ok(frame.freeze())
}

/// One frame, its length cut off, in a buffer that is used again.
fn receive(stream: &mut TcpStream, mut into: BytesMut) -> Result<BytesMut> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = usize::try_from(i32::from_be_bytes(length)).map_err(Error::other)?;
    into.resize(length, 0);
    stream.read_exact(&mut into)?;
    Ok(into)
}

/// Moves on behind what came. Who brought something goes to the end of the line, as clients do it.
fn take(mut frame: Bytes, places: &mut Vec<Place>, bytes: &mut u64) -> Result<()> {
    ResponseHeader::decode(&mut frame, 1).map_err(Error::other)?;
    let answer = FetchResponse::decode(&mut frame, VERSION).map_err(Error::other)?;
    let mut moved = Vec::new();
    for told in answer.responses.iter().flat_map(|topic| &topic.partitions) {
        if told.error_code != 0 {
            return Err(Error::other(format!(
                "partition {}: error {}",
                told.partition_index, told.error_code
            )));
        }
        let Some(at) = places.iter().position(|place| place.partition == told.partition_index) else {
            return Err(Error::other(format!("partition {} was not asked for", told.partition_index)));
        };
        let records = told.records.clone().unwrap_or_default();
        *bytes += records.len() as u64;
        if let Some(next) = end_of(records) {
            let place = places.remove(at);
            moved.push((Place { next: next.max(place.next), ..place }, told.high_watermark));
        }
    }
    places.extend(moved.into_iter().filter(|(place, end)| place.next < *end).map(|(place, _)| place));
    Ok(())
}

/// The offset behind the last whole batch.
fn end_of(mut records: Bytes) -> Option<i64> {
    let mut end = None;
    while records.len() >= LAST_DELTA + 4 {
        let front = records.clone();
        let (base, length) = (front.slice(..8).get_i64(), front.slice(8..FRONT).get_i32());
        let size = FRONT + usize::try_from(length).ok()?;
        if records.len() < size {
            break;
        }
        end = Some(base + i64::from(front.slice(LAST_DELTA..LAST_DELTA + 4).get_i32()) + 1);
        records.advance(size);
    }
    end
}
