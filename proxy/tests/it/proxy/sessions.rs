//! Fetch sessions between a client and a broker that has lost what some of their partitions are asked for.

use std::sync::atomic::Ordering;

use kafka_protocol::messages::FetchRequest;
use kafka_protocol::messages::fetch_request::{FetchPartition, ForgottenTopic};
use kafka_protocol::messages::fetch_response::{FetchResponse, PartitionData};
use uuid::Uuid;

use super::broker::Client;
use super::filling::{records, request};
use super::scene::{ID, OUT_OF_RANGE, Scene, text};

/// A client with a session.
struct Follower {
    client: Client,
    version: i16,
    id: i32,
    epoch: i32,
}

impl Follower {
    async fn new(scene: &Scene, version: i16) -> Self {
        Self { client: scene.proxy.client().await, version, id: 0, epoch: 0 }
    }

    /// Asks, and goes on as it is told.
    async fn ask(&mut self, mut request: FetchRequest) -> FetchResponse {
        (request.session_id, request.session_epoch) = (self.id, self.epoch);
        let answer = self.client.ask(self.version, &request).await;
        match (answer.error_code, answer.session_id) {
            (0, id) if id != 0 => (self.id, self.epoch) = (id, self.epoch + 1),
            _ => (self.id, self.epoch) = (0, 0),
        }
        answer
    }

    /// Names what has changed, and gives the entries.
    async fn fetch(&mut self, changed: &[(i32, i64)]) -> Vec<PartitionData> {
        let mut request = request(changed);
        request.topics.retain(|topic| !topic.partitions.is_empty());
        let answer = self.ask(request).await;
        assert_eq!(answer.error_code, 0);
        answer.responses.into_iter().flat_map(|topic| topic.partitions).collect()
    }
}

fn find(entries: &[PartitionData], partition: i32) -> &PartitionData {
    entries.iter().find(|entry| entry.partition_index == partition).expect("the partition is told")
}

/// What the broker was asked in fetches of the client.
fn fetches(scene: &Scene) -> Vec<FetchRequest> {
    let asked = scene.broker.asked().into_iter();
    asked.filter(|asked| asked.key == 1 && asked.correlation != i32::MIN).map(|asked| asked.body()).collect()
}

