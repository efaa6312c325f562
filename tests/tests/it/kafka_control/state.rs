//! What a cluster would need to be set up again, and who has a transaction open.

use std::time::Duration;

use firnline_offloader::{Cluster as _, KafkaCluster};
use firnline_tests::kafka::{ASKED_VERSIONS, Cluster, ClusterOptions, Codec, Ledger, Producer, Transactions};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::{ask, client_of, offset, produce, record, run, topic};

/// Commits an offset of partition 0 for a group.
pub(super) fn commit(bootstrap: &str, group: &str, topic: &str, committed: i64, metadata: &str) {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", group)
        .set("log_level", "2")
        .create()
        .expect("make a consumer");
    let mut list = TopicPartitionList::new();
    let mut partition = list.add_partition(topic, 0);
    partition.set_offset(Offset::Offset(committed)).expect("an offset");
    partition.set_metadata(metadata);
    // The group's coordinator may not be there yet: it is made when first asked for.
    for _ in 0..60 {
        if consumer.commit(&list, CommitMode::Sync).is_ok() {
            return;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    panic!("commit offsets of {group}");
}

#[test]
fn groups_topics_and_the_lack_of_an_authorizer_are_told() {
    for version in ASKED_VERSIONS {
        let cluster = Cluster::start(&ClusterOptions { nodes: 3, ..ClusterOptions::single(version) });
        cluster.create_topic("orders", 2, &[("segment.ms", "60000")]);
        produce(&cluster.bootstrap(), "orders", 5);
        // Enough groups that each broker coordinates some.
        let groups: Vec<String> = (0..6).map(|number| format!("group-{number}")).collect();
        for (committed, group) in (0..).zip(&groups) {
            commit(&cluster.bootstrap(), group, "orders", committed, "where it was");
        }
        run(async {
            let client = client_of(&cluster);
            let told = client.all_groups().await.expect("all groups");
            assert!(told.missing.is_empty(), "{version}: {:?}", told.missing);
            let ids: Vec<&str> = told.groups.iter().map(|group| group.id.as_str()).collect();
            assert_eq!(ids, groups, "{version}");
            for (committed, group) in (0..).zip(&told.groups) {
                let [one] = &group.committed[..] else { panic!("{version}: {group:?}") };
                assert_eq!((one.topic.as_str(), one.partition.get()), ("orders", 0));
                assert_eq!((one.offset, one.metadata.as_str()), (offset(committed), "where it was"));
            }

            let setups = client.all_topic_setups().await.expect("all topics");
            let [orders] = &setups[..] else { panic!("{version}: internal topics are left out: {setups:?}") };
            assert_eq!((orders.name.as_str(), orders.partitions, orders.replicas), ("orders", 2, 3));
            let set = orders.configs.as_ref().expect("settings");
            assert_eq!(set.get("segment.ms").map(String::as_str), Some("60000"));

            assert_eq!(client.acls().await.expect("asked"), None, "{version}");
        });
    }
}

#[test]
fn an_open_transaction_is_named_and_holds_back_the_stable_offset() {
    for version in ASKED_VERSIONS {
        let cluster = Cluster::start(&ClusterOptions::single(version));
        cluster.create_topic("orders", 1, &[]);
        produce(&cluster.bootstrap(), "orders", 3);
        let hanging = Producer::new(&cluster.bootstrap(), Codec::None, &Transactions::Id("hangs".to_owned()));
        hanging.begin();
        hanging.send(&record("orders"));
        hanging.abandon_into(&mut Ledger::default());
        produce(&cluster.bootstrap(), "orders", 2);
        run(async {
            let kafka = KafkaCluster::new(client_of(&cluster));
            let orders = topic(kafka.client(), "orders").await;
            let asked = ask(&orders, 0, None);
            let bound = kafka.bounds(std::slice::from_ref(&asked)).await.remove(0).expect("a bound");
            assert_eq!(bound.high_watermark, offset(6), "{version}: the archive does not wait");
            let stable = kafka.stable_offsets(std::slice::from_ref(&asked)).await.remove(0);
            assert_eq!(stable.expect("a stable offset"), offset(3), "{version}");
            let open = kafka.open_producers(&asked.tip, asked.leader).await.expect("producers");
            let [producer] = &open[..] else {
                panic!("{version}: the idempotent ones are not open: {open:?}")
            };
            assert_eq!((producer.start_offset, producer.producer_epoch), (offset(3), 0), "{version}");
            assert!(producer.last_timestamp_ms > 0);
        });
    }
}
