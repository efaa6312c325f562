//! Any bytes as SaslAuthenticateRequest and SaslAuthenticateResponse.
#![no_main]

#[macro_use]
#[path = "rpc/mod.rs"]
mod rpc;

use firnline_proxy::wire::messages::sasl_authenticate::{SaslAuthenticateRequest, SaslAuthenticateResponse};

rpc!(SaslAuthenticateRequest<'_>, SaslAuthenticateResponse<'_>);
