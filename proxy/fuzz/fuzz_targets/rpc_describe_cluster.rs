//! Any bytes as DescribeClusterRequest and DescribeClusterResponse.
#![no_main]

#[macro_use]
#[path = "rpc/mod.rs"]
mod rpc;

use firnline_proxy::wire::messages::describe_cluster::{DescribeClusterRequest, DescribeClusterResponse};

rpc!(DescribeClusterRequest, DescribeClusterResponse<'_>);
