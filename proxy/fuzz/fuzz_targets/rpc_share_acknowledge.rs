//! Any bytes as ShareAcknowledgeResponse.
#![no_main]

#[macro_use]
#[path = "rpc/mod.rs"]
mod rpc;

use firnline_proxy::wire::messages::share_acknowledge::ShareAcknowledgeResponse;

rpc!(ShareAcknowledgeResponse<'_>);
