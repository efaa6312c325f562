//! `firnline serve`: how it starts, what it says, whom it refuses, how it ends. What it answers, its own crate and the tests
//! with real clients show.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::logs::Logs;
use crate::rig::{Ran, finish, firnline, run};

/// A server under test, and the lines of its log.
pub(crate) struct Serving {
    child: Child,
    lines: Receiver<String>,
    pub(crate) address: String,
    /// The line that said so.
    started: serde_json::Value,
    /// Those before it.
    before: Vec<String>,
}

/// A tier with two topics.
pub(crate) fn tier() -> Logs {
    let logs = Logs::of(&["orders-0", "orders-1", "secrets-0"]);
    logs.offload(&[]).fine();
    logs
}

impl Serving {
    pub(crate) fn start(logs: &Logs, args: &[&str]) -> Self {
        let mut command = firnline(["serve", "--log-format", "json", "--listen", "127.0.0.1:0"]);
        command.args(args).env("FIRNLINE_STORE", logs.tier());
        command.env("FIRNLINE_CONFIG", config(logs)).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let (send, lines) = channel();
        std::thread::spawn(move || {
            BufReader::new(stderr).lines().map_while(Result::ok).try_for_each(|line| send.send(line))
        });
        let started = serde_json::Value::Null;
        let mut serving = Self { child, lines, address: String::new(), started, before: Vec::new() };
        loop {
            let line = serving.lines.recv_timeout(Duration::from_secs(60));
            let line = line.unwrap_or_else(|_| panic!("{:#?}", serving.before));
            if line.contains("the tier is served") {
                serving.started = serde_json::from_str(&line).unwrap();
                serving.address = serving.started["address"].as_str().unwrap().to_owned();
                return serving;
            }
            serving.before.push(line);
        }
    }

