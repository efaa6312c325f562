//! Progress of long work: on standard error, and only where that is a terminal.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A line that moves while long work goes on. Cheap to clone; silent where nobody watches.
#[derive(Debug, Clone)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Bytes out of `total`, with rate and time left.
    pub fn bytes(what: &'static str, total: u64) -> Self {
        Self::start(
            what,
            Some(total),
            "{prefix} [{bar:28}] {bytes}/{total_bytes} {bytes_per_sec} {eta} {msg}",
        )
    }

    /// Work of unknown length.
    pub fn open_ended(what: &'static str) -> Self {
        Self::start(what, None, "{spinner} {prefix} {msg}")
    }

    fn start(what: &'static str, total: Option<u64>, template: &str) -> Self {
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr_with_hz(10)
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(total, target);
        let style = ProgressStyle::with_template(template).map(|style| style.progress_chars("=> "));
        bar.set_style(style.expect("the templates above are valid"));
        bar.set_prefix(what);
        if total.is_none() {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        Self { bar }
    }

    /// So many more are done.
    pub fn add(&self, more: u64) {
        self.bar.inc(more);
    }

    /// What is being worked on.
    pub fn on(&self, thing: impl Into<String>) {
        self.bar.set_message(thing.into());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
