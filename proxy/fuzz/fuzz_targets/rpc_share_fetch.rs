//! Any bytes as ShareFetchResponse.
#![no_main]

#[macro_use]
#[path = "rpc/mod.rs"]
mod rpc;

use firnline_proxy::wire::messages::share_fetch::ShareFetchResponse;

rpc!(ShareFetchResponse<'_>);
