//! Metadata and DescribeCluster: which topics there are, and who serves them.

use firnline_index::TimestampMs;
use firnline_proxy::serve::Topic;
use firnline_reader::DiskTopic;
use firnline_store::RequestKind;
use firnline_store::sim::{Rule, SimFault, When};
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::MetadataResponseTopic;
use kafka_protocol::messages::{
    DescribeClusterRequest, DescribeConfigsRequest, FindCoordinatorRequest, MetadataRequest,
};
use uuid::Uuid;

use super::client::{Client, anonymous_reads, name, settings, text};
use super::tier::{World, topic_id};

async fn named(client: &mut Client, version: i16, topic: &str) -> MetadataResponseTopic {
    let topic = MetadataRequestTopic::default().with_name(Some(name(topic)));
    let response = client.ask(version, &MetadataRequest::default().with_topics(Some(vec![topic]))).await;
    let [topic] = &response.topics[..] else { panic!("{} topics", response.topics.len()) };
    topic.clone()
}

async fn with_id(client: &mut Client, version: i16, id: u8) -> MetadataResponseTopic {
    let id = Uuid::from_bytes(*topic_id(id).as_bytes());
    let topic = MetadataRequestTopic::default().with_topic_id(id).with_name(None);
    let response = client.ask(version, &MetadataRequest::default().with_topics(Some(vec![topic]))).await;
    let [topic] = &response.topics[..] else { panic!("{} topics", response.topics.len()) };
    topic.clone()
}

async fn all(client: &mut Client, version: i16) -> Vec<String> {
    let request = MetadataRequest::default().with_topics((version == 0).then(Vec::new));
    let response = client.ask(version, &request).await;
    let names = response.topics.iter().map(|topic| topic.name.as_ref().unwrap().0.as_str().to_owned());
    names.collect()
}

fn id_of(topic: &MetadataResponseTopic) -> u8 {
    topic.topic_id.as_bytes()[0]
}

#[tokio::test]
async fn one_node_leads_every_partition_in_every_version() {
    let world = World::new();
    world.topic("orders", 7, 3);
    world.topic("__consumer_offsets", 8, 50);
    let running = world.serve().await;
    let mut client = running.client().await;
    for version in 0..=13 {
        let request = MetadataRequest::default().with_topics((version == 0).then(Vec::new));
        let response = client.ask(version, &request).await;
        let [broker] = &response.brokers[..] else { panic!("{} brokers", response.brokers.len()) };
        assert_eq!((broker.node_id.0, broker.host.as_str(), broker.port), (4, "127.0.0.1", running.port()));
        if version >= 2 {
            assert_eq!(response.cluster_id.as_ref().map(|id| id.as_str()), Some("test-cluster"));
        }
        let [internal, orders] = &response.topics[..] else { panic!("{} topics", response.topics.len()) };
        assert_eq!((internal.partitions.len(), internal.is_internal), (50, version >= 1));
        assert_eq!((orders.error_code, orders.is_internal), (0, false));
        assert_eq!(id_of(orders), if version < 10 { 0 } else { 7 });
        for (number, partition) in (0..).zip(&orders.partitions) {
            assert_eq!((partition.error_code, partition.partition_index), (0, number));
            assert_eq!((partition.leader_id.0, partition.leader_epoch), (4, -1));
            assert_eq!((partition.replica_nodes.len(), partition.isr_nodes.len()), (1, 1));
        }
        assert_eq!(orders.partitions.len(), 3);
    }
    assert_eq!(running.store.counters().total(), 0, "metadata asks nothing of the store");
}

#[tokio::test]
async fn an_unknown_topic_and_a_forbidden_one_are_answered_alike() {
    let world = World::new();
    world.topic("orders", 7, 1);
    world.topic("secrets", 8, 1);
    let running = world.serve_with(anonymous_reads("orders|orders-.*"), settings()).await;
    let mut client = running.client().await;
    for version in [0, 1, 9, 12, 13] {
        assert_eq!(named(&mut client, version, "orders").await.error_code, 0);
        assert_eq!(named(&mut client, version, "orders-2").await.error_code, 3);
        let secret = named(&mut client, version, "secrets").await;
        let unknown = named(&mut client, version, "nothing").await;
        for topic in [&secret, &unknown] {
            assert_eq!((topic.error_code, topic.partitions.len(), id_of(topic)), (29, 0, 0));
        }
        assert_eq!(all(&mut client, version).await, ["orders"]);
    }
    for version in [10, 11, 12, 13] {
        assert_eq!(with_id(&mut client, version, 7).await.error_code, 0);
        let secret = with_id(&mut client, version, 8).await;
        let unknown = with_id(&mut client, version, 9).await;
        for topic in [&secret, &unknown] {
            assert_eq!((topic.error_code, topic.partitions.len()), (100, 0));
            assert!(topic.name.as_ref().is_none_or(|name| name.0.is_empty()));
        }
    }
    assert_eq!(named(&mut client, 12, "no name!").await.error_code, 17);
}

