//! A broker that runs holds its log directory; nothing here may touch or trust it then.

use firnline_tests::kafka::{Cluster, ClusterOptions, Codec, VERSIONS, Workload, workload};
use firnline_tests::tier::Tier;

#[test]
fn a_running_broker_of_each_version_keeps_us_out_of_its_log_directory() {
    for version in VERSIONS {
        let mut cluster = Cluster::start(&ClusterOptions::single(version));
        let small = Workload { bytes_per_partition: 1_500_000, rounds: 1, ..Workload::default() };
        small.produce(&cluster);
        let log_dir = cluster.log_dir();
        let log_dir = log_dir.to_str().expect("a path of ours is text");
        let offload = ["offload", "--once", "--assume-committed", "--log-dir", log_dir];

        let tier = Tier::directory();
        tier.run(&offload).finish().expect_code(4).expect_stderr("error[FIRN-L011]").expect_stderr(log_dir);
        assert!(!tier.path().join("topics").exists(), "{version}: nothing was written");
        // Without a word on what is committed there is nothing to go by, broker or not.
        let unbound = tier.run(&["offload", "--once", "--log-dir", log_dir]).finish();
        unbound.expect_code(4).expect_stderr("error[FIRN-L010]");

        cluster.node_mut(0).kill();
        tier.run(&offload).finish().expect_code(0);

        cluster.restart();
        // Not compressed, so that it has sealed segments.
        let (topic, partition) = (&workload::codec_topic(Codec::None), 0);
        let before = directory_listing(&cluster.partition_dir(topic, partition));
        let name = format!("{topic}/{partition}");
        let refused = tier.run(&["restore", &name, "--to", log_dir]).finish().expect_code(4);
        refused.expect_stderr("error[FIRN-L011]").expect_stderr(&format!("holds {log_dir:?}; stop it first"));
        assert_eq!(
            directory_listing(&cluster.partition_dir(topic, partition)),
            before,
            "{version}: restore wrote"
        );
        cluster.stop();
        // Stopped now, but its partitions hold records, and those are not ours to replace.
        let refused = tier.run(&["restore", &name, "--to", log_dir]).finish().expect_code(4);
        refused.expect_stderr("error[FIRN-L020]").expect_stderr("holds records");
        assert_eq!(segment_names(&cluster.partition_dir(topic, partition)), segment_names_in(&before));
    }
}

fn directory_listing(directory: &std::path::Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .expect("list the partition")
        .map(|entry| entry.expect("list the partition").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn segment_names(directory: &std::path::Path) -> Vec<String> {
    segment_names_in(&directory_listing(directory))
}

fn segment_names_in(names: &[String]) -> Vec<String> {
    names.iter().filter(|name| name.ends_with(".log")).cloned().collect()
}
