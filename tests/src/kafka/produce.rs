//! A producer that hears of each record's offset.

use std::sync::Mutex;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Message as _, OwnedHeaders};
use rdkafka::producer::{
    BaseProducer, BaseRecord, DeliveryResult, NoCustomPartitioner, Producer as _, ProducerContext,
};

use super::ledger::{Fate, Ledger, Message, Record};

const LIMIT: Duration = Duration::from_secs(60);

/// Kafka's five ways to store a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// As it is.
    None,
    /// `gzip`
    Gzip,
    /// `snappy`
    Snappy,
    /// `lz4`
    Lz4,
    /// `zstd`
    Zstd,
}

impl Codec {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    /// The name in client configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

/// Whether a producer writes in transactions.
#[derive(Debug, Clone)]
pub enum Transactions {
    /// An idempotent producer without transactions.
    Off,
    /// Under this `transactional.id`.
    Id(String),
}

#[derive(Debug, Default)]
struct Receipts {
    delivered: Mutex<Vec<Record>>,
    failed: Mutex<Vec<String>>,
}

impl ClientContext for Receipts {}

impl ProducerContext<NoCustomPartitioner> for Receipts {
    type DeliveryOpaque = Box<Message>;

    fn delivery(&self, result: &DeliveryResult<'_>, sent: Box<Message>) {
        match result {
            Ok(acknowledged) => {
                let record = Record { offset: acknowledged.offset(), message: *sent };
                self.delivered.lock().expect("nothing panics under this lock").push(record);
            }
            Err((error, _)) => {
                self.failed
                    .lock()
                    .expect("nothing panics under this lock")
                    .push(format!("{sent:?}: {error}"));
            }
        }
    }
}

/// An idempotent producer, transactional if asked for.
pub struct Producer {
    inner: BaseProducer<Receipts>,
    transactional_id: Option<String>,
}

impl Producer {
    /// Connects. A transactional producer fences earlier ones of its id.
    pub fn new(bootstrap: &str, codec: Codec, transactions: &Transactions) -> Self {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", bootstrap)
            .set("compression.type", codec.name())
            .set("enable.idempotence", "true")
            .set("linger.ms", "20")
            .set("batch.size", "65536")
            .set("transaction.timeout.ms", "900000");
        if let Transactions::Id(id) = transactions {
            config.set("transactional.id", id);
        }
        let inner: BaseProducer<Receipts> =
            config.create_with_context(Receipts::default()).expect("make a producer");
        if matches!(transactions, Transactions::Id(_)) {
            inner.init_transactions(LIMIT).expect("init transactions");
        }
        let transactional_id = match transactions {
            Transactions::Off => None,
            Transactions::Id(id) => Some(id.clone()),
        };
        Self { inner, transactional_id }
    }

    /// Queues one message.
    pub fn send(&self, message: &Message) {
        let mut record =
            BaseRecord::<[u8], [u8], _>::with_opaque_to(&message.topic, Box::new(message.clone()))
                .partition(message.partition)
                .timestamp(message.timestamp_ms);
        if let Some(key) = &message.key {
            record = record.key(key);
        }
        if let Some(value) = &message.value {
            record = record.payload(value);
        }
        let headers = OwnedHeaders::new_with_capacity(message.headers.len());
        record = record.headers(message.headers.iter().fold(headers, |headers, (name, value)| {
            headers.insert(Header { key: name, value: value.as_deref() })
        }));
        loop {
            match self.inner.send(record) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    self.inner.poll(Duration::from_millis(20));
                    record = back;
                }
                Err((error, _)) => panic!("queue {message:?}: {error}"),
            }
        }
        self.inner.poll(Duration::ZERO);
    }

    /// Waits for every acknowledgement and notes the records as committed; for producers without transactions.
    pub fn flush_into(&self, ledger: &mut Ledger) {
        ledger.note(self.acknowledged(), Fate::Committed, None);
    }

    /// Waits until the broker has what was sent so far, within a transaction too.
    pub fn flush(&self) {
        self.inner.flush(LIMIT).expect("flush");
    }

    /// Begins a transaction.
    pub fn begin(&self) {
        self.inner.begin_transaction().expect("begin a transaction");
    }

    /// Commits the transaction and notes its records.
    pub fn commit_into(&self, ledger: &mut Ledger) {
        let records = self.acknowledged();
        self.inner.commit_transaction(LIMIT).expect("commit");
        ledger.note(records, Fate::Committed, self.transactional_id.as_deref());
    }

    /// Aborts the transaction, after its records have reached the broker, and notes them.
    pub fn abort_into(&self, ledger: &mut Ledger) {
        let records = self.acknowledged();
        self.inner.abort_transaction(LIMIT).expect("abort");
        ledger.note(records, Fate::Aborted, self.transactional_id.as_deref());
    }

    /// Leaves the transaction open, as a crashed producer does, and notes its records.
    pub fn abandon_into(self, ledger: &mut Ledger) {
        ledger.note(self.acknowledged(), Fate::Open, self.transactional_id.as_deref());
    }

    fn acknowledged(&self) -> Vec<Record> {
        self.inner.flush(LIMIT).expect("flush");
        let receipts = self.inner.context();
        let failed = receipts.failed.lock().expect("nothing panics under this lock");
        assert!(failed.is_empty(), "records that no broker took: {:?}", failed.first());
        std::mem::take(&mut *receipts.delivered.lock().expect("nothing panics under this lock"))
    }
}
