//! What a passing fetch answer costs: microseconds an answer, beside a copy of it and beside decoding and encoding it.
//!
//! `cargo run --release -p firnline-proxy --example walk_rate`

use std::error::Error;
use std::hint::black_box;
use std::io::Write;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use firnline_proxy::wire::messages::fetch::{FetchResponse, FetchableTopicResponse, PartitionData};
use firnline_proxy::wire::{At, FetchScan, Patches, Records, read_response, write_response};
use kafka_protocol::messages as theirs;
use kafka_protocol::protocol::{Decodable, Encodable};

const VERSION: i16 = 17;
const ROUNDS: usize = 7;
/// What a socket gives at once.
const PIECE_BYTES: usize = 64 << 10;

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout();
    for (partitions, records_bytes) in [(1, 1 << 20), (50, 20 << 10), (500, 2 << 10), (500, 0)] {
        let frame = answer(partitions, records_bytes)?;
        let mut held = frame.to_vec();
        let copy = micros(|| {
            held.copy_from_slice(&frame);
        });
        let patched = micros(|| {
            let answer: FetchResponse<'_> = read_response(&frame, VERSION).expect("an answer");
            let mut patches = Patches::new();
            for topic in &answer.responses {
                for partition in &topic.partitions {
                    patches.set(&partition.log_start_offset, 3);
                }
            }
            patches.apply(&mut held).expect("places of this frame");
        });
        let scanned = micros(|| {
            let mut scan = FetchScan::new(VERSION, held.len()).expect("a walked version");
            let (mut start, mut end) = (0, 0);
            while !scan.is_done() {
                end = held.len().min(end + PIECE_BYTES);
                let piece = held.get_mut(start..end).expect("a piece of the frame");
                start += scan
                    .pass(piece, |_, front, patches| {
                        patches.set(&front.log_start_offset, 3);
                    })
                    .expect("an answer");
            }
        });
        let body = frame.slice(5..);
        let theirs = micros(|| {
            let mut answer = theirs::FetchResponse::decode(&mut body.clone(), VERSION).expect("an answer");
            for topic in &mut answer.responses {
                for partition in &mut topic.partitions {
                    partition.log_start_offset = 3;
                }
            }
            let mut encoded = BytesMut::new();
            answer.encode(&mut encoded, VERSION).expect("an answer");
            black_box(encoded);
        });
        writeln!(
            out,
            "{partitions} partitions, {} KiB: copy {copy:.1} us, read and patched {patched:.1} us, scanned and patched \
             {scanned:.1} us, decoded and encoded by kafka-protocol {theirs:.1} us",
            frame.len() >> 10,
        )?;
    }
    Ok(())
}

/// An answer without its length.
fn answer(partitions: i32, records_bytes: usize) -> Result<Bytes, Box<dyn Error>> {
    let records = Bytes::from(vec![b'r'; records_bytes]);
    let partitions = (0..partitions).map(|partition_index| PartitionData {
        partition_index,
        high_watermark: At::new(1000),
        records: At::new(Records::Shared(vec![records.clone()])),
        ..PartitionData::default()
    });
    let topic =
        FetchableTopicResponse { topic_id: [7; 16], partitions: partitions.collect(), ..Default::default() };
    let answer = FetchResponse { responses: vec![topic].into(), ..FetchResponse::default() };
    Ok(write_response(&answer, VERSION, 1)?.into_bytes().slice(4..))
}

/// The best of some rounds.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn micros(mut work: impl FnMut()) -> f64 {
    const TIMES: usize = 200;
    let rounds = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        (0..TIMES).for_each(|_| work());
        start.elapsed().as_secs_f64() * 1e6 / TIMES as f64
    });
    rounds.fold(f64::INFINITY, f64::min)
}
