//! Why a connection ended before its client ended it.

use std::time::Duration;

use super::nodes::NodeError;
use super::settings::Address;
use crate::wire::{Api, FrameError, WireError, WriteError};

/// The reason, for the log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    #[error("the client's connection failed")]
    Client(#[source] std::io::Error),
    #[error("the broker's connection failed")]
    Broker(#[source] std::io::Error),
    #[error("connect to the broker {address}")]
    Connect {
        address: Address,
        #[source]
        source: std::io::Error,
    },
    #[error("TLS with the broker {address}")]
    BrokerTls {
        address: Address,
        #[source]
        source: std::io::Error,
    },
    #[error("TLS with the client")]
    ClientTls(#[source] std::io::Error),
    #[error("what came is no frame")]
    Frame(#[from] FrameError),
    #[error("a message cannot be read")]
    Wire(#[from] WireError),
    #[error("a message cannot be written")]
    Write(#[from] WriteError),
    #[error("a node cannot be reached through this proxy")]
    Node(#[from] NodeError),
    #[error("an answer repeats number {found}, that of the request is {expected}")]
    Correlation { expected: i32, found: i32 },
    #[error("the broker spoke without being asked")]
    Unasked,
    #[error("{api} in version {version} is not known here, and may carry addresses past the proxy")]
    Unknown { api: Api, version: i16 },
    #[error("nothing was asked for {} s", .0.as_secs())]
    Idle(Duration),
    #[error("it has not got in within {} s", .0.as_secs())]
    Late(Duration),
    #[error("a frame stood still for {} s", .0.as_secs())]
    Stalled(Duration),
    #[error("an answer was not taken within {} s", .0.as_secs())]
    Slow(Duration),
    #[error("the broker was not there in {} s", .0.as_secs())]
    Absent(Duration),
}