    /// The next line that says this.
    #[track_caller]
    pub(crate) fn says(&self, what: &str) -> serde_json::Value {
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(60));
            let line = line.unwrap_or_else(|_| panic!("the server never said {what:?}"));
            if line.contains(what) {
                return serde_json::from_str(&line).unwrap();
            }
        }
    }

    pub(crate) fn tell(&self, signal: &str) {
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(self.child.id().to_string()).status();
        assert!(sent.unwrap().success());
    }

    /// How it ended.
    pub(crate) fn code(mut self) -> Option<i32> {
        for _ in 0..2000 {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the server did not end");
    }

    /// The error that Metadata (version 1) answers for a topic.
    pub(crate) fn error_of(&self, topic: &str) -> i16 {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let mut frame = vec![0, 3, 0, 1, 0, 0, 0, 9, 0xff, 0xff, 0, 0, 0, 1];
        frame.extend(u16::try_from(topic.len()).unwrap().to_be_bytes());
        frame.extend(topic.as_bytes());
        stream.write_all(&u32::try_from(frame.len()).unwrap().to_be_bytes()).unwrap();
        stream.write_all(&frame).unwrap();
        let mut length = [0; 4];
        stream.read_exact(&mut length).unwrap();
        let mut answer = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
        stream.read_exact(&mut answer).unwrap();
        // The name stands behind its topic's error.
        let named = answer.windows(topic.len()).rposition(|window| window == topic.as_bytes()).unwrap();
        i16::from_be_bytes([answer[named - 4], answer[named - 3]])
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The config beside a tier. Its HTTP port is any.
fn config(logs: &Logs) -> PathBuf {
    let path = logs.temp.path().join("serve.toml");
    if !path.exists() {
        write(logs, "");
    }
    path
}

pub(crate) fn write(logs: &Logs, more: &str) {
    let path = logs.temp.path().join("serve.toml");
    fs::write(path, format!("[serve]\nhttp.listen = '127.0.0.1:0'\n{more}")).unwrap();
}

fn refused(logs: &Logs, args: &[&str]) -> Ran {
    let mut command = firnline(["serve", "--listen", "127.0.0.1:0"]);
    command.args(args).env("FIRNLINE_STORE", logs.tier()).env("FIRNLINE_CONFIG", config(logs));
    finish(command)
}

#[test]
fn it_says_where_it_listens_for_how_much_and_for_whom() {
    let logs = tier();
    let serving = Serving::start(&logs, &["--topic", "orders.*"]);
    assert_eq!(serving.started["level"], "INFO");
    assert_eq!((&serving.started["topics"], &serving.started["partitions"]), (&2.into(), &3.into()));
    assert!(serving.started["tier"].as_str().unwrap().ends_with("/tier"), "{}", serving.started);
    let right = serving.says("may read");
    assert_eq!((&right["who"], &right["topics"]), (&"whoever does not log in".into(), &"orders.*".into()));
    assert_eq!(serving.error_of("orders"), 0);
    // A topic that is refused looks like one that is not there.
    assert_eq!((serving.error_of("secrets"), serving.error_of("nothing")), (29, 29));
}

#[test]
fn its_http_port_tells_what_it_does() {
    let logs = tier();
    let serving = Serving::start(&logs, &["--topic", ".*"]);
    let port = serving.says("metrics and health are served")["address"].as_str().unwrap().to_owned();
    assert_eq!(serving.error_of("orders"), 0);
    let get = |path: &str| {
        let mut stream = TcpStream::connect(&port).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let metrics = get("/metrics");
    for line in [
        "firnline_ready 1",
        "firnline_serve_topics 2",
        "firnline_serve_partitions 3",
        "firnline_serve_connections_total 1",
        "firnline_serve_requests_total{api=\"Metadata\"} 1",
        "firnline_serve_logins_total{outcome=\"refused\"} 0",
        "firnline_serve_record_bytes_total 0",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} is not in {metrics}");
    }
    let reference = run(["reference", "metrics"]);
    let listed = reference.fine().lines().filter_map(|line| line.strip_prefix("| `firnline_serve_"));
    for name in listed.map(|line| line.split('`').next().unwrap()) {
        assert!(metrics.contains(&format!("# TYPE firnline_serve_{name} ")), "{name} is not in {metrics}");
    }
    assert!(get("/health/ready").starts_with("HTTP/1.1 200") && get("/status").starts_with("HTTP/1.1 404"));
}

#[test]
fn signals_end_it_in_order() {
    let logs = tier();
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let serving = Serving::start(&logs, &["--topic", ".*"]);
        let held = TcpStream::connect(&serving.address).unwrap();
        serving.tell(signal);
        serving.says("requests at hand are answered");
        assert_eq!(serving.code(), Some(code), "{signal}");
        drop(held);
    }
}

#[test]
fn rules_are_read_again_and_a_bad_config_changes_nothing() {
    let logs = tier();
    let rule = |principal: &str, topics: &str| {
        write(&logs, &format!("[[serve.rule]]\nprincipal = '{principal}'\ntopics = ['{topics}']\n"));
    };
    rule("User:ANONYMOUS", "orders");
    let serving = Serving::start(&logs, &[]);
    assert_eq!((serving.error_of("orders"), serving.error_of("secrets")), (0, 29));
    // By itself, when the file changes.
    rule("User:ANONYMOUS", "secrets");
    serving.says("were read again");
    serving.says("\"topics\":\"secrets\"");
    assert_eq!((serving.error_of("orders"), serving.error_of("secrets")), (29, 0));
    rule("ann", "orders(");
    let said = serving.says("FIRN-C102");
    assert!(said["notes"].as_str().unwrap().contains("User:NAME"), "{said}");
    assert_eq!((serving.error_of("orders"), serving.error_of("secrets")), (29, 0));
    write(&logs, "timeout.idle = '5m'\n");
    serving.tell("HUP");
    serving.says("no rule is left");
    let restart = serving.says("need a restart");
    assert_eq!(restart["keys"], "serve.timeout.idle");
    assert_eq!((serving.error_of("orders"), serving.error_of("secrets")), (29, 29));
}

#[test]
fn what_would_let_in_nobody_or_everybody_is_refused() {
    let logs = tier();
    refused(&logs, &[]).fails(2, &["FIRN-P102", "--topic"]);
    let open = ["--topic", ".*", "--listen", "0.0.0.0:0", "--advertise", "127.0.0.1:9092"];
    let mut command = firnline(["serve"]);
    command.args(open).env("FIRNLINE_STORE", logs.tier()).env("FIRNLINE_CONFIG", config(&logs));
    finish(command).fails(4, &["FIRN-P002", "0.0.0.0:0", "--insecure-anonymous"]);
    refused(&logs, &["--topic", "("]).fails(2, &["FIRN-C001", "regular expression"]);
    refused(&logs, &["--topic", "a", "--advertise", "nowhere"]).fails(2, &["--advertise", "HOST:PORT"]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = firnline(["serve", "--topic", ".*", "--listen", &address]);
    command.env("FIRNLINE_STORE", logs.tier()).env("FIRNLINE_CONFIG", config(&logs));
    finish(command).fails(3, &["FIRN-P001", &address]);
}

#[test]
fn letting_in_whoever_reaches_the_port_is_said_at_each_start() {
    let logs = tier();
    let mut command = firnline(["serve", "--topic", ".*", "--insecure-anonymous", "--listen", "0.0.0.0:0"]);
    command.env("FIRNLINE_STORE", logs.tier()).env("FIRNLINE_CONFIG", config(&logs));
    finish(command).fails(2, &["FIRN-P004", "--advertise"]);
    let serving = Serving::start(&logs, &["--topic", ".*", "--insecure-anonymous"]);
    assert_eq!(serving.error_of("orders"), 0);
    assert!(
        serving.before.iter().any(|line| line.contains("whoever reaches this port")),
        "{:?}",
        serving.before
    );
}

#[test]
fn rules_without_a_principal_or_topics_are_named() {
    let logs = tier();
    write(&logs, "[[serve.rule]]\ntopics = ['a']\n[[serve.rule]]\nprincipal = 'User:*'\ntopic = ['b']\n");
    refused(&logs, &[]).fails(
        2,
        &[
            "serve.rule[1]: has no principal",
            "serve.rule[2]: has no topics",
            "serve.rule[2].topic is not a known key; did you mean serve.rule[2].topics?",
        ],
    );
}
