//! `firnline proxy`: how it starts, what it says, what its ports tell, how it ends. What it does with requests, its own crate
//! and the tests with real brokers show.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::logs::Logs;
use crate::rig::{Ran, finish, firnline, run};
use crate::serve::tier;

/// A broker that is node 4 and says so to whoever asks for metadata, whatever the question.
struct Broker {
    port: u16,
}

impl Broker {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                std::thread::spawn(move || answer(stream.unwrap(), port));
            }
        });
        Self { port }
    }
}

fn answer(mut stream: TcpStream, port: u16) -> Option<()> {
    loop {
        let mut length = [0; 4];
        stream.read_exact(&mut length).ok()?;
        let mut request = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut request).ok()?;
        let version = i16::from_be_bytes([request[2], request[3]]);
        let mut answer = request[4..8].to_vec();
        if version >= 3 {
            answer.extend([0, 0, 0, 0]);
        }
        answer.extend([0, 0, 0, 1, 0, 0, 0, 4, 0, 9]);
        answer.extend(b"127.0.0.1");
        answer.extend(u32::from(port).to_be_bytes());
        // No rack; then no cluster id, no controller, no topics, no rights told.
        answer.extend([0xff, 0xff]);
        if version >= 2 {
            answer.extend([0xff, 0xff]);
        }
        answer.extend([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
        if version >= 8 {
            answer.extend([0x80, 0, 0, 0]);
        }
        stream.write_all(&u32::try_from(answer.len()).unwrap().to_be_bytes()).ok()?;
        stream.write_all(&answer).ok()?;
    }
}

/// A port above which that of node 4 is free.
fn base() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port() - 4
}

/// A proxy under test.
struct Proxying {
    child: Child,
    log: std::path::PathBuf,
}

impl Proxying {
    fn start(logs: &Logs, config: &str, args: &[&str]) -> Self {
        let (file, log) = (logs.temp.path().join("proxy.toml"), logs.temp.path().join("proxy.log"));
        write(logs, config);
        let mut command = firnline(["proxy", "--log-format", "json"]);
        command.args(args).env("FIRNLINE_STORE", logs.tier()).env("FIRNLINE_CONFIG", file);
        command.stdout(Stdio::null()).stderr(fs::File::create(&log).unwrap());
        let proxying = Self { child: command.spawn().unwrap(), log };
        proxying.says("the proxy stands before the brokers");
        proxying
    }