#[tokio::test]
async fn without_a_rule_there_is_nothing() {
    let world = World::new();
    world.topic("orders", 7, 1);
    let running = world.serve_with(firnline_proxy::serve::Rights::default(), settings()).await;
    let mut client = running.client().await;
    assert_eq!(all(&mut client, 12).await, [""; 0]);
    assert_eq!(named(&mut client, 12, "orders").await.error_code, 29);
}

#[tokio::test]
async fn a_topic_made_again_is_the_live_one_by_name_and_each_by_name_and_id() {
    let world = World::new();
    world.topic_that("again", 1, 1, |object| object.deleted_at = TimestampMs::new(5).ok());
    world.topic("again", 2, 2);
    world.topic("twice", 3, 3);
    world.topic("twice", 4, 4);
    let running = world.serve().await;
    let mut client = running.client().await;
    assert_eq!(all(&mut client, 12).await, ["again"]);
    assert_eq!(named(&mut client, 12, "again").await.partitions.len(), 2);
    assert_eq!(named(&mut client, 12, "twice").await.error_code, 3, "nobody can tell which");
    for (topic, id, partitions) in [("again", 1, 1), ("again", 2, 2), ("twice", 3, 3), ("twice", 4, 4)] {
        let asked = format!("{topic}@{}", topic_id(id));
        let found = named(&mut client, 12, &asked).await;
        assert_eq!((found.error_code, id_of(&found), found.partitions.len()), (0, id, partitions));
        assert_eq!(
            found.name.as_ref().map(|name| name.0.as_str()),
            Some(&*asked),
            "it is told as it was asked for"
        );
    }
    for wrong in [format!("again@{}", topic_id(3)), "again@".to_owned(), "again@x".to_owned()] {
        assert_eq!(named(&mut client, 12, &wrong).await.error_code, 3, "{wrong}");
    }
}

#[tokio::test]
async fn the_catalog_is_read_anew_and_stays_where_the_store_fails() {
    let world = World::new();
    world.topic("orders", 7, 1);
    let running = world.serve().await;
    let mut client = running.client().await;
    world.topic("later", 8, 1);
    world.topic("orders", 7, 5);
    assert_eq!(all(&mut client, 12).await, ["orders"]);
    running.catalog.refresh().await.unwrap();
    assert_eq!(all(&mut client, 12).await, ["later", "orders"]);
    assert_eq!(named(&mut client, 12, "orders").await.partitions.len(), 5);
    world.topic("latest", 9, 1);
    world.sim.rule(Rule::new(SimFault::Denied, When::Always).on(&[RequestKind::Get]));
    assert!(running.catalog.refresh().await.is_err());
    assert_eq!(all(&mut client, 12).await, ["later", "orders"]);
    world.sim.heal();
    world.sim.rule(Rule::new(SimFault::Denied, When::Always).on(&[RequestKind::List]));
    assert!(running.catalog.refresh().await.is_err());
    assert_eq!(all(&mut client, 12).await, ["later", "orders"]);
}

#[tokio::test]
async fn a_topic_object_that_became_unreadable_takes_nothing_away() {
    let world = World::new();
    world.topic("orders", 7, 2);
    let running = world.serve().await;
    let mut client = running.client().await;
    let key = world.sim.keys().into_iter().find(|key| key.starts_with("topics/")).unwrap();
    world.sim.plant(&key, "no topic");
    running.catalog.refresh().await.unwrap();
    assert_eq!(named(&mut client, 12, "orders").await.partitions.len(), 2);
    world.sim.lose(&key);
    running.catalog.refresh().await.unwrap();
    assert_eq!(named(&mut client, 12, "orders").await.error_code, 3);
}

#[tokio::test]
async fn the_cluster_is_this_node_and_has_no_controllers() {
    let world = World::new();
    let running = world.serve().await;
    let mut client = running.client().await;
    for version in 0..=2 {
        let response = client.ask(version, &DescribeClusterRequest::default()).await;
        assert_eq!((response.error_code, response.cluster_id.as_str()), (0, "test-cluster"));
        let [broker] = &response.brokers[..] else { panic!("{} brokers", response.brokers.len()) };
        assert_eq!((broker.broker_id.0, broker.host.as_str(), broker.port), (4, "127.0.0.1", running.port()));
    }
    let response = client.ask(1, &DescribeClusterRequest::default().with_endpoint_type(2)).await;
    assert_eq!((response.error_code, response.brokers.len()), (114, 0));
}

