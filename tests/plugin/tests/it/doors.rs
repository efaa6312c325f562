//! What brokers tier is served without them, and before them.

use std::path::Path;
use std::time::Duration;

use firnline_tests::kafka::{Cluster, Isolation, Ledger, VERSIONS, assert_same_records, consume_all};
use firnline_tests::process::Server;
use firnline_tests::tier::Tier;
use firnline_tests::{ports, scratch};
use tempfile::TempDir;

use crate::outside::tier_end;
use crate::reading::{PARTITIONS, TOPIC, produce};
use crate::rig::{TIERED, broker, local_start, wait, wait_until_let_go};

const PATIENCE: Duration = Duration::from_secs(60);

/// A server of ours, and where it listens.
struct Door {
    address: String,
    _server: Server,
    _home: TempDir,
}

impl Door {
    fn open(tier: &Tier, arguments: &[&str], section: &str, says: &str) -> Self {
        let home = scratch::directory("door");
        let (config, log) = (home.path().join("firnline.toml"), home.path().join("log"));
        let address = format!("127.0.0.1:{}", ports::free());
        std::fs::write(&config, section).expect("write the config");
        let common = ["--listen", &address, "--log-format", "json"];
        let run = tier.run(&[arguments, &common].concat()).env("FIRNLINE_CONFIG", &config);
        let mut server = run.spawn(&log);
        server.wait_until(PATIENCE, || has(&log, says));
        Self { address, _server: server, _home: home }
    }

    fn serve(tier: &Tier) -> Self {
        Self::open(tier, &["serve", "--topic", ".*"], "[serve]\nhttp.listen = 'off'\n", "the tier is served")
    }

    fn proxy(tier: &Tier, cluster: &Cluster) -> Self {
        let section = format!(
            "[proxy]\nhttp.listen = '127.0.0.1:{}'\ntier_interval = '1s'\nbase_port = {}\n",
            ports::free(),
            ports::free() - 1
        );
        let upstream = cluster.bootstrap();
        Self::open(tier, &["proxy", "--upstream", &upstream], &section, "stands before the brokers")
    }
}

fn has(log: &Path, what: &str) -> bool {
    std::fs::read_to_string(log).is_ok_and(|log| log.contains(what))
}

#[test]
#[ignore = "scripts/plugin builds the jar first"]
fn a_consumer_reads_what_brokers_tier_from_a_server_and_through_a_proxy() {
    let tier = Tier::directory();
    let url = tier.url().to_owned();
    let keys = [("store.url", url.as_str()), ("cluster.id", "plugin-tests"), ("projection.interval", "1s")];
    let mut cluster = broker(VERSIONS[0], &keys);
    cluster.create_topic(TOPIC, PARTITIONS, &TIERED);
    let mut ledger = Ledger::default();
    produce(&cluster, TOPIC, 0, 3000, &mut ledger);
    wait_until_let_go(&cluster, TOPIC, PARTITIONS);
    let starts: Vec<i64> = (0..PARTITIONS).map(|partition| local_start(&cluster, TOPIC, partition)).collect();
    wait("the manifests tell of all that the broker has let go of", || {
        (0..PARTITIONS).zip(&starts).all(|(partition, start)| tier_end(&tier, TOPIC, partition) >= *start)
    });
    let ends: Vec<i64> = (0..PARTITIONS).map(|partition| tier_end(&tier, TOPIC, partition)).collect();

    let proxy = Door::proxy(&tier, &cluster);
    for isolation in Isolation::ALL {
        for (partition, content) in consume_all(&proxy.address, TOPIC, PARTITIONS, isolation) {
            let what = format!("through the proxy: {TOPIC}/{partition}, {}", isolation.name());
            assert_eq!(content.start, 0, "{what}");
            let expected = ledger.visible(TOPIC, partition, content.end, isolation);
            // The proxy adds to what the broker has; it takes nothing away.
            assert!(content.end >= 3000, "{what}: it ends at {}", content.end);
            assert_same_records(&what, &expected, &content.records);
        }
    }
    drop(proxy);
    cluster.stop();

    let serve = Door::serve(&tier);
    for isolation in Isolation::ALL {
        for (partition, content) in consume_all(&serve.address, TOPIC, PARTITIONS, isolation) {
            let what = format!("from the server: {TOPIC}/{partition}, {}", isolation.name());
            assert_eq!(content.start, 0, "{what}");
            let end = ends[usize::try_from(partition).unwrap()];
            let least = match isolation {
                Isolation::ReadUncommitted => end,
                Isolation::ReadCommitted => ledger.first_undecided(TOPIC, partition, end),
            };
            assert!(content.end >= least && content.end <= end, "{what}: {} of {least}", content.end);
            let expected = ledger.visible(TOPIC, partition, content.end, isolation);
            assert!(!expected.is_empty());
            assert_same_records(&what, &expected, &content.records);
        }
    }
}
