//! What a proxy is told. Plain values; the tier and the world are passed beside them.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use super::names::NodeNames;

/// The address of a broker.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    /// Its host.
    pub host: Arc<str>,
    /// Its port.
    pub port: u16,
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            return write!(f, "[{}]:{}", self.host, self.port);
        }
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// How a proxy stands before a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxySettings {
    /// Brokers to begin with, in the order in which they are tried.
    pub upstream: Vec<Address>,
    /// The port that clients bootstrap from. Nodes have ports on the same address.
    pub listen: SocketAddr,
    /// The host that clients are told, where that is not the address.
    pub advertised_host: Option<Arc<str>>,
    /// The port of node 0; that of node N lies N above it. `None`: one above the port that clients bootstrap from.
    pub node_port_base: Option<u16>,
    /// Names by which clients that speak TLS say which node they mean. With them nodes have no ports of their own.
    pub node_names: Option<NodeNames>,
    /// The port that clients are told with these names, where that is another one than is listened on.
    pub advertised_port: Option<u16>,
    /// Nodes whose ports are open before anybody has told of them: for clients that come back to a proxy that was started
    /// anew, and know only those.
    pub expected_nodes: Option<RangeInclusive<u16>>,
    /// Whether requests that came after this build pass: they may carry addresses past it.
    pub pass_unknown: bool,
    /// Whether topics are served as they stood: `NAME@TIME`.
    pub time_travel: bool,
    /// How much of anything.
    pub limits: ProxyLimits,
}

/// Limits of a proxy. Each holds for the whole proxy unless it says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyLimits {
    /// Connections at once. More wait in the kernel's queue.
    pub connections: usize,
    /// Connections from one address at once. More are closed as they come.
    pub connections_of_address: usize,
    /// Connections that have not got in yet: no broker has answered them anything but versions and steps of a login. More
    /// wait in the kernel's queue.
    pub entering: usize,
    /// How long a connection may take to get in.
    pub entry: Duration,
    /// Nodes that have ports.
    pub nodes: usize,
    /// The longest request that is looked into, in bytes; a longer one of such a kind closes its connection.
    pub request_bytes: usize,
    /// Memory for requests of more than 64 KiB that are looked into, in bytes.
    pub requests_bytes: u64,
    /// The longest answer that is held, in bytes; a longer one that has to be closes its connection.
    pub answer_bytes: usize,
    /// Memory for answers that are held, and for what is filled into them, in bytes.
    pub answers_bytes: u64,
    /// Memory for what clients asked before in their fetch sessions, in bytes. Whoever finds no room has no session and names
    /// all his partitions each time.
    pub sessions_bytes: u64,
    /// The most record bytes of the tier in one answer, a single larger batch excepted.
    pub cold_bytes: usize,
    /// Record bytes of the tier a second, over all clients; `None` is without a limit.
    pub cold_rate: Option<u64>,
    /// The same for clients that call themselves by one name.
    pub cold_rate_of_client: Option<u64>,
    /// How long a connection may ask nothing.
    pub idle: Duration,
    /// How long a frame may stand still in the middle, in either direction.
    pub stall: Duration,
    /// How long a connection to a broker may take to come about.
    pub connect: Duration,
    /// How long requests under way may go on once the proxy is told to stop.
    pub drain: Duration,
    /// How often what is known of the tier is read anew.
    pub tier_age: Duration,
}

impl Default for ProxyLimits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_of_address: 1000,
            entering: 1000,
            entry: Duration::from_secs(30),
            nodes: 1000,
            request_bytes: 8 << 20,
            requests_bytes: 64 << 20,
            answer_bytes: 128 << 20,
            answers_bytes: 256 << 20,
            sessions_bytes: 64 << 20,
            cold_bytes: 8 << 20,
            cold_rate: None,
            cold_rate_of_client: None,
            // Above the ten minutes after which a broker hangs up: who comes back then is told so by the broker.
            idle: Duration::from_secs(660),
            stall: Duration::from_secs(30),
            connect: Duration::from_secs(10),
            drain: Duration::from_secs(10),
            tier_age: Duration::from_secs(60),
        }
    }
}
