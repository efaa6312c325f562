//! `firnline proxy`

#[cfg(feature = "serve")]
mod found;
#[cfg(feature = "serve")]
mod open;
#[cfg(feature = "serve")]
mod site;
#[cfg(feature = "serve")]
mod typed;
#[cfg(feature = "serve")]
mod work;

use crate::args::{GlobalArgs, ProxyArgs};
use crate::exit::Exit;
use crate::failure::Result;
use crate::surroundings::Surroundings;

/// Stands before the brokers until told to end.
#[cfg(feature = "serve")]
pub async fn run(args: ProxyArgs, global: &GlobalArgs, around: Surroundings) -> Result<Exit> {
    work::run(typed::Typed::new(args, global, around)?, global).await
}

#[cfg(not(feature = "serve"))]
#[expect(clippy::unused_async, reason = "as the other of its kind")]
pub async fn run(args: ProxyArgs, _global: &GlobalArgs, _around: Surroundings) -> Result<Exit> {
    use crate::failure::{Failure, codes};
    let ProxyArgs {
        tier: _,
        upstream: _,
        listen: _,
        advertise_host: _,
        base_port: _,
        log_format: _,
        log_level: _,
    } = args;
    Err(Failure::new(&codes::NO_PROXY, "this build cannot stand before brokers").into())
}
