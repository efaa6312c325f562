//! What only the broker plugin is told.

use crate::section;
use crate::value::{Bytes, Count, Text, Wait};

section! {
    /// What belongs to the plugin alone.
    PluginSection as "" {
        /// The cluster whose tier it is, as `kafka-storage.sh` was told and `meta.properties` in the log directories says: a broker
        /// does not tell it to its plugins. Required.
        "cluster.id" => cluster_id: Option<Text> = "";
        /// The broker's id. It tells this one itself.
        "broker.id" => broker_id: Option<Count<0, 2_147_483_647>> = "";
        /// The same.
        "node.id" => node_id: Option<Count<0, 2_147_483_647>> = "";
        /// Bytes a second of the log that are sent to the store, over all copies. Not set: no limit. The broker's own
        /// `remote.log.manager.copy.max.bytes.per.second` holds before it.
        "limits.upload_rate" => upload_rate: Option<Bytes<{ 64 << 10 }, { 1 << 40 }>> = "";
        /// Bytes a second that are read from the store, over all fetches: a read waits until what has come before is paid for, up
        /// to `store.deadline.read`. Not set: no limit. The broker's own is
        /// `remote.log.manager.fetch.max.bytes.per.second`.
        "limits.download_rate" => download_rate: Option<Bytes<{ 64 << 10 }, { 1 << 40 }>> = "";
        /// How often the manifests are written that mirror what was copied and deleted, for those who read the bucket without the
        /// broker. One GET and one PUT a partition where anything changed.
        "projection.interval" => projection_interval: Wait<100, 3_600_000> = "1m";
        /// Within which time everything that this broker tiers is read once, to check that it is still what was written. The
        /// broker that leads a partition does it.
        "scrub.within" => scrub_within: Wait<3_600_000, 31_536_000_000> = "30d";
        /// Bytes a second read for that at most, even if it takes longer then. `0B` turns it off.
        "scrub.rate" => scrub_rate: Bytes<0, { 1 << 34 }> = "8MiB";
    }
}