    /// The first line that says this, waited for.
    #[track_caller]
    fn says(&self, what: &str) -> serde_json::Value {
        for _ in 0..1200 {
            let text = fs::read_to_string(&self.log).unwrap();
            if let Some(line) = text.lines().find(|line| line.contains(what)) {
                return serde_json::from_str(line).unwrap();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("it never said {what:?}: {}", fs::read_to_string(&self.log).unwrap());
    }

    fn tell(&self, signal: &str) {
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(self.child.id().to_string()).status();
        assert!(sent.unwrap().success());
    }

    fn get(&self, path: &str) -> String {
        let port = self.says("metrics and health are served")["address"].as_str().unwrap().to_owned();
        let mut stream = TcpStream::connect(port).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Proxying {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write(logs: &Logs, config: &str) {
    let text = format!("[proxy]\nlisten = '127.0.0.1:0'\nhttp.listen = '127.0.0.1:0'\n{config}");
    fs::write(logs.temp.path().join("proxy.toml"), text).unwrap();
}

fn refused(logs: &Logs, args: &[&str]) -> Ran {
    write(logs, "");
    let mut command = firnline(["proxy"]);
    command.args(args).env("FIRNLINE_STORE", logs.tier());
    command.env("FIRNLINE_CONFIG", logs.temp.path().join("proxy.toml"));
    finish(command)
}

/// Metadata of no topic, version 1: the first node's id, and its port.
fn metadata(address: &str) -> (u32, u32) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(&[0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 9, 0xff, 0xff, 0, 0, 0, 0]).unwrap();
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut answer = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut answer).unwrap();
    let number = |at: usize| u32::from_be_bytes(answer[at..at + 4].try_into().unwrap());
    // The number, one node, its id, its host with two bytes before it, its port.
    let host = usize::from(u16::from_be_bytes([answer[12], answer[13]]));
    (number(8), number(14 + host))
}

#[test]
fn a_broker_gets_a_port_and_the_http_port_tells_what_passed() {
    let logs = tier();
    let broker = Broker::start();
    let base = base();
    let upstream = format!("127.0.0.1:1,127.0.0.1:{}", broker.port);
    let proxying = Proxying::start(&logs, "", &["--upstream", &upstream, "--base-port", &base.to_string()]);
    let started = proxying.says("the proxy stands before the brokers");
    assert_eq!((&started["topics"], &started["partitions"]), (&2.into(), &3.into()), "{started}");
    assert_eq!(started["upstream"], upstream);
    let address = started["address"].as_str().unwrap();
    assert_eq!(metadata(address), (4, u32::from(base + 4)));
    // That port leads to the broker, too.
    assert_eq!(metadata(&format!("127.0.0.1:{}", base + 4)), (4, u32::from(base + 4)));
    let metrics = proxying.get("/metrics");
    for line in [
        "firnline_ready 1",
        "firnline_proxy_topics 2",
        "firnline_proxy_partitions 3",
        "firnline_proxy_brokers 1",
        "firnline_proxy_has_tier 1",
        "firnline_proxy_connections_total 2",
        "firnline_proxy_requests_total{api=\"Metadata\"} 2",
        "firnline_proxy_passed_bytes_total{to=\"broker\"} 28",
        "firnline_proxy_cold_bytes_total 0",
        "firnline_proxy_cold_partitions_total{outcome=\"refused\"} 0",
        "firnline_proxy_false_out_of_range_total 0",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} is not in {metrics}");
    }
    let reference = run(["reference", "metrics"]);
    let listed = reference.fine().lines().filter_map(|line| line.strip_prefix("| `firnline_proxy_"));
    for name in listed.map(|line| line.split('`').next().unwrap()) {
        assert!(metrics.contains(&format!("# TYPE firnline_proxy_{name} ")), "{name} is not in {metrics}");
    }
    assert!(proxying.get("/health/ready").starts_with("HTTP/1.1 200"));
}

#[test]
fn without_a_store_it_stands_before_the_brokers_and_goes_on_trying() {
    let logs = tier();
    let broker = Broker::start();
    let upstream = format!("127.0.0.1:{}", broker.port);
    let store = "[store]\nurl = 's3://bucket/tier'\nendpoint = 'http://127.0.0.1:1'\nregion = 'us-east-1'\n";
    let config = format!("{store}[proxy]\nlisten = '127.0.0.1:0'\nhttp.listen = '127.0.0.1:0'\n");
    let (file, log) = (logs.temp.path().join("alone.toml"), logs.temp.path().join("alone.log"));
    fs::write(&file, config).unwrap();
    let mut command = firnline(["proxy", "--log-format", "json", "--upstream", &upstream]);
    command.args(["--base-port", &base().to_string()]).env("FIRNLINE_CONFIG", file);
    command.env("AWS_ACCESS_KEY_ID", "x").env("AWS_SECRET_ACCESS_KEY", "x");
    command.stdout(Stdio::null()).stderr(fs::File::create(&log).unwrap());
    let proxying = Proxying { child: command.spawn().unwrap(), log };
    let started = proxying.says("the proxy stands before the brokers");
    assert_eq!(metadata(started["address"].as_str().unwrap()).0, 4, "what is hot passes");
    assert!(proxying.get("/metrics").lines().any(|line| line == "firnline_proxy_has_tier 0"));
    assert!(proxying.get("/health/ready").starts_with("HTTP/1.1 200"));
}

#[test]
fn without_brokers_it_lives_and_is_not_ready() {
    let logs = tier();
    let proxying = Proxying::start(&logs, "", &["--upstream", "127.0.0.1:1"]);
    assert!(proxying.get("/health/live").starts_with("HTTP/1.1 200"));
    let ready = proxying.get("/health/ready");
    assert!(ready.starts_with("HTTP/1.1 503") && ready.contains("brokers"), "{ready}");
    assert!(proxying.get("/status").starts_with("HTTP/1.1 404"));
}

#[test]
fn signals_end_it_in_order() {
    let logs = tier();
    let broker = Broker::start();
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let (upstream, base) = (format!("127.0.0.1:{}", broker.port), base().to_string());
        let mut proxying = Proxying::start(&logs, "", &["--upstream", &upstream, "--base-port", &base]);
        let address = proxying.says("stands before")["address"].as_str().unwrap().to_owned();
        let held = TcpStream::connect(&address).unwrap();
        assert_eq!(metadata(&address).0, 4);
        proxying.tell(signal);
        proxying.says("requests at hand are answered");
        let status = proxying.child.wait().unwrap();
        assert_eq!(status.code(), Some(code), "{signal}");
        drop(held);
    }
}

#[test]
fn keys_that_need_a_restart_are_named_when_it_is_told_to_read_again() {
    let logs = tier();
    let proxying = Proxying::start(&logs, "", &["--upstream", "127.0.0.1:1"]);
    write(&logs, "timeout.idle = '5m'\nupstream = ['127.0.0.1:2']\n");
    proxying.tell("HUP");
    let said = proxying.says("need a restart");
    assert_eq!(said["keys"], "proxy.timeout.idle", "what was typed stands before the file");
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let logs = tier();
    refused(&logs, &[]).fails(2, &["FIRN-P203", "--upstream"]);
    refused(&logs, &["--upstream", "nowhere"]).fails(2, &["--upstream", "HOST:PORT"]);
    let broker = ["--upstream", "127.0.0.1:1"];
    let refused = |args: &[&str]| refused(&logs, &[&broker, args].concat());
    refused(&["--listen", "0.0.0.0:0"]).fails(2, &["FIRN-P202", "--advertise-host"]);
    refused(&["--base-port", "70000"]).fails(2, &["--base-port", "65535"]);
    refused(&["--advertise-host", "a b"]).fails(2, &["--advertise-host", "no name of a host"]);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    refused(&["--listen", &address]).fails(3, &["FIRN-P201", &address]);
    write(&logs, &format!("expected_nodes = '0'\nbase_port = {}\n", taken.local_addr().unwrap().port()));
    let mut command = firnline(["proxy", "--upstream", "127.0.0.1:1"]);
    command.env("FIRNLINE_STORE", logs.tier()).env("FIRNLINE_CONFIG", logs.temp.path().join("proxy.toml"));
    finish(command).fails(3, &["FIRN-P204", &address]);
}
