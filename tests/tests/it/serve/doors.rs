//! TLS, logins, certificates and rules: who is let in, to what, and until when.

use std::process::{Command, Stdio};
use std::time::Duration;

use firnline_tests::firnline::{Run, binary};
use firnline_tests::kafka::{
    Authority, Isolation, VERSIONS, assert_same_records, consume_all_as, consumer_as, workload,
};
use firnline_tests::scratch;
use firnline_tests::tier::Tier;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::types::RDKafkaErrorCode;
use tempfile::TempDir;
use tokio::time::Instant;

use super::server::Serving;
use crate::sources::Source;

const NOT_HIS: Met = Met::Refused(RDKafkaErrorCode::TopicAuthorizationFailed);
const PATIENCE: Duration = Duration::from_secs(30);

/// Certificates, a users file, and a tier.
struct Scene {
    source: &'static Source,
    tier: Tier,
    authority: Authority,
    home: TempDir,
    doors: String,
}

impl Scene {
    fn new() -> Self {
        let source = Source::of(VERSIONS[0]);
        let tier = Tier::directory();
        source.offload(&tier).finish().expect_code(0);
        let authority = Authority::new("firnline-tests");
        let server = authority.issue("server", "IP:127.0.0.1");
        let home = scratch::directory("doors");
        let doors = format!(
            "tls.cert_file = '{}'\ntls.key = 'file:{}'\n",
            server.certificate.display(),
            server.key.display()
        );
        Self { source, tier, authority, home, doors }
    }

    /// Users with a password each, in the file that the config of this names.
    fn users(&self, users: &[(&str, &str)]) -> String {
        let path = self.home.path().join("users");
        let lines: Vec<String> = users.iter().map(|(name, password)| hashed(name, password)).collect();
        std::fs::write(&path, lines.concat()).expect("write the users");
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("chmod");
        format!("{}users_file = '{}'\n", self.doors, path.display())
    }

    fn ca(&self) -> String {
        self.authority.certificate().display().to_string()
    }
}

/// What `firnline hash-password` says, the password on its standard input.
pub(super) fn hashed(name: &str, password: &str) -> String {
    let mut command = Command::new(binary());
    command.args(["hash-password", name]).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("run the binary");
    std::io::Write::write_all(&mut child.stdin.take().expect("its input"), password.as_bytes())
        .expect("write");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("text")
}

pub(super) fn rule(principal: &str, topics: &str) -> String {
    format!("[[serve.rule]]\nprincipal = '{principal}'\ntopics = ['{topics}']\n")
}

fn login<'a>(ca: &'a str, mechanism: &'a str, user: &'a str, password: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("security.protocol", "SASL_SSL"),
        ("ssl.ca.location", ca),
        ("sasl.mechanism", mechanism),
        ("sasl.username", user),
        ("sasl.password", password),
    ]
}

fn reads_payments(scene: &Scene, serving: &Serving, settings: &[(&str, &str)]) {
    let topic = workload::PAYMENTS;
    let all = Isolation::ReadUncommitted;
    for (partition, content) in consume_all_as(&serving.address, settings, topic, 2, all) {
        let expected = scene.source.ledger.visible(topic, partition, content.end, all);
        assert!(!expected.is_empty());
        assert_same_records(&format!("{settings:?} {partition}"), &expected, &content.records);
    }
}

/// What became of a client that asks for a topic and tries to read it.
#[derive(Debug, PartialEq, Eq)]
enum Met {
    /// No server that talks to it.
    NoEntry,
    /// This answer for the topic, and no record.
    Refused(RDKafkaErrorCode),
    /// The topic.
    Served,
}

fn meets(serving: &Serving, settings: &[(&str, &str)], topic: &str) -> Met {
    let consumer = assigned(serving, settings, topic);
    let met = match consumer.fetch_metadata(Some(topic), Duration::from_secs(4)) {
        Err(_) => Met::NoEntry,
        Ok(metadata) => metadata.topics()[0]
            .error()
            .map_or(Met::Served, |error| Met::Refused(RDKafkaErrorCode::from(error))),
    };
    if met != Met::Served {
        let record = matches!(consumer.poll(Duration::from_secs(1)), Some(Ok(_)));
        assert!(!record, "a record without a right");
    }
    met
}

