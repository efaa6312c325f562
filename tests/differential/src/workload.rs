//! What is written: every codec, transactions of every fate, times in every order, logs that a cleaner went over.

use firnline_tests::kafka::{Cluster, Codec, Ledger, Message, Producer, Transactions};

use crate::dice::Dice;

/// The instant of the first record: 2026-01-01T00:00:00Z.
pub const FIRST_MS: i64 = 1_767_225_600_000;
/// Records of a transaction that reaches over more than a segment of 1 MiB.
const LONG: usize = 900;

/// A topic, and how it is written.
#[derive(Debug, Clone)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Its partitions.
    pub partitions: i32,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Codec(Codec),
    Payments,
    Hanging,
    Arrival,
    Unordered,
    Cleaned,
    Old,
}

/// The topics of a run.
/// Only one broker has a cleaned log: each cleans its own copy when it likes, so that a log changes with its leader. Only one has a
/// log of old formats, too: followers would have to be filled alike.
pub fn topics(nodes: u16) -> Vec<Topic> {
    let topic = |name: &str, partitions, kind| Topic { name: name.to_owned(), partitions, kind };
    let mut topics: Vec<Topic> = Codec::ALL
        .into_iter()
        .map(|codec| topic(&format!("codec-{}", codec.name()), 1, Kind::Codec(codec)))
        .collect();
    topics.extend([
        topic("payments", 2, Kind::Payments),
        topic("hanging", 1, Kind::Hanging),
        topic("arrival", 1, Kind::Arrival),
        topic("unordered", 1, Kind::Unordered),
    ]);
    if nodes == 1 {
        topics.push(topic(CLEANED, 1, Kind::Cleaned));
        topics.push(topic(OLD, 1, Kind::Old));
    }
    topics
}

/// The topic that a cleaner has gone over.
pub const CLEANED: &str = "cleaned";
/// The topic whose log begins in formats of long ago.
pub const OLD: &str = "old";
/// Settings of the topic that a cleaner goes over before it is tiered.
const CLEANER: [(&str, &str); 5] = [
    ("cleanup.policy", "compact"),
    ("min.cleanable.dirty.ratio", "0.01"),
    ("delete.retention.ms", "100"),
    ("min.compaction.lag.ms", "0"),
    ("max.compaction.lag.ms", "1000"),
];

/// Makes the topics.
pub fn create(cluster: &Cluster, topics: &[Topic]) {
    for topic in topics {
        let settings: &[(&str, &str)] = match topic.kind {
            Kind::Arrival => &[("message.timestamp.type", "LogAppendTime")],
            Kind::Cleaned => &CLEANER,
            _ => &[],
        };
        cluster.create_topic(&topic.name, topic.partitions, settings);
    }
}

/// Who writes to a topic.
#[derive(Debug)]
struct Writer {
    dice: Dice,
    number: i64,
}

/// Writes the topic that is cleaned; nothing is written to it later.
pub fn write_cleaned(seed: u64, cluster: &Cluster, topic: &Topic) {
    let mut writer = Writer { dice: Dice::new(seed, 90), number: 0 };
    for _ in 0..3 {
        writer.fill(&cluster.bootstrap(), topic, Codec::None, 30);
        writer.fill(&cluster.bootstrap(), topic, Codec::None, 900);
    }
}

/// Writes to all other topics at once, about 1.5 MiB to each partition. What is written to a topic follows from the seed and the
/// round alone.
pub fn write(seed: u64, round: u64, cluster: &Cluster, topics: &[Topic]) {
    let bootstrap = &cluster.bootstrap();
    std::thread::scope(|threads| {
        for (purpose, topic) in (1..).zip(topics) {
            threads.spawn(move || {
                // Times go on from round to round.
                let number = i64::try_from(round * 20_000).expect("a few rounds");
                let mut writer = Writer { dice: Dice::new(seed, purpose + 100 * round), number };
                writer.write(bootstrap, topic, round);
            });
        }
    });
}