#[tokio::test]
async fn groups_are_coordinated_here_and_transactions_nowhere() {
    let world = World::new();
    let running = world.serve().await;
    let mut client = running.client().await;
    for version in 0..=6 {
        let asked = |kind| {
            let request = FindCoordinatorRequest::default().with_key_type(kind);
            if version < 4 {
                request.with_key(text("one"))
            } else {
                request.with_coordinator_keys(vec![text("one"), text("two")])
            }
        };
        let found = client.ask(version, &asked(0)).await;
        if version < 4 {
            assert_eq!((found.error_code, found.node_id.0, found.port), (0, 4, running.port()));
        } else {
            let keys: Vec<_> = found.coordinators.iter().map(|found| found.key.as_str()).collect();
            assert_eq!(keys, ["one", "two"]);
            assert!(found.coordinators.iter().all(|found| (found.error_code, found.node_id.0) == (0, 4)));
        }
        if version >= 1 {
            let found = client.ask(version, &asked(1)).await;
            let (code, node) = match found.coordinators.first() {
                Some(first) => (first.error_code, first.node_id.0),
                None => (found.error_code, found.node_id.0),
            };
            assert_eq!((code, node), (53, -1));
        }
    }
}

#[tokio::test]
async fn a_topic_has_the_configuration_that_its_cluster_told() {
    let world = World::new();
    for (topic, id) in [("orders", 7), ("orders-1", 9)] {
        world.topic_that(topic, id, 1, |object| {
            for (name, value) in [("cleanup.policy", "delete"), ("retention.ms", "1000")] {
                object.configs.insert(name.to_owned(), value.to_owned());
            }
        });
    }
    world.topic("secrets", 8, 1);
    let running = world.serve_with(anonymous_reads("orders.*"), settings()).await;
    let mut client = running.client().await;
    let resource = |kind: i8, name: &str, keys: Option<&[&str]>| {
        DescribeConfigsResource::default()
            .with_resource_type(kind)
            .with_resource_name(text(name))
            .with_configuration_keys(keys.map(|keys| keys.iter().map(|key| text(key)).collect()))
    };
    let asked = vec![
        resource(2, "orders", None),
        resource(2, "orders-1", Some(&["retention.ms", "other"])),
        resource(2, "orders-2", None),
        resource(2, "secrets", None),
        resource(2, "nothing", None),
        resource(4, "4", None),
        resource(4, "5", None),
        resource(8, "4", None),
    ];
    for version in 1..=4 {
        let response =
            client.ask(version, &DescribeConfigsRequest::default().with_resources(asked.clone())).await;
        let told = response.results.iter().map(|result| {
            let values = result.configs.iter().map(|config| {
                (config.name.as_str().to_owned(), config.value.as_ref().unwrap().as_str().to_owned())
            });
            (result.error_code, values.collect::<Vec<_>>())
        });
        let value = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let (policy, retention) = (value("cleanup.policy", "delete"), value("retention.ms", "1000"));
        assert_eq!(
            told.collect::<Vec<_>>(),
            [
                (0, vec![policy, retention.clone()]),
                (0, vec![retention]),
                (3, vec![]),
                (29, vec![]),
                (29, vec![]),
                (0, vec![]),
                (42, vec![]),
                (42, vec![]),
            ]
        );
    }
}

#[tokio::test]
async fn what_is_named_again_and_again_is_answered_once() {
    let world = World::new();
    world.topic("orders", 7, 1000);
    let running = world.serve().await;
    let mut client = running.client().await;
    let topic = MetadataRequestTopic::default().with_name(Some(name("orders")));
    let request = MetadataRequest::default().with_topics(Some(vec![topic; 10_000]));
    let told = client.ask(9, &request).await;
    assert_eq!((told.topics.len(), told.topics[0].partitions.len()), (1, 1000));
    let resource =
        DescribeConfigsResource::default().with_resource_type(2).with_resource_name(text("orders"));
    let request = DescribeConfigsRequest::default().with_resources(vec![resource; 10_000]);
    assert_eq!(client.ask(4, &request).await.results.len(), 1);
}

#[tokio::test]
async fn what_a_directorys_name_says_is_held_to_the_limits() {
    let world = World::new();
    world.topic("orders", 7, 3);
    let running = world.serve().await;
    let on_disk = |topic: &str, id: u8, partitions: u32| {
        Topic::on_disk(&DiskTopic { name: super::tier::topic_name(topic), id: topic_id(id), partitions })
    };
    running.catalog.set_disks(vec![
        on_disk("orders", 7, 2_000_000_001),
        on_disk("more", 8, 5),
        on_disk("most", 9, 2_000_000_001),
    ]);
    let mut client = running.client().await;
    assert_eq!(named(&mut client, 9, "orders").await.partitions.len(), 3);
    assert_eq!(named(&mut client, 9, "more").await.partitions.len(), 5);
    assert_eq!(named(&mut client, 9, "most").await.error_code, 3);
}
