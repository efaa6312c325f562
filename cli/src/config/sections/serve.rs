//! `[serve]` and `[[serve.rule]]`

use crate::config::SecretRef;
use crate::config::value::{Address, Bytes, Count, FilePath, List, Listen, Port, Reader, Wait};
use crate::selector::TopicPattern;
use firnline_config::section;

section! {
    /// How `firnline serve` answers Kafka's clients. Restart to change; what the files of `tls` and `users_file` hold is read
    /// again on SIGHUP and when they change.
    ServeSection as "serve" {
        /// The address to listen on, as `IP:PORT`. One that other machines reach is refused without TLS, a login and rules,
        /// unless `--insecure-anonymous` is typed.
        "listen" => listen: Port = "127.0.0.1:9092";
        /// What clients are told to connect to, as `HOST:PORT`. Not set: what it listens on.
        "advertise" => advertise: Option<Address> = "";
        /// The node id that clients are told.
        "node_id" => node_id: Count<0, 2_147_483_647> = "0";
        /// A certificate chain (PEM) that the server shows. It and `tls.key` belong together; with them clients speak TLS.
        "tls.cert_file" => tls_cert_file: Option<FilePath> = "";
        /// The private key (PEM, not encrypted) of `tls.cert_file`.
        "tls.key" => tls_key: Option<SecretRef> = "";
        /// A file of certificates (PEM) that sign those of clients (mutual TLS). Whoever has none of theirs is not let in. His
        /// name for the rules is the certificate's whole subject, as `User:CN=ann,O=firm`, unless `users_file` is set, too.
        "tls.client_ca_file" => tls_client_ca_file: Option<FilePath> = "";
        /// Who may log in (SCRAM-SHA-512, SCRAM-SHA-256, PLAIN), with hashed passwords as `firnline hash-password` makes them.
        /// With it everybody must. A user who is taken out, or whose password is changed, is cut off at the next request.
        "users_file" => users_file: Option<FilePath> = "";
        /// How long a login holds; then clients log in again (KIP-368), or are cut off. Not set: as long as the connection.
        "login_lifetime" => login_lifetime: Option<Wait<10_000, 604_800_000>> = "";
        /// Whether a consumer group without positions of its own begins at those that a sidecar saved of it, once.
        "groups.from_saved" => groups_from_saved: bool = "false";
        /// The port with `/metrics`, `/health/live` and `/health/ready`, as `IP:PORT`, or `off`. It answers reads only.
        "http.listen" => http_listen: Listen = "127.0.0.1:9656";
        /// Connections at once. More wait in the kernel's queue.
        "limits.connections" => limits_connections: Count<1, 100_000> = "1000";
        /// Memory for requests of more than 64 KiB on their way in, over all connections.
        "limits.requests_memory" => limits_requests_memory: Bytes<{ 4 << 20 }, { 1 << 40 }> = "64MiB";
        /// Record bytes in one answer at most, a single larger batch excepted.
        "limits.answer_size" => limits_answer_size: Bytes<{ 64 << 10 }, { 1 << 30 }> = "8MiB";
        /// Memory for answers, from before they are read until they are sent, over all connections.
        "limits.answers_memory" => limits_answers_memory: Bytes<{ 16 << 20 }, { 1 << 40 }> = "256MiB";
        /// How long a connection may ask nothing.
        "timeout.idle" => timeout_idle: Wait<1_000, 86_400_000> = "10m";
        /// How long requests at hand may go on once the server is told to end.
        "timeout.drain" => timeout_drain: Wait<0, 600_000> = "5s";
        /// How often the list of topics is read again: two LIST requests a minute for each thousand topics by default.
        "topics_interval" => topics_interval: Wait<1_000, 86_400_000> = "30s";
    }
}

section! {
    /// Who may read what from `firnline serve`. Each rule allows; what none allows is refused, and a topic that is refused
    /// looks like one that is not there. Read again on SIGHUP and when the file changes: a right that is taken away ends with
    /// the next request.
    ServeRuleSection as "serve.rule" {
        /// Whom: `User:NAME` who logged in under this name, `User:*` all who logged in, `User:ANONYMOUS` all who did not have
        /// to. Required.
        "principal" => principal: Option<Reader> = "";
        /// Topics that they may read. Required.
        "topics" => topics: List<TopicPattern> = "";
        /// Consumer groups that they may use. Where no rule names any, everybody may use all; else what no rule names is
        /// refused.
        "groups" => groups: List<TopicPattern> = "";
    }
}
