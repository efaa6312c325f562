//! Topics by id, their settings, and what becomes of a deleted one.

use firnline_kafka::Api;
use firnline_offloader::{AskError, Cluster as _, ClusterError, KafkaCluster, TopicState};
use firnline_tests::kafka::{ASKED_VERSIONS, Cluster, ClusterOptions, VERSIONS};

use super::{client, client_of, eventually, name, no_topic, run, settings, topic};

#[test]
fn topics_are_told_by_id_with_leaders_settings_and_absence() {
    for version in ASKED_VERSIONS {
        let cluster = Cluster::start(&ClusterOptions::single(version));
        cluster.create_topic("orders", 3, &[("retention.ms", "1234567")]);
        cluster.create_topic("accounts", 1, &[("cleanup.policy", "compact")]);
        run(async {
            let kafka = KafkaCluster::new(client_of(&cluster));
            let orders = topic(kafka.client(), "orders").await;
            let told = kafka.topics(&[no_topic(), orders.id]).await.expect("topics by id");
            assert_eq!(told[0], TopicState::UnknownId, "{version}");
            let TopicState::Known(view) = &told[1] else { panic!("{version}: {told:?}") };
            assert_eq!(view.name, name("orders"));
            let mut partitions: Vec<i32> = view.partitions.iter().map(|told| told.partition.get()).collect();
            partitions.sort_unstable();
            assert_eq!(partitions, [0, 1, 2]);
            for partition in &view.partitions {
                let leader = partition.leader.expect("a leader");
                assert_eq!((leader.node.get(), leader.epoch.get()), (1, 0), "{version}");
                assert_eq!(partition.replicas.len(), 1);
            }
            assert!(kafka.topics(&[]).await.expect("nothing asked").is_empty());

            let configs = kafka.configs(&[name("accounts"), name("nowhere"), name("orders")]).await;
            let accounts = configs[0].as_ref().expect("settings");
            assert!(accounts.compacted && !accounts.remote_storage, "{version}");
            assert!(matches!(configs[1], Err(AskError::Unknown)), "{version}: {configs:?}");
            let orders_set = &configs[2].as_ref().expect("settings").set;
            assert_eq!(orders_set.get("retention.ms").map(String::as_str), Some("1234567"));
            assert_eq!(
                orders_set.len(),
                1,
                "{version}: what the broker sets is not the topic's: {orders_set:?}"
            );

            cluster.delete_topic("orders");
            eventually("the id to be unknown", async || {
                let told = kafka.topics_by_several(&[orders.id], 2).await.expect("ask several");
                assert_eq!(told.len(), 1, "there is one broker");
                (told[0][0] == TopicState::UnknownId).then_some(())
            })
            .await;
            // The name again, another id: the old one stays unknown.
            cluster.create_topic("orders", 1, &[]);
            let again = topic(kafka.client(), "orders").await;
            assert_ne!(again.id, orders.id);
            assert_eq!(kafka.topics(&[orders.id]).await.expect("topics"), [TopicState::UnknownId]);

            // All of it went over one connection.
            assert_eq!(kafka.client().counts().of(Api::ApiVersions).requests, 1, "{version}");
        });
    }
}

#[test]
fn brokers_of_another_cluster_are_refused() {
    let cluster = Cluster::start(&ClusterOptions::single(VERSIONS[0]));
    run(async {
        let mut settings = settings(&cluster.bootstrap());
        settings.cluster_id = Some("another-cluster".parse().unwrap());
        let kafka = KafkaCluster::new(client(settings));
        let refused = kafka.topics(&[no_topic()]).await.expect_err("another cluster");
        let own = client_of(&cluster).ask_cluster_id().await.expect("ask").expect("an id").to_string();
        match refused {
            ClusterError::OtherCluster { expected, found } => {
                assert_eq!((expected.as_str(), found), ("another-cluster", own));
            }
            other => panic!("{other:?}"),
        }
    });
}
