//! Running the binary with an environment of the test's own.

use std::ffi::OsStr;
use std::process::{Command, Output, Stdio};

/// What a run ended with.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit code.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

/// The binary with nothing of the developer's environment.
pub(crate) fn firnline<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firnline"));
    command.args(args).env_clear().stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub(crate) fn finish(mut command: Command) -> Ran {
    let Output { status, stdout, stderr } = command.output().expect("the binary starts");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ran { code: status.code().unwrap_or(-1), out: text(stdout), err: text(stderr) }
}

/// Runs the binary with these arguments.
pub(crate) fn run<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Ran {
    finish(firnline(args))
}

impl Ran {
    /// Asserts how it ended and what standard error says.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, says: &[&str]) -> &Self {
        assert_eq!(self.code, code, "{self:#?}");
        for says in says {
            assert!(self.err.contains(says), "no {says:?} in {}", self.err);
        }
        self
    }

    /// Asserts that it ended well, and gives its standard output.
    #[track_caller]
    pub(crate) fn fine(&self) -> &str {
        assert_eq!(self.code, 0, "{self:#?}");
        &self.out
    }
}
