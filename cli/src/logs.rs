//! The log on standard error.

use tracing_subscriber::EnvFilter;

use crate::args::{Command, LogFormat};
use crate::failure::{Failure, Result, codes};
use crate::output::Paint;
use crate::surroundings::Surroundings;

/// The form in which a command logs.
pub fn form(command: &Command) -> LogFormat {
    match command {
        Command::Offload(args) => args.log_format,
        Command::Serve(args) => args.log_format,
        Command::Proxy(args) => args.log_format,
        Command::Export(args) => args.log_format,
        _ => LogFormat::Human,
    }
}

/// A failure as one line of the log, for those that read lines of JSON.
pub fn failure(failure: &Failure) {
    let notes = failure.notes.join("; ");
    let help = failure.help.as_deref().unwrap_or(failure.code.action);
    tracing::error!(code = failure.code.id, notes, help, "{}", failure.sentence());
}

/// Begins to log: at the level typed, else that of the environment, else that of the command.
pub fn begin(command: &Command, around: &Surroundings, paint: Paint) -> Result<()> {
    let (typed, default) = match command {
        // The demo damages its own tier on purpose, and shows what came of it itself.
        Command::Demo(_) => (None, "off"),
        Command::Offload(args) => (args.log_level.as_deref(), if args.once { "warn" } else { "info" }),
        Command::Serve(args) => (args.log_level.as_deref(), "info"),
        Command::Proxy(args) => (args.log_level.as_deref(), "info"),
        Command::Export(args) => (args.log_level.as_deref(), if args.stays() { "info" } else { "warn" }),
        _ => (None, "warn"),
    };
    let (wanted, by) = match (typed, around.var("FIRNLINE_LOG")) {
        (Some(level), _) => (level, "--log-level"),
        (None, Some(level)) => (level, "FIRNLINE_LOG"),
        (None, None) => (default, "the default"),
    };
    let filter = EnvFilter::try_new(wanted).map_err(|error| {
        Failure::new(&codes::USAGE, format!("{by} is {wanted:?}, which cannot be used"))
            .caused_by(error)
            .help("write a level (error, warn, info, debug, trace), or target=level pairs with commas")
    })?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match form(command) {
        LogFormat::Human => log.with_ansi(paint != Paint::plain()).init(),
        LogFormat::Json => {
            log.json().flatten_event(true).with_current_span(true).with_span_list(false).init()
        }
    }
    Ok(())
}
