//! The `firnline` binary, run as a user runs it: arguments and environment in, exit code and two streams out.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use crate::process::Server;
use crate::tools;

/// The binary under test: `$FIRNLINE_BIN`, else what `cargo build` makes of this tree, once per test process, so that
/// no run tests yesterday's binary.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| std::env::var_os("FIRNLINE_BIN").map_or_else(build, PathBuf::from))
}

fn build() -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    // What cargo tells a test about its own package; build scripts that look at it would think that all has changed, and
    // minutes of building would begin anew.
    let told = |name: &str| ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| name.starts_with(prefix));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(told)) {
        cargo.env_remove(name);
    }
    let output = cargo
        .args(["build", "--locked", "-p", "firnline-cli", "--message-format", "json-render-diagnostics"])
        .current_dir(tools::source_root())
        .stderr(Stdio::inherit())
        .output()
        .expect("run cargo");
    assert!(output.status.success(), "cargo could not build the firnline binary");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find_map(|message| message.get("executable")?.as_str().map(PathBuf::from))
        .expect("cargo names the executable that it built")
}

/// One run of the binary.
#[derive(Debug)]
pub struct Run {
    command: Command,
}

impl Run {
    /// A run with these arguments and with nothing of the caller's environment but the path.
    pub fn new<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Self {
        let mut command = Command::new(binary());
        command.args(arguments).env_clear().stdin(Stdio::null());
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        Self { command }
    }

    /// With one variable more.
    #[must_use]
    pub fn env(mut self, key: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// With these variables more.
    #[must_use]
    pub fn envs(mut self, variables: &[(String, String)]) -> Self {
        self.command.envs(variables.iter().map(|(key, value)| (key, value)));
        self
    }

    /// The same run with another copy of the binary.
    #[must_use]
    pub fn with_binary(self, path: &Path) -> Self {
        let mut command = Command::new(path);
        command.args(self.command.get_args()).env_clear().stdin(Stdio::null());
        command.envs(self.command.get_envs().filter_map(|(key, value)| Some((key, value?))));
        Self { command }
    }

    /// Runs it under another program, such as `setpriv --reuid 65534 …` or `faketime -f +20m`.
    #[must_use]
    pub fn under(mut self, program: &str, arguments: &[&str]) -> Self {
        let mut outer = Command::new(program);
        outer.args(arguments).arg(self.command.get_program()).args(self.command.get_args());
        outer.env_clear().stdin(Stdio::null());
        outer.envs(self.command.get_envs().filter_map(|(key, value)| Some((key, value?))));
        self.command = outer;
        self
    }

    /// Starts a run that ends when it is told to, with both its streams in a file.
    pub fn spawn(self, log: &Path) -> Server {
        Server::spawn("firnline", &self.command, log)
    }

    /// Runs to the end.
    pub fn finish(mut self) -> Outcome {
        let output = self.command.output().unwrap_or_else(|error| panic!("run {:?}: {error}", self.command));
        Outcome { what: format!("{:?}", self.command), output }
    }
}

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    what: String,
    output: Output,
}

impl Outcome {
    /// The exit code; a signal is a panic, since nothing here sends one.
    pub fn code(&self) -> i32 {
        self.output.status.code().unwrap_or_else(|| panic!("{}: {}", self.what, self.output.status))
    }

    /// Panics unless the exit code is this one.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code(), code, "{}\nstderr:\n{}", self.what, self.stderr());
        self
    }

    /// Panics unless the error output holds this text.
    #[track_caller]
    pub fn expect_stderr(self, text: &str) -> Self {
        assert!(self.stderr().contains(text), "{}\nno {text:?} in stderr:\n{}", self.what, self.stderr());
        self
    }

    /// What it wrote to standard output.
    pub fn stdout(&self) -> &[u8] {
        &self.output.stdout
    }

    /// What it wrote to standard error.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// Standard output as JSON lines.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<Value> {
        std::str::from_utf8(self.stdout())
            .expect("JSON lines are UTF-8")
            .lines()
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{}: {error}: {line}", self.what))
            })
            .collect()
    }
}
