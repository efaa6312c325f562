//! Stopped brokers with a full workload in their logs, each made once and shared by the tests that only read it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use firnline_tests::firnline::Run;
use firnline_tests::kafka::{Cluster, ClusterOptions, Ledger, VERSIONS, Workload};
use firnline_tests::logs::{PartitionLog, batches};
use firnline_tests::scratch;
use firnline_tests::tier::Tier;
use tempfile::TempDir;

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

    /// A log directory with nothing but one partition of this broker, whose sealed records are repeated under rising
    /// offsets until they fill one segment of this size; where asked, one bit is flipped in the batch at a position.
    pub(crate) fn grown_copy(
        &self,
        topic: &str,
        partition: i32,
        bytes: usize,
        damage: Option<usize>,
    ) -> TempDir {
        let log = &self.logs[&(topic.to_owned(), partition)];
        let copy = scratch::directory("work");
        let directory = copy.path().join(format!("{topic}-{partition}"));
        fs::create_dir(&directory).expect("make the partition");
        fs::copy(self.cluster.log_dir().join("meta.properties"), copy.path().join("meta.properties"))
            .expect("copy meta.properties");
        let metadata = self.cluster.partition_dir(topic, partition).join("partition.metadata");
        fs::copy(metadata, directory.join("partition.metadata")).expect("copy partition.metadata");
        let (mut grown, end) = log.repeated(bytes);
        if let Some(position) = damage {
            let batch =
                batches(&grown).into_iter().find(|batch| batch.end > position).expect("a batch there");
            grown[batch.end - 1] ^= 1;
        }
        fs::write(directory.join(format!("{:020}.log", 0)), grown).expect("write the segment");
        fs::write(directory.join(format!("{end:020}.log")), []).expect("write the active segment");
        copy
    }
}

/// Every command that only reads, on the topics of the workload; `restore` writes into an empty directory.
pub(crate) fn reading_commands(restore_to: &Path) -> Vec<Vec<&str>> {
    let to = restore_to.to_str().expect("a path of ours is text");
    vec![
        vec!["ls"],
        vec!["ls", "--segments", "--json"],
        vec!["inspect", "payments/0"],
        vec!["cat", "payments/0", "--max", "10"],
        vec!["cat", "payments/1", "--raw", "--from", "100"],
        vec!["cat", "payments/0", "--isolation", "read_committed", "--from", "@2026-01-01T00:00:10Z"],
        vec!["verify"],
        vec!["verify", "--deep", "payments/0"],
        vec!["cost"],
        vec!["restore", "payments/0", "--to", to],
    ]
}
