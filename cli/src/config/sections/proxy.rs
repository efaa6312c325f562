//! `[proxy]`

use crate::config::section::section;
use crate::config::value::{Address, Bytes, Count, Host, List, Listen, NodeIds, Port, Wait};

section! {
    /// How `firnline proxy` stands before brokers. Restart to change.
    ProxySection as "proxy" {
        /// Brokers to begin with, in the order in which they are tried. The others are learned from them. Required.
        "upstream" => upstream: List<Address> = "";
        /// Where clients bootstrap from, as `IP:PORT`. The ports of brokers are on the same address.
        "listen" => listen: Port = "127.0.0.1:19092";
        /// The host that clients are told. Not set: the address that it listens on.
        "advertise_host" => advertise_host: Option<Host> = "";
        /// The port of the broker with id 0; that of broker N lies N above it. Not set: one above the port of `listen`.
        "base_port" => base_port: Option<Count<1, 65_535>> = "";
        /// Ids of brokers whose ports are open from the start, as `FIRST-LAST`: for clients that come back to a proxy that was
        /// started anew, and that no broker has told anything yet because it wants a login first.
        "expected_nodes" => expected_nodes: Option<NodeIds> = "";
        /// Whether requests that came after this build pass. They may carry brokers' addresses past the proxy.
        "pass_unknown" => pass_unknown: bool = "false";
        /// Whether DeleteRecords passes for topics of the tier, whose floors are written then. Else it is refused for them: a
        /// proxy whose rights in the store are to read alone must not pass what it cannot carry out.
        "delete_records" => delete_records: bool = "true";
        /// The port with `/metrics`, `/health/live` and `/health/ready`, as `IP:PORT`, or `off`. It answers reads only.
        "http.listen" => http_listen: Listen = "127.0.0.1:9657";
        /// Connections of clients at once; each is one to a broker, too. More wait in the kernel's queue.
        "limits.connections" => limits_connections: Count<1, 100_000> = "10000";
        /// Brokers that have ports.
        "limits.brokers" => limits_brokers: Count<1, 10_000> = "1000";
        /// Memory for requests of more than 64 KiB that are looked into, over all connections. What only passes takes none.
        "limits.requests_memory" => limits_requests_memory: Bytes<{ 16 << 20 }, { 1 << 40 }> = "64MiB";
        /// Memory for answers of more than 64 KiB that are held, and for what is filled into them, over all connections.
        "limits.answers_memory" => limits_answers_memory: Bytes<{ 160 << 20 }, { 1 << 40 }> = "256MiB";
        /// How long a connection may ask nothing.
        "timeout.idle" => timeout_idle: Wait<1_000, 86_400_000> = "11m";
        /// How long a frame may stand still in the middle, in either direction.
        "timeout.stall" => timeout_stall: Wait<1_000, 3_600_000> = "30s";
        /// How long a connection to a broker may take to come about.
        "timeout.connect" => timeout_connect: Wait<100, 300_000> = "10s";
        /// How long requests at hand may go on once the proxy is told to end.
        "timeout.drain" => timeout_drain: Wait<0, 600_000> = "10s";
        /// How often it is read again what is in the tier: two LIST requests for each thousand topics, and a conditional GET for
        /// each broker.
        "tier_interval" => tier_interval: Wait<1_000, 3_600_000> = "1m";
    }
}
