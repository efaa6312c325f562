//! Whether another server is there.

use std::fmt;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a server is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Finds out whether a server is there. A word in vain costs a rebalance, never a position.
pub trait Reach: fmt::Debug + Send + Sync {
    /// Whether anything listens at an address that a server told its clients.
    fn reaches<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, bool>;
}

/// Connects, and says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct ByConnecting;

impl Reach for ByConnecting {
    fn reaches<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, bool> {
        async move { matches!(timeout(PATIENCE, TcpStream::connect((host, port))).await, Ok(Ok(_))) }.boxed()
    }
}
