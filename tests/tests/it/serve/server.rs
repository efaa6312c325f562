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
    arguments: Vec<String>,
    /// Sections of the config before that of the server.
    before: String,
}

impl Serving {
    /// Serves a tier with these arguments and this config (below `[serve]`).
    pub(crate) fn start(tier: &Tier, arguments: &[&str], config: &str) -> Self {
        Self::start_with(tier, arguments, config, "")
    }

    /// The same with further sections of the config before that one.
    pub(crate) fn start_with(tier: &Tier, arguments: &[&str], config: &str, before: &str) -> Self {
        let address = free_address();
        let listen = ["--listen", &address];
        let run = |all: &[&str]| tier.run(all);
        Self::begin(
            scratch::directory("serve"),
            run,
            &address,
            &[&listen[..], arguments].concat(),
            config,
            before,
        )
    }

    /// The same at the address that the arguments name.
    pub(crate) fn start_at(tier: &Tier, arguments: &[&str], config: &str) -> Self {
        let at = arguments.iter().position(|argument| *argument == "--listen").expect("it is named");
        let run = |all: &[&str]| tier.run(all);
        Self::begin(scratch::directory("serve"), run, arguments[at + 1], arguments, config, "")
    }

    /// Serves log directories alone.
    pub(crate) fn start_without_a_tier(arguments: &[&str]) -> Self {
        let address = free_address();
        let listen = ["--listen", &address];
        let run = |all: &[&str]| Run::new(all);
        Self::begin(scratch::directory("serve"), run, &address, &[&listen[..], arguments].concat(), "", "")
    }

    /// Another run in the place of one that has ended, with a log of its own.
    pub(crate) fn again(self, tier: &Tier) -> Self {
        let Self { address, home, config, arguments, before, .. } = self;
        std::fs::remove_file(home.path().join("log")).expect("its log");
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let run = |all: &[&str]| tier.run(all);
        Self::begin(home, run, &address, &arguments, &config, &before)
    }

    fn begin(
        home: TempDir,
        run: impl Fn(&[&str]) -> Run,
        address: &str,
        arguments: &[&str],
        config: &str,
        before: &str,
    ) -> Self {
        let (file, log) = (home.path().join("serve.toml"), home.path().join("log"));
        std::fs::write(&file, whole(before, config)).expect("write the config");
        let all = [&["serve", "--log-format", "json"], arguments].concat();
        let server = run(&all).env("FIRNLINE_CONFIG", &file).spawn(&log);
        let mut serving = Self {
            server,
            address: address.to_owned(),
            home,
            config: config.to_owned(),
            arguments: arguments.iter().map(|one| (*one).to_owned()).collect(),
            before: before.to_owned(),
        };
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

    /// Waits until it has said this.
    pub(crate) fn until_it_says(&mut self, what: &str) {
        let log = self.log_path();
        self.server.wait_until(PATIENCE, || says(&log, what));
    }

    /// Replaces the config, and waits until the server has read it.
    pub(crate) fn configure(&mut self, config: &str) {
        let before = self.log().matches("were read again").count();
        config.clone_into(&mut self.config);
        std::fs::write(self.home.path().join("serve.toml"), whole(&self.before, config))
            .expect("write the config");
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

fn free_address() -> String {
    format!("127.0.0.1:{}", ports::free())
}

fn whole(before: &str, config: &str) -> String {
    let off = if config.contains("http.listen") { "" } else { "http.listen = 'off'\n" };
    format!("{before}[serve]\n{off}{config}")
}

fn says(log: &Path, what: &str) -> bool {
    std::fs::read_to_string(log).is_ok_and(|log| log.contains(what))
}
