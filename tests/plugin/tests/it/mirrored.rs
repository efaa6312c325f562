//! What brokers tier is read without them, by the manifest that the plugin writes behind their back.

use firnline_tests::kafka::{Fate, Ledger, VERSIONS};
use firnline_tests::tier::Tier;

use crate::outside::{agrees, tier_end};
use crate::reading::{PARTITIONS, TOPIC, produce};
use crate::rig::{TIERED, broker, local_start, wait, wait_until_let_go};

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn what_a_broker_has_tiered_is_listed_verified_and_read_without_it() {
    let tier = Tier::directory();
    let url = tier.url().to_owned();
    let keys = [("store.url", url.as_str()), ("cluster.id", "plugin-tests"), ("projection.interval", "1s")];
    let mut cluster = broker(VERSIONS[0], &keys);
    cluster.create_topic(TOPIC, PARTITIONS, &TIERED);
    let mut ledger = Ledger::default();
    produce(&cluster, TOPIC, 0, 3000, &mut ledger);
    assert!(ledger.count(TOPIC, Fate::Aborted) > 0);
    wait_until_let_go(&cluster, TOPIC, PARTITIONS);
    let starts: Vec<i64> = (0..PARTITIONS).map(|partition| local_start(&cluster, TOPIC, partition)).collect();
    wait("the manifests tell of all that the broker has let go of", || {
        (0..PARTITIONS).zip(&starts).all(|(partition, start)| tier_end(&tier, TOPIC, partition) >= *start)
    });
    cluster.stop();
    tier.run(&["verify", "--deep"]).finish().expect_code(0);
    for partition in 0..PARTITIONS {
        agrees(&tier, TOPIC, partition, tier_end(&tier, TOPIC, partition), &ledger);
    }
}
