//! The commands: each turns what was typed into a plan, has a library carry it out, and presents the result.

mod batches;
mod cat;
mod config;
mod context;
mod cost;
mod decommission;
mod delete_records;
mod demo;
mod export;
mod gc;
#[cfg(feature = "sidecar")]
mod gc_brokers;
mod gc_sum;
mod hash_password;
mod inspect;
mod ls;
mod offload;
mod pause;
mod policy;
mod proxy;
mod range;
mod repair;
mod repair_mirror;
mod restore;
mod rewrap;
mod selection;
mod serve;
#[cfg(any(feature = "serve", feature = "export"))]
mod standing;
mod status;
#[cfg(feature = "sidecar")]
mod status_brokers;
mod verify;
mod word;

use crate::args::{Cli, Command};
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::Out;
use crate::reference;
use crate::surroundings::Surroundings;

/// Runs a command to its end.
pub async fn run(cli: Cli, around: Surroundings, mut out: Out) -> Result<Exit> {
    let Cli { global, command } = cli;
    let out = &mut out;
    let exit = match command {
        Command::Demo(args) => demo::run(args, around, out).await?,
        Command::Offload(args) => offload::run(args, &global, around, out).await?,
        Command::Status(args) => status::run(args, &global, around, out).await?,
        Command::Pause(args) => pause::pause(args, &global, around, out).await?,
        Command::Resume(args) => pause::resume(args, &global, around, out).await?,
        Command::Policy(args) => policy::run(args.command, &global, around, out).await?,
        Command::DeleteRecords(args) => delete_records::run(args, &global, around, out).await?,
        Command::Gc(args) => gc::run(args, &global, around, out).await?,
        Command::Repair(args) => repair::run(args.command, &global, around, out).await?,
        Command::Decommission(args) => decommission::run(args, &global, around, out).await?,
        Command::Ls(args) => ls::run(args, &global, around, out).await?,
        Command::Inspect(args) => inspect::run(args, &global, around, out).await?,
        Command::Cat(args) => cat::run(args, &global, around, out).await?,
        Command::Verify(args) => verify::run(args, &global, around, out).await?,
        Command::Rewrap(args) => rewrap::run(args, &global, around, out).await?,
        Command::Restore(args) => restore::run(args, &global, around, out).await?,
        Command::Serve(args) => serve::run(args, &global, around).await?,
        Command::Proxy(args) => proxy::run(args, &global, around).await?,
        Command::Export(args) => export::run(args, &global, around, out).await?,
        Command::HashPassword(args) => hash_password::run(args, &around, out)?,
        Command::Cost(args) => cost::run(args, &global, around, out).await?,
        Command::Config(args) => config::run(&args.command, &global, &around, out)?,
        Command::Reference(args) => {
            out.text(&reference::page(&args))?;
            Exit::Fine
        }
    };
    out.flush()?;
    Ok(exit)
}
