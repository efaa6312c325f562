//! What a command says when it does not do what was asked: a stable code, one sentence, the causes, and what to try.

pub mod codes;
pub mod of;
mod report;
mod several;

use std::error::Error;
use std::fmt;

pub use codes::Code;
pub use report::report;
pub use several::several;

use crate::exit::Exit;

/// The result of anything in this crate that can stop a command.
pub type Result<T> = std::result::Result<T, Stop>;

/// Why a command stopped early.
#[derive(Debug)]
pub enum Stop {
    /// Whoever read standard output has gone. Not an error: the run ends quietly.
    ClosedPipe,
    /// Something that the person who typed the command has to know.
    Failed(Box<Failure>),
}

/// An error as it is shown.
#[derive(Debug)]
pub struct Failure {
    /// The code: fixes the exit code and the page in docs/errors.md.
    pub code: Code,
    /// One sentence in lower case that names the thing.
    pub message: String,
    /// The chain of causes, outermost first.
    pub source: Option<Box<dyn Error + Send + Sync>>,
    /// Further lines: candidates, the list of bad values.
    pub notes: Vec<String>,
    /// What to try, where it is more exact than the code's page.
    pub help: Option<String>,
}

impl Failure {
    /// A failure with this code and sentence.
    pub fn new(code: &Code, message: impl Into<String>) -> Self {
        Self { code: *code, message: message.into(), source: None, notes: Vec::new(), help: None }
    }

    /// Adds the cause.
    pub fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds a line below the sentence.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Adds what to try.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The sentence with its causes, on one line.
    pub fn sentence(&self) -> String {
        let mut sentence = self.message.clone();
        let mut last = sentence.clone();
        let mut cause = Error::source(self);
        while let Some(error) = cause {
            let this = error.to_string();
            // Some errors pass their cause's sentence on as their own; once is enough.
            if !last.contains(&this) {
                sentence.push_str(": ");
                sentence.push_str(&this);
                last = this;
            }
            cause = error.source();
        }
        sentence
    }

    /// The exit code that this failure ends the run with.
    pub fn exit(&self) -> Exit {
        self.code.exit
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(Box::new(failure))
    }
}
