//! Any bytes as ListOffsetsRequest and ListOffsetsResponse.
#![no_main]

#[macro_use]
#[path = "rpc/mod.rs"]
mod rpc;

use firnline_proxy::wire::messages::list_offsets::{ListOffsetsRequest, ListOffsetsResponse};

rpc!(ListOffsetsRequest<'_>, ListOffsetsResponse<'_>);
