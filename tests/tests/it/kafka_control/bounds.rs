//! Bounds from the leader under its epoch, and from nobody else.

use firnline_index::NodeId;
use firnline_offloader::{AskError, Cluster as _, KafkaCluster, Leader};
use firnline_tests::kafka::{ASKED_VERSIONS, Cluster, ClusterOptions, VERSIONS};

use super::{ask, client_of, eventually, offset, produce, run, topic};

#[test]
fn the_leader_tells_bounds_and_epoch_ends_under_its_epoch() {
    for version in ASKED_VERSIONS {
        let cluster = Cluster::start(&ClusterOptions::single(version));
        cluster.create_topic("orders", 2, &[]);
        produce(&cluster.bootstrap(), "orders", 10);
        run(async {
            let kafka = KafkaCluster::new(client_of(&cluster));
            let orders = topic(kafka.client(), "orders").await;
            let told = kafka.bounds(&[ask(&orders, 1, None), ask(&orders, 0, Some(0))]).await;
            let empty = told[0].as_ref().expect("a bound");
            assert_eq!((empty.high_watermark, empty.log_start), (offset(0), offset(0)), "{version}");
            assert!(empty.epoch_end.is_none());
            let bound = told[1].as_ref().expect("a bound");
            assert_eq!((bound.high_watermark, bound.log_start), (offset(10), offset(0)), "{version}");
            let end = bound.epoch_end.expect("the epoch's end");
            assert_eq!((end.epoch.get(), end.end), (0, offset(10)), "{version}");
            assert!(bound.vouches_for(end.epoch, offset(10)));
            let stable = kafka.stable_offsets(&[ask(&orders, 0, None)]).await;
            assert_eq!(*stable[0].as_ref().expect("a stable offset"), offset(10));

            // An epoch above the leader's has no end; a partition asked for twice is asked in two rounds.
            let told = kafka.bounds(&[ask(&orders, 0, Some(7)), ask(&orders, 0, Some(0))]).await;
            assert!(told[0].as_ref().expect("a bound").epoch_end.is_none(), "{version}");
            assert!(told[1].as_ref().expect("a bound").epoch_end.is_some(), "{version}");

            // Another epoch, a node that is not there, a partition that is not there.
            let mut newer = ask(&orders, 0, None);
            newer.leader.epoch = firnline_index::LeaderEpoch::new(5).unwrap();
            let mut nobody = ask(&orders, 0, None);
            nobody.leader.node = NodeId::new(77).unwrap();
            let mut missing = ask(&orders, 1, None);
            missing.tip.partition = firnline_index::PartitionIndex::new(9).unwrap();
            let told = kafka.bounds(&[newer, nobody, missing]).await;
            assert!(matches!(told[0], Err(AskError::Fenced { .. })), "{version}: {told:?}");
            assert!(matches!(told[1], Err(AskError::Unavailable(_))), "{version}: {told:?}");
            assert!(
                matches!(told[2], Err(AskError::Unknown | AskError::Fenced { .. })),
                "{version}: {told:?}"
            );

            // The topic's name goes to another topic with the same epoch: its bounds are not the old one's.
            let old = ask(&orders, 0, Some(0));
            cluster.delete_topic("orders");
            cluster.create_topic("orders", 2, &[]);
            let again = eventually("another topic of the name", async || {
                Some(topic(kafka.client(), "orders").await).filter(|again| again.id != orders.id)
            })
            .await;
            let told = kafka.bounds(&[old, ask(&again, 0, Some(0))]).await;
            assert!(matches!(told[0], Err(AskError::Unknown)), "{version}: {told:?}");
            assert_eq!(told[1].as_ref().expect("a bound").high_watermark, offset(0));
        });
    }
}

#[test]
fn who_led_before_is_fenced_and_a_restarted_broker_is_found_again() {
    let mut cluster = Cluster::start(&ClusterOptions { nodes: 3, ..ClusterOptions::single(VERSIONS[0]) });
    cluster.create_topic("orders", 1, &[]);
    produce(&cluster.bootstrap(), "orders", 1);
    run(async {
        let kafka = KafkaCluster::new(client_of(&cluster));
        let before = topic(kafka.client(), "orders").await;
        let old = ask(&before, 0, Some(0));
        kafka.bounds(std::slice::from_ref(&old)).await[0].as_ref().expect("a bound");
        let index = usize::try_from(old.leader.node.get()).unwrap() - 1;
        cluster.node_mut(index).stop();
        let moved = eventually("another leader", async || {
            let told = kafka.client().topics_by_id(&[before.id]).await.ok()?.pop()?.ok()?;
            let (node, _) = told.partitions[0].leader?;
            (node != old.leader.node).then_some(told)
        })
        .await;
        produce(&cluster.bootstrap(), "orders", 1);
        let new = ask(&moved, 0, Some(0));
        assert!(new.leader.epoch > old.leader.epoch);
        let told = kafka.bounds(&[new.clone(), old.clone()]).await;
        let bound = told[0].as_ref().expect("a bound");
        assert_eq!(bound.high_watermark, offset(2));
        // Epoch 0 ended where the new leader's began.
        assert_eq!(bound.epoch_end.expect("an end").end, offset(1));
        assert!(matches!(told[1], Err(AskError::Unavailable(_))), "it is down: {told:?}");
        // The new leader under the old epoch, and the old leader's epoch with the new one's number.
        let mut older = new.clone();
        older.leader.epoch = old.leader.epoch;
        assert!(matches!(kafka.bounds(&[older]).await[0], Err(AskError::Fenced { .. })));

        cluster.restart();
        // Back as a follower: it does not answer for the partition, neither under the old epoch nor the new.
        let follower = Leader { node: old.leader.node, epoch: new.leader.epoch };
        eventually("the old leader to answer again", async || {
            let asks = [old.clone(), firnline_offloader::BoundAsk { leader: follower, ..old.clone() }];
            let told = kafka.bounds(&asks[..1]).await.pop()?;
            let under_new = kafka.bounds(&asks[1..]).await.pop()?;
            match (told, under_new) {
                (Err(AskError::Fenced { .. }), Err(AskError::Fenced { .. })) => Some(()),
                (Ok(_), _) | (_, Ok(_)) => panic!("a follower answered for a leader"),
                _ => None,
            }
        })
        .await;
        let several = kafka.topics_by_several(&[before.id], 3).await.expect("ask several");
        assert_eq!(several.len(), 3);
    });
}
