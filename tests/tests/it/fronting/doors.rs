//! TLS, logins and access rules, all of them the brokers': a client gets from the tier what it might have had from a broker,
//! and only as long as that.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use firnline_tests::kafka::{
    Authority, Cluster, ClusterOptions, Isolation, Issued, Ledger, Listener, Rule, VERSIONS,
    assert_same_records, consume_all_as, consumer_as,
};
use firnline_tests::tier::Tier;
use firnline_tests::{scratch, tools};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};
use tokio::time::Instant;

use super::rig::{
    Fronting, PARTITIONS, PATIENCE, Sidecar, TOPIC, create, forgetful, has_begun, produce, start,
};

const ALICE: &str = "User:alice";
const PASSWORD: &str = "alice's own";
const SECRET: &str = "secrets";
const RECORDS: i64 = 3000;

/// A cluster that asks for logins within TLS and knows access rules; two topics whose beginnings are in the tier alone.
struct Scene {
    authority: Authority,
    server: Issued,
    cluster: Cluster,
    tier: Tier,
    ledger: Ledger,
    _sidecar: Sidecar,
}

impl Scene {
    fn new() -> Self {
        let authority = Authority::new("firnline-tests");
        let broker = authority.issue("broker", "IP:127.0.0.1");
        let mut options = ClusterOptions::single(VERSIONS[0]);
        options.properties = forgetful();
        options.listeners = vec![
            Listener { name: "SECURE", protocol: "SASL_SSL" },
            Listener { name: "MUTUAL", protocol: "SSL" },
        ];
        options.scram_users = vec![("alice", PASSWORD)];
        for listener in ["secure", "mutual"] {
            keystore(&mut options, listener, &broker, &authority);
        }
        logins(&mut options);
        let mut set = |key: &str, value: &str| options.properties.push((key.to_owned(), value.to_owned()));
        set("listener.name.mutual.ssl.client.auth", "required");
        set("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer");
        set("super.users", "User:ANONYMOUS");
        let cluster = Cluster::start(&options);
        let tier = Tier::directory();
        for topic in [TOPIC, SECRET] {
            create(&cluster, topic);
        }
        let mut sidecar = Sidecar::start(&cluster, &tier);
        let mut ledger = Ledger::default();
        for topic in [TOPIC, SECRET] {
            produce(&cluster, topic, 0, RECORDS, &mut ledger);
            sidecar.server.wait_until(PATIENCE, || {
                (0..PARTITIONS).all(|at| start(&cluster, topic, at) > 1000 && has_begun(&tier, topic, at))
            });
        }
        cluster.allow(Rule::describe_group(ALICE, "firnline-tests"));
        let server = authority.issue("proxy", "IP:127.0.0.1,DNS:kafka.example,DNS:*.kafka.example");
        Self { authority, server, cluster, tier, ledger, _sidecar: sidecar }
    }

    /// A proxy that speaks TLS on both sides.
    fn fronting(&self, listener: &str, config: &str) -> Fronting {
        let config = format!(
            "tls.cert_file = '{}'\ntls.key = 'file:{}'\nbroker_tls.enabled = true\nbroker_tls.ca_file = '{}'\n{config}",
            self.server.certificate.display(),
            self.server.key.display(),
            self.authority.certificate().display(),
        );
        Fronting::start(&self.cluster.bootstrap_of(listener), &self.tier, &config)
    }

    fn ca(&self) -> String {
        self.authority.certificate().display().to_string()
    }

    fn login<'a>(ca: &'a str, mechanism: &'a str) -> Vec<(&'a str, &'a str)> {
        let mut settings =
            vec![("security.protocol", "SASL_SSL"), ("ssl.ca.location", ca), ("sasl.mechanism", mechanism)];
        settings.extend([("sasl.username", "alice"), ("sasl.password", PASSWORD)]);
        settings
    }

    /// Waits until the brokers know a rule, or know it no more.
    fn wait_for(&self, may_read: bool, topic: &str) {
        let ca = self.ca();
        let direct = self.cluster.bootstrap_of("SECURE");
        let began = Instant::now();
        loop {
            let consumer = assigned(&direct, &Self::login(&ca, "SCRAM-SHA-512"), topic, Offset::End);
            let refused = matches!(next(&consumer), Next::Refused);
            if refused != may_read {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{topic}: the brokers do not hear of the rule");
        }
    }
}

