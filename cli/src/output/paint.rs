//! Colours, only where a terminal takes them.

use std::io::IsTerminal;

use crate::surroundings::Surroundings;

/// Wraps text in terminal colours, or leaves it as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint {
    on: bool,
}

impl Paint {
    /// No colours.
    pub fn plain() -> Self {
        Self { on: false }
    }

    /// Colours if `stream` is a terminal and neither `NO_COLOR` nor `TERM=dumb` is set.
    pub fn on(stream: &impl IsTerminal, around: &Surroundings) -> Self {
        let refused = around.var("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = around.var("TERM").is_some_and(|term| term == "dumb");
        Self { on: stream.is_terminal() && !refused && !dumb }
    }

    /// Bold.
    pub fn strong(self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// Green: as it should be.
    pub fn good(self, text: &str) -> String {
        self.wrap("32", text)
    }

    /// Bold red: wrong.
    pub fn bad(self, text: &str) -> String {
        self.wrap("1;31", text)
    }

    /// Yellow: look here.
    pub fn odd(self, text: &str) -> String {
        self.wrap("33", text)
    }

    /// Cyan: what is cold, in the tier.
    pub fn cold(self, text: &str) -> String {
        self.wrap("36", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
