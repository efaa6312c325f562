//! What asking about 10,000 partitions costs.

use tokio::time::Instant;

use firnline_kafka::Api;
use firnline_offloader::{Cluster as _, KafkaCluster};
use firnline_tests::kafka::{Cluster, ClusterOptions, VERSIONS};

use super::{ask, client_of, eventually, run};

const TOPICS: usize = 100;
const PARTITIONS: i32 = 100;

#[test]
#[ignore = "a broker with 10,000 partitions takes minutes and a GiB: run by hand for the figures of the decision record"]
fn ten_thousand_partitions_take_a_handful_of_requests() {
    let mut options = ClusterOptions::single(VERSIONS[0]);
    options.properties.push(("log.index.size.max.bytes".into(), "4096".into()));
    let cluster = Cluster::start(&options);
    for number in 0..TOPICS {
        cluster.create_topic(&format!("topic-with-a-name-{number}"), PARTITIONS, &[]);
    }
    run(async {
        let kafka = KafkaCluster::new(client_of(&cluster));
        let topics = eventually("all leaders", async || {
            let topics = kafka.client().all_topics().await.expect("all topics").into_iter().flatten();
            let topics: Vec<_> = topics.filter(|topic| !topic.internal).collect();
            let led = topics
                .iter()
                .flat_map(|topic| &topic.partitions)
                .filter(|told| told.leader.is_some())
                .count();
            (led == TOPICS * 100).then_some(topics)
        })
        .await;
        let ids: Vec<_> = topics.iter().map(|topic| topic.id).collect();
        let asks: Vec<_> = topics
            .iter()
            .flat_map(|topic| (0..PARTITIONS).map(|partition| ask(topic, partition, Some(0))))
            .collect();
        let names: Vec<_> = topics.iter().map(|topic| topic.name.clone()).collect();

        let before: Vec<_> = kafka.client().counts().all().collect();
        let mut spent = before.clone();
        let mut report = |what: &str, began: Instant| {
            for ((api, now), (_, then)) in kafka.client().counts().all().zip(&mut spent) {
                if now.requests > then.requests {
                    let [requests, sent, received] = [
                        now.requests - then.requests,
                        now.sent_bytes - then.sent_bytes,
                        now.received_bytes - then.received_bytes,
                    ];
                    println!("{what}: {requests} {api}, {sent} bytes sent, {received} received");
                }
                *then = now;
            }
            println!("{what}: {:?}", began.elapsed());
        };
        let began = Instant::now();
        assert_eq!(kafka.topics(&ids).await.expect("topics").len(), TOPICS);
        report("topics", began);
        let began = Instant::now();
        assert!(kafka.bounds(&asks).await.iter().all(Result::is_ok));
        report("bounds", began);
        let began = Instant::now();
        assert!(kafka.stable_offsets(&asks).await.iter().all(Result::is_ok));
        report("stable offsets", began);
        let began = Instant::now();
        assert!(kafka.configs(&names).await.iter().all(Result::is_ok));
        report("configs", began);
        let requests = |api| {
            let then = before.iter().find(|(known, _)| *known == api).map_or(0, |(_, count)| count.requests);
            kafka.client().counts().of(api).requests - then
        };
        assert_eq!(requests(Api::Metadata), 3);
        assert_eq!(requests(Api::ListOffsets), 3);
        assert_eq!(requests(Api::OffsetForLeaderEpoch), 1);
        assert_eq!(requests(Api::DescribeConfigs), 1);
    });
}
