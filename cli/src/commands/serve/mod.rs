//! `firnline serve`

#[cfg(feature = "serve")]
mod as_of;
#[cfg(feature = "serve")]
mod open;
#[cfg(feature = "serve")]
mod say;
#[cfg(feature = "serve")]
mod site;
#[cfg(feature = "serve")]
mod typed;
#[cfg(feature = "serve")]
mod work;

use crate::args::{GlobalArgs, ServeArgs};
use crate::exit::Exit;
use crate::failure::Result;
use crate::surroundings::Surroundings;

/// Serves until told to end.
#[cfg(feature = "serve")]
pub async fn run(args: ServeArgs, global: &GlobalArgs, around: Surroundings) -> Result<Exit> {
    work::run(typed::Typed::new(args, global, around)?, global).await
}

#[cfg(not(feature = "serve"))]
#[expect(clippy::unused_async, reason = "as the other of its kind")]
pub async fn run(args: ServeArgs, _global: &GlobalArgs, _around: Surroundings) -> Result<Exit> {
    use crate::failure::{Failure, codes};
    let ServeArgs {
        tier: _,
        listen: _,
        advertise: _,
        topic: _,
        as_of: _,
        log_dir: _,
        beyond_checkpoint: _,
        insecure_anonymous: _,
        log_format: _,
        log_level: _,
    } = args;
    Err(Failure::new(&codes::NO_SERVER, "this build cannot answer Kafka's clients").into())
}
