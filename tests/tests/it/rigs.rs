//! The rigs themselves: what the scenarios rest on must hold before they mean anything.

use firnline_tests::kafka::{
    Cluster, ClusterOptions, Fate, Isolation, VERSIONS, Workload, assert_same_records, consume_all, workload,
};
use firnline_tests::stores::{Azurite, Gcs, Minio, SeaweedFs};

#[test]
fn a_broker_of_each_version_gives_back_what_the_ledger_says() {
    for version in VERSIONS {
        let mut cluster = Cluster::start(&ClusterOptions::single(version));
        let small = Workload { bytes_per_partition: 1_200_000, rounds: 3, ..Workload::default() };
        let ledger = small.produce(&cluster);
        assert!(ledger.count(workload::PAYMENTS, Fate::Aborted) > 0, "{version}: aborts were written");
        for (topic, partitions) in ledger.topics() {
            for isolation in Isolation::ALL {
                let found = consume_all(&cluster.bootstrap(), &topic, partitions, isolation);
                for (partition, content) in found {
                    let expected = ledger.visible(&topic, partition, content.end, isolation);
                    assert_same_records(
                        &format!("{version} {topic}/{partition} {isolation:?}"),
                        &expected,
                        &content.records,
                    );
                }
            }
        }
        let pid = cluster.node(0).pid().expect("it runs");
        cluster.stop();
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "{version}: the process is gone");
        assert!(cluster.log_dir().join(".kafka_cleanshutdown").exists(), "{version}: it closed its logs");
    }
}

#[test]
fn an_open_transaction_holds_back_committed_readers() {
    let mut cluster = Cluster::start(&ClusterOptions::single(VERSIONS[0]));
    let open = Workload { bytes_per_partition: 200_000, rounds: 1, leave_open: true, ..Workload::default() };
    let ledger = open.produce(&cluster);
    cluster.node_mut(0).kill();
    cluster.restart();
    for (isolation, all) in [(Isolation::ReadUncommitted, true), (Isolation::ReadCommitted, false)] {
        for (partition, content) in consume_all(&cluster.bootstrap(), workload::PAYMENTS, 2, isolation) {
            let visible = ledger.visible(workload::PAYMENTS, partition, i64::MAX, isolation);
            assert_eq!(content.records.len() == visible.len(), all, "{isolation:?} of partition {partition}");
        }
    }
}

#[test]
fn a_cluster_of_three_elects_leaders_and_serves() {
    let cluster = Cluster::start(&ClusterOptions { nodes: 3, ..ClusterOptions::single(VERSIONS[0]) });
    let ledger = Workload { bytes_per_partition: 50_000, rounds: 1, ..Workload::default() }.produce(&cluster);
    let found = consume_all(&cluster.bootstrap(), workload::PAYMENTS, 2, Isolation::ReadCommitted);
    for (partition, content) in found {
        let expected = ledger.visible(workload::PAYMENTS, partition, content.end, Isolation::ReadCommitted);
        assert_same_records("three nodes", &expected, &content.records);
    }
}

#[test]
fn every_store_starts_and_takes_a_bucket() {
    let minio = Minio::shared();
    let bucket = minio.bucket("rig");
    let user = minio.user("reader", &bucket);
    assert!(!user.access_key.is_empty());
    let listed = minio.mc(&["ls", "firnline"]);
    assert!(String::from_utf8_lossy(&listed.stdout).contains(&bucket), "MinIO lists the bucket");
    SeaweedFs::shared().bucket("rig");
    Gcs::shared().bucket("rig");
    Azurite::shared().container("rig");
}
