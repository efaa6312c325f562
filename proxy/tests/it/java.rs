//! Kafka's own classes as the judge: what they write is read and written to the byte, what ours writes they read the same.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use firnline_proxy::wire::{Api, Message, Side, Value};

use crate::frame::{framed, read, written};
use crate::sample::{Taste, sample};
use crate::schemas::tools::kafka_class_path;

/// How many messages of each kind and version.
const SEEDS: u64 = 8;

/// A message, and how ours writes it.
struct Case {
    api: Api,
    side: Side,
    version: i16,
    body: Vec<u8>,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16);
    (0..hex.len()).step_by(2).map(|at| digits(at).unwrap_or_else(|_| panic!("Kafka said: {hex}"))).collect()
}

/// What Kafka of this release makes of each body; `None` where it does not know the version.
fn echoed(release: &str, cases: &[Case]) -> Vec<Option<Vec<u8>>> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/java/Echo.java");
    let mut java = Command::new("java")
        .args(["-XX:TieredStopAtLevel=1", "-cp", &kafka_class_path(release)])
        .arg(source)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = String::new();
    for Case { api, side, version, body } in cases {
        let side = if *side == Side::Request { "request" } else { "response" };
        writeln!(lines, "{} {side} {version} {}", api.key(), hex(body)).unwrap();
    }
    java.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = java.wait_with_output().unwrap();
    assert!(output.status.success(), "java ended with {}", output.status);
    let said = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<_> = said.lines().map(|line| (line != "unsupported").then(|| bytes(line))).collect();
    assert_eq!(answers.len(), cases.len());
    answers
}

/// Each message as ours writes it, all of them made of `bodies` in order.
fn ours(cases: &[Case]) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    for case in cases {
        let frame = framed(case.api, case.side, case.version, &case.body);
        let header = 4 + frame.len() - case.body.len();
        macro_rules! check {
            ($type:ty, $name:ident) => {
                if <$type as Message>::API == case.api && <$type as Message>::SIDE == case.side {
                    let named = format!("{} version {}", stringify!($name), case.version);
                    let message: $type =
                        read(&frame, case.version).unwrap_or_else(|error| panic!("{named}: {error}"));
                    out.push(written(&message, case.version)[header..].to_vec());
                }
            };
        }
        each_message!(check);
    }
    out
}

fn agrees_with(release: &str) -> usize {
    let mut cases = Vec::new();
    macro_rules! make {
        ($type:ty, $name:ident) => {
            let (api, side) = (<$type as Message>::API, <$type as Message>::SIDE);
            let walked = api.row().unwrap().walked.unwrap();
            for version in walked.min..=walked.max {
                for seed in 0..SEEDS {
                    let taste = Taste { unknown_tags: false };
                    let body = sample(<$type as Value>::KIND, api.form(version), seed, taste);
                    cases.push(Case { api, side, version, body });
                }
            }
        };
    }
    each_message!(make);
    let theirs = echoed(release, &cases);
    // Bodies that Kafka knows, as it writes them: without tagged fields that say what is assumed anyway.
    let (known, canonical): (Vec<_>, Vec<_>) = cases
        .into_iter()
        .zip(theirs)
        .filter_map(|(case, theirs)| theirs.map(|theirs| (case, theirs)))
        .unzip();
    let again = |bodies: Vec<Vec<u8>>| -> Vec<Case> {
        known.iter().zip(bodies).map(|(case, body)| Case { body, ..*case }).collect()
    };
    let named = |at: usize| {
        format!("{release}: {:?} {:?} version {}", known[at].api, known[at].side, known[at].version)
    };
    for (at, (ours, theirs)) in ours(&again(canonical.clone())).iter().zip(&canonical).enumerate() {
        assert_eq!(hex(ours), hex(theirs), "{}", named(at));
    }
    for (at, (read, theirs)) in echoed(release, &again(ours(&known))).iter().zip(&canonical).enumerate() {
        assert_eq!(read.as_ref().map(|read| hex(read)), Some(hex(theirs)), "{}", named(at));
    }
    known.len()
}

#[test]
fn kafkas_own_classes_agree() {
    let newest = agrees_with("4.3.1");
    assert!(newest > 1300, "{newest} messages were compared");
}

#[test]
fn those_of_older_releases_agree_too() {
    for release in ["3.9.1", "3.3.2"] {
        let older = agrees_with(release);
        assert!(older > 1000, "{older} messages were compared with {release}");
    }
}
