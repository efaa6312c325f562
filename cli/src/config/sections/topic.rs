//! `[[topic]]`

use crate::config::value::{Bytes, ClassName, Codec, Count, Wait};
use crate::selector::TopicPattern;
use firnline_config::section;

section! {
    /// What holds for some topics. Sections are tried in the order of the file, and the first whose `name` matches a topic's
    /// whole name holds for it, alone; what it does not say is as `[offload]` says. Read again on SIGHUP.
    TopicSection as "topic" {
        /// Which topics. Required.
        "name" => name: Option<TopicPattern> = "";
        /// Whether these topics are offloaded. `--topic` on the command line stands before it.
        "offload" => offload: bool = "true";
        /// Whether compacted topics among them are taken, too. Their full history is kept, as far as the cleaner left it.
        "compacted" => compacted: bool = "false";
        /// Whether topics among them whose names begin with `__` are taken, too.
        "internal" => internal: bool = "false";
        /// How long the tier keeps records at least. It only lengthens what the bucket says; shortening, or limiting for the
        /// first time, is `firnline policy set`, so that one stale config deletes nothing.
        "retention.time" => retention_time: Option<Wait<60_000, 3_153_600_000_000>> = "";
        /// How many bytes of a partition the tier keeps at least. It only lengthens, likewise.
        "retention.size" => retention_size: Option<Bytes<{ 1 << 20 }, { 1 << 60 }>> = "";
        /// Instead of `offload.target_size`.
        "target_size" => target_size: Option<Bytes<0, { 64 << 30 }>> = "";
        /// Instead of `offload.max_lag`.
        "max_lag" => max_lag: Option<Wait<1_000, 604_800_000>> = "";
        /// Instead of `offload.tail_interval`.
        "tail_interval" => tail_interval: Option<Wait<1_000, 86_400_000>> = "";
        /// Instead of `offload.compression`.
        "compression" => compression: Option<Codec> = "";
        /// Instead of `encryption.topics`: whether segments to come are encrypted. Those that are in the tier stay as they are.
        "encrypt" => encrypt: Option<bool> = "";
        /// Instead of `store.storage_class`. Segments that are in the tier already stay in theirs. Not on Azure.
        "storage_class" => storage_class: Option<ClassName> = "";
        /// Who goes first where not all can: 0 is the most urgent, 9 the least.
        "priority" => priority: Count<0, 9> = "5";
        /// Bytes a second of these topics' logs that one sidecar sends to the store, for each topic, besides `offload.rate`.
        /// Not set: `offload.rate` alone.
        "rate" => rate: Option<Bytes<{ 64 << 10 }, { 1 << 40 }>> = "";
    }
}
