//! `[kafka]`

use crate::config::SecretRef;
use crate::config::value::{Address, FilePath, List, Mechanism, Text, Wait};
use firnline_config::section;

section! {
    /// How the brokers are reached, by `firnline offload`. Only questions go there: metadata, offsets, settings. Records
    /// never do. The guide names the rights that this login needs.
    KafkaSection as "kafka" {
        /// Brokers to begin with, as `HOST:PORT`; the others are learnt from them. Without any, `firnline offload` can ask
        /// nobody what is committed, and only `--once --assume-committed` is left.
        "bootstrap" => bootstrap: List<Address> = "";
        /// Whether connections are encrypted. With it the broker's certificate and name are always checked.
        "tls.enabled" => tls_enabled: bool = "false";
        /// A file of certificates (PEM) that sign the brokers' own, besides the system's.
        "tls.ca_file" => tls_ca_file: Option<FilePath> = "";
        /// A certificate chain (PEM) that this client shows (mutual TLS). It and `tls.key` belong together.
        "tls.cert_file" => tls_cert_file: Option<FilePath> = "";
        /// The private key (PEM, not encrypted) of `tls.cert_file`.
        "tls.key" => tls_key: Option<SecretRef> = "";
        /// How to log in. Not set: not at all, or by the certificate alone. `PLAIN` is refused without `tls.enabled`
        /// unless every bootstrap address is this machine.
        "sasl.mechanism" => sasl_mechanism: Option<Mechanism> = "";
        /// The user (PLAIN, SCRAM).
        "sasl.username" => sasl_username: Option<Text> = "";
        /// The password (PLAIN, SCRAM). Read again at each connection, so that a new one needs no restart.
        "sasl.password" => sasl_password: Option<SecretRef> = "";
        /// Where a bearer token stands (OAUTHBEARER), as an agent on this machine renews it. Read at each login.
        "sasl.oauth.token" => sasl_oauth_token: Option<SecretRef> = "";
        /// How long setting up a connection may take, login included.
        "timeout.connect" => timeout_connect: Wait<100, 60_000> = "10s";
        /// How long one request to a broker may take.
        "timeout.request" => timeout_request: Wait<100, 300_000> = "30s";
    }
}
