//! `firnline export`

#[cfg(feature = "export")]
mod infer;
#[cfg(feature = "export")]
mod open;
#[cfg(feature = "export")]
mod plain;
#[cfg(feature = "export")]
mod plan;
#[cfg(feature = "export")]
mod repair;
#[cfg(feature = "export")]
mod site;
#[cfg(feature = "export")]
mod tables;
#[cfg(feature = "export")]
mod targets;
#[cfg(feature = "export")]
mod tend;
#[cfg(feature = "export")]
mod verify;
#[cfg(feature = "export")]
mod view;

use crate::args::{ExportArgs, GlobalArgs};
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::Out;
use crate::surroundings::Surroundings;

#[cfg(feature = "export")]
pub(super) use verify::verify;

/// Writes tables, or whatever else was asked for about them.
#[cfg(feature = "export")]
pub async fn run(args: ExportArgs, global: &GlobalArgs, around: Surroundings, out: &mut Out) -> Result<Exit> {
    use crate::args::{ExportCommand, ExportFormat};
    match args.command {
        Some(ExportCommand::Tend(args)) => tend::run(args, global, around, out).await,
        Some(ExportCommand::Repair(args)) => repair::run(args, global, around, out).await,
        Some(ExportCommand::View(args)) => view::run(args, global, around, out).await,
        None if args.infer => infer::run(args, global, around, out).await,
        None if args.plan => plan::run(args, global, around, out).await,
        None if args.format == ExportFormat::Parquet => plain::run(args, global, around, out).await,
        None => tables::run(args, global, around, out).await,
    }
}

#[cfg(not(feature = "export"))]
#[expect(clippy::unused_async, reason = "as the other of its kind")]
pub async fn run(
    _args: ExportArgs,
    _global: &GlobalArgs,
    _around: Surroundings,
    _out: &mut Out,
) -> Result<Exit> {
    use crate::failure::{Failure, codes};
    Err(Failure::new(&codes::NO_EXPORT, "this build writes no tables").into())
}
