//! One run: parse, set up logs, work until done or told to stop, say how it ended.

use std::fs::File;
use std::future::Future;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::panic;
use std::time::Duration;

use clap::Parser as _;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use crate::args::{Cli, Command, LogFormat};
use crate::commands;
use crate::exit::Exit;
use crate::failure::{Failure, Result, Stop, codes, report};
use crate::logs;
use crate::output::{Out, Paint};
use crate::signals::Ending;
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
    let form = logs::form(&cli.command);
    match logs::begin(&cli.command, &around, paint).and_then(|()| worked(cli, around)) {
        Ok(exit) => exit,
        Err(Stop::ClosedPipe) => Exit::Fine,
        Err(Stop::Failed(failure)) => {
            match form {
                LogFormat::Human => complain(&failure, paint),
                LogFormat::Json => logs::failure(&failure),
            }
            failure.exit()
        }
    }
}

fn worked(cli: Cli, around: Surroundings) -> Result<Exit> {
    let runtime = runtime(&cli.command)?;
    // Not by way of `Stdout`, which looks for line ends in what is buffered already.
    let stdout = std::io::stdout()
        .as_fd()
        .try_clone_to_owned()
        .map(File::from)
        .map_err(|error| Failure::new(&codes::OUTPUT, "open standard output").caused_by(error))?;
    let out = Out::new(Box::new(stdout), Paint::on(&std::io::stdout(), &around));
    let ended = if stays(&cli.command) {
        // It hears the signals itself, and ends in order.
        runtime.block_on(commands::run(cli, around, out))
    } else {
        runtime.block_on(until_told(commands::run(cli, around, out)))
    };
    // Threads that still wait for a disk or a store must not keep the process.
    runtime.shutdown_background();
    ended
}

/// The guard is one thread and little more; everything else may use the machine.
fn runtime(command: &Command) -> Result<Runtime> {
    let guard = matches!(command, Command::Offload(args) if !args.once && args.worker.is_none());
    let mut builder = if guard { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    let built = builder.enable_all().build();
    Ok(built.map_err(|error| {
        Failure::new(&codes::LOCAL_IO, "start the threads of this process").caused_by(error)
    })?)
}

/// Whether the command goes on until it is told to end.
fn stays(command: &Command) -> bool {
    match command {
        Command::Offload(args) => !args.once,
        Command::Serve(_) | Command::Proxy(_) => true,
        Command::Export(args) => args.stays(),
        _ => false,
    }
}

/// Works until done or until SIGINT or SIGTERM. The work is a task of its own, so that a stretch of pure computing in it
/// does not keep a signal from being seen.
async fn until_told(work: impl Future<Output = Result<Exit>> + Send + 'static) -> Result<Exit> {
    let mut signals = Ending::listen()?;
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
        told = signals.next() => told,
    };
    tasks.abort_all();
    let _ = tokio::time::timeout(STOP_WAIT, tasks.join_next()).await;
    Ok(told)
}
