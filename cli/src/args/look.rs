//! Commands that only read.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Which topics a command works on, where it works on many.
#[derive(Debug, Args)]
pub struct SelectionArgs {
    /// The tier, if it is not named otherwise
    #[arg(value_name = "TIER")]
    pub first: Option<String>,
    /// One topic or partition; TOPIC@ID tells apart topics of the same name
    #[arg(value_name = "TOPIC[/P]")]
    pub second: Option<String>,
    /// Only topics whose whole name matches this regular expression; may be given several times
    #[arg(long, value_name = "REGEX")]
    pub topic: Vec<String>,
}

/// `firnline ls`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  firnline ls s3://archive/kafka                    one line per partition
  firnline ls --segments orders/3                   one line per segment
  firnline ls --topic 'orders.*' --json | jq -r .object_key")]
pub struct LsArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// One line per segment
    #[arg(long)]
    pub segments: bool,
    /// One JSON object per segment and line
    #[arg(long)]
    pub json: bool,
}

/// `firnline verify`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  firnline verify s3://archive/kafka                every object is there, every manifest adds up
  firnline verify --deep --topic 'payments.*'       and every block, index and transaction list is right
  firnline verify --deep orders/3 --json
  firnline verify --deep --rate 20MiB               the same at a trickle, as the sidecars' scrub does
  firnline verify --table --topic orders            the exported table has what the log has, row by row

Exit code 1 means that something is wrong with the tier; each anomaly is named.")]
pub struct VerifyArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Read everything: each block's checksum, the index against the batches, the transactions worked out again
    #[arg(long)]
    pub deep: bool,
    /// With --deep: read at most so many bytes a second, one partition after the other, such as 20MiB
    #[arg(long, value_name = "SIZE", requires = "deep")]
    pub rate: Option<String>,
    /// Check the tables that were exported of these topics against the tier: counts, and checksums where the bytes were kept
    #[arg(long, conflicts_with = "deep")]
    pub table: bool,
    /// One JSON object per anomaly and line, and one for the whole
    #[arg(long)]
    pub json: bool,
}

/// `firnline cost`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  firnline cost s3://archive/kafka
  firnline cost --topic 'clicks.*' --prices eu-west-1.toml --json
  firnline cost --show-prices > prices.toml         the built-in list, to be changed

Amounts are list prices without discounts; the list's provider, region and date stand beside them.")]
pub struct CostArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// A price file, else store.price_file in the config, else the built-in list
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
    /// Print the price file in use and end
    #[arg(long)]
    pub show_prices: bool,
    /// One JSON object per topic and line, and one for the whole
    #[arg(long)]
    pub json: bool,
}

/// `firnline inspect`
#[derive(Debug, Args)]
#[command(allow_missing_positional = true)]
#[command(after_help = "\
Examples:
  firnline inspect s3://archive/kafka orders/3      the partition's manifest
  firnline inspect s3://archive/kafka/orders.J8nB1x9RTGqN3oGQx5Lk2A/3/00000000000000000000-4-….seg
  firnline inspect --blocks /srv/tier orders.J8nB1x9RTGqN3oGQx5Lk2A/3/00000000000000000000-4-….seg
  firnline inspect /var/lib/kafka/orders-3/00000000000000000000.log

A segment object is read from its own end, so it can be looked at without any manifest.")]
pub struct InspectArgs {
    /// The tier, if it is not named otherwise
    #[arg(value_name = "TIER")]
    pub tier: Option<String>,
    /// TOPIC/P, an object's key, an object's whole address, or a `.log` file on this machine
    #[arg(value_name = "THING")]
    pub thing: String,
    /// List every block of a segment, every entry of a manifest, every batch of a log file
    #[arg(long)]
    pub blocks: bool,
    /// JSON: one object for the thing, then with --blocks one per block, entry or batch
    #[arg(long)]
    pub json: bool,
}

/// `firnline cat`
#[derive(Debug, Args)]
#[command(allow_missing_positional = true)]
#[command(after_help = "\
Examples:
  firnline cat s3://archive/kafka orders/3 --from earliest --max 10
  firnline cat orders/3 --from @2026-11-23T10:00:00Z --until @2026-11-23T11:00:00Z
  firnline cat orders/3 --from -2h --isolation read_committed | jq .value
  firnline cat orders/3 --from 1000 --until 2000 --raw > batches.bin

A position is an offset, @RFC3339, a duration back from now such as -2h, earliest or latest. A
time means the first record that is at least as late; --until is exclusive. Records are JSON
lines: partition, offset, timestamp_ms, timestamp_type, key, value, headers; a key or value that
is not UTF-8 stands as key_base64 or value_base64; null is a tombstone's value. Markers of
transactions are no records and are never shown; records of aborted transactions are, unless
--isolation read_committed.")]
pub struct CatArgs {
    /// The tier, if it is not named otherwise
    #[arg(value_name = "TIER")]
    pub tier: Option<String>,
    /// One partition; TOPIC@ID/P tells apart topics of the same name
    #[arg(value_name = "TOPIC/P")]
    pub partition: String,
    /// Where to begin
    #[arg(long, value_name = "POSITION", default_value = "earliest", allow_hyphen_values = true)]
    pub from: String,
    /// Where to end, exclusive
    #[arg(long, value_name = "POSITION", default_value = "latest", allow_hyphen_values = true)]
    pub until: String,
    /// At most so many records
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub max: Option<u64>,
    /// Whether records of aborted transactions are shown
    #[arg(long, value_enum, default_value = "read_uncommitted")]
    pub isolation: Isolation,
    /// The batches' exact bytes, whole batches, in place of JSON
    #[arg(long)]
    pub raw: bool,
}

/// What a reader sees of transactions, in Kafka's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Isolation {
    /// Every record
    ReadUncommitted,
    /// Only records of committed transactions, up to the first that is still open
    ReadCommitted,
}
