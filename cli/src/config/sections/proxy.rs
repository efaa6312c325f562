//! `[proxy]`

use crate::config::SecretRef;
use crate::config::value::{
    Address, Bytes, Count, FilePath, Host, HostPattern, List, Listen, NodeIds, Port, Wait,
};
use firnline_config::section;

section! {
    /// How `firnline proxy` stands before brokers. Restart to change; what the files of `tls` and `broker_tls` hold is read again
    /// on SIGHUP and when they change.
    ProxySection as "proxy" {
        /// Brokers to begin with, in the order in which they are tried. The others are learned from them. Required.
        "upstream" => upstream: List<Address> = "";
        /// Where clients bootstrap from, as `IP:PORT`. The ports of brokers are on the same address.
        "listen" => listen: Port = "127.0.0.1:19092";
        /// The host that clients are told. Not set: the address that it listens on.
        "advertise_host" => advertise_host: Option<Host> = "";
        /// The port of the broker with id 0; that of broker N lies N above it. Not set: one above the port of `listen`.
        "base_port" => base_port: Option<Count<1, 65_535>> = "";
        /// A certificate chain (PEM) that clients are shown. It and `tls.key` belong together; with them clients speak TLS. It has
        /// to be made out to every name that clients are told.
        "tls.cert_file" => tls_cert_file: Option<FilePath> = "";
        /// The private key (PEM, not encrypted) of `tls.cert_file`.
        "tls.key" => tls_key: Option<SecretRef> = "";
        /// A file of certificates (PEM) that sign those of clients (mutual TLS). Whoever has none of theirs is not let in. The
        /// brokers do not see the client's certificate: see `cold_for_all`.
        "tls.client_ca_file" => tls_client_ca_file: Option<FilePath> = "";
        /// Whether brokers speak TLS. Their certificates have to be made out to the hosts that they tell.
        "broker_tls.enabled" => broker_tls_enabled: bool = "false";
        /// A file of certificates (PEM) that sign those of brokers, and no others. Not set: those that this machine trusts.
        "broker_tls.ca_file" => broker_tls_ca_file: Option<FilePath> = "";
        /// A certificate chain (PEM) that brokers are shown which ask for one. It and `broker_tls.key` belong together. Clients that
        /// do not log in are to the brokers who it is made out to: see `cold_for_all`.
        "broker_tls.cert_file" => broker_tls_cert_file: Option<FilePath> = "";
        /// The private key (PEM, not encrypted) of `broker_tls.cert_file`.
        "broker_tls.key" => broker_tls_key: Option<SecretRef> = "";
        /// Host names by which clients say within TLS which broker they mean, with `{id}` for its id, as `kafka-{id}.example`. With
        /// them all brokers are reached on the one port of `listen`, and have no ports of their own. All these names, and
        /// `advertise_host`, have to lead to the proxy.
        "sni.hosts" => sni_hosts: Option<HostPattern> = "";
        /// The port that clients are told with these names. Not set: that of `listen`.
        "sni.port" => sni_port: Option<Count<1, 65_535>> = "";
        /// Whether the tier is filled from for clients, too, whom the brokers do not know by their own name: those that show a
        /// certificate and do not log in, and those that log in by GSSAPI. Else what only the tier has is refused them with
        /// TOPIC_AUTHORIZATION_FAILED: that a broker would let the proxy read is no right of theirs.
        "cold_for_all" => cold_for_all: bool = "false";
        /// Ids of brokers whose ports are open from the start, as `FIRST-LAST`: for clients that come back to a proxy that was
        /// started anew, and that no broker has told anything yet because it wants a login first.
        "expected_nodes" => expected_nodes: Option<NodeIds> = "";
        /// Whether requests that came after this build pass. They may carry brokers' addresses past the proxy.
        "pass_unknown" => pass_unknown: bool = "false";
        /// Whether DeleteRecords passes for topics of the tier, whose floors are written then. Else it is refused for them: a
        /// proxy whose rights in the store are to read alone must not pass what it cannot carry out.
        "delete_records" => delete_records: bool = "true";
        /// Whether a topic of the tier is also served as it stood at a time, to be read and not written: `orders@2026-08-01`,
        /// `orders@2026-08-01T12:00:00Z` or `orders@-2h`, to whoever may read `orders`.
        "time_travel" => time_travel: bool = "false";
        /// The port with `/metrics`, `/health/live` and `/health/ready`, as `IP:PORT`, or `off`. It answers reads only.
        "http.listen" => http_listen: Listen = "127.0.0.1:9657";
        /// Connections of clients at once; each is one to a broker, too. More wait in the kernel's queue.
        "limits.connections" => limits_connections: Count<1, 100_000> = "10000";
        /// Connections from one address at once (of IPv6 one /64). More are closed as they come.
        "limits.connections_per_address" => limits_connections_per_address: Count<1, 100_000> = "1000";
        /// Connections that have not got in yet: no broker has answered them anything but versions and steps of a login. More wait
        /// in the kernel's queue; one address holds no more of them than are left for all others.
        "limits.entering" => limits_entering: Count<1, 100_000> = "1000";
        /// Brokers that have ports.
        "limits.brokers" => limits_brokers: Count<1, 10_000> = "1000";
        /// Memory for requests of more than 64 KiB that are looked into, over all connections. What only passes takes none.
        "limits.requests_memory" => limits_requests_memory: Bytes<{ 16 << 20 }, { 1 << 40 }> = "64MiB";
        /// Memory for answers of more than 64 KiB that are held, and for what is filled into them, over all connections. Of this and
        /// the other memories one address (of IPv6 one /64) holds half at most.
        "limits.answers_memory" => limits_answers_memory: Bytes<{ 160 << 20 }, { 1 << 40 }> = "256MiB";
        /// Memory for what clients have asked before in their fetch sessions, over all connections. Who finds no room names all his
        /// partitions each time.
        "limits.sessions_memory" => limits_sessions_memory: Bytes<{ 1 << 20 }, { 1 << 40 }> = "64MiB";
        /// Record bytes of the tier in one answer at most, a single larger batch excepted.
        "limits.answer_size" => limits_answer_size: Bytes<{ 64 << 10 }, { 128 << 20 }> = "8MiB";
        /// Record bytes of the tier a second, over all clients. Whoever would get more is answered empty, in time. Not set: no limit.
        "limits.cold_rate" => limits_cold_rate: Option<Bytes<{ 64 << 10 }, { 1 << 40 }>> = "";
        /// The same for each client, told apart by what they call themselves (`client.id`). Not set: no limit.
        "limits.cold_rate_per_client" => limits_cold_rate_per_client: Option<Bytes<{ 64 << 10 }, { 1 << 40 }>> = "";
        /// How long a connection may take to get in: through TLS and a login, to a first answer of a broker to something else.
        "timeout.entry" => timeout_entry: Wait<1_000, 3_600_000> = "30s";
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
