//! A server under test, and Kafka's own consumer.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use firnline_tests::firnline::Run;
use firnline_tests::process::Server;
use firnline_tests::tier::Tier;
use firnline_tests::{ports, scratch, tools};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);

/// `firnline serve`, running.
pub(crate) struct Serving {
    pub(crate) server: Server,
    pub(crate) address: String,
    home: TempDir,
    config: String,
}

impl Serving {
    /// Serves a tier with these arguments and this config (below `[serve]`).
    pub(crate) fn start(tier: &Tier, arguments: &[&str], config: &str) -> Self {
        let home = scratch::directory("serve");
        let address = format!("127.0.0.1:{}", ports::free());
        let (file, log) = (home.path().join("serve.toml"), home.path().join("log"));
        std::fs::write(&file, whole(config)).expect("write the config");
        let mut all = vec!["serve", "--listen", &address, "--log-format", "json"];
        all.extend(arguments);
        let server =
            Run::new(&all).env("FIRNLINE_STORE", tier.url()).env("FIRNLINE_CONFIG", &file).spawn(&log);
        let mut serving = Self { server, address, home, config: config.to_owned() };
        let log = serving.log_path();
        serving.server.wait_until(PATIENCE, || says(&log, "the tier is served"));
        serving
    }

    fn log_path(&self) -> PathBuf {
        self.home.path().join("log")
    }

    /// What it has said.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Replaces the config, and waits until the server has read it.
    pub(crate) fn configure(&mut self, config: &str) {
        let before = self.log().matches("were read again").count();
        config.clone_into(&mut self.config);
        std::fs::write(self.home.path().join("serve.toml"), whole(config)).expect("write the config");
        let log = self.log_path();
        self.server.wait_until(PATIENCE, || {
            std::fs::read_to_string(&log).is_ok_and(|log| log.matches("were read again").count() > before)
        });
    }

    /// A file beside its config.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.home.path().join(name);
        std::fs::write(&path, text).expect("write a file of the test");
        path.display().to_string()
    }

    /// What Kafka's own consumer sees of a topic, a fact a line.
    pub(crate) fn java(&self, release: &str, topic: &str, isolation: &str, settings: &str) -> Vec<String> {
        let settings = self.file("client.properties", settings);
        let source = tools::source_root().join("proxy/tests/java/Consume.java");
        let output = Command::new("java")
            .args(["-XX:TieredStopAtLevel=1", "-cp", &tools::kafka_class_path(release)])
            .arg(source)
            .args([&*self.address, topic, isolation, "0", &settings])
            .output()
            .expect("run java");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{release}: {}: {errors}", output.status);
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
    }
}

fn whole(config: &str) -> String {
    format!("[serve]\nhttp.listen = 'off'\n{config}")
}

fn says(log: &Path, what: &str) -> bool {
    std::fs::read_to_string(log).is_ok_and(|log| log.contains(what))
}