fn keystore(options: &mut ClusterOptions, listener: &str, issued: &Issued, authority: &Authority) {
    let mut set = |key: &str, value: String| {
        options.properties.push((format!("listener.name.{listener}.ssl.{key}"), value));
    };
    set("keystore.type", "PEM".to_owned());
    set("keystore.location", issued.both.display().to_string());
    set("truststore.type", "PEM".to_owned());
    set("truststore.location", authority.certificate().display().to_string());
}

fn logins(options: &mut ClusterOptions) {
    let module = "org.apache.kafka.common.security";
    let mut set = |key: &str, value: &str| {
        options.properties.push((format!("listener.name.secure.{key}"), value.to_owned()));
    };
    set("sasl.enabled.mechanisms", "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER");
    let plain = format!("{module}.plain.PlainLoginModule required user_alice=\"{PASSWORD}\";");
    set("plain.sasl.jaas.config", &plain);
    let scram = format!("{module}.scram.ScramLoginModule required;");
    set("scram-sha-256.sasl.jaas.config", &scram);
    set("scram-sha-512.sasl.jaas.config", &scram);
    let bearer = format!("{module}.oauthbearer.OAuthBearerLoginModule required;");
    set("oauthbearer.sasl.jaas.config", &bearer);
    for mechanism in ["plain", "scram-sha-256", "scram-sha-512", "oauthbearer"] {
        // How long logins hold; then clients log in again. Brokers take no second login within a second.
        set(&format!("{mechanism}.connections.max.reauth.ms"), "1500");
    }
}

/// A consumer of both partitions, whose fetches are small, so that a stream is many of them.
fn assigned(bootstrap: &str, settings: &[(&str, &str)], topic: &str, from: Offset) -> BaseConsumer {
    let small = [("fetch.message.max.bytes", "65536"), ("queued.max.messages.kbytes", "64")];
    let consumer = consumer_as(bootstrap, &[settings, &small].concat(), Isolation::ReadUncommitted);
    let mut list = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        list.add_partition_offset(topic, partition, from).expect("a position");
    }
    consumer.assign(&list).expect("assign");
    consumer
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Record(i64),
    Refused,
    /// The end, or nothing for a while.
    Nothing,
}

fn next(consumer: &BaseConsumer) -> Next {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(8) {
        match consumer.poll(Duration::from_millis(200)) {
            Some(Ok(message)) => return Next::Record(message.offset()),
            Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) => return Next::Nothing,
            Some(Err(error))
                if error.rdkafka_error_code() == Some(RDKafkaErrorCode::TopicAuthorizationFailed) =>
            {
                return Next::Refused;
            }
            // Connections of logins that have run out are made anew.
            Some(Err(_)) | None => {}
        }
    }
    Next::Nothing
}

#[test]
fn rights_are_the_brokers_and_end_cold_reads_as_they_end_hot_ones() {
    let scene = Scene::new();
    let (fronting, ca) = (scene.fronting("SECURE", ""), scene.ca());
    // Without the right to read: the broker's own refusal of the fetch, and not a byte.
    let scram = Scene::login(&ca, "SCRAM-SHA-512");
    scene.cluster.allow(Rule::describe_topic(ALICE, TOPIC));
    let began = Instant::now();
    // Brokers hear of a rule a moment later; librdkafka says nothing of a topic that it may not even describe.
    while next(&assigned(&fronting.address, &scram, TOPIC, Offset::Offset(0))) != Next::Refused {
        assert!(began.elapsed() < PATIENCE, "nothing was refused");
    }
    assert!(fronting.metric("firnline_proxy_requests_total", "Fetch") > 0.0, "nothing was fetched");
    assert!(fronting.metric("firnline_proxy_cold_bytes_total", "") == 0.0);

    // With it: every login, hot and cold as one log.
    cluster_allows(&scene, TOPIC);
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] {
        let all = Isolation::ReadUncommitted;
        let settings = Scene::login(&ca, mechanism);
        for (partition, content) in consume_all_as(&fronting.address, &settings, TOPIC, PARTITIONS, all) {
            let expected = scene.ledger.visible(TOPIC, partition, content.end, all);
            assert_same_records(&format!("{mechanism} {partition}"), &expected, &content.records);
        }
    }
    assert!(fronting.metric("firnline_proxy_cold_bytes_total", "") > 2e6);
    // The other topic is still refused, whoever reads this one.
    scene.cluster.allow(Rule::describe_topic(ALICE, SECRET));
    let began = Instant::now();
    loop {
        match next(&assigned(&fronting.address, &scram, SECRET, Offset::Offset(0))) {
            Next::Refused => break,
            Next::Nothing => assert!(began.elapsed() < PATIENCE, "nothing was refused"),
            Next::Record(offset) => panic!("offset {offset} of a topic that is none of hers"),
        }
    }

    // Taken away in the middle: the stream ends within what was on its way.
    let consumer = assigned(&fronting.address, &scram, TOPIC, Offset::Offset(0));
    for _ in 0..50 {
        assert!(matches!(next(&consumer), Next::Record(_)));
    }
    scene.cluster.forbid(Rule::read_topic(ALICE, TOPIC));
    scene.wait_for(false, TOPIC);
    let cold_bytes = fronting.metric("firnline_proxy_cold_bytes_total", "");
    let mut last = 0;
    let ended = loop {
        match next(&consumer) {
            Next::Record(offset) => last = last.max(offset),
            other => break other,
        }
    };
    assert_eq!(ended, Next::Refused);
    assert!(last < 1000, "{last}: records went on after the right was gone");
    assert!(
        fronting.metric("firnline_proxy_cold_bytes_total", "") == cold_bytes,
        "cold bytes without a right"
    );
}

