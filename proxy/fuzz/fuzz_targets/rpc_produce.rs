//! Any bytes as ProduceRequest and ProduceResponse.
#![no_main]

#[macro_use]
#[path = "rpc/mod.rs"]
mod rpc;

use firnline_proxy::wire::messages::produce::{ProduceRequest, ProduceResponse};

rpc!(ProduceRequest<'_>, ProduceResponse<'_>);
