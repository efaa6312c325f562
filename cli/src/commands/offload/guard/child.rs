//! The worker as a process.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::Instant;

use crate::failure::{Failure, Result, codes};

/// How many heaps glibc's allocator may make in a worker. By itself it makes up to eight for each core, and a worker's threads
/// spread over them what one would hold: twice the memory over ten thousand partitions. Read by glibc when a process starts,
/// and by nobody else; what the operator has set stays.
const ARENAS: (&str, &str) = ("MALLOC_ARENA_MAX", "2");

/// How to start a worker.
#[derive(Debug)]
pub struct Starter {
    program: PathBuf,
    args: Vec<OsString>,
}

/// A worker that was started and not yet buried: as long as one is there, no other is started.
#[derive(Debug)]
pub struct Worker {
    child: Child,
    began: Instant,
}

impl Starter {
    /// The same program with the same arguments, told to be this process's worker. The program is found now: after an
    /// upgrade the next worker is of the new build, and a binary that was moved away is no riddle.
    pub fn of_this_process() -> Result<Self> {
        let program = std::env::current_exe().map_err(|error| {
            Failure::new(&codes::LOCAL_IO, "find this program, to start its worker").caused_by(error)
        })?;
        let mut args: Vec<OsString> = std::env::args_os().skip(1).collect();
        args.push(format!("--worker={}", std::process::id()).into());
        Ok(Self { program, args })
    }

    /// Starts a worker.
    pub fn start(&self) -> std::io::Result<Worker> {
        let told = std::env::var_os(ARENAS.0).is_some();
        Ok(Worker { child: self.command(told).spawn()?, began: Instant::now() })
    }

    fn command(&self, arenas_told: bool) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).stdin(Stdio::null());
        if !arenas_told {
            command.env(ARENAS.0, ARENAS.1);
        }
        // A group of its own: what a terminal sends to all reaches it once, through the guard.
        command.process_group(0);
        command
    }
}

impl Worker {
    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How long it has lived.
    pub fn lived(&self) -> Duration {
        self.began.elapsed()
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> std::io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Passes a signal on. One that has ended meanwhile needs none: its id stays its own until it is buried.
    pub fn send(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(Err(error)) = pid.map(|pid| kill_process(pid, signal))
            && error != rustix::io::Errno::SRCH
        {
            tracing::warn!(worker = self.child.id(), ?signal, %error, "the worker could not be signalled");
        }
    }
}

/// How a process ended, in words.
pub fn described(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown end".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    #[test]
    fn a_worker_has_few_heaps_unless_told_otherwise() {
        let starter = Starter { program: "worker".into(), args: Vec::new() };
        let heaps = |told| {
            let command = starter.command(told);
            command
                .get_envs()
                .map(|(name, value)| (name.to_owned(), value.map(OsString::from)))
                .collect::<Vec<_>>()
        };
        assert_eq!(heaps(false), [("MALLOC_ARENA_MAX".into(), Some("2".into()))]);
        assert_eq!(heaps(true), []);
    }

    #[test]
    fn ends_are_told_apart() {
        assert_eq!(described(ExitStatus::from_raw(3 << 8)), "exit code 3");
        assert_eq!(described(ExitStatus::from_raw(9)), "signal 9");
    }
}