fn cluster_allows(scene: &Scene, topic: &'static str) {
    scene.cluster.allow(Rule::read_topic(ALICE, topic));
    scene.wait_for(true, topic);
}

#[test]
fn javas_consumer_logs_in_again_through_the_proxy() {
    let scene = Scene::new();
    // So slow that logins run out on the way.
    let fronting = scene.fronting("SECURE", "limits.cold_rate_per_client = '1MiB'\n");
    cluster_allows(&scene, TOPIC);
    let home = scratch::directory("java");
    let settings = home.path().join("client.properties");
    let module = "org.apache.kafka.common.security";
    for (mechanism, login) in [
        (
            "SCRAM-SHA-256",
            format!("{module}.scram.ScramLoginModule required username=\"alice\" password=\"{PASSWORD}\";"),
        ),
        (
            "OAUTHBEARER",
            format!(
                "{module}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=\"alice\";"
            ),
        ),
    ] {
        let text = format!(
            "security.protocol=SASL_SSL\nssl.truststore.type=PEM\nssl.truststore.location={}\nsasl.mechanism={mechanism}\n\
             sasl.jaas.config={login}\nmax.poll.records=20\nmax.partition.fetch.bytes=32768\n",
            scene.ca()
        );
        std::fs::write(&settings, text).expect("write the settings");
        let output = Command::new("java")
            .args(["-XX:TieredStopAtLevel=1", "-cp", &tools::kafka_class_path(VERSIONS[0])])
            .arg(tools::source_root().join("proxy/tests/java/Consume.java"))
            .args([&*fronting.address, TOPIC, "read_committed", "0"])
            .arg(&settings)
            .output()
            .expect("run java");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{mechanism}: {errors}\n{}", fronting.log());
        let text = String::from_utf8_lossy(&output.stdout);
        let records = text.lines().filter(|line| line.starts_with("record ")).count();
        assert_eq!(records, usize::try_from(RECORDS).expect("a small number") * 2, "{mechanism}: {errors}");
    }
    let handshakes = fronting.metric("firnline_proxy_requests_total", "SaslHandshake");
    let connections = fronting.metric("firnline_proxy_connections_total", "");
    assert!(
        handshakes > connections,
        "{handshakes} logins on {connections} connections: none was done again"
    );
}

#[test]
fn whom_the_broker_knows_by_the_proxys_certificate_gets_nothing_from_the_tier() {
    let scene = Scene::new();
    let own = scene.authority.issue("the-proxy", "DNS:the-proxy");
    let shown = format!(
        "broker_tls.cert_file = '{}'\nbroker_tls.key = 'file:{}'\n",
        own.certificate.display(),
        own.key.display()
    );
    scene.cluster.allow(Rule::read_topic("User:CN=the-proxy", TOPIC));
    let ca = scene.ca();
    let settings = [("security.protocol", "SSL"), ("ssl.ca.location", &*ca)];
    let fronting = scene.fronting("MUTUAL", &shown);
    let began = Instant::now();
    // Hot reads are between the broker and whom it takes the client for.
    while next(&assigned(&fronting.address, &settings, TOPIC, Offset::OffsetTail(5))) == Next::Refused {
        assert!(began.elapsed() < PATIENCE);
    }
    let consumer = assigned(&fronting.address, &settings, TOPIC, Offset::Offset(0));
    assert_eq!(next(&consumer), Next::Refused);
    assert!(fronting.metric("firnline_proxy_cold_bytes_total", "") == 0.0);
    assert!(fronting.metric("firnline_proxy_cold_unproven_total", "certificate") > 0.0);
    assert!(fronting.log().contains("does not know it by its own name"), "{}", fronting.log());
    // Unless an operator says that all who reach the proxy may.
    let fronting = scene.fronting("MUTUAL", &format!("{shown}cold_for_all = true\n"));
    let consumer = assigned(&fronting.address, &settings, TOPIC, Offset::Offset(0));
    assert_eq!(next(&consumer), Next::Record(0));
}