impl Writer {
    fn write(&mut self, bootstrap: &str, topic: &Topic, round: u64) {
        match topic.kind {
            Kind::Codec(codec) => self.fill(bootstrap, topic, codec, 900),
            Kind::Arrival | Kind::Unordered | Kind::Old => self.fill(bootstrap, topic, Codec::Lz4, 900),
            Kind::Cleaned => {}
            Kind::Payments => self.transact(bootstrap, topic),
            Kind::Hanging => self.hang(bootstrap, topic, round),
        }
    }

    /// Records outside of transactions, in batches of a few up to many.
    fn fill(&mut self, bootstrap: &str, topic: &Topic, codec: Codec, count: usize) {
        let producer = Producer::new(bootstrap, codec, &Transactions::Off);
        let mut written = Ledger::default();
        for partition in 0..topic.partitions {
            let mut left = 0;
            for _ in 0..count {
                producer.send(&self.message(topic, partition));
                if left == 0 {
                    producer.flush_into(&mut written);
                    left = self.dice.below(60);
                }
                left -= usize::from(left > 0);
            }
        }
        producer.flush_into(&mut written);
    }

    /// Three producers whose transactions overlap; some are long, a third is aborted.
    fn transact(&mut self, bootstrap: &str, topic: &Topic) {
        let producers: Vec<Producer> =
            (0..3).map(|id| transactional(bootstrap, &format!("till-{id}"))).collect();
        let mut written = Ledger::default();
        for round in 0..8 {
            producers.iter().for_each(Producer::begin);
            let steps = if round == 2 { LONG } else { 20 + self.dice.below(60) };
            for _ in 0..steps {
                let partition = i32::try_from(self.dice.below(2)).unwrap_or(0);
                let producer = self.dice.pick(&producers);
                producer.send(&self.message(topic, partition));
            }
            let first = self.dice.below(3);
            for turn in 0..3 {
                let producer = &producers[(first + turn) % 3];
                // In the long round all but one are aborted, over the border of a segment.
                if if round == 2 { turn != 0 } else { turn == 1 } {
                    producer.abort_into(&mut written);
                } else {
                    producer.commit_into(&mut written);
                }
            }
        }
    }

    /// Transactions that end, then, in the last round but one, one that does not, and more behind it.
    fn hang(&mut self, bootstrap: &str, topic: &Topic, round: u64) {
        let mut written = Ledger::default();
        let other = transactional(bootstrap, "other");
        for turn in 0..4 {
            other.begin();
            for _ in 0..150 {
                other.send(&self.message(topic, 0));
            }
            if turn % 2 == 0 {
                other.commit_into(&mut written)
            } else {
                other.abort_into(&mut written)
            }
            if turn == 2 && round == 1 {
                let hanging = transactional(bootstrap, "hanging");
                hanging.begin();
                for _ in 0..10 {
                    hanging.send(&self.message(topic, 0));
                }
                hanging.abandon_into(&mut written);
                self.fill(bootstrap, topic, Codec::None, 900);
            }
        }
    }

    fn message(&mut self, topic: &Topic, partition: i32) -> Message {
        self.number += 1;
        let dice = &mut self.dice;
        let value = match dice.below(100) {
            0 => None,
            1 => Some(Vec::new()),
            2 => Some(dice.bytes(80 * 1024)),
            _ => {
                let length = 200 + dice.below(2_000);
                Some(dice.bytes(length))
            }
        };
        // Few keys, so that a cleaner has something to do.
        let key = (topic.kind == Kind::Cleaned || !dice.one_in(10))
            .then(|| format!("{}-{}", topic.name, dice.below(40)).into_bytes());
        let shift =
            if topic.kind == Kind::Unordered { dice.offset_below(3_000_000) } else { dice.offset_below(3) };
        Message {
            topic: topic.name.clone(),
            partition,
            timestamp_ms: FIRST_MS + self.number * 1000 - shift,
            key,
            value,
            headers: vec![("n".to_owned(), Some(self.number.to_be_bytes().to_vec()))],
        }
    }
}

fn transactional(bootstrap: &str, id: &str) -> Producer {
    Producer::new(bootstrap, Codec::Lz4, &Transactions::Id(id.to_owned()))
}
