//! A broker forgets, a sidecar keeps, and a client reads all of it.

use firnline_tests::kafka::{
    Cluster, ClusterOptions, Isolation, Ledger, VERSIONS, assert_same_records, consume_all, consumer_as,
};
use firnline_tests::scratch;
use firnline_tests::tier::Tier;

use rdkafka::consumer::Consumer as _;

use super::rig::{Fronting, PARTITIONS, PATIENCE, Sidecar, TOPIC, create, forgetful, produce, start};

fn reads_all(fronting: &Fronting, ledger: &Ledger, what: &str) {
    let all = Isolation::ReadUncommitted;
    for (partition, content) in consume_all(&fronting.address, TOPIC, PARTITIONS, all) {
        assert_eq!(content.start, 0, "{what}: {partition}");
        let expected = ledger.visible(TOPIC, partition, content.end, all);
        assert_same_records(&format!("{what}: {partition}"), &expected, &content.records);
    }
}

#[test]
fn what_the_broker_has_forgotten_comes_from_the_tier() {
    let mut options = ClusterOptions::single(VERSIONS[0]);
    options.properties = forgetful();
    let mut cluster = Cluster::start(&options);
    create(&cluster, TOPIC);
    let tier = Tier::minio("fronting");
    let mut sidecar = Sidecar::start(&cluster, &tier);
    let mut ledger = Ledger::default();
    produce(&cluster, TOPIC, 0, 3000, &mut ledger);
    sidecar
        .server
        .wait_until(PATIENCE, || (0..PARTITIONS).all(|partition| start(&cluster, TOPIC, partition) > 1000));
    let cache = scratch::directory("proxy-cache");
    let on_disk = format!("[cache]\ndisk.max_size = '256MiB'\ndisk.dir = '{}'\n", cache.path().display());
    let mut fronting = Fronting::start(&cluster.bootstrap(), &tier, &on_disk);
    // What the broker has deleted at once is still on its way to the tier.
    let client = consumer_as(&fronting.address, &[], Isolation::ReadUncommitted);
    let begins =
        |partition| client.fetch_watermarks(TOPIC, partition, PATIENCE).is_ok_and(|(start, _)| start == 0);
    fronting.server.wait_until(PATIENCE, || (0..PARTITIONS).all(begins));
    reads_all(&fronting, &ledger, "forgotten");
    assert!(fronting.metric("firnline_proxy_cold_bytes_total", "") > 2e6, "the tier was not read");
    assert!(fronting.metric("firnline_proxy_hot_bytes_total", "") > 1e5, "the broker was not read");
    // As a power cut would end it; what it has read lies on its disk.
    fronting.wait_until_more("firnline_disk_cache_written_bytes_total", 2e6);
    fronting.server.kill();
    let mut fronting = Fronting::start(&cluster.bootstrap(), &tier, &on_disk);
    fronting.wait_for("the disk cache is on");
    reads_all(&fronting, &ledger, "from the disk of the one before");
    assert!(fronting.metric("firnline_proxy_blocks_total", "disk_cache") > 0.0, "its disk was not read");
    assert_eq!(fronting.metric("firnline_disk_cache_damaged_total", ""), 0.0);
    // A topic that goes on, and brokers that come back.
    produce(&cluster, TOPIC, 3000, 1000, &mut ledger);
    reads_all(&fronting, &ledger, "going on");
    cluster.node_mut(0).stop();
    cluster.restart();
    reads_all(&fronting, &ledger, "after the broker came back");
    assert!(fronting.metric("firnline_proxy_false_out_of_range_total", "") == 0.0);
    let refused = fronting.metric("firnline_proxy_cold_partitions_total", "refused");
    assert!(refused == 0.0, "{refused} offsets were told as out of range");
    let status = fronting.server.terminate(PATIENCE);
    assert_eq!(status.code(), Some(143), "{}", fronting.log());
}
