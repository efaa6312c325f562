//! What the process is told from outside.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Exit;
use crate::failure::{Failure, Result, codes};

/// That it is to end.
#[derive(Debug)]
pub struct Ending {
    interrupt: Signal,
    terminate: Signal,
}

impl Ending {
    /// Begins to listen: from then on neither signal ends the process by itself.
    pub fn listen() -> Result<Self> {
        Ok(Self { interrupt: on(SignalKind::interrupt())?, terminate: on(SignalKind::terminate())? })
    }

    /// Waits until told to end; gives the exit code to end with. Cancel safe.
    pub async fn next(&mut self) -> Exit {
        tokio::select! {
            _ = self.terminate.recv() => Exit::Terminated,
            _ = self.interrupt.recv() => Exit::Interrupted,
        }
    }
}

/// What a process that stays is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// End, with this exit code.
    End(Exit),
    /// Read the config again.
    Reload,
    /// A child process has ended, or was stopped.
    Child,
}

/// Everything that such a process may be told.
#[derive(Debug)]
pub struct Signals {
    ending: Ending,
    hangup: Signal,
    child: Signal,
}

impl Signals {
    /// Begins to listen.
    pub fn listen() -> Result<Self> {
        Ok(Self {
            ending: Ending::listen()?,
            hangup: on(SignalKind::hangup())?,
            child: on(SignalKind::child())?,
        })
    }

    /// Waits for the next. Cancel safe.
    pub async fn next(&mut self) -> Told {
        tokio::select! {
            biased;
            exit = self.ending.next() => Told::End(exit),
            _ = self.child.recv() => Told::Child,
            _ = self.hangup.recv() => Told::Reload,
        }
    }
}

fn on(kind: SignalKind) -> Result<Signal> {
    Ok(signal(kind).map_err(|error| Failure::new(&codes::LOCAL_IO, "listen for signals").caused_by(error))?)
}
