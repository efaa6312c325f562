//! L: a broker's log directories.

super::codes! { LOG:
    LOG_DIR = "FIRN-L001", Environment, "A log directory cannot be read" {
        cause: "the directory is missing, is no Kafka log directory, or this user may not read it",
        effect: "nothing of it was offloaded or served",
        action: "name a directory of the broker's `log.dirs` and run as a user who may read it, such as the broker's own",
    }
    LOG_DIRS_DIFFER = "FIRN-L002", Refused, "The log directories do not belong together" {
        cause: "their `meta.properties` name different clusters or nodes, or two of them hold the same partition",
        effect: "nothing was offloaded: taking one of two copies could take the older",
        action: "name the directories of one broker; of a partition found twice, remove the copy that the broker does not use",
    }
    LOG_DAMAGED = "FIRN-L003", Difference, "A log segment is damaged" {
        cause: "a batch's checksum, length, offset or epoch is not what it must be, or a segment file is missing",
        effect: "the partition was taken up to the last sound segment; what is in the tier is untouched",
        action: "look at the file with `firnline inspect FILE`; bring the partition back from another replica; a compacted topic, whose logs leave out offsets, needs --allow-holes",
    }
    LOG_UNFINISHED = "FIRN-L004", Environment, "Something else is at work on the partition's directory" {
        cause: "a cleaning or a restore has begun there and was not finished",
        effect: "the partition was left out",
        action: "let it finish: start the broker once, or run the restore again",
    }
    LOG_CHANGED = "FIRN-L005", Partly, "The log changed while it was read" {
        cause: "something wrote to, cut or removed a segment during the upload",
        effect: "what was made of the segment was thrown away; the tier is untouched",
        action: "make sure that no broker uses the directory, then run the command again",
    }
    LOG_DIVERGED = "FIRN-L006", Refused, "The log does not continue the tier" {
        cause: "it begins above the tier's end, ends below it, a batch straddles it, or the leader epochs are other ones: another replica was offloaded before, or the log was cut",
        effect: "the partition was left out; what is in the tier stays",
        action: "offload from the replica that leads, or from one that still has the offsets named",
    }
    NO_BOUND = "FIRN-L010", Refused, "Nobody says up to where the log is committed" {
        cause: "without a broker to ask, records at the end of the log may be some that Kafka will take back",
        effect: "nothing was offloaded",
        action: "with the broker stopped for good, or on a copy of its directory, add --assume-committed",
    }
    BROKER_RUNS = "FIRN-L011", Refused, "A broker uses this log directory" {
        cause: "another process holds the directory's `.lock`, as a running broker does",
        effect: "nothing was read or written: the log may change under the hand",
        action: "stop the broker first",
    }
    TARGET_NOT_EMPTY = "FIRN-L020", Refused, "The target of a restore holds records" {
        cause: "the directory, or the partition's directory within it, has log segments with records in them",
        effect: "nothing was written",
        action: "restore into an empty directory, or into a partition directory of a stopped broker without records",
    }
    TARGET = "FIRN-L021", Usage, "The target of a restore is not one that a broker would start on" {
        cause: "it is no directory, has another name than TOPIC-PARTITION inside a log directory, or lacks the topic's id",
        effect: "nothing was written",
        action: "create the topic, stop the broker, and restore into the directory that it made; or into an empty one elsewhere",
    }
    UNDECIDED = "FIRN-L022", Refused, "No record in the range is decided" {
        cause: "a transaction that began before the range is still open at its end",
        effect: "nothing was written: consumers would wait for a marker that never comes",
        action: "choose a range that ends where the transaction is decided, or before it began",
    }
}
