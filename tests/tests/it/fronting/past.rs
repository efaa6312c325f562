//! Stock clients read a topic as it stood, beside the topic of today.

use std::process::Command;

use firnline_tests::kafka::{
    Cluster, ClusterOptions, Isolation, Ledger, VERSIONS, assert_same_records, consume_all,
};
use firnline_tests::tier::Tier;
use firnline_tests::{scratch, tools};

use super::rig::{Fronting, PARTITIONS, PATIENCE, Sidecar, TOPIC, create, forgetful, produce, start};

/// 1,500 ms behind the first record; each is a millisecond behind the one before.
const PAST: &str = "orders@2026-01-01T00:00:01.500Z";
const BEFORE: i64 = 1500;

fn end_in_tier(tier: &Tier, partition: i32) -> i64 {
    let listed = tier.run(&["ls", &format!("{TOPIC}/{partition}"), "--json"]).finish();
    if listed.code() != 0 {
        return 0;
    }
    listed.json_lines().iter().filter_map(|line| line["next_offset"].as_i64()).max().unwrap_or(0)
}

/// What is read under the name is the topic's beginning, up to within a batch of the time. Gives each partition's end.
fn reads_the_past(fronting: &Fronting, ledger: &Ledger, what: &str) -> Vec<i64> {
    let all = Isolation::ReadUncommitted;
    let read = consume_all(&fronting.address, PAST, PARTITIONS, all);
    assert_eq!(read.len(), usize::try_from(PARTITIONS).expect("a small number"));
    let ends = read.into_iter().map(|(partition, mut content)| {
        assert_eq!(content.start, 0, "{what}: {partition}");
        assert!((1..=BEFORE).contains(&content.end), "{what}: {partition} ends at {}", content.end);
        for record in &mut content.records {
            assert_eq!(record.message.topic, PAST);
            TOPIC.clone_into(&mut record.message.topic);
        }
        let expected = ledger.visible(TOPIC, partition, content.end, all);
        assert_same_records(&format!("{what}: {partition}"), &expected, &content.records);
        content.end
    });
    ends.collect()
}

#[test]
fn stock_clients_read_a_topic_as_it_stood() {
    let mut options = ClusterOptions::single(VERSIONS[0]);
    options.properties = forgetful();
    let cluster = Cluster::start(&options);
    create(&cluster, TOPIC);
    let tier = Tier::minio("past");
    let mut sidecar = Sidecar::start(&cluster, &tier);
    let mut ledger = Ledger::default();
    produce(&cluster, TOPIC, 0, 3000, &mut ledger);
    sidecar.server.wait_until(PATIENCE, || {
        (0..PARTITIONS).all(|at| start(&cluster, TOPIC, at) > 1000 && end_in_tier(&tier, at) > BEFORE)
    });
    let fronting = Fronting::start(&cluster.bootstrap(), &tier, "time_travel = true\n");
    let ends = reads_the_past(&fronting, &ledger, "first");

    // The topic goes on, its past does not.
    produce(&cluster, TOPIC, 3000, 1500, &mut ledger);
    assert_eq!(reads_the_past(&fronting, &ledger, "later"), ends);

    // Kafka's own consumer, which then tries to write.
    let home = scratch::directory("java");
    let settings = home.path().join("client.properties");
    std::fs::write(
        &settings,
        "delivery.timeout.ms=4000\nrequest.timeout.ms=2000\nlinger.ms=0\nmax.block.ms=4000\n",
    )
    .expect("write the settings");
    for release in VERSIONS {
        let output = Command::new("java")
            .args(["-XX:TieredStopAtLevel=1", "-cp", &tools::kafka_class_path(release)])
            .arg(tools::source_root().join("proxy/tests/java/Consume.java"))
            .args([&*fronting.address, PAST, "read_committed", "0"])
            .arg(&settings)
            .output()
            .expect("run java");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{release}: {errors}\n{}", fronting.log());
        let text = String::from_utf8_lossy(&output.stdout);
        let count = |what: &str| text.lines().filter(|line| line.starts_with(what)).count();
        let expected = usize::try_from(ends.iter().sum::<i64>()).expect("a count");
        assert_eq!(count("record "), expected, "{release}: {errors}");
        for (partition, end) in ends.iter().enumerate() {
            assert!(text.contains(&format!("bounds {partition} 0 {end} ")), "{release}: {text:.300}");
        }
        assert_eq!(count("stuck") + count("produce written"), 0, "{release}: {text:.300}");
        assert!(!text.contains(&format!("topics [{PAST}")), "{release}: somebody lists {PAST}");
    }

    // Off, nobody knows the name.
    let off = Fronting::start(&cluster.bootstrap(), &tier, "");
    let client = firnline_tests::kafka::consumer_as(&off.address, &[], Isolation::ReadUncommitted);
    let metadata =
        rdkafka::consumer::Consumer::fetch_metadata(&client, Some(PAST), PATIENCE).expect("metadata");
    assert!(metadata.topics().iter().all(|topic| topic.partitions().is_empty() && topic.error().is_some()));
}
