//! Any bytes as OffsetForLeaderEpochRequest and OffsetForLeaderEpochResponse.
#![no_main]

#[macro_use]
#[path = "rpc/mod.rs"]
mod rpc;

use firnline_proxy::wire::messages::offset_for_leader_epoch::{OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};

rpc!(OffsetForLeaderEpochRequest<'_>, OffsetForLeaderEpochResponse<'_>);
