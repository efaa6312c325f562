//! `[offload]`

use crate::config::value::{Bytes, Count, FilePath, List, Wait};
use firnline_config::section;

section! {
    /// What `firnline offload` takes, when, and how it stores it. A key that says *restart* is read at the start; all others
    /// are read again on SIGHUP (`systemctl reload`).
    OffloadSection as "offload" {
        /// The broker's log directories, all of its `log.dirs`. `--log-dir` stands before it. Restart to change.
        "log_dirs" => log_dirs: List<FilePath> = "";
        /// The broker's `node.id`. Not set: as `meta.properties` in the log directories says. Set: the two must agree, so
        /// that a config copied to another broker does no harm. Restart to change.
        "node_id" => node_id: Option<Count<0, 2_147_483_647>> = "";
        /// Small sealed segments are joined into remote segments of up to this size; a larger one is not split. `0B` joins
        /// none.
        "target_size" => target_size: Bytes<0, { 64 << 30 }> = "256MiB";
        /// After this long a sealed segment is uploaded even if the target size is not reached. It bounds how much only the
        /// brokers hold. Jittered downwards by up to an eighth.
        "max_lag" => max_lag: Wait<1_000, 604_800_000> = "1h";
        /// How often the segment that is still written is uploaded in pieces, which one upload replaces when it is sealed.
        /// Not set: never. With it the bucket is at most this far behind; each piece costs a PUT and a commit.
        "tail_interval" => tail_interval: Option<Wait<1_000, 86_400_000>> = "";
        /// Free space of each log directory's disk that pins never use: below it pins give way, oldest first, and a gap may
        /// result; the broker never dies of us. Not set: 5 % of the smallest of the disks, 20 GiB at most. Restart to change.
        "reserve" => reserve: Option<Bytes<0, { 1 << 50 }>> = "";
        /// What pins alone may hold of each log directory's disk (bytes that Kafka has deleted already). Not set: whatever
        /// the reserve leaves.
        "pin_budget" => pin_budget: Option<Bytes<0, { 1 << 50 }>> = "";
        /// Bytes a second of the log that are read and sent to the store, over all partitions. It holds within a segment too,
        /// in steps of about 1 MiB that all uploads share alike; a bucket gets each part of 16 MiB at once, when its bytes
        /// are together. Not set: no limit. Below the reserve's double, and for what is later than twice its `max_lag`, it
        /// does not hold: saving bytes goes first.
        "rate" => rate: Option<Bytes<{ 64 << 10 }, { 1 << 40 }>> = "";
        /// How often all log directories are looked through. What the kernel tells meanwhile is acted on at once; this is for
        /// what it did not tell. Restart to change.
        "scan_interval" => scan_interval: Wait<1_000, 3_600_000> = "30s";
        /// How long the tier's end stands still before a sidecar that does not lead uploads what it holds and can prove.
        "takeover_wait" => takeover_wait: Wait<1_000, 86_400_000> = "10m";
        /// How long a range that the leader lacks is asked of all replicas before it is recorded as a gap. Proven bytes may
        /// fill a gap later, still. So long the pins of a deleted topic stay after what is known of it is in the bucket.
        "gap_wait" => gap_wait: Wait<1_000, 2_592_000_000> = "1h";
        /// Claims a second after elections. A claim costs two GETs and a PUT.
        "claim_rate" => claim_rate: Count<1, 10_000> = "50";
        /// The share of a partition's bytes in the tier that a truncation may cut into a dead branch without an operator's
        /// word, in percent.
        "cut_share" => cut_share: Count<0, 100> = "10";
        /// How often this node writes its summary for the other sidecars, `status` and proxies. One PUT where anything
        /// changed.
        "summary_interval" => summary_interval: Wait<1_000, 3_600_000> = "1m";
        /// How often the leaders of logs that grow are asked what is committed, to remember it beside the pins. What was
        /// written since then can be proven by nobody but the leader: after its loss such pins wait for an operator. One
        /// request per leader.
        "witness_interval" => witness_interval: Wait<1_000, 600_000> = "10s";
        /// How long a transaction stays open before `firnline status` names it, with Kafka's command that ends it.
        "hanging_after" => hanging_after: Wait<10_000, 604_800_000> = "1h";
        /// Whether group offsets, topic settings and ACLs are written to the bucket for the day after a disaster. No
        /// secrets. The sidecar with the smallest node id does it. Restart to change.
        "state_export" => state_export: bool = "true";
        /// How often they are read; they are written where they differ. Restart to change.
        "state_interval" => state_interval: Wait<10_000, 86_400_000> = "1m";
        /// How often each partition led here is looked at for segments past their retention (`firnline policy`). One GET where
        /// there is any.
        "retention.interval" => retention_interval: Wait<60_000, 2_592_000_000> = "1h";
        /// What one such look may take of a partition's bytes, in percent. One segment always may go.
        "retention.share" => retention_share: Count<0, 100> = "10";
        /// How often objects that nothing names are looked for and deleted. Listing costs one request per 1,000 objects.
        "gc.interval" => gc_interval: Wait<60_000, 2_592_000_000> = "1d";
        /// How old an object that nothing names must be before it is taken for one that nobody is about to name.
        "gc.grace" => gc_grace: Wait<60_000, 2_592_000_000> = "1d";
        /// What one such look may delete of the objects that it lists, in percent. A few always may go; beyond it nothing does,
        /// and `firnline gc` is for a person to run.
        "gc.share" => gc_share: Count<0, 100> = "10";
        /// Within which time everything in the tier is read once, to check that it is still what was written. Each sidecar
        /// does it for what its broker leads.
        "scrub.within" => scrub_within: Wait<3_600_000, 31_536_000_000> = "30d";
        /// Bytes a second read for that at most, even if it takes longer then. `0B` turns it off.
        "scrub.rate" => scrub_rate: Bytes<0, { 1 << 34 }> = "8MiB";
        /// How long two brokers must say that a topic's id is unknown, and its directory be gone, before it counts as
        /// deleted.
        "deleted_topic.wait" => deleted_topic_wait: Wait<1_000, 2_592_000_000> = "1h";
        /// The share of all topics that may count as deleted at once without an operator's word, in percent.
        "deleted_topic.share" => deleted_topic_share: Count<0, 100> = "10";
        /// How long the archive of a deleted topic is kept at least. It only lengthens what `firnline policy set --after-deletion`
        /// has put into the bucket; where that says nothing, archives are kept for ever. After that all of it goes,
        /// `retention.share` at a time, if two brokers still say that its id is unknown. The sidecar with the smallest node id
        /// does it.
        "deleted_topic.retention" => deleted_topic_retention: Option<Wait<86_400_000, 3_153_600_000_000>> = "";
    }
}
