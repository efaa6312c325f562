//! The proxy before the brokers.

use clap::Args;

use super::LogFormat;

/// `firnline proxy`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  firnline proxy s3://archive/kafka --upstream broker-1:9092,broker-2:9092
  firnline proxy --store /srv/tier --upstream 127.0.0.1:9092 --listen 127.0.0.1:19092
  firnline proxy --config /etc/firnline.toml --upstream broker-1:9092 --log-format json
  firnline proxy s3://archive/kafka --upstream broker-1:9092 --advertise-host localhost

Clients that bootstrap from the proxy read hot and cold as one log: what the brokers still have comes
from them, what their retention has taken comes from the tier. Everything else passes byte for byte:
logins, groups, transactions, quotas. Producers may stay on the brokers' own addresses.

Each broker gets a port of its own here, --base-port and its id above it, opened when the broker is
first told of. Nothing is kept: any number of proxies stand before a cluster, and any of them may end.

A client gets from the tier only what its broker has refused it as out of range, on its own
connection: who may not read a topic gets the broker's refusal.

SIGTERM and SIGINT end in order: requests at hand are answered.")]
pub struct ProxyArgs {
    /// The tier, if it is not named otherwise
    #[arg(value_name = "TIER")]
    pub tier: Option<String>,
    /// Brokers to begin with, with commas between; else proxy.upstream in the config
    #[arg(long, value_name = "HOST:PORT", value_delimiter = ',')]
    pub upstream: Vec<String>,
    /// Where clients bootstrap from, as IP:PORT; else proxy.listen in the config
    #[arg(long, value_name = "IP:PORT")]
    pub listen: Option<String>,
    /// The host that clients are told, where that is another one than --listen
    #[arg(long, value_name = "HOST")]
    pub advertise_host: Option<String>,
    /// The port of the broker with id 0; that of broker N lies N above it. Else one above --listen
    #[arg(long, value_name = "PORT")]
    pub base_port: Option<String>,
    /// The form of the log on standard error
    #[arg(long, value_enum, default_value = "human")]
    pub log_format: LogFormat,
    /// The least level logged: error, warn, info, debug, trace; else FIRNLINE_LOG, else info
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<String>,
}
