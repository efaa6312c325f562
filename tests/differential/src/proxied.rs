//! `firnline proxy` before the brokers, and `firnline serve` without them.

use std::fs::Permissions;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use firnline_tests::firnline::Run;
use firnline_tests::process::Server;
use firnline_tests::tier::Tier;
use firnline_tests::{ports, scratch};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// More than any cluster here has.
const NODES_MAX: u16 = 8;
/// What would have been a false OFFSET_OUT_OF_RANGE and was held back.
const GUARD: &str = "firnline_proxy_false_out_of_range_total";
const COLD: &str = "firnline_proxy_client_cold_bytes_total{";

/// Where a proxy listens. One that has ended can be followed by another at the same place.
#[derive(Debug, Clone)]
pub struct Spot {
    listen: u16,
    base: u16,
    http: u16,
}

impl Spot {
    /// One that nobody has.
    pub fn new() -> Self {
        // Brokers are numbered from 1, and each has a port of its own above the base.
        Self { listen: ports::free(), base: ports::row(NODES_MAX) - 1, http: ports::free() }
    }

    /// Where clients bootstrap.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.listen)
    }
}

impl Default for Spot {
    fn default() -> Self {
        Self::new()
    }
}

/// A running door.
#[derive(Debug)]
pub struct Door {
    server: Server,
    address: String,
    http: String,
    home: TempDir,
    is_over: bool,
}

impl Door {
    /// A proxy before these brokers, fresh: it has read nothing yet.
    pub fn proxy(bootstrap: &str, tier: &Tier) -> Self {
        Self::proxy_as(bootstrap, tier, |run| run)
    }

    /// The same, run as somebody else.
    pub fn proxy_as(bootstrap: &str, tier: &Tier, wrap: impl FnOnce(Run) -> Run) -> Self {
        Self::proxy_at(&Spot::new(), bootstrap, tier, "", wrap)
    }

    /// The same at a place of its own, with lines of its own in its section of the config.
    pub fn proxy_at(
        spot: &Spot,
        bootstrap: &str,
        tier: &Tier,
        config: &str,
        wrap: impl FnOnce(Run) -> Run,
    ) -> Self {
        let base = spot.base.to_string();
        let arguments = ["--upstream", bootstrap, "--base-port", &base];
        let config = format!("delete_records = false\n{config}");
        Self::open(spot, "proxy", &arguments, &config, tier, "stands before the brokers", wrap)
    }

    /// A server without brokers.
    pub fn serve(tier: &Tier) -> Self {
        Self::open(&Spot::new(), "serve", &["--topic", ".*"], "", tier, "the tier is served", |run| run)
    }

    fn open(
        spot: &Spot,
        command: &str,
        arguments: &[&str],
        config: &str,
        tier: &Tier,
        ready: &str,
        wrap: impl FnOnce(Run) -> Run,
    ) -> Self {
        let home = scratch::directory(command);
        let (file, log) = (home.path().join("firnline.toml"), home.path().join("log"));
        let (address, http) = (spot.address(), format!("127.0.0.1:{}", spot.http));
        let text = format!("[{command}]\nhttp.listen = \"{http}\"\n{config}");
        std::fs::write(&file, text).expect("write the config");
        // It may run as somebody else.
        std::fs::set_permissions(home.path(), Permissions::from_mode(0o755)).expect("open the directory");
        let mut all = vec![command, "--listen", &address, "--log-format", "json"];
        all.extend(arguments);
        let run = tier.run(&all).env("FIRNLINE_CONFIG", &file);
        let mut server = wrap(run).spawn(&log);
        server.wait_until(PATIENCE, || says(&log, ready));
        Self { server, address, http, home, is_over: false }
    }

    /// Ends it as a power cut would.
    pub fn kill(mut self) {
        self.server.kill();
        self.is_over = true;
    }

    /// For each client that has called itself something: how many bytes of the tier it has got.
    pub fn cold_bytes(&self) -> Vec<(String, f64)> {
        let answer = get(&self.http, "/metrics").unwrap_or_default();
        let lines = answer.lines().filter_map(|line| line.strip_prefix(COLD)?.rsplit_once("} "));
        lines.filter_map(|(labels, value)| Some((labels.to_owned(), value.parse().ok()?))).collect()
    }

    /// Where clients bootstrap.
    pub fn address(&self) -> String {
        self.address.clone()
    }

    /// What it has said.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.home.path().join("log")).unwrap_or_default()
    }

    /// How often a proxy held back an OFFSET_OUT_OF_RANGE that would not have been true.
    pub fn held_back(&self) -> f64 {
        let answer = get(&self.http, "/metrics").unwrap_or_else(|error| panic!("ask {}: {error}", self.http));
        let line = answer.lines().find(|line| line.starts_with(GUARD));
        let value = line.and_then(|line| line.rsplit(' ').next()).and_then(|value| value.parse().ok());
        value.unwrap_or_else(|| panic!("no {GUARD} in {answer}"))
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        if std::thread::panicking() {
            eprintln!("{}", self.server.log_end());
            self.server.kill();
        } else {
            self.server.terminate(STOP_LIMIT);
        }
    }
}

fn get(address: &str, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn says(log: &Path, what: &str) -> bool {
    std::fs::read_to_string(log).is_ok_and(|log| log.contains(what))
}
