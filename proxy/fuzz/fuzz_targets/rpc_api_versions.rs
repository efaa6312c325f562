//! Any bytes as ApiVersionsRequest and ApiVersionsResponse.
#![no_main]

#[macro_use]
#[path = "rpc/mod.rs"]
mod rpc;

use firnline_proxy::wire::messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse};

rpc!(ApiVersionsRequest<'_>, ApiVersionsResponse<'_>);
