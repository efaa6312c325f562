//! Servers as child processes that cannot outlive the tests.
//!
//! Three nets: dropping a [`Server`] kills it; a server in a `static` is killed by the kernel when this process ends
//! (`PR_SET_PDEATHSIG`, through `setpriv`); and each is ended by its own pid, never by name. That signal is tied to the
//! *thread* that spawned the child, and test threads end early, so one thread that never ends spawns them all.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, OnceLock, mpsc};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// A running server with its output in a file.
#[derive(Debug)]
pub struct Server {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts `command` with no input and with its output appended to `log`.
    pub fn spawn(name: &str, command: &Command, log: &Path) -> Self {
        let output = File::options().create(true).append(true).open(log).expect("open the server's log");
        let errors = output.try_clone().expect("share the server's log");
        let mut tied = tied_to_this_process(command);
        tied.stdin(Stdio::null()).stdout(output).stderr(errors);
        let child = spawn_from_lasting_thread(tied).unwrap_or_else(|error| panic!("start {name}: {error}"));
        Self { name: name.to_owned(), child, log: log.to_owned() }
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `ready` answers true; panics with the end of the log when the server ends or the time is over.
    pub fn wait_until(&mut self, limit: Duration, mut ready: impl FnMut() -> bool) {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("ask for the server's state") {
                panic!("{} ended with {status} before it was ready:\n{}", self.name, self.log_end());
            }
            if ready() {
                return;
            }
            assert!(began.elapsed() < limit, "{} not ready after {limit:?}:\n{}", self.name, self.log_end());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Asks the server to end (SIGTERM) and waits; panics when it has not ended in `limit`.
    pub fn terminate(&mut self, limit: Duration) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait_for_end(limit)
    }

    /// Waits until it has ended; panics when it has not in `limit`.
    pub fn wait_for_end(&mut self, limit: Duration) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("ask for the server's state") {
                return status;
            }
            assert!(began.elapsed() < limit, "{} runs on after {limit:?}:\n{}", self.name, self.log_end());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends the server at once (SIGKILL), as a power cut would.
    pub fn kill(&mut self) {
        // Errors mean that it has ended already, which is what was asked for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The last lines of the server's output, for messages.
    pub fn log_end(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    fn signal(&self, signal: Signal) {
        let pid =
            i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a child has a positive pid");
        // Our child is not yet waited for, so this pid cannot have gone to another process.
        let _ = kill_process(pid, signal);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn tied_to_this_process(command: &Command) -> Command {
    let mut tied = Command::new("setpriv");
    tied.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program()).args(command.get_args());
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => tied.env(key, value),
            None => tied.env_remove(key),
        };
    }
    if let Some(directory) = command.get_current_dir() {
        tied.current_dir(directory);
    }
    tied
}

fn spawn_from_lasting_thread(command: Command) -> io::Result<Child> {
    type Order = (Command, mpsc::Sender<io::Result<Child>>);
    static SPAWNER: OnceLock<Mutex<mpsc::Sender<Order>>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (orders, inbox) = mpsc::channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, reply) in inbox {
                // A caller that has gone drops the child unseen; the kernel ends it with this process.
                let _ = reply.send(command.spawn());
            }
        });
        Mutex::new(orders)
    });
    let (reply, answer) = mpsc::channel();
    spawner
        .lock()
        .expect("no caller panics while it holds this")
        .send((command, reply))
        .expect("the spawner never ends");
    answer.recv().expect("the spawner answers every order")
}
