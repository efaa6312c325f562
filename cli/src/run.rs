//! One run: parse, set up logs, work until done or told to stop, say how it ended.

use std::fs::File;
use std::future::Future;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::panic;
use std::time::Duration;

use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tracing_subscriber::EnvFilter;

use crate::args::{Cli, Command};
use crate::commands;
use crate::exit::Exit;
use crate::failure::{Failure, Result, Stop, codes, report};
use crate::output::{Out, Paint};
use crate::surroundings::Surroundings;

/// How long a command that was told to stop may take to let go of what it holds.
const STOP_WAIT: Duration = Duration::from_millis(500);

/// Runs the command that the process was started with.
pub fn run() -> Exit {
    let around = Surroundings::of_process();
    let paint = Paint::on(&std::io::stderr(), &around);
    panic::set_hook(Box::new(move |panic| complain(&bug(&panic.to_string()), paint)));
    // The hook has said what there is to say; here only the exit code is left to set right.
    panic::catch_unwind(move || parsed(around, paint)).unwrap_or(codes::INTERNAL.exit)
}

fn bug(what: &str) -> Failure {
    Failure::new(&codes::INTERNAL, format!("this is a bug in firnline {}: {what}", env!("CARGO_PKG_VERSION")))
}

fn complain(failure: &Failure, paint: Paint) {
    // Standard error may be gone as well; there is nobody left to tell.
    let _ = std::io::stderr().write_all(report(failure, paint).as_bytes());
}

fn parsed(around: Surroundings, paint: Paint) -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help goes to standard output; a reader of it that has gone is no error.
            let _ = error.print();
            return if error.exit_code() == 0 { Exit::Fine } else { Exit::Usage };
        }
    };
    match logs(&cli.command, &around, paint).and_then(|()| worked(cli, around)) {
        Ok(exit) => exit,
        Err(Stop::ClosedPipe) => Exit::Fine,
        Err(Stop::Failed(failure)) => {
            complain(&failure, paint);
            failure.exit()
        }
    }
}

fn logs(command: &Command, around: &Surroundings, paint: Paint) -> Result<()> {
    // The demo damages its own tier on purpose, and shows what came of it itself.
    let default = if matches!(command, Command::Demo(_)) { "off" } else { "warn" };
    let wanted = around.var("FIRNLINE_LOG").unwrap_or(default);
    let filter = EnvFilter::try_new(wanted).map_err(|error| {
        Failure::new(&codes::USAGE, format!("FIRNLINE_LOG={wanted:?} cannot be used"))
            .caused_by(error)
            .help("write a level (error, warn, info, debug, trace), or target=level pairs with commas")
    })?;
    let ansi = paint != Paint::plain();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(ansi).with_writer(std::io::stderr).init();
    Ok(())
}

fn worked(cli: Cli, around: Surroundings) -> Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
        Failure::new(&codes::LOCAL_IO, "start the threads of this process").caused_by(error)
    })?;
    // Not by way of `Stdout`, which looks for line ends in what is buffered already.
    let stdout = std::io::stdout()
        .as_fd()
        .try_clone_to_owned()
        .map(File::from)
        .map_err(|error| Failure::new(&codes::OUTPUT, "open standard output").caused_by(error))?;
    let out = Out::new(Box::new(stdout), Paint::on(&std::io::stdout(), &around));
    let ended = runtime.block_on(until_told(commands::run(cli, around, out)));
    // Threads that still wait for a disk or a store must not keep the process.
    runtime.shutdown_background();
    ended
}

/// Works until done or until SIGINT or SIGTERM. The work is a task of its own, so that a stretch of pure computing in it
/// does not keep a signal from being seen.
async fn until_told(work: impl Future<Output = Result<Exit>> + Send + 'static) -> Result<Exit> {
    let listen = |kind| {
        signal(kind).map_err(|error| Failure::new(&codes::LOCAL_IO, "listen for signals").caused_by(error))
    };
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut tasks = JoinSet::new();
    tasks.spawn(work);
    let told = tokio::select! {
        ended = tasks.join_next() => {
            return match ended {
                Some(Ok(ended)) => ended,
                // The panic hook has reported it.
                Some(Err(_)) | None => Ok(codes::INTERNAL.exit),
            };
        }
        _ = interrupt.recv() => Exit::Interrupted,
        _ = terminate.recv() => Exit::Terminated,
    };
    tasks.abort_all();
    let _ = tokio::time::timeout(STOP_WAIT, tasks.join_next()).await;
    Ok(told)
}
