//! `firnline offload`: one pass (`--once`), or beside the broker for good (the guard and its worker).

mod guard;
mod once;
mod present;
mod typed;
mod watch;
mod worker;

pub use once::{Passed, Plan, pass};
pub use typed::log_dirs;

use crate::args::{GlobalArgs, OffloadArgs};
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::Out;
use crate::surroundings::Surroundings;
use once::OnceOptions;
use typed::Typed;

/// Makes one pass, or stays.
pub async fn run(
    args: OffloadArgs,
    global: &GlobalArgs,
    around: Surroundings,
    out: &mut Out,
) -> Result<Exit> {
    let OffloadArgs {
        log_dir,
        topic,
        once,
        assume_committed,
        allow_holes,
        json,
        // Set up before anything else; see `crate::run`.
        log_format: _,
        log_level: _,
        worker,
    } = args;
    if !once && worker.is_none() {
        return guard::run(log_dir, global, around).await;
    }
    let typed = Typed::new(log_dir, topic, global, around)?;
    match worker {
        None => once::run(typed, OnceOptions { assume_committed, allow_holes, json }, out).await,
        Some(guard) => worker::run(typed, guard, global).await,
    }
}
