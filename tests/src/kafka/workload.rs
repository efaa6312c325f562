//! The workload of the end-to-end tests: every codec, headers, tombstones, big records, transactions of every fate.

use super::ledger::{Ledger, Message};
use super::{Cluster, Codec, Producer, Transactions, wait_for_markers};

/// The topic of transactions.
pub const PAYMENTS: &str = "payments";
/// The instant of the first record: 2026-01-01T00:00:00Z.
pub const FIRST_TIMESTAMP_MS: i64 = 1_767_225_600_000;

/// What [`Workload::produce`] writes.
#[derive(Debug, Clone)]
pub struct Workload {
    /// Partitions of each topic.
    pub partitions: i32,
    /// Bytes of record values that each partition of a codec's topic gets at least.
    pub bytes_per_partition: usize,
    /// Rounds of interleaved transactions.
    pub rounds: usize,
    /// Whether the last transaction is never ended.
    pub leave_open: bool,
}

impl Default for Workload {
    fn default() -> Self {
        Self { partitions: 2, bytes_per_partition: 3 * 1024 * 1024, rounds: 24, leave_open: false }
    }
}

/// The longest topic name that Kafka takes.
pub fn longest_topic() -> String {
    "t".repeat(249)
}

impl Workload {
    /// Makes the topics, writes everything and returns the account of it.
    pub fn produce(&self, cluster: &Cluster) -> Ledger {
        let mut ledger = Ledger::default();
        let mut random = Random::new(7);
        for codec in Codec::ALL {
            let topic = codec_topic(codec);
            cluster.create_topic(&topic, self.partitions, &[]);
            let producer = Producer::new(&cluster.bootstrap(), codec, &Transactions::Off);
            for partition in 0..self.partitions {
                self.fill(&producer, &topic, partition, &mut random);
            }
            producer.flush_into(&mut ledger);
        }
        let long = longest_topic();
        cluster.create_topic(&long, 1, &[]);
        let producer = Producer::new(&cluster.bootstrap(), Codec::Lz4, &Transactions::Off);
        self.fill(&producer, &long, 0, &mut random);
        producer.flush_into(&mut ledger);

        cluster.create_topic(PAYMENTS, self.partitions, &[]);
        self.transact(cluster, &mut random, &mut ledger);
        ledger
    }

    fn fill(&self, producer: &Producer, topic: &str, partition: i32, random: &mut Random) {
        let (mut written, mut number) = (0, 0);
        while written < self.bytes_per_partition {
            let message = self.message(topic, partition, number, random);
            written += message.value.as_ref().map_or(0, Vec::len);
            producer.send(&message);
            number += 1;
        }
    }

    /// The `number`th message of a partition: mostly a KiB or so, now and then a tombstone, no key, or a big one.
    fn message(&self, topic: &str, partition: i32, number: i64, random: &mut Random) -> Message {
        let value = match number % 97 {
            13 => None,
            31 => Some(Vec::new()),
            57 => Some(random.bytes(600 * 1024)),
            _ => {
                let length = 200 + random.below(2_000);
                Some(random.bytes(length))
            }
        };
        let key = (number % 11 != 3).then(|| format!("{topic}-{}", number % 500).into_bytes());
        let headers = match number % 5 {
            0 => vec![("trace".to_owned(), Some(random.bytes(16))), ("trace".to_owned(), None)],
            1 => vec![("größe".to_owned(), Some(Vec::new()))],
            _ => Vec::new(),
        };
        Message {
            topic: topic.to_owned(),
            partition,
            timestamp_ms: FIRST_TIMESTAMP_MS + number * 1_000,
            key,
            value,
            headers,
        }
    }

    /// Three producers whose transactions overlap, ended in changing order, a third of them aborted.
    fn transact(&self, cluster: &Cluster, random: &mut Random, ledger: &mut Ledger) {
        let bootstrap = cluster.bootstrap();
        let producers: Vec<Producer> = (0..3)
            .map(|id| Producer::new(&bootstrap, Codec::Lz4, &Transactions::Id(format!("till-{id}"))))
            .collect();
        let mut number = 0;
        for round in 0..self.rounds {
            producers.iter().for_each(Producer::begin);
            for step in 0..60 {
                for producer in &producers {
                    let partition = step % self.partitions;
                    producer.send(&self.message(PAYMENTS, partition, number, random));
                    number += 1;
                }
            }
            for turn in 0..producers.len() {
                let producer = &producers[(turn + round) % producers.len()];
                if (turn + round * 2) % 3 == 0 {
                    producer.abort_into(ledger);
                } else {
                    producer.commit_into(ledger);
                }
            }
        }
        wait_for_markers(&bootstrap, PAYMENTS, self.partitions);
        if self.leave_open {
            let crashed =
                Producer::new(&bootstrap, Codec::None, &Transactions::Id("till-crashed".to_owned()));
            crashed.begin();
            for partition in 0..self.partitions {
                crashed.send(&self.message(PAYMENTS, partition, number, random));
            }
            crashed.abandon_into(ledger);
            // What comes after the open transaction fills whole segments, so that it is offloaded with it.
            let after = Producer::new(&bootstrap, Codec::None, &Transactions::Off);
            for partition in 0..self.partitions {
                self.fill(&after, PAYMENTS, partition, random);
            }
            after.flush_into(ledger);
        }
    }
}

/// The topic that holds records of one codec.
pub fn codec_topic(codec: Codec) -> String {
    format!("codec-{}", codec.name())
}

/// A small generator of repeatable bytes (xorshift64*): the same seed gives the same workload.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit).expect("a small limit")).expect("below a usize")
    }

    /// Half noise, half repetition, so that codecs have something to do and segments still fill.
    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 16);
        while bytes.len() < length {
            bytes.extend_from_slice(&self.next().to_le_bytes());
            bytes.extend_from_slice(b"firnline");
        }
        bytes.truncate(length);
        bytes
    }
}
