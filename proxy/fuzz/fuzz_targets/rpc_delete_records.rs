//! Any bytes as DeleteRecordsRequest and DeleteRecordsResponse.
#![no_main]

#[macro_use]
#[path = "rpc/mod.rs"]
mod rpc;

use firnline_proxy::wire::messages::delete_records::{DeleteRecordsRequest, DeleteRecordsResponse};

rpc!(DeleteRecordsRequest<'_>, DeleteRecordsResponse<'_>);
