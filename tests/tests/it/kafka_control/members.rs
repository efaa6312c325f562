//! Members of a group that divide partitions among themselves, on real brokers.

use std::collections::BTreeMap;
use std::time::Duration;

use firnline_index::{PartitionIndex, TopicName};
use firnline_kafka::{Beat, Membership, Share};
use firnline_tests::kafka::{ASKED_VERSIONS, Cluster, ClusterOptions};

use super::{client_of, eventually, name, run};

const PARTITIONS: i32 = 4;

/// Every member its part of one topic, which no broker knows.
fn divide(members: &[String]) -> BTreeMap<String, Share> {
    let mut shares: BTreeMap<String, Share> = BTreeMap::new();
    for partition in 0..PARTITIONS {
        let member = &members[usize::try_from(partition).expect("not negative") % members.len()];
        let share = shares.entry(member.clone()).or_default();
        share.entry(name("archived")).or_default().push(PartitionIndex::new(partition).expect("a partition"));
    }
    shares
}

fn member(cluster: &Cluster) -> Membership {
    Membership::new(
        client_of(cluster),
        "exporters".to_owned(),
        Duration::from_secs(6),
        Duration::from_secs(8),
    )
}

fn partitions(share: &Share) -> usize {
    share.get(&TopicName::new("archived").expect("a name")).map_or(0, Vec::len)
}

/// Joins, and again for as long as the group changes meanwhile; gives how many partitions are its own.
async fn settled(member: &mut Membership, wanted: usize) {
    eventually("the member to have its share", async || {
        let joined = member.join(divide).await.expect("join");
        tokio::time::sleep(Duration::from_millis(200)).await;
        let beat = member.heartbeat().await.expect("a heartbeat");
        (beat == Beat::Stable && partitions(&joined.share) == wanted).then_some(())
    })
    .await;
}

/// Heartbeats until the group changes.
async fn disturbed(member: &mut Membership) -> Beat {
    eventually("the group to change", async || {
        let beat = member.heartbeat().await.expect("a heartbeat");
        (beat != Beat::Stable).then_some(beat)
    })
    .await
}

#[test]
fn members_share_what_there_is_and_take_over_from_one_that_goes_or_dies() {
    for version in ASKED_VERSIONS {
        let cluster = Cluster::start(&ClusterOptions::single(version));
        run(async {
            let mut one = member(&cluster);
            settled(&mut one, 4).await;

            // Another comes: the first hears of it, and both join while the other waits.
            let mut two = member(&cluster);
            let (beat, ()) = tokio::join!(
                async {
                    let beat = disturbed(&mut one).await;
                    settled(&mut one, 2).await;
                    beat
                },
                settled(&mut two, 2),
            );
            assert_eq!(beat, Beat::Rebalance, "{version}");

            // It goes, with a word.
            two.leave().await;
            assert_eq!(disturbed(&mut one).await, Beat::Rebalance, "{version}");
            settled(&mut one, 4).await;

            // A third comes and dies without one: it is missed after the session's time.
            let mut three = member(&cluster);
            tokio::join!(
                async {
                    disturbed(&mut one).await;
                    settled(&mut one, 2).await;
                },
                settled(&mut three, 2),
            );
            assert_eq!(disturbed(&mut one).await, Beat::Rebalance, "{version}");
            settled(&mut one, 4).await;
            assert_eq!(three.heartbeat().await.expect("an answer"), Beat::Gone, "{version}");
            one.leave().await;
        });
    }
}