/// Reads until nothing comes any more: how many records, and the errors met.
fn rest(consumer: &BaseConsumer) -> (usize, Vec<RDKafkaErrorCode>) {
    let (mut records, mut errors, mut last) = (0, Vec::new(), Instant::now());
    while last.elapsed() < Duration::from_secs(3) {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(_)) => {
                records += 1;
                last = Instant::now();
            }
            Some(Err(error)) => errors.extend(error.rdkafka_error_code()),
            None => {}
        }
    }
    (records, errors)
}

fn assigned(serving: &Serving, settings: &[(&str, &str)], topic: &str) -> BaseConsumer {
    let consumer = consumer_as(&serving.address, settings, Isolation::ReadUncommitted);
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, rdkafka::Offset::Offset(0)).expect("a position");
    consumer.assign(&list).expect("assign");
    consumer
}

#[test]
fn clients_log_in_by_every_mechanism_and_read_what_rules_allow() {
    let scene = Scene::new();
    let config = scene.users(&[("ann", "ann's secret"), ("ben", "ben's secret")]);
    let serving = Serving::start(&scene.tier, &[], &(config + &rule("User:ann", workload::PAYMENTS)));
    let ca = scene.ca();
    for mechanism in ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] {
        reads_payments(&scene, &serving, &login(&ca, mechanism, "ann", "ann's secret"));
        for (user, password) in [("ann", "ben's secret"), ("nobody", "ann's secret")] {
            let settings = login(&ca, mechanism, user, password);
            assert_eq!(meets(&serving, &settings, workload::PAYMENTS), Met::NoEntry, "{mechanism} {user}");
        }
        // Ben is somebody, and may read nothing.
        let settings = login(&ca, mechanism, "ben", "ben's secret");
        assert_eq!(meets(&serving, &settings, workload::PAYMENTS), NOT_HIS, "{mechanism}");
    }
    for release in ["4.3.1", "3.9.1", "3.3.2"] {
        for (mechanism, module) in [
            ("SCRAM-SHA-512", "scram.ScramLoginModule"),
            ("SCRAM-SHA-256", "scram.ScramLoginModule"),
            ("PLAIN", "plain.PlainLoginModule"),
        ] {
            let settings = format!(
                "security.protocol=SASL_SSL\nsasl.mechanism={mechanism}\nssl.truststore.type=PEM\n\
                 ssl.truststore.location={ca}\nsasl.jaas.config=org.apache.kafka.common.security.{module} required \
                 username=\"ann\" password=\"ann's secret\";\n"
            );
            let seen = serving.java(release, workload::PAYMENTS, "read_uncommitted", &settings);
            assert_eq!(seen[0], "topics [payments]", "{release} {mechanism}: it sees what it may read");
            assert!(seen.iter().filter(|fact| fact.starts_with("record ")).count() > 100, "{release}");
        }
    }
    let log = serving.log();
    assert!(log.contains("a login was refused") && log.contains("one of 2 users"), "{log}");
    assert!(!log.contains("secret"), "no password is logged");
}

#[test]
fn a_right_or_a_user_that_is_taken_away_ends_with_the_next_request() {
    let scene = Scene::new();
    let config = scene.users(&[("ann", "a"), ("ben", "b")]);
    let rules = [rule("User:ann", ".*"), rule("User:ben", ".*")];
    let mut serving = Serving::start(&scene.tier, &[], &(config.clone() + &rules.concat()));
    let ca = scene.ca();
    let topic = scene.source.ledger.topics().into_keys().find(|topic| topic != workload::PAYMENTS);
    let topic = topic.expect("another topic");
    let ann = login(&ca, "SCRAM-SHA-256", "ann", "a");
    let ben = login(&ca, "SCRAM-SHA-256", "ben", "b");
    // A byte at a time, as it were: whatever comes after the change was fetched after it.
    let slowly = [("fetch.message.max.bytes", "1000"), ("queued.max.messages.kbytes", "1")];
    let (ann, ben) = ([&ann[..], &slowly].concat(), [&ben[..], &slowly].concat());
    let readers = [assigned(&serving, &ann, &topic), assigned(&serving, &ben, &topic)];
    for reader in &readers {
        let began = Instant::now();
        while !matches!(reader.poll(Duration::from_millis(200)), Some(Ok(_))) {
            assert!(began.elapsed() < PATIENCE, "a first record");
        }
    }
    let all = scene.source.ledger.visible(&topic, 0, i64::MAX, Isolation::ReadUncommitted).len();
    serving.configure(&(config.clone() + &rules[1]));
    let (records, errors) = rest(&readers[0]);
    assert!(records < all / 2, "{records} of {all} after the right was gone");
    assert!(errors.contains(&RDKafkaErrorCode::TopicAuthorizationFailed), "{errors:?}");
    assert_eq!(meets(&serving, &ann, &topic), NOT_HIS);
    // Ben reads on, until he is no user any more; his connection does not outlast that.
    assert!(matches!(readers[1].poll(PATIENCE), Some(Ok(_))));
    let config = scene.users(&[("ann", "a")]);
    serving.configure(&(config + &rules.concat()));
    let (records, _) = rest(&readers[1]);
    assert!(records < all / 2, "{records} of {all} after the user was gone");
    assert_eq!(meets(&serving, &ben, &topic), Met::NoEntry);
    assert_eq!(meets(&serving, &ann, &topic), Met::Served);
}

