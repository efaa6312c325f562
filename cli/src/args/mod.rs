//! What was typed. What it means is decided by each command, with the config and the environment at hand.

mod export;
mod look;
mod operate;
mod proxy;
mod serve;
mod tend;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use export::{ExportArgs, ExportCommand, ExportFormat, RepairTableArgs, TendArgs, ViewArgs, ViewDialect};
pub use look::{CatArgs, CostArgs, InspectArgs, Isolation, LsArgs, SelectionArgs, VerifyArgs};
pub use operate::{
    ConfigArgs, ConfigCommand, DemoArgs, LogFormat, OffloadArgs, Page, ReferenceArgs, RestoreArgs,
};
pub use proxy::ProxyArgs;
pub use serve::{HashPasswordArgs, ServeArgs};
pub use tend::{
    ConfirmDeletedArgs, DecommissionArgs, DeleteRecordsArgs, GcArgs, PauseArgs, PolicyArgs, PolicyCommand,
    PolicySetArgs, RepairArgs, RepairCommand, ResumeArgs, RewrapArgs, StatusArgs, WordArgs,
};

const AFTER: &str = "\
The tier is named by --store, else FIRNLINE_STORE, else store.url in the config; commands that
only read also take it as their first argument. Addresses: s3://BUCKET/PREFIX, gs://BUCKET/PREFIX,
az://CONTAINER/PREFIX, file:///DIR, or a directory written with a slash at its beginning or as
./DIR.

Exit codes: 0 fine, 1 damage or a difference found, 2 usage, 3 environment, 4 refused for safety,
5 partly done, 130 and 143 ended by a signal. Data goes to standard output, everything else to
standard error.

Start here:  firnline demo";

/// Moves sealed Kafka log segments to an object store, and reads them back byte for byte.
#[derive(Debug, Parser)]
#[command(name = "firnline", version, after_help = AFTER, max_term_width = 100)]
#[command(disable_help_subcommand = true, arg_required_else_help = true)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// What holds for every command.
#[derive(Debug, Args)]
pub struct GlobalArgs {
    /// The config file (TOML), else FIRNLINE_CONFIG, else none
    #[arg(long, global = true, value_name = "FILE", help_heading = "Everywhere")]
    pub config: Option<PathBuf>,
    /// The tier, else FIRNLINE_STORE, else store.url in the config
    #[arg(long, global = true, value_name = "URL", help_heading = "Everywhere")]
    pub store: Option<String>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Shows the whole job on this machine, with a log that it writes itself
    Demo(DemoArgs),
    /// Moves sealed segments of a broker's log directories to the tier
    Offload(OffloadArgs),
    /// Says how the sidecars are: what waits, what is behind, what is lost, worst first
    Status(StatusArgs),
    /// Stops uploads of topics for a while, on all nodes; pins are kept
    Pause(PauseArgs),
    /// Lets paused topics go on
    Resume(ResumeArgs),
    /// Shows or sets how long the tier keeps a topic
    Policy(PolicyArgs),
    /// Deletes the oldest records of a partition from the tier
    DeleteRecords(DeleteRecordsArgs),
    /// Deletes objects that nothing names
    Gc(GcArgs),
    /// Decides what a sidecar must not decide: cuts and gaps
    Repair(RepairArgs),
    /// Proves that a broker's pins hold nothing that is nowhere else, and lets them go
    Decommission(DecommissionArgs),
    /// Lists what is in the tier
    Ls(LsArgs),
    /// Shows one thing in full: an object, a partition's manifest, a log segment on disk
    Inspect(InspectArgs),
    /// Prints the records of a partition
    Cat(CatArgs),
    /// Checks the tier, or parts of it
    Verify(VerifyArgs),
    /// Writes a partition's log segments back into a directory
    Restore(RestoreArgs),
    /// Answers Kafka's clients from the tier, without a broker
    Serve(ServeArgs),
    /// Stands before Kafka's brokers, so that clients read hot and cold as one log
    Proxy(ProxyArgs),
    /// Writes tables for warehouses from the tier, exactly once
    Export(ExportArgs),
    /// Makes lines for a server's file of users
    HashPassword(HashPasswordArgs),
    /// Wraps topic keys with the active key of the ring
    Rewrap(RewrapArgs),
    /// Says what is in the tier and what it costs a month
    Cost(CostArgs),
    /// Checks or shows the config
    Config(ConfigArgs),
    /// Prints a generated page of the documentation
    #[command(hide = true)]
    Reference(ReferenceArgs),
}
