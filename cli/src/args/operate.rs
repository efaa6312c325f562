//! Commands that write, or concern the program itself.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// `firnline offload`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  firnline offload --config /etc/firnline.toml
  firnline offload --config /etc/firnline.toml --log-format json
  firnline offload --once --assume-committed --topic 'orders.*' --json
  firnline offload --once --assume-committed --log-dir /var/lib/kafka --store s3://archive/kafka

Without --once it stays beside the broker: a small guard process starts a worker, starts it again
when it ends, and keeps the reserve of free disk meanwhile. It takes SIGHUP to read the config
again, SIGTERM and SIGINT to end in order. The brokers of [kafka] say what is committed.

With --once one pass over what is sealed is made: planned against the manifests, uploaded,
verified, committed. A second run uploads nothing; a run that was killed leaves at most objects
that nothing names. No broker is asked then; --assume-committed says that everything up to the end
of the log is committed: use it on a stopped broker or on a copy. It is refused (exit 4) while a
broker holds the directory.")]
pub struct OffloadArgs {
    /// A log directory of the broker; may be given several times; else offload.log_dirs in the config
    #[arg(long, value_name = "DIR")]
    pub log_dir: Vec<PathBuf>,
    /// Only topics whose whole name matches this regular expression; may be given several times
    #[arg(long, value_name = "REGEX")]
    pub topic: Vec<String>,
    /// Make one pass and end
    #[arg(long)]
    pub once: bool,
    /// Take the end of the log as committed, without a broker that says so
    #[arg(long, requires = "once")]
    pub assume_committed: bool,
    /// Take logs from which offsets are missing: topics that are or were compacted. In others a hole is damage
    #[arg(long, requires = "once")]
    pub allow_holes: bool,
    /// One JSON object per partition and line, and one for the whole
    #[arg(long, requires = "once")]
    pub json: bool,
    /// The form of the log on standard error
    #[arg(long, value_enum, default_value = "human")]
    pub log_format: LogFormat,
    /// The least level logged: error, warn, info, debug, trace; else FIRNLINE_LOG, else info (warn with --once)
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<String>,
    /// Be the worker of the guard with this process id
    #[arg(long, value_name = "PID", hide = true, conflicts_with = "once")]
    pub worker: Option<u32>,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people
    Human,
    /// One JSON object a line
    Json,
}

/// `firnline restore`
#[derive(Debug, Args)]
#[command(allow_missing_positional = true)]
#[command(after_help = "\
Examples:
  firnline restore s3://archive/kafka orders --to /tmp/orders
  firnline restore orders/3 --to /var/lib/kafka --from @2026-11-01T00:00:00Z
  firnline restore --state s3://archive/kafka       topics, access rules and groups, as commands
  firnline restore orders --kip405                  tells a new cluster's brokers of all segments
  firnline restore orders --kip405 --to /var/lib/kafka      then, while they are stopped

For one partition DIR is its directory: an empty one, or that of a stopped broker's partition
without records. For a topic, or where DIR is a stopped broker's log directory, the partitions'
directories TOPIC-P are made or found in it. Only `.log` files are written; the broker makes its
indexes and checkpoints from them when it starts. In a log directory leader epochs are lowered to
0; elsewhere the bytes are exactly those of the source. docs/cli.md says what to
mind: replicas, retention, producers. --state runs nothing: it prints commands of Kafka's own
tools, for a person to choose from. --kip405 attaches the tier to a new cluster whose brokers have
the plugin, without copying segments; docs/guide/disaster.md has the steps and what to mind.")]
pub struct RestoreArgs {
    /// The tier, if it is not named otherwise
    #[arg(value_name = "TIER")]
    pub tier: Option<String>,
    /// A topic or one partition; TOPIC@ID tells apart topics of the same name
    #[arg(value_name = "TOPIC[/P]", required_unless_present = "state")]
    pub what: Option<String>,
    /// Where the partitions' directories are made or stand
    #[arg(long, value_name = "DIR", required_unless_present_any = ["state", "kip405"])]
    pub to: Option<PathBuf>,
    /// Attach the topic to brokers with the plugin: without --to tell them of its segments, then with it, while they are
    /// stopped, write into a log directory what must be there
    #[arg(long, conflicts_with_all = ["state", "from", "until"])]
    pub kip405: bool,
    /// Only say what --kip405 would do, and whether it may
    #[arg(long, requires = "kip405")]
    pub dry_run: bool,
    /// Print what the cluster was, as sidecars have written it down: topics, access rules, offsets of groups
    #[arg(long, conflicts_with_all = ["to", "json", "kip405"])]
    pub state: bool,
    /// Where to begin, `earliest` being the tier's first offset; the batch that holds the position is written whole
    #[arg(long, value_name = "POSITION", default_value = "earliest", allow_hyphen_values = true)]
    pub from: String,
    /// Where to end, exclusive
    #[arg(long, value_name = "POSITION", default_value = "latest", allow_hyphen_values = true)]
    pub until: String,
    /// Leave out offsets that are recorded as lost, rather than refuse
    #[arg(long)]
    pub leave_out_gaps: bool,
    /// One JSON object per partition and line
    #[arg(long)]
    pub json: bool,
}

/// `firnline demo`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  firnline demo
  firnline demo --keep                              leaves the log directory too

Works in a temporary directory that it names, with a store in a local directory; needs 1.5 GiB of
disk and no network. The tier stays, so that the commands printed at the end can be tried; the
last of them removes it.")]
pub struct DemoArgs {
    /// Keep everything that the demo made, not only the tier
    #[arg(long)]
    pub keep: bool,
    /// How much log to write; less than 256MiB shows less
    #[arg(long, value_name = "SIZE", default_value = "256MiB", hide = true)]
    pub size: String,
}

/// `firnline config`
#[derive(Debug, Args)]
pub struct ConfigArgs {
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// The two things to do with a config.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Checks the config, secrets and paths included, and names everything that is wrong
    #[command(after_help = "\
Examples:
  firnline config check --config /etc/firnline.toml
  FIRNLINE_CONFIG=/etc/firnline.toml firnline config check")]
    Check,
    /// Prints the config as TOML
    #[command(after_help = "\
Examples:
  firnline config show --effective                  every key, its value, and who said so
  firnline config show --config /etc/firnline.toml  only what is set")]
    Show {
        /// Every key with the value in force and where it comes from
        #[arg(long)]
        effective: bool,
    },
}

/// `firnline reference`: how docs/ is written.
#[derive(Debug, Args)]
pub struct ReferenceArgs {
    /// Which page
    #[arg(value_enum)]
    pub page: Page,
}

/// The generated pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Page {
    /// docs/cli.md
    Cli,
    /// docs/config.md
    Config,
    /// docs/plugin-config.md
    PluginConfig,
    /// docs/errors.md
    Errors,
    /// docs/metrics.md
    Metrics,
}
