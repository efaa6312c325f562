//! What all clients read: one topic, whose beginning the broker has lost to its own retention.

use std::collections::BTreeMap;
use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

use crc_fast::{CrcAlgorithm, checksum};
use firnline_differential::compare::Tiers;
use firnline_differential::dice::Dice;
use firnline_differential::proxied::Door;
use firnline_differential::question::Scope;
use firnline_differential::run::scope;
use firnline_differential::stand::{Stand, offset_at};
use firnline_differential::wire::Connection;
use firnline_tests::kafka::{
    Codec, Isolation, Ledger, Message, Producer, Transactions, VERSIONS, wait_for_markers,
};

use crate::client::{Client, Plan};
use crate::facts::{Facts, Seen};

/// The topic.
pub const TOPIC: &str = "orders";
/// Its partitions.
pub const PARTITIONS: i32 = 2;
const FIRST_MS: i64 = 1_767_225_600_000;
const ROUNDS: usize = 7;
/// It hands the markers that end transactions to the application.
const SHOWS_MARKERS: Client = Client::Go("kafkago");
/// Long enough to read all of the topic.
const DIRECT_SECONDS: u64 = 10;
/// A user who can be kept out: root reads everything.
const NOBODY: [&str; 5] = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];

/// Brokers, tier, and what was written.
#[derive(Debug)]
pub struct Stage {
    /// Brokers and tier.
    pub stand: Stand,
    /// The partitions as they were before they were cut.
    pub scope: Scope,
    /// Where they were cut.
    pub tiers: Vec<Tiers>,
    ledger: Ledger,
    /// Partition, time, and the offset that the broker told while it had all.
    pub times: Vec<(i32, i64, i64)>,
    /// What was seen at the broker itself by clients that show more than records: kafka-go shows markers.
    direct: Vec<(Client, bool, Facts)>,
    groups: AtomicUsize,
    // Who closes the tier closes it for all.
    doors: Mutex<()>,
}

impl Stage {
    /// The one stage of this process.
    pub fn shared() -> &'static Self {
        static STAGE: OnceLock<Stage> = OnceLock::new();
        STAGE.get_or_init(|| Self::build(1))
    }

    /// One of a test's own, with values so many times as large.
    pub fn build(size: usize) -> Self {
        let mut stand = Stand::start(VERSIONS[0], 1);
        stand.cluster.create_topic(TOPIC, PARTITIONS, &[]);
        stand.offload();
        let ledger = write(&stand.cluster.bootstrap(), size);
        wait_for_markers(&stand.cluster.bootstrap(), TOPIC, PARTITIONS);
        let scope = scope(&stand, &[TOPIC.to_owned()], 1);
        let address = stand.cluster.bootstrap();
        let mut dice = Dice::new(1, 2);
        let mut times = Vec::new();
        let mut broker = Connection::open(&address).unwrap_or_else(|error| panic!("{error}"));
        for scene in &scope.scenes {
            for _ in 0..8 {
                let time = FIRST_MS + dice.offset_below(3_000_000);
                let offset = offset_at(&mut broker, scene, time, 0).unwrap_or_else(|error| panic!("{error}"));
                times.push((scene.partition, time, offset));
            }
        }
        let direct = [false, true].map(|committed| {
            let group = format!("direct-{committed}");
            let bootstrap = address.clone();
            let (what, count, seconds, list) = ("group", 0, DIRECT_SECONDS, Vec::new());
            let plan = Plan { bootstrap, group, committed, what, count, seconds, list };
            (SHOWS_MARKERS, committed, SHOWS_MARKERS.run(TOPIC, PARTITIONS, &plan))
        });
        let tiers = stand.cut(&scope.scenes, |_| address.clone());
        stand.stop_sidecars();
        open_to_all(&stand.tier.path());
        let (groups, doors, direct) = (AtomicUsize::new(0), Mutex::new(()), direct.into());
        let stage = Self { stand, scope, tiers, ledger, times, direct, groups, doors };
        for (scene, tiers) in stage.scope.scenes.iter().zip(&stage.tiers) {
            let cold =
                stage.expected(scene.partition, true).iter().filter(|seen| seen.0 < tiers.local).count();
            assert!(cold > 300, "{cold} records of partition {} are cold, hardly any", scene.partition);
            assert!(tiers.local < scene.image.end, "nothing of partition {} is hot", scene.partition);
        }
        stage
    }

    /// The records that a client sees of a partition.
    pub fn expected(&self, partition: i32, committed: bool) -> Vec<Seen> {
        let isolation = if committed { Isolation::ReadCommitted } else { Isolation::ReadUncommitted };
        let crc =
            |bytes: &Option<Vec<u8>>| bytes.as_ref().map(|bytes| checksum(CrcAlgorithm::Crc32IsoHdlc, bytes));
        let seen = |record: &firnline_tests::kafka::Record| {
            let message = &record.message;
            (record.offset, message.timestamp_ms, crc(&message.key), crc(&message.value))
        };
        self.ledger.visible(TOPIC, partition, i64::MAX, isolation).iter().map(seen).collect()
    }

    /// All that a client sees, by partition: what was written, or, of a client that shows more than records of the
    /// application, what it saw at the broker itself while that had all.
    pub fn all(&self, client: Client, committed: bool) -> BTreeMap<i32, Vec<Seen>> {
        let direct = self.direct.iter().find(|direct| (direct.0, direct.1) == (client, committed));
        let of = |partition| match direct {
            Some((_, _, facts)) => facts.of(partition),
            None => self.expected(partition, committed),
        };
        (0..PARTITIONS).map(|partition| (partition, of(partition))).collect()
    }

    /// A proxy that has just been started.
    pub fn proxy(&self) -> Door {
        let _turn = self.doors.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Door::proxy(&self.bootstrap(), &self.stand.tier)
    }

    /// A proxy that has just been started, and whose store answers nothing until the other is dropped.
    pub fn proxy_without_store(&self) -> (Door, Closed<'_>) {
        let turn = self.doors.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Nor may it look for credentials where only root may.
        let as_nobody =
            |run: firnline_tests::firnline::Run| run.under("setpriv", &NOBODY).env("HOME", "/nonexistent");
        let door = Door::proxy_as(&self.bootstrap(), &self.stand.tier, as_nobody);
        let closed = Closed { stage: self, _turn: turn };
        closed.set(0o000);
        (door, closed)
    }

    /// The broker's own address.
    pub fn bootstrap(&self) -> String {
        self.stand.cluster.bootstrap()
    }

    /// A group that nobody has used.
    pub fn group(&self) -> String {
        format!("readers-{}", self.groups.fetch_add(1, Ordering::Relaxed))
    }
}

