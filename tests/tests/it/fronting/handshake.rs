//! The oldest login: a handshake of version 0, after which tokens go bare, without a request around them. No client library
//! of today sends it, so the test does.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use firnline_tests::kafka::{Cluster, ClusterOptions, Ledger, Listener, VERSIONS};
use firnline_tests::tier::Tier;

use super::rig::{Fronting, PATIENCE, Sidecar, TOPIC, create, forgetful, has_begun, produce, start};

const PASSWORD: &str = "bare words";

/// A connection that speaks in frames.
struct Spoken(TcpStream);

impl Spoken {
    fn to(address: &str) -> Self {
        let stream = TcpStream::connect(address).expect("connect");
        stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
        Self(stream)
    }

    fn send(&mut self, frame: &[u8]) {
        let length = u32::try_from(frame.len()).expect("a short frame").to_be_bytes();
        self.0.write_all(&[&length, frame].concat()).expect("send");
    }

    /// The next frame; `None` where the other side has hung up.
    fn receive(&mut self) -> Option<Vec<u8>> {
        let mut length = [0; 4];
        self.0.read_exact(&mut length).ok()?;
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        self.0.read_exact(&mut frame).expect("a whole frame");
        Some(frame)
    }

    /// A handshake of version 0 and a bare PLAIN token: whether the broker lets the user in.
    fn log_in(&mut self, password: &str) -> bool {
        // Key 17, version 0, correlation id 5, no client id; the mechanism.
        self.send(&[&[0, 17, 0, 0, 0, 0, 0, 5, 0xff, 0xff, 0, 5][..], b"PLAIN"].concat());
        let answer = self.receive().expect("an answer to the handshake");
        assert_eq!(answer[..6], [0, 0, 0, 5, 0, 0], "the handshake is refused: {answer:?}");
        self.send(format!("\0alice\0{password}").as_bytes());
        self.receive().is_some_and(|token| token.is_empty())
    }

    /// Fetch, version 4, of partition 0 from offset 0: error and records.
    fn fetch_first(&mut self) -> (i16, Vec<u8>) {
        let mut frame = vec![0, 1, 0, 4, 0, 0, 0, 6, 0xff, 0xff];
        frame.extend((-1_i32).to_be_bytes()); // no replica
        for number in [1000_i32, 1, 1 << 20] {
            frame.extend(number.to_be_bytes()); // how long it may wait, for how much, and at most how much
        }
        frame.push(0); // all records
        frame.extend(1_i32.to_be_bytes());
        frame.extend(u16::try_from(TOPIC.len()).expect("a short name").to_be_bytes());
        frame.extend(TOPIC.as_bytes());
        frame.extend(1_i32.to_be_bytes());
        frame.extend(0_i32.to_be_bytes()); // partition
        frame.extend(0_i64.to_be_bytes()); // offset
        frame.extend((1_i32 << 20).to_be_bytes());
        self.send(&frame);
        let answer = self.receive().expect("an answer to the fetch");
        assert_eq!(answer[..4], [0, 0, 0, 6]);
        // Behind correlation id, throttle time, one topic, its name, one partition and its number: the error; behind that high
        // watermark, last stable offset and aborted transactions (none, or null): the records.
        let at = 4 + 4 + 4 + 2 + TOPIC.len() + 4 + 4;
        let error = i16::from_be_bytes(answer[at..at + 2].try_into().expect("two bytes"));
        let records = answer.get(at + 2 + 8 + 8 + 4 + 4..).unwrap_or_default().to_vec();
        (error, records)
    }
}

fn passes_bare_tokens(version: &'static str) {
    let mut options = ClusterOptions::single(version);
    options.properties = forgetful();
    options.listeners = vec![Listener { name: "LOGIN", protocol: "SASL_PLAINTEXT" }];
    let mut set = |key: &str, value: String| options.properties.push((key.to_owned(), value));
    set("listener.name.login.sasl.enabled.mechanisms", "PLAIN".to_owned());
    let module = "org.apache.kafka.common.security.plain.PlainLoginModule";
    set(
        "listener.name.login.plain.sasl.jaas.config",
        format!("{module} required user_alice=\"{PASSWORD}\";"),
    );
    let cluster = Cluster::start(&options);
    create(&cluster, TOPIC);
    let tier = Tier::directory();
    let mut sidecar = Sidecar::start(&cluster, &tier);
    produce(&cluster, TOPIC, 0, 3000, &mut Ledger::default());
    sidecar.server.wait_until(PATIENCE, || start(&cluster, TOPIC, 0) > 1000 && has_begun(&tier, TOPIC, 0));
    let fronting = Fronting::start(&cluster.bootstrap_of("LOGIN"), &tier, "");

    let mut client = Spoken::to(&fronting.address);
    assert!(client.log_in(PASSWORD), "{version}: not let in; {}", fronting.log());
    // The first look at a partition may be empty in time; clients ask again.
    let mut turns = 0;
    let records = loop {
        let (error, records) = client.fetch_first();
        assert_eq!(error, 0, "{version}");
        if !records.is_empty() {
            break records;
        }
        turns += 1;
        assert!(turns < 20, "{version}: nothing is read from the tier; {}", fronting.log());
    };
    assert_eq!(records[..8], [0; 8], "{version}: the first batch begins at 0");
    assert!(fronting.metric("firnline_proxy_cold_bytes_total", "") > 0.0);

    // Whom the broker does not let in gets nothing through here either.
    let cold = fronting.metric("firnline_proxy_cold_bytes_total", "");
    let mut stranger = Spoken::to(&fronting.address);
    assert!(!stranger.log_in("another word"), "{version}: let in with a wrong password");
    assert!(fronting.metric("firnline_proxy_cold_bytes_total", "") == cold);
}

#[test]
fn bare_tokens_pass_to_brokers_old_and_new() {
    for version in [VERSIONS[0], VERSIONS[1]] {
        passes_bare_tokens(version);
    }
}
