//! The three brokers.

use std::sync::{LazyLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use firnline_tests::kafka::{At, Cluster, ClusterOptions, Ledger, VERSIONS};
use firnline_tests::tier::Tier;

use crate::outside;
use crate::rig::{self, is_let_go, properties, wait};

/// What a topic is told: small segments, of which only the active one is kept on disk.
pub(super) const TIERED: [(&str, &str); 5] = [
    ("remote.storage.enable", "true"),
    ("local.retention.bytes", "1"),
    // Below what Kafka allows in public, so that little makes many.
    ("internal.segment.bytes", "131072"),
    ("file.delete.delay.ms", "100"),
    ("min.insync.replicas", "1"),
];

const NODES: u16 = 3;

/// Brokers and tier.
pub(super) struct Stand {
    pub(super) cluster: Cluster,
    pub(super) tier: Tier,
}

static STAND: LazyLock<RwLock<Stand>> = LazyLock::new(|| RwLock::new(Stand::start()));

/// All three run, and go on to.
pub(super) fn shared() -> RwLockReadGuard<'static, Stand> {
    loop {
        let stand = STAND.read().unwrap_or_else(PoisonError::into_inner);
        if (1..=NODES).all(|node| stand.cluster.is_up(node)) {
            return stand;
        }
        drop(stand);
        drop(alone());
    }
}

/// All three run, and nobody else cares when they do not.
pub(super) fn alone() -> RwLockWriteGuard<'static, Stand> {
    let mut stand = STAND.write().unwrap_or_else(PoisonError::into_inner);
    // The scenario before may have left some of them down.
    stand.cluster.restart();
    stand
}

impl Stand {
    fn start() -> Self {
        let tier = Tier::directory();
        let url = tier.url().to_owned();
        let keys = [("store.url", &*url), ("cluster.id", "plugin-tests"), ("projection.interval", "1s")];
        let mut all = properties(&keys);
        let more = [
            ("rlmm.config.remote.log.metadata.topic.replication.factor", "3"),
            ("broker.session.timeout.ms", "6000"),
            ("broker.heartbeat.interval.ms", "1000"),
            // Elections are the scenarios' own business.
            ("auto.leader.rebalance.enable", "false"),
            ("log.index.size.max.bytes", "65536"),
        ];
        all.extend(more.map(|(key, value)| (key.to_owned(), value.to_owned())));
        let options = ClusterOptions { nodes: NODES, properties: all, ..ClusterOptions::single(VERSIONS[0]) };
        Self { cluster: Cluster::start(&options), tier }
    }

    /// One past the last offset in the tier, as the leader tells it.
    pub(super) fn tiered(&self, topic: &str, partition: i32) -> i64 {
        self.cluster.offset(topic, partition, At::LatestTiered) + 1
    }

    /// Where the leader's own log begins.
    pub(super) fn local(&self, topic: &str, partition: i32) -> i64 {
        self.cluster.offset(topic, partition, At::EarliestLocal)
    }

    /// Waits until the leader has tiered a partition beyond `from` and has let go of all that it tiered.
    pub(super) fn wait_until_let_go(&self, topic: &str, partition: i32, from: i64) -> i64 {
        wait(&format!("{topic}/{partition} leaves the leader's disk beyond {from}"), || {
            is_let_go(&self.cluster, topic, partition) && self.local(topic, partition) > from
        });
        self.local(topic, partition)
    }

    /// Waits until something of each partition is in the tier alone, and reads all of it through the brokers.
    pub(super) fn tiers_and_reads(&self, topic: &str, partitions: i32, ledger: &Ledger, what: &str) {
        for partition in 0..partitions {
            self.wait_until_let_go(topic, partition, 0);
        }
        rig::reads_all(&self.cluster, topic, partitions, ledger, what);
    }

    /// Without brokers the tier gives what they have tiered.
    pub(super) fn agrees(&self, topic: &str, partitions: i32, ledger: &Ledger) {
        for partition in 0..partitions {
            let end = self.tiered(topic, partition);
            outside::agrees(&self.tier, topic, partition, end, ledger);
        }
    }

    /// Reads a topic of one partition from `start` on, where it is said to begin.
    pub(super) fn reads_from(&self, topic: &str, start: i64, ledger: &Ledger, what: &str) {
        rig::reads_from(&self.cluster, topic, &[start], ledger, what);
    }

    /// How many objects of a topic there are.
    pub(super) fn objects(&self, topic: &str) -> usize {
        rig::segments_in(&self.tier.path(), topic).len()
    }

    /// Waits until the manifest of a topic's one partition names every object: what a broker that dies has not written there
    /// yet is nobody's to add.
    pub(super) fn wait_until_mirrored(&self, topic: &str) {
        wait(&format!("the manifest of {topic}/0 names all that is there"), || {
            let found = self.tier.run(&["verify", &format!("{topic}/0")]).finish().expect_code(0);
            !String::from_utf8_lossy(found.stdout()).contains("unnamed")
        });
    }

    /// Waits until the others know that this node, which has died, has nothing to say of a topic's one partition.
    pub(super) fn wait_until_left(&self, topic: &str, node: u16) {
        self.cluster.wait_for_placement(topic, 0, &format!("node {node} is known to be down"), |found| {
            found.leader.is_some_and(|leader| leader != node) && !found.in_sync.contains(&node)
        });
    }

    /// Waits until all replicas of a partition have all of it.
    pub(super) fn wait_in_sync(&self, topic: &str, partition: i32) {
        self.cluster.wait_for_placement(topic, partition, "all are in sync", |found| {
            found.in_sync.len() == found.replicas.len() && !found.replicas.is_empty()
        });
    }
}