/// The tier, closed to all but root.
#[derive(Debug)]
pub struct Closed<'s> {
    stage: &'s Stage,
    _turn: std::sync::MutexGuard<'s, ()>,
}

impl Closed<'_> {
    fn set(&self, mode: u32) {
        set_permissions(self.stage.stand.tier.path(), Permissions::from_mode(mode))
            .expect("set the mode of the tier");
    }
}

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        self.set(0o755);
    }
}

/// Temporary directories are their maker's alone.
fn open_to_all(path: &Path) {
    let temporary = std::env::temp_dir();
    for path in path.ancestors().take_while(|path| *path != temporary) {
        set_permissions(path, Permissions::from_mode(0o755)).expect("open a directory");
    }
}

/// Transactions of two producers, a third of them aborted, one of those over the border of a segment, and records outside.
fn write(bootstrap: &str, size: usize) -> Ledger {
    let mut ledger = Ledger::default();
    let mut dice = Dice::new(1, 1);
    let producers: Vec<Producer> = (0..2)
        .map(|id| Producer::new(bootstrap, Codec::Gzip, &Transactions::Id(format!("till-{id}"))))
        .collect();
    let single = Producer::new(bootstrap, Codec::None, &Transactions::Off);
    let mut number = 0;
    let mut message = |dice: &mut Dice, partition: i32| {
        number += 1;
        let length = (200 + dice.below(2800)) * size;
        Message {
            topic: TOPIC.to_owned(),
            partition,
            timestamp_ms: FIRST_MS + number * 1000,
            key: (!dice.one_in(9)).then(|| format!("key-{}", dice.below(100)).into_bytes()),
            value: (!dice.one_in(30)).then(|| dice.bytes(length)),
            headers: Vec::new(),
        }
    };
    for round in 0..ROUNDS {
        producers.iter().for_each(Producer::begin);
        let steps = if round == 3 { 900 } else { 150 };
        for _ in 0..steps {
            let partition = i32::try_from(dice.below(2)).unwrap_or(0);
            let one = message(&mut dice, partition);
            dice.pick(&producers).send(&one);
        }
        let aborts = usize::from(round % 3 == 0);
        for (at, producer) in producers.iter().enumerate() {
            if at < aborts { producer.abort_into(&mut ledger) } else { producer.commit_into(&mut ledger) }
        }
        for partition in 0..PARTITIONS {
            for _ in 0..100 {
                single.send(&message(&mut dice, partition));
            }
        }
        single.flush_into(&mut ledger);
    }
    ledger
}