#[tokio::test]
async fn incremental_fetches_pass_as_they_are_and_cold_partitions_are_filled() {
    for version in [7, 12, 13, 18] {
        let scene = Scene::new(800, 700).await;
        let mut follower = Follower::new(&scene, version).await;
        let mut offset = 100;
        let mut changed = vec![(0, offset), (1, 750)];
        for _ in 0..200 {
            let entries = follower.fetch(&changed).await;
            assert_ne!(follower.id, 0, "version {version}: there is a session");
            changed.clear();
            for entry in &entries {
                assert_eq!(entry.error_code, 0, "version {version} offset {offset}");
            }
            let Some(entry) = entries.iter().find(|entry| entry.partition_index == 0) else { break };
            let expected = scene.log.bytes_from(offset);
            assert!(expected.starts_with(records(entry)), "version {version} offset {offset}");
            let mut bytes = 0;
            for batch in scene.log.between(offset, i64::MAX) {
                bytes += batch.bytes.len();
                if bytes > records(entry).len() {
                    break;
                }
                offset = batch.next;
            }
            if !records(entry).is_empty() {
                changed.push((0, offset));
            }
            if entries.iter().any(|entry| entry.partition_index == 1 && !records(entry).is_empty()) {
                changed.push((1, scene.log.end()));
            }
        }
        assert_eq!(offset, scene.log.end(), "version {version}");
        let asked = fetches(&scene);
        assert_eq!(asked[0].session_epoch, 0);
        for (epoch, asked) in asked.iter().enumerate().skip(1) {
            assert_eq!((asked.session_id, asked.session_epoch), (1, i32::try_from(epoch).unwrap()));
            let named: usize = asked.topics.iter().map(|topic| topic.partitions.len()).sum();
            assert!(named < 2 || epoch == 1, "what has not changed is not named");
        }
        assert_eq!(scene.brokers.cache.lock().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_cold_partition_that_is_not_named_again_is_waited_for_and_forgotten_when_it_is() {
    let scene = Scene::new(600, 700).await;
    let mut follower = Follower::new(&scene, 13).await;
    let entries = follower.fetch(&[(0, 650), (1, 100)]).await;
    assert_eq!((find(&entries, 0).error_code, records(find(&entries, 0)).len()), (0, 0), "it is on its way");
    for _ in 0..3 {
        let entries = follower.fetch(&[]).await;
        assert_eq!((find(&entries, 0).error_code, records(find(&entries, 0)).len()), (0, 0));
        assert!(scene.log.bytes_from(100).starts_with(records(find(&entries, 1))));
    }
    let mut forgets = request(&[]);
    forgets.topics.clear();
    let forgotten = ForgottenTopic::default().with_topic(text("orders").into());
    let forgotten = forgotten.with_topic_id(Uuid::from_bytes([ID; 16]));
    forgets.forgotten_topics_data = vec![forgotten.with_partitions(vec![1])];
    let answer = follower.ask(forgets).await;
    let entries: Vec<_> = answer.responses.into_iter().flat_map(|topic| topic.partitions).collect();
    assert_eq!(entries.len(), 1, "only the other one is told");
    find(&entries, 0);
}

#[tokio::test]
async fn a_session_from_elsewhere_is_told_to_begin_anew_and_the_broker_is_not_asked() {
    let scene = Scene::new(800, 700).await;
    let mut follower = Follower::new(&scene, 13).await;
    (follower.id, follower.epoch) = (5, 3);
    let answer = follower.ask(request(&[(0, 100)])).await;
    assert_eq!((answer.error_code, answer.session_id, answer.responses.len()), (70, 0, 0));
    assert!(scene.keys().is_empty());
    // It goes on with a session, on another connection.
    follower.fetch(&[(0, 100)]).await;
    follower.client = scene.proxy.client().await;
    assert_eq!(follower.ask(request(&[])).await.error_code, 70);
}

#[tokio::test]
async fn a_session_that_the_broker_has_lost_begins_anew() {
    let scene = Scene::new(800, 700).await;
    let mut follower = Follower::new(&scene, 13).await;
    follower.fetch(&[(0, 100), (1, 750)]).await;
    scene.brokers.cache.lock().unwrap().evict();
    assert_eq!(follower.ask(request(&[])).await.error_code, 70, "the broker's own word");
    let entries = follower.fetch(&[(0, 100), (1, 750)]).await;
    assert!(scene.log.bytes_from(100).starts_with(records(find(&entries, 0))));
    assert_ne!(follower.id, 0);
}

#[tokio::test]
async fn a_broker_that_knows_of_another_partition_is_not_believed() {
    let scene = Scene::new(800, 700).await;
    for (hot, is_held) in [(1050, true), (700, false)] {
        let mut follower = Follower::new(&scene, 13).await;
        follower.fetch(&[(0, hot)]).await;
        let slipped = FetchPartition::default().with_partition(1).with_fetch_offset(100);
        scene.brokers.cache.lock().unwrap().slip_in(&slipped.with_partition_max_bytes(1000));
        let mut answer = follower.ask(request(&[])).await;
        if !is_held {
            let entry =
                answer.responses[0].partitions.iter().find(|entry| entry.partition_index == 1).unwrap();
            assert_eq!((entry.error_code, records(entry).len()), (0, 0), "it had gone out by then");
            answer = follower.ask(request(&[])).await;
        }
        assert_eq!((answer.error_code, answer.responses.len()), (70, 0), "nobody knows what was refused");
        scene.brokers.cache.lock().unwrap().evict();
    }
}

#[tokio::test]
async fn without_room_at_the_broker_there_is_no_session() {
    let scene = Scene::new(800, 700).await;
    scene.brokers.cache.lock().unwrap().is_full = true;
    let mut follower = Follower::new(&scene, 13).await;
    for _ in 0..3 {
        let entries = follower.fetch(&[(0, 750)]).await;
        assert_eq!((follower.id, find(&entries, 0).error_code), (0, 0));
    }
}

#[tokio::test]
async fn without_memory_here_there_is_none_and_all_is_filled() {
    let scene =
        Scene::with(super::scene::log(), 800, 700, |settings, _| settings.limits.sessions_bytes = 1).await;
    let mut followers = Vec::new();
    for _ in 0..2 {
        let mut follower = Follower::new(&scene, 13).await;
        follower.fetch(&[(0, 750)]).await;
        followers.push(follower);
    }
    assert_ne!(followers[0].id, 0, "one page of memory is one session");
    assert_eq!(followers[1].id, 0);
    let asked = fetches(&scene);
    assert_eq!((asked[0].session_epoch, asked[1].session_epoch), (0, -1));
    let entries = followers[1].fetch(&[(0, 100)]).await;
    assert!(
        !records(find(&entries, 0)).is_empty() || followers[1].fetch(&[(0, 100)]).await[0].error_code == 0
    );
    drop(followers);
}

#[tokio::test]
async fn a_long_answer_streams_and_a_refusal_in_it_is_met_the_next_time() {
    let scene = Scene::new(800, 700).await;
    let mut follower = Follower::new(&scene, 13).await;
    // Nobody knows yet that the log begins at 700.
    let mut both = request(&[(0, 700), (1, 100)]);
    both.topics[0].partitions[0].partition_max_bytes = 10 << 20;
    let mut all = both.topics[0].partitions.clone();
    all.truncate(1);
    let mut answer = follower.ask(both).await;
    let entry = answer.responses.remove(0).partitions.remove(1);
    assert_eq!((entry.error_code, records(&entry).len()), (0, 0), "an answer that is passed and not held");
    for _ in 0..100 {
        let entries = follower.fetch(&[(0, scene.log.end())]).await;
        if !records(find(&entries, 1)).is_empty() {
            assert!(scene.log.bytes_from(100).starts_with(records(find(&entries, 1))));
            return;
        }
    }
    panic!("the refused partition is never filled");
}

#[tokio::test]
async fn an_offset_beyond_the_log_is_out_of_range_in_a_session_too() {
    let scene = Scene::new(800, 700).await;
    let mut follower = Follower::new(&scene, 13).await;
    let beyond = scene.log.end() + 1;
    let mut code = 0;
    for changed in [&[(0, beyond), (1, 750)][..], &[], &[]] {
        code = find(&follower.fetch(changed).await, 0).error_code;
    }
    assert_eq!(code, OUT_OF_RANGE);
    scene.brokers.end.store(beyond + 10, Ordering::SeqCst);
}
