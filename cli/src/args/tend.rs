//! Commands by which an operator looks after a tier and its sidecars.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::SelectionArgs;

/// `firnline status`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  firnline status --config /etc/firnline.toml       the sidecar of this machine, else the bucket
  firnline status --store s3://archive/kafka        what all sidecars have left in the bucket
  firnline status --sidecar 10.0.0.7:9655 --json | jq '.facts[] | .code'
  firnline status --by-brokers                      what brokers tier, and what is another plugin's still

The worst stands first, each line with a code that docs/errors.md explains. Exit code 0: nothing is
lost or damaged, whatever may wait; 1: something is (a gap, a dead branch, damage, a history that
does not go on); 3: it cannot be told, for a sidecar is silent.

With --by-brokers neither is asked, but the brokers of [kafka]: of each topic that they tier (KIP-405)
how many segments there are that Firnline's plugin has copied, and that another plugin has. All of
their topic __remote_log_metadata is read for it; Describe and Read on it are needed.")]
pub struct StatusArgs {
    /// The sidecar's HTTP port, else http.listen of the config
    #[arg(long, value_name = "IP:PORT")]
    pub sidecar: Option<SocketAddr>,
    /// Only what the bucket tells
    #[arg(long, conflicts_with = "sidecar")]
    pub bucket: bool,
    /// What brokers tier, and by which plugin, as the brokers of `[kafka]` know
    #[cfg(feature = "sidecar")]
    #[arg(long, conflicts_with_all = ["sidecar", "bucket"])]
    pub by_brokers: bool,
    /// With --by-brokers: as Prometheus reads it, see docs/metrics.md
    #[cfg(feature = "sidecar")]
    #[arg(long, requires = "by_brokers", conflicts_with = "json")]
    pub metrics: bool,
    /// One JSON object; with --by-brokers one per topic and line, and one for the whole
    #[arg(long)]
    pub json: bool,
}

/// Who says so, and whether it is meant.
#[derive(Debug, Args)]
pub struct WordArgs {
    /// Do it. Without this it is shown, and refused (exit 4)
    #[arg(long)]
    pub yes: bool,
    /// Only show what would be done
    #[arg(long, conflicts_with = "yes")]
    pub dry_run: bool,
}

/// `firnline pause`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  firnline pause orders --why 'moving the bucket'
  firnline pause orders clicks --store s3://archive/kafka

While a topic is paused nothing of it is uploaded, retired or collected, on any node and through
restarts. Pins are kept, so no gap comes of it while the disks have room: `firnline status` shows
what pins hold, and below the reserve of a disk they give way.")]
pub struct PauseArgs {
    /// Topics; TOPIC@ID tells apart topics of the same name
    #[arg(value_name = "TOPIC", required = true)]
    pub topics: Vec<String>,
    /// Why, for whoever looks later
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub why: String,
    /// One JSON object per topic and line
    #[arg(long)]
    pub json: bool,
}

/// `firnline resume`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  firnline resume orders")]
pub struct ResumeArgs {
    /// Topics; TOPIC@ID tells apart topics of the same name
    #[arg(value_name = "TOPIC", required = true)]
    pub topics: Vec<String>,
    /// One JSON object per topic and line
    #[arg(long)]
    pub json: bool,
}

/// `firnline policy`
#[derive(Debug, Args)]
pub struct PolicyArgs {
    #[command(subcommand)]
    pub command: PolicyCommand,
}

/// What is to be done with policies.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Shows what the bucket says of topics: retention, pauses, deletions
    #[command(after_help = "\
Examples:
  firnline policy show s3://archive/kafka
  firnline policy show orders --json")]
    Show {
        #[command(flatten)]
        selection: SelectionArgs,
        /// One JSON object per topic and line
        #[arg(long)]
        json: bool,
    },
    /// Sets how long the tier keeps a topic
    #[command(after_help = "\
Examples:
  firnline policy set orders --time 365d --dry-run  what would go
  firnline policy set orders --time 365d --yes
  firnline policy set orders --time none --size none   keep everything
  firnline policy set orders --after-deletion 90d --yes   when the topic is deleted, its archive goes

What is not given stays as it is. What the new limits take is worked out first: more than
--max-share of the topic's bytes is refused (exit 4), and so is anything at all without --yes.
Sidecars delete it in steps, each within offload.retention.share of a partition. A config file can
lengthen this for a node, never shorten it.")]
    Set(PolicySetArgs),
    /// Confirms that topics are deleted, where sidecars doubt it because too many are gone at once
    #[command(after_help = "\
Examples:
  firnline policy confirm-deleted orders@AAAAAAAAAAAAAAAAAAAAAQ --dry-run
  firnline policy confirm-deleted orders clicks --yes

