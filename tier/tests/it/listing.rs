use firnline_index::ids::{PartitionIndex, TopicId, TopicIdPartition, TopicName};
use firnline_index::keys::ObjectKey;
use firnline_index::topic::TopicObject;
use firnline_store::RequestKind;
use firnline_tier::KnownTopic;

use crate::support::*;

fn of(name: &str, id: u8, partition: i32) -> TopicIdPartition {
    TopicIdPartition {
        topic: TopicName::new(name).unwrap(),
        topic_id: TopicId::from_bytes([id; 16]),
        partition: PartitionIndex::new(partition).unwrap(),
    }
}

fn known(tip: &TopicIdPartition) -> KnownTopic {
    KnownTopic { topic: tip.topic.clone(), topic_id: tip.topic_id }
}

#[tokio::test(start_paused = true)]
async fn topics_and_partitions_are_found_by_what_was_committed() {
    let world = World::new(1);
    let tier = world.tier().await;
    let long = "l".repeat(249);
    let tips =
        [of("a", 1, 0), of("a", 1, 10), of("a", 1, 2), of("a", 2, 0), of("a.b", 3, 1), of(&long, 4, 7)];
    for tip in &tips {
        put(&tier, tip, &Log::plain(1, 10)).await;
    }
    let topics = tier.topics().await.unwrap();
    let mut expected: Vec<KnownTopic> = tips.iter().map(known).collect();
    expected.sort();
    expected.dedup();
    assert_eq!(topics, expected);
    let partitions = tier.partitions(&known(&tips[0])).await.unwrap();
    assert_eq!(partitions, [tips[0].clone(), tips[2].clone(), tips[1].clone()]);
    assert_eq!(tier.partitions(&known(&tips[5])).await.unwrap(), [tips[5].clone()]);
}

#[tokio::test(start_paused = true)]
async fn a_partition_with_very_many_segments_costs_one_request_like_any_other() {
    let world = World::new(2);
    let tier = world.tier().await;
    for partition in [0, 1, 2] {
        put(&tier, &of("a", 1, partition), &Log::plain(1, 10)).await;
    }
    for n in 0..5_000 {
        let key = ObjectKey::Segment {
            tip: of("a", 1, 1),
            base: offset(n),
            leader_epoch: None,
            uuid: firnline_index::SegmentUuid::from_bytes([0; 16]),
        };
        world.sim.plant(&key.to_string(), "x");
    }
    let before = tier.store().counters();
    let partitions = tier.partitions(&known(&of("a", 1, 0))).await.unwrap();
    assert_eq!(partitions.len(), 3);
    let spent = tier.store().counters().since(&before);
    assert!(spent.of(RequestKind::List) <= 4, "{} LISTs", spent.of(RequestKind::List));
}

#[tokio::test(start_paused = true)]
async fn the_topics_object_tells_the_highest_partition_that_was_committed() {
    let world = World::new(3);
    let tier = world.tier().await;
    put(&tier, &of("a", 1, 2), &Log::plain(1, 10)).await;
    // Another process, which knows nothing of the first.
    put(&world.tier().await, &of("a", 1, 5), &Log::plain(1, 10)).await;
    put(&world.tier().await, &of("a", 1, 0), &Log::plain(1, 10)).await;
    let key =
        ObjectKey::Topic { topic: TopicName::new("a").unwrap(), topic_id: TopicId::from_bytes([1; 16]) };
    let object = TopicObject::decode(&world.sim.peek(&key.to_string()).unwrap()).unwrap();
    assert_eq!((object.partitions, object.generation), (6, 1));
}
