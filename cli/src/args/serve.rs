//! Commands that answer Kafka's clients.

use std::path::PathBuf;

use clap::Args;

use super::LogFormat;

/// `firnline hash-password`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  firnline hash-password ann --password file:/etc/firnline/ann.password
  firnline hash-password ann --iterations 50000 --password env:ANNS_PASSWORD

Prints lines for the file that serve.users_file names. The password is read from standard input
where --password does not say where it stands; it never stands on the command line.")]
pub struct HashPasswordArgs {
    /// The user's name
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Where the password stands: file:/PATH or env:NAME; else standard input
    #[arg(long, value_name = "SECRET")]
    pub password: Option<String>,
    /// How often it is hashed, 4096 to 200000
    #[arg(long, value_name = "COUNT", default_value_t = 16384)]
    pub iterations: u32,
}

/// `firnline serve`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  firnline serve s3://archive/kafka --topic '.*'
  firnline serve --store /srv/tier --topic 'orders.*' --topic payments --listen 127.0.0.1:19092
  firnline serve --config /etc/firnline.toml --log-format json
  firnline serve s3://archive/kafka --topic '.*' --as-of @2026-08-01T00:00:00Z
  firnline serve s3://archive/kafka --topic orders --as-of orders/3=1200,clicks/0=0
  firnline serve s3://archive/kafka --topic '.*' --log-dir /var/lib/kafka

No broker is needed: the tier is served as if it were a cluster of one node, to be read by kcat,
consumers, Spark, Streams. No record can be written; how far consumer groups have read is kept in
the tier.

Directories of stopped brokers (--log-dir) are only read. What they have behind the tier's end is
served up to the high watermark that any of the replicas was told; one that a running broker holds
is refused.

What no rule allows is refused. --topic lets whoever is on this machine read these topics, without
a login; rules for others stand in [[serve.rule]] of the config. Other machines are let in only
with TLS, a login and rules, as [serve] sets them up, or by --insecure-anonymous, which is said at
each start.

SIGHUP, and a change of the config or of the files that it names, read rules, users and
certificates again: a right that was taken away ends with the next request. SIGTERM and SIGINT end in order: requests at hand are answered.")]
pub struct ServeArgs {
    /// The tier, if it is not named otherwise
    #[arg(value_name = "TIER")]
    pub tier: Option<String>,
    /// Where to listen, as IP:PORT; else serve.listen in the config
    #[arg(long, value_name = "IP:PORT")]
    pub listen: Option<String>,
    /// What clients are told to connect to, where that is another address than --listen
    #[arg(long, value_name = "HOST:PORT")]
    pub advertise: Option<String>,
    /// Let whoever connects read topics whose whole name matches, without a login; may be given several times
    #[arg(long, value_name = "REGEX")]
    pub topic: Vec<String>,
    /// Serve logs as they stood: at a time (@RFC3339, or -2h), or with these end offsets; what is not named is empty then
    #[arg(long, value_name = "TIME|TOPIC/P=OFFSET", value_delimiter = ',', allow_hyphen_values = true)]
    pub as_of: Vec<String>,
    /// Serve also what a stopped broker still has here, as its log.dirs lists it; may be given several times, for several
    /// brokers, and without a tier
    #[arg(long, value_name = "DIR")]
    pub log_dir: Vec<PathBuf>,
    /// Of log directories serve also what lies above the high watermark that was written down, and that nobody has proven
    #[arg(long, requires = "log_dir")]
    pub beyond_checkpoint: bool,
    /// Let in whoever reaches the port, from other machines too, without a login
    #[arg(long)]
    pub insecure_anonymous: bool,
    /// The form of the log on standard error
    #[arg(long, value_enum, default_value = "human")]
    pub log_format: LogFormat,
    /// The least level logged: error, warn, info, debug, trace; else FIRNLINE_LOG, else info
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<String>,
}
