//! Any bytes as FindCoordinatorRequest and FindCoordinatorResponse.
#![no_main]

#[macro_use]
#[path = "rpc/mod.rs"]
mod rpc;

use firnline_proxy::wire::messages::find_coordinator::{FindCoordinatorRequest, FindCoordinatorResponse};

rpc!(FindCoordinatorRequest<'_>, FindCoordinatorResponse<'_>);
