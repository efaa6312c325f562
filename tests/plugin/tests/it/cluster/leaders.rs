//! A leader dies; the next one goes on copying from files whose borders are others.

use firnline_tests::kafka::Ledger;

use super::stand::{Stand, TIERED, alone};
use crate::outside::segments;
use crate::reading::produce_to;
use crate::rig::{reads_all, wait};

/// Remote segments that another one's offsets run into.
fn overlaps(stand: &Stand, topic: &str) -> usize {
    let mut all = segments(&stand.tier, topic, 0);
    all.sort_unstable();
    all.windows(2).filter(|pair| pair[1].0 < pair[0].1).count()
}

/// Keeps everything on the brokers' disks, too: whoever has been away catches up from the leader, not from the tier.
const KEPT: [(&str, &str); 1] = [("local.retention.bytes", "-2")];
const LET_GO: [(&str, &str); 1] = [("local.retention.bytes", "1")];

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn what_two_leaders_have_copied_is_read_once() {
    let mut stand = alone();
    let topic = "succeeded";
    stand.cluster.create_topic_on(topic, &[&[1, 2, 3]], &TIERED);
    stand.cluster.set_topic(topic, &KEPT);
    let mut ledger = Ledger::default();
    // The second is away while this is written, and what it fetches later it rolls elsewhere: by other sizes.
    produce_to(&stand.cluster, topic, 0..1, 0, 100, &mut ledger);
    stand.cluster.node_mut(1).stop();
    stand.cluster.set_topic(topic, &[("internal.segment.bytes", "81920")]);
    produce_to(&stand.cluster, topic, 0..1, 1000, 900, &mut ledger);
    stand.cluster.set_topic(topic, &[("internal.segment.bytes", "131072")]);
    stand.cluster.restart();
    stand.wait_in_sync(topic, 0);
    let first = stand.cluster.placement(topic, 0);
    assert_eq!(first.leader, Some(1));
    wait("the first leader copies", || stand.tiered(topic, 0) > 700);
    stand.wait_until_mirrored(topic);
    let copied = stand.tiered(topic, 0);
    stand.cluster.node_mut(0).kill();
    stand.wait_until_left(topic, 1);
    let next = stand.cluster.placement(topic, 0);
    assert!(next.leader == Some(2) && next.epoch > first.epoch, "{next:?} after {first:?}");
    produce_to(&stand.cluster, topic, 0..1, 3000, 600, &mut ledger);
    wait("the second leader copies", || stand.tiered(topic, 0) > copied);
    stand.cluster.restart();
    stand.wait_in_sync(topic, 0);
    stand.cluster.set_topic(topic, &LET_GO);
    stand.wait_until_let_go(topic, 0, copied);
    reads_all(&stand.cluster, topic, 1, &ledger, "by the second leader");
    stand.agrees(topic, 1, &ledger);
    assert!(overlaps(&stand, topic) > 0, "{:?}", segments(&stand.tier, topic, 0));

    // The second dies while it copies: there is more to be copied than it has time for.
    stand.cluster.set_topic(topic, &KEPT);
    produce_to(&stand.cluster, topic, 0..1, 4000, 1200, &mut ledger);
    let tiered = stand.tiered(topic, 0);
    stand.cluster.node_mut(1).kill();
    stand.wait_until_left(topic, 2);
    produce_to(&stand.cluster, topic, 0..1, 6000, 600, &mut ledger);
    stand.cluster.set_topic(topic, &LET_GO);
    stand.wait_until_let_go(topic, 0, tiered);
    reads_all(&stand.cluster, topic, 1, &ledger, "by another leader than the one that died while it copied");
    // The objects of both leaders go with the topic, those that one of them has left half done too.
    stand.cluster.delete_topic(topic);
    wait("the objects of both go", || stand.objects(topic) == 0);
}