It takes nothing out of the archive. A sidecar that sees it lets go of its pins of these topics,
once what was committed of them is in the tier: only where two brokers say, then as before, that
they do not know the topic's id. So it does nothing to a topic that is there. It cannot be taken
back, and is refused (exit 4) without --yes. `firnline status` names the topics (FIRN-O505).")]
    ConfirmDeleted(ConfirmDeletedArgs),
}

/// `firnline policy confirm-deleted`
#[derive(Debug, Args)]
pub struct ConfirmDeletedArgs {
    /// Topics; TOPIC@ID tells apart topics of the same name
    #[arg(value_name = "TOPIC", required = true)]
    pub topics: Vec<String>,
    #[command(flatten)]
    pub word: WordArgs,
    /// One JSON object per topic and line
    #[arg(long)]
    pub json: bool,
}

/// `firnline policy set`
#[derive(Debug, Args)]
pub struct PolicySetArgs {
    /// The topic; TOPIC@ID tells apart topics of the same name
    #[arg(value_name = "TOPIC")]
    pub topic: String,
    /// Records are kept this long, such as 365d; `none` for no limit
    #[arg(long, value_name = "DURATION")]
    pub time: Option<String>,
    /// So many bytes of each partition are kept, such as 1TiB; `none` for no limit
    #[arg(long, value_name = "SIZE")]
    pub size: Option<String>,
    /// How long the archive stays once the topic itself is deleted, such as 90d; `none` for ever. By itself
    #[arg(long, value_name = "DURATION", conflicts_with_all = ["time", "size"])]
    pub after_deletion: Option<String>,
    /// What may go of the topic's bytes, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 10, value_parser = clap::value_parser!(u16).range(0..=100))]
    pub max_share: u16,
    #[command(flatten)]
    pub word: WordArgs,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
}

/// `firnline delete-records`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  firnline delete-records orders/3 --before 170000 --dry-run
  firnline delete-records orders/3 --before 170000 --max-share 60 --yes --why 'request 4711'

Records below the offset are gone for every reader from then on: a floor is written, the leader's
sidecar folds it into the manifest, and objects wholly below it are deleted. The broker's own
records are not touched: use kafka-delete-records.sh for these.")]
pub struct DeleteRecordsArgs {
    /// One partition; TOPIC@ID/P tells apart topics of the same name
    #[arg(value_name = "TOPIC/P")]
    pub partition: String,
    /// The first offset that stays
    #[arg(long, value_name = "OFFSET")]
    pub before: u64,
    /// What may go of the partition's bytes, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 10, value_parser = clap::value_parser!(u16).range(0..=100))]
    pub max_share: u16,
    /// Why, for whoever looks later
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub why: String,
    #[command(flatten)]
    pub word: WordArgs,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
}

/// `firnline gc`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  firnline gc --dry-run s3://archive/kafka          what nothing names, and why it may go
  firnline gc --yes orders
  firnline gc --by-brokers --dry-run                what the brokers of the plugin do not know of

Deletes objects that no manifest names and that are old enough: what uploads left that were never
committed, and what retention has left behind. Sidecars do it by themselves; this is for when none
runs, or for more than their share. Where something looks as if a commit or a manifest was lost, the
partition is refused and named (exit 4): then what looks like rubbish may be the only copy. Between
the commit that fences writers off and the deletion it waits as long as readers may hold old
manifests.

With --by-brokers it looks through the partitions that brokers with KIP-405 tier, and no others. Segments
that are there are listed first; then all is read that the brokers of [kafka] know of them (the topic
__remote_log_metadata). What is old enough and unknown to them goes, what they have deleted and came
again, and copies that never ended where others have their offsets. Topics whose segments were attached
to another cluster (`firnline restore --kip405`) are left alone: its brokers own them.")]
pub struct GcArgs {
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// What may go of a partition's objects and bytes, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 10, value_parser = clap::value_parser!(u16).range(0..=100))]
    pub max_share: u16,
    /// Objects younger than this stay, else gc.grace of the config
    #[arg(long, value_name = "DURATION")]
    pub grace: Option<String>,
    /// Partitions that brokers tier, by what the brokers of `[kafka]` know
    #[cfg(feature = "sidecar")]
    #[arg(long)]
    pub by_brokers: bool,
    #[command(flatten)]
    pub word: WordArgs,
    /// One JSON object per object and line, and one for the whole
    #[arg(long)]
    pub json: bool,
}

/// `firnline decommission`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  firnline decommission --config /etc/firnline.toml --dry-run
  firnline decommission --config /etc/firnline.toml --yes

For a broker that leaves, or a sidecar that is not wanted any more. End the sidecar first. Each
pin is held against the manifests: where its bytes are in the tier, or Kafka still has the file,
nothing is lost with it. If any pin is all there is, it is named and the command is refused
(exit 4). Then all pins go, and what else the sidecar keeps in the log directories.")]
pub struct DecommissionArgs {
    /// A log directory of the broker; may be given several times; else offload.log_dirs in the config
    #[arg(long, value_name = "DIR")]
    pub log_dir: Vec<PathBuf>,
    /// Let go what is nowhere else, too. Records are lost
    #[arg(long, requires = "yes")]
    pub lose: bool,
    #[command(flatten)]
    pub word: WordArgs,
    /// One JSON object per pin and line, and one for the whole
    #[arg(long)]
    pub json: bool,
}

