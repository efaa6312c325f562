//! Any bytes as MetadataRequest and MetadataResponse.
#![no_main]

#[macro_use]
#[path = "rpc/mod.rs"]
mod rpc;

use firnline_proxy::wire::messages::metadata::{MetadataRequest, MetadataResponse};

rpc!(MetadataRequest<'_>, MetadataResponse<'_>);