/// What is tried with a client's settings.
type Trial<'a> = &'a dyn Fn(&[(&str, &str)]);

#[test]
fn a_certificate_is_a_name_for_rules() {
    let scene = Scene::new();
    let config = format!("{}tls.client_ca_file = '{}'\n", scene.doors, scene.ca());
    let rules = rule("User:CN=ann", workload::PAYMENTS);
    let serving = Serving::start(&scene.tier, &[], &(config + &rules));
    let ca = scene.ca();
    let shows = |authority: &Authority, name: &str| {
        let issued = authority.issue(name, "DNS:client");
        [issued.certificate, issued.key].map(|path| path.display().to_string())
    };
    let settings = |[certificate, key]: [String; 2]| {
        [("ssl.certificate.location", certificate), ("ssl.key.location", key)]
    };
    let tls = [("security.protocol", "SSL"), ("ssl.ca.location", &*ca)];
    let with = |own: &[(&'static str, String)], then: Trial<'_>| {
        let own: Vec<(&str, &str)> = own.iter().map(|(key, value)| (*key, &**value)).collect();
        then(&[&tls[..], &own].concat());
    };
    with(&settings(shows(&scene.authority, "ann")), &|settings| reads_payments(&scene, &serving, settings));
    with(&settings(shows(&scene.authority, "ben")), &|settings| {
        assert_eq!(meets(&serving, settings, workload::PAYMENTS), NOT_HIS);
    });
    // None at all, and one that somebody else vouches for.
    let stranger = Authority::new("stranger");
    for own in [Vec::new(), settings(shows(&stranger, "ann")).to_vec()] {
        with(&own, &|settings| {
            assert_eq!(meets(&serving, settings, workload::PAYMENTS), Met::NoEntry);
        });
    }
}

#[test]
fn another_machine_needs_tls_a_login_and_no_open_users_file() {
    let scene = Scene::new();
    let users = scene.users(&[("ann", "a")]);
    let run = |config: &str, arguments: &[&str]| {
        let file = scene.home.path().join("serve.toml");
        std::fs::write(&file, format!("[serve]\n{config}{}", rule("User:ann", ".*"))).expect("write");
        let all = [&["serve", "--advertise", "localhost:9092"][..], arguments].concat();
        Run::new(&all).env("FIRNLINE_STORE", scene.tier.url()).env("FIRNLINE_CONFIG", file).finish()
    };
    let everywhere = ["--listen", "0.0.0.0:0"];
    let without_tls = users.lines().filter(|line| line.starts_with("users_file")).collect::<String>() + "\n";
    run(&without_tls, &everywhere).expect_code(4).expect_stderr("FIRN-P002");
    run(&scene.doors, &everywhere).expect_code(2).expect_stderr("FIRN-P102");
    run(&users, &["--topic", ".*"]).expect_code(2).expect_stderr("--topic is for whoever does not log in");
    run(&users, &["--insecure-anonymous"]).expect_code(2).expect_stderr("--insecure-anonymous");
    let path = scene.home.path().join("users");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).expect("chmod");
    run(&users, &[]).expect_code(3).expect_stderr("FIRN-C103").expect_stderr("chmod 600");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("chmod");
    std::fs::write(&path, "ann PLAIN hunter2\n").expect("write");
    let refused = run(&users, &[]).expect_code(2).expect_stderr("FIRN-P008").expect_stderr("line 1");
    assert!(!refused.stderr().contains("hunter2"));
}
