//! `[serve]` and `[[serve.rule]]`

use crate::config::section::section;
use crate::config::value::{Address, Bytes, Count, List, Listen, Port, Reader, Wait};
use crate::selector::TopicPattern;

section! {
    /// How `firnline serve` answers Kafka's clients. Restart to change.
    ServeSection as "serve" {
        /// The address to listen on, as `IP:PORT`. One that other machines reach is refused without TLS, a login and rules,
        /// unless `--insecure-anonymous` is typed.
        "listen" => listen: Port = "127.0.0.1:9092";
        /// What clients are told to connect to, as `HOST:PORT`. Not set: what it listens on.
        "advertise" => advertise: Option<Address> = "";
        /// The node id that clients are told.
        "node_id" => node_id: Count<0, 2_147_483_647> = "0";
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
    }
}