/// `firnline repair`
#[derive(Debug, Args)]
pub struct RepairArgs {
    #[command(subcommand)]
    pub command: RepairCommand,
}

/// The decisions that only an operator may make.
#[derive(Debug, Subcommand)]
pub enum RepairCommand {
    /// Cuts the tier where Kafka's history goes another way
    #[command(after_help = "\
Examples:
  firnline repair cut orders/3 --at 170000 --dry-run
  firnline repair cut orders/3 --at 170000 --yes

What the tier has from the offset on moves to a dead branch: it is kept and can be read by name, but
no longer served. The leader's sidecar goes on from there. `firnline status` names the partition
and the offset at which the histories part (FIRN-O500 to O502).")]
    Cut {
        /// One partition; TOPIC@ID/P tells apart topics of the same name
        #[arg(value_name = "TOPIC/P")]
        partition: String,
        /// The first offset from which Kafka's history differs: the end of a batch
        #[arg(long, value_name = "OFFSET")]
        at: u64,
        #[command(flatten)]
        word: WordArgs,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Takes the mark of a deleted topic off a partition whose topic is there
    #[command(after_help = "\
Examples:
  firnline repair undelete orders/3 --dry-run
  firnline repair undelete orders/3 --yes

A topic that two brokers do not know for offload.deleted_topic.wait is marked as deleted. Where they know
it again, sidecars upload nothing until the mark is taken off (FIRN-O508), and then go on from the tier's
end within a minute or two. First find out why the brokers had lost the topic.")]
    Undelete {
        /// One partition; TOPIC@ID/P tells apart topics of the same name
        #[arg(value_name = "TOPIC/P")]
        partition: String,
        #[command(flatten)]
        word: WordArgs,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Makes the manifest of a partition that brokers tier right, or anew, by the segments that are there
    #[command(after_help = "\
Examples:
  firnline repair mirror orders/3 --dry-run
  firnline repair mirror orders/3 --yes

Of a partition that brokers with KIP-405 tier the manifest is a mirror of what they did, for whoever reads the
tier without them; they themselves never read it. A crash may keep something from it. Segments that it does
not list are read whole and added, and what it lists and is gone is taken out. One that is damaged must be
moved away by hand first. What copies have left that never ended is added as well: look with
`firnline gc --by-brokers` before.")]
    Mirror {
        /// One partition; TOPIC@ID/P tells apart topics of the same name
        #[arg(value_name = "TOPIC/P")]
        partition: String,
        #[command(flatten)]
        word: WordArgs,
        /// One JSON object per segment and line, and one for the whole
        #[arg(long)]
        json: bool,
    },
    /// Records a range as lost, so that the tier can go on behind it
    #[command(after_help = "\
Examples:
  firnline repair gap orders/3 --until 170000 --dry-run
  firnline repair gap orders/3 --until 170000 --yes

The gap begins at the tier's end. Readers are told that the range is lost. Sidecars record a gap by
themselves when no replica has brought the range within offload.gap_wait; this is for not waiting.
Who still has the range may fill it later.")]
    Gap {
        /// One partition; TOPIC@ID/P tells apart topics of the same name
        #[arg(value_name = "TOPIC/P")]
        partition: String,
        /// The first offset that is not lost
        #[arg(long, value_name = "OFFSET")]
        until: u64,
        #[command(flatten)]
        word: WordArgs,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
}

/// `firnline rewrap`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  firnline rewrap --config /etc/firnline.toml --dry-run   how many keys the old ring key still wraps
  firnline rewrap --config /etc/firnline.toml
  firnline rewrap --topic 'pay.*' --new-topic-keys        seal segments to come with new keys

To change the ring's key: add the new one to encryption.keys beside the old, make it
encryption.active everywhere, then run this once. Each topic's key is unwrapped with the ring key
that it names and wrapped with the active one: one small object a key, no segment is touched, and
running it again does nothing. Only when --dry-run counts none may the old key leave the ring.
Exit code 5: some keys stay as they were; each is named.")]
pub struct RewrapArgs {
    /// The tier, if it is not named otherwise
    #[arg(value_name = "TIER")]
    pub tier: Option<String>,
    /// Only topics whose whole name matches; may be given several times
    #[arg(long, value_name = "REGEX")]
    pub topic: Vec<String>,
    /// First make a new key for each of these topics that has one: segments to come are sealed with it
    #[arg(long)]
    pub new_topic_keys: bool,
    /// Only count
    #[arg(long)]
    pub dry_run: bool,
    /// One JSON object a key and line
    #[arg(long)]
    pub json: bool,
}
