//! Commands that write tables.

use clap::{Args, Subcommand, ValueEnum};

use super::LogFormat;

/// `firnline export`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "\
Examples:
  firnline export --topic orders --to ./lake --format parquet          plain files, a directory a day
  firnline export --topic orders --to s3://lake/raw --format parquet --from @2026-11-01T00:00:00Z
  firnline export --config /etc/firnline.toml                          Iceberg tables, for as long as it is let
  firnline export --config /etc/firnline.toml --once                   to the tier's end of now, and no further
  firnline export --config /etc/firnline.toml --plan                   what it would read and write, and the cost
  firnline export --infer --topic orders > orders.fields.json          declared fields for value = \"json\"
  firnline export tend --topic orders --dry-run                        what would be compacted, expired, deleted
  firnline export repair --topic orders --dry-run                      after the tier was cut below a table's end
  firnline export view --topic orders --dialect athena                 the current rows of a changelog

Only the tier is read, never a broker. A record is a row exactly once, whatever is killed and whoever
else writes to the table; where the export stands is kept in the table itself. A record that cannot be
decoded costs itself alone: it is written to the table's dead letters, with the reason.

Tables begin at the tier's start. [export] says where they stand and who keeps their list, and
[[export.topic]] what becomes of which topic; a topic that only --topic names becomes rows of bytes.
A table with other fields or partitions is made from the same tier under another name (table).")]
pub struct ExportArgs {
    /// Something else than to export.
    #[command(subcommand)]
    pub command: Option<ExportCommand>,
    /// The tier, if it is not named otherwise
    #[arg(value_name = "TIER")]
    pub tier: Option<String>,
    /// Only topics whose whole name matches; may be given several times
    #[arg(long, value_name = "REGEX")]
    pub topic: Vec<String>,
    /// Where plain files go, as a directory or a store's address; for tables export.warehouse in the config
    #[arg(long, value_name = "DIR|URL")]
    pub to: Option<String>,
    /// What to write
    #[arg(long, value_enum, default_value = "iceberg")]
    pub format: ExportFormat,
    /// Where to begin: an offset, @RFC3339, -2h, earliest; of tables only where they are begun
    #[arg(long, value_name = "POSITION", default_value = "earliest", allow_hyphen_values = true)]
    pub from: String,
    /// Where to end, exclusive
    #[arg(long, value_name = "POSITION", default_value = "latest", allow_hyphen_values = true)]
    pub until: String,
    /// Ends when what the tier has now is in the tables
    #[arg(long)]
    pub once: bool,
    /// Go on behind records that are gone from the tier before they were exported
    #[arg(long)]
    pub skip_gone: bool,
    /// The topic id that a table's records came from until now, where its topic was made anew and goes into the same table
    #[arg(long, value_name = "TOPIC-ID", requires = "topic")]
    pub continue_as: Option<String>,
    /// Says what would be read, written and paid, and changes nothing
    #[arg(long, conflicts_with = "infer")]
    pub plan: bool,
    /// Looks at records of one topic and prints declared fields of their JSON
    #[arg(long)]
    pub infer: bool,
    /// With --infer: how many records are looked at
    #[arg(long, value_name = "COUNT", default_value_t = 10_000, requires = "infer")]
    pub sample: u64,
    /// One JSON object per table and line
    #[arg(long)]
    pub json: bool,
    /// The form of the log on standard error
    #[arg(long, value_enum, default_value = "human")]
    pub log_format: LogFormat,
    /// The least level logged: error, warn, info, debug, trace; else FIRNLINE_LOG
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<String>,
}

impl ExportArgs {
    /// Whether it goes on until it is told to end.
    pub fn stays(&self) -> bool {
        let ends = self.once || self.plan || self.infer || self.command.is_some();
        self.format == ExportFormat::Iceberg && !ends
    }
}

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// Tables
    Iceberg,
    /// Files without a list of them, in directories by day
    Parquet,
}

/// What else can be done to exported tables.
#[derive(Debug, Subcommand)]
pub enum ExportCommand {
    /// Compacts small files and delete files, expires snapshots, deletes orphans
    Tend(TendArgs),
    /// Takes rows out of tables that the tier does not have any more, after an unclean election
    Repair(RepairTableArgs),
    /// Prints a view of a changelog's current rows
    View(ViewArgs),
}

/// `firnline export tend`
#[derive(Debug, Args)]
pub struct TendArgs {
    /// Only tables of topics whose whole name matches; may be given several times
    #[arg(long, value_name = "REGEX")]
    pub topic: Vec<String>,
    /// Say what would be done, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// One JSON object per deed and line
    #[arg(long)]
    pub json: bool,
}

/// `firnline export repair`
#[derive(Debug, Args)]
pub struct RepairTableArgs {
    /// Only tables of topics whose whole name matches; may be given several times
    #[arg(long, value_name = "REGEX", required = true)]
    pub topic: Vec<String>,
    /// Make positions follow a table that was rolled back by hand
    #[arg(long)]
    pub rolled_back: bool,
    /// Say what would be done, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// One JSON object per table and line
    #[arg(long)]
    pub json: bool,
}

/// `firnline export view`
#[derive(Debug, Args)]
pub struct ViewArgs {
    /// The topic
    #[arg(long, value_name = "TOPIC")]
    pub topic: String,
    /// The columns that tell rows apart, where the table does not say it; may be given several times
    #[arg(long, value_name = "COLUMN")]
    pub key: Vec<String>,
    /// Whose SQL
    #[arg(long, value_enum, default_value = "trino")]
    pub dialect: ViewDialect,
}

/// An engine whose SQL is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ViewDialect {
    /// Amazon Athena
    Athena,
    /// Trino
    Trino,
    /// Apache Spark
    Spark,
    /// DuckDB
    Duckdb,
    /// Snowflake
    Snowflake,
    /// Google BigQuery
    Bigquery,
    /// ClickHouse
    Clickhouse,
}
