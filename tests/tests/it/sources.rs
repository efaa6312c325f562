//! Stopped brokers with a full workload in their logs, each made once and shared by the tests that only read it.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use firnline_tests::firnline::Run;
use firnline_tests::kafka::{Cluster, ClusterOptions, Ledger, VERSIONS, Workload};
use firnline_tests::logs::PartitionLog;
use firnline_tests::tier::Tier;

/// A stopped single-node cluster and the account of what was written to it.
pub(crate) struct Source {
    pub(crate) version: &'static str,
    pub(crate) cluster: Cluster,
    pub(crate) ledger: Ledger,
    pub(crate) logs: BTreeMap<(String, i32), PartitionLog>,
}

impl Source {
    /// Starts a broker, writes the workload, stops it.
    pub(crate) fn make(version: &'static str, workload: &Workload) -> Self {
        let mut cluster = Cluster::start(&ClusterOptions::single(version));
        let ledger = workload.produce(&cluster);
        cluster.stop();
        let logs = ledger
            .partitions()
            .map(|(topic, partition)| {
                let log = PartitionLog::open(&cluster.partition_dir(topic, partition));
                ((topic.to_owned(), partition), log)
            })
            .collect();
        Self { version, cluster, ledger, logs }
    }

    /// The full workload on a broker of this version.
    pub(crate) fn of(version: &'static str) -> &'static Self {
        static NEWEST: OnceLock<Source> = OnceLock::new();
        static OLDEST: OnceLock<Source> = OnceLock::new();
        let source = if version == VERSIONS[0] { &NEWEST } else { &OLDEST };
        source.get_or_init(|| Self::make(version, &Workload::default()))
    }

    /// `firnline offload` of this broker's log directory into a tier.
    pub(crate) fn offload(&self, tier: &Tier) -> Run {
        let log_dir = self.cluster.log_dir();
        let log_dir = log_dir.to_str().expect("a path of ours is text");
        tier.run(&["offload", "--once", "--assume-committed", "--json", "--log-dir", log_dir])
    }
}
