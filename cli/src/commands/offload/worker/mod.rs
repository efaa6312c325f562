//! The worker: what the guard starts and starts again. It does everything: looks, asks, uploads, commits, tells.

mod guarded;
#[cfg(feature = "sidecar")]
mod open;
#[cfg(feature = "sidecar")]
mod site;
#[cfg(feature = "sidecar")]
mod state;
#[cfg(feature = "sidecar")]
mod work;

use super::typed::Typed;
use crate::args::GlobalArgs;
use crate::exit::Exit;
use crate::failure::Result;

/// Works until told to end. `log_dir` are directories that were typed: they stay when the config is read again.
#[cfg(feature = "sidecar")]
pub async fn run(typed: Typed, guard: u32, global: &GlobalArgs) -> Result<Exit> {
    guarded::belong_to(guard)?;
    work::run(typed, global).await
}

#[cfg(not(feature = "sidecar"))]
pub async fn run(_typed: Typed, guard: u32, _global: &GlobalArgs) -> Result<Exit> {
    use crate::failure::{Failure, codes};
    guarded::belong_to(guard)?;
    Err(Failure::new(&codes::NOT_BUILT_IN, "this build cannot ask a broker what is committed").into())
}
