//! Any bytes as SaslHandshakeRequest and SaslHandshakeResponse.
#![no_main]

#[macro_use]
#[path = "rpc/mod.rs"]
mod rpc;

use firnline_proxy::wire::messages::sasl_handshake::{SaslHandshakeRequest, SaslHandshakeResponse};

rpc!(SaslHandshakeRequest<'_>, SaslHandshakeResponse<'_>);