/// Metadata of no topic, version 1, asked within TLS of whom this name means; what was answered.
fn asked_by_name(scene: &Scene, port: &str, name: &str) -> Vec<u8> {
    let mut child = Command::new("openssl")
        .args(["s_client", "-quiet", "-verify_return_error", "-CAfile", &scene.ca()])
        .args(["-connect", port, "-servername", name, "-verify_hostname", name])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("run openssl");
    let mut stdin = child.stdin.take().expect("its input");
    stdin.write_all(&[0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 9, 0xff, 0xff, 0, 0, 0, 0]).expect("ask");
    stdin.flush().expect("ask");
    let mut stdout = child.stdout.take().expect("its output");
    let mut length = [0; 4];
    stdout.read_exact(&mut length).expect("an answer");
    let mut answer = vec![0; u32::from_be_bytes(length) as usize];
    stdout.read_exact(&mut answer).expect("an answer");
    let _ = child.kill();
    let _ = child.wait();
    answer
}

#[test]
fn names_lead_to_brokers_on_one_port() {
    let authority = Authority::new("firnline-tests");
    let server = authority.issue("proxy", "DNS:kafka.example,DNS:*.kafka.example");
    let cluster = Cluster::start(&ClusterOptions { nodes: 2, ..ClusterOptions::single(VERSIONS[0]) });
    let tier = Tier::directory();
    // A tier of nothing: there has to be one.
    let sidecar = Sidecar::start(&cluster, &tier);
    let config = format!(
        "tls.cert_file = '{}'\ntls.key = 'file:{}'\nsni.hosts = 'broker-{{id}}.kafka.example'\nsni.port = 9999\n",
        server.certificate.display(),
        server.key.display(),
    );
    let fronting = Fronting::start(&cluster.bootstrap(), &tier, &config);
    let scene = Scene { authority, server, cluster, tier, ledger: Ledger::default(), _sidecar: sidecar };
    for name in ["kafka.example", "broker-1.kafka.example", "broker-2.kafka.example"] {
        let answer = asked_by_name(&scene, &fronting.address, name);
        for host in ["broker-1.kafka.example", "broker-2.kafka.example"] {
            let at = answer.windows(host.len()).position(|window| window == host.as_bytes());
            let at = at.unwrap_or_else(|| panic!("{name} does not tell of {host}: {answer:?}"));
            let port = &answer[at + host.len()..at + host.len() + 4];
            assert_eq!(port, 9999_u32.to_be_bytes(), "{name} {host}");
        }
    }
    assert!(fronting.metric("firnline_proxy_brokers", "") == 2.0);
}

#[test]
fn certificates_are_checked_and_read_again() {
    let scene = Scene::new();
    cluster_allows(&scene, TOPIC);
    let ca = scene.ca();
    let scram = Scene::login(&ca, "SCRAM-SHA-512");
    // A broker whose certificate nobody vouches for is not spoken to.
    let foreign = Authority::new("foreign");
    let config = format!(
        "tls.cert_file = '{}'\ntls.key = 'file:{}'\nbroker_tls.enabled = true\nbroker_tls.ca_file = '{}'\n",
        scene.server.certificate.display(),
        scene.server.key.display(),
        foreign.certificate().display()
    );
    let mut fronting = Fronting::start(&scene.cluster.bootstrap_of("SECURE"), &scene.tier, &config);
    let consumer = assigned(&fronting.address, &scram, TOPIC, Offset::Offset(0));
    assert_eq!(next(&consumer), Next::Nothing);
    drop(consumer);
    assert!(fronting.log().contains("TLS with the broker"), "{}", fronting.log());
    // Once the file holds the right one, connections to come take it.
    std::fs::copy(scene.authority.certificate(), foreign.certificate()).expect("replace the authority");
    fronting.wait_for("read again and hold");
    let consumer = assigned(&fronting.address, &scram, TOPIC, Offset::Offset(0));
    assert!(matches!(next(&consumer), Next::Record(_)));
}
