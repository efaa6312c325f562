//! Any bytes as FetchRequest and FetchResponse.
#![no_main]

#[macro_use]
#[path = "rpc/mod.rs"]
mod rpc;

use firnline_proxy::wire::messages::fetch::{FetchRequest, FetchResponse};

rpc!(FetchRequest<'_>, FetchResponse<'_>);
