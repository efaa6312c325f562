//! O: the sidecar: how it starts, what it waits for, what it has found. The codes of what a partition waits for are the
//! offloader's own; here they get their pages.

super::codes! { OFFLOAD:
    SECOND_SIDECAR = "FIRN-O010", Refused, "Another sidecar works here" {
        cause: "a running sidecar holds `.firnline-lock` in a log directory, or works under the same node id in the same bucket",
        effect: "this one did nothing; the other goes on",
        action: "run one sidecar for each broker; the message names the process or the run that holds the place",
    }
    OTHER_NODE = "FIRN-O011", Refused, "The config belongs to another broker" {
        cause: "`offload.node_id`, or the cluster that [kafka] leads to, is not the one that `meta.properties` in the log directories names",
        effect: "nothing was done: what another broker says is committed proves nothing here",
        action: "give each broker its own config, or leave `offload.node_id` out",
    }
    CANNOT_PIN = "FIRN-O012", Environment, "Log segments cannot be pinned" {
        cause: "a hard link in a log directory was refused: the sidecar runs as another user than the broker (the kernel's `fs.protected_hardlinks`), or the file system has no hard links",
        effect: "nothing was done: without pins Kafka's retention could delete what is not in the tier",
        action: "run the sidecar as the broker's user; the message names the directory and the kernel's reason",
    }
    NO_BROKERS = "FIRN-O013", Usage, "No broker was named to ask" {
        cause: "`kafka.bootstrap` is not set, and a sidecar takes nothing without a broker that says what is committed",
        effect: "nothing was done",
        action: "set kafka.bootstrap in the config; `--once --assume-committed` offloads a stopped broker without it",
    }
    NOT_BUILT_IN = "FIRN-O014", Usage, "This build has no sidecar" {
        cause: "the binary was built without the feature `sidecar`, as for `make demo`",
        effect: "nothing was done",
        action: "use a build with all features",
    }
    HTTP_PORT = "FIRN-O015", Environment, "The HTTP port cannot be opened" {
        cause: "another program uses the port, or the address is not this machine's",
        effect: "the sidecar goes on without metrics, health and status; offloading does not depend on them",
        action: "set `http.listen` to a free port (each sidecar of a machine needs its own), or to `off`",
    }
    SHARE = "FIRN-O020", Refused, "More would go than may go at once" {
        cause: "what was asked for takes more out of the tier than the share that one act may take",
        effect: "nothing was changed",
        action: "look at what would go with --dry-run; raise the limit with --max-share PERCENT if that is what you mean",
    }
    UNCONFIRMED = "FIRN-O021", Refused, "This needs your word" {
        cause: "the command takes away what cannot be brought back, and was not confirmed",
        effect: "nothing was changed; what would have been done is shown above",
        action: "read it, then add --yes",
    }
    WOULD_LOSE = "FIRN-O022", Refused, "Pins hold what is nowhere else" {
        cause: "pins on this machine keep committed records that are not in the tier",
        effect: "no pin was released",
        action: "let the sidecar go on until `firnline status` shows no lag, or name what you give up with --lose",
    }
    COLLECT_REFUSED = "FIRN-O023", Refused, "Nothing is deleted here" {
        cause: "something looks as if a commit or a manifest was lost, or the clocks of machine and store are far apart; the message says which",
        effect: "nothing of the partition was deleted: what looks like rubbish may be the only copy",
        action: "`firnline verify TOPIC/P` and `firnline inspect TOPIC/P` show what is there; mend the cause and run it again",
    }
    REMOTE_LOG = "FIRN-O024", Environment, "What the brokers know of remote segments cannot be read" {
        cause: "the topic __remote_log_metadata is not there for this login, does not reach back to its beginning, or says what this build does not know",
        effect: "nothing was deleted: whether an object is owned can be told only by all of it",
        action: "see the message; the login needs Describe and Read on that topic",
    }
    IDLE = "FIRN-O100", Fine, "Nothing to do" {
        cause: "all that may be in the tier is there",
        effect: "none",
        action: "nothing",
    }
    NOT_DUE = "FIRN-O101", Fine, "Held, and not due yet" {
        cause: "sealed segments are joined until they reach `target_size`, or until the oldest is `max_lag` old",
        effect: "the brokers and the pins hold the records; the tier gets them in time",
        action: "nothing; a smaller `max_lag` brings them sooner, for more requests",
    }
    UPLOADER = "FIRN-O102", Fine, "The leader's sidecar uploads" {
        cause: "another broker leads the partition",
        effect: "pins here keep a copy until the tier covers it",
        action: "nothing; where the leader has no sidecar, this one takes over after `offload.takeover_wait`",
    }
    TURN = "FIRN-O103", Fine, "Waiting for its turn" {
        cause: "as many partitions as `limits.parallel_partitions` allows are under way",
        effect: "the lag grows a little meanwhile",
        action: "nothing, unless it lasts: then raise `limits.parallel_partitions` or `limits.upload_memory`",
    }
    OFF_POLICY = "FIRN-O110", Fine, "Not offloaded, as the config says" {
        cause: "the first [[topic]] section that matches has `offload = false`",
        effect: "nothing of the topic is uploaded; what the tier has of it stays",
        action: "nothing, or change the section and reload",
    }
    OFF_INTERNAL = "FIRN-O111", Fine, "An internal topic, not asked for" {
        cause: "its name begins with `__`, and no [[topic]] section takes it with `internal = true`",
        effect: "it is not offloaded; group offsets are kept in the disaster state instead",
        action: "nothing",
    }
    OFF_COMPACTED = "FIRN-O112", Fine, "A compacted topic, not asked for" {
        cause: "its `cleanup.policy` contains `compact`, and no [[topic]] section takes it with `compacted = true`",
        effect: "it is not offloaded",
        action: "nothing, or take it: then the tier keeps its full history",
    }
    OFF_PLUGIN = "FIRN-O113", Fine, "The broker tiers it itself" {
        cause: "the topic has `remote.storage.enable=true`, or its manifest belongs to a broker's plugin",
        effect: "the sidecar leaves it alone",
        action: "nothing",
    }
    OFF_UNKNOWN = "FIRN-O114", Fine, "Its settings are not known yet" {
        cause: "no broker has told whether the topic is compacted or tiered by the broker",
        effect: "its segments are pinned; nothing is uploaded",
        action: "nothing, unless it lasts: then see the right DescribeConfigs in the guide",
    }
    PAUSED = "FIRN-O120", Fine, "Paused by an operator" {
        cause: "`firnline pause` was said for the topic",
        effect: "nothing is uploaded, retired or collected; pins are kept and grow, down to the reserve of the disk",
        action: "`firnline resume TOPIC`",
    }
    NO_LEADER = "FIRN-O200", Fine, "No leader is known" {
        cause: "the partition has no leader, or no broker has told who leads",
        effect: "nothing is uploaded; pins keep what is here",
        action: "look at the brokers: `kafka-topics.sh --describe --unavailable-partitions`",
    }
    BROKERS_SILENT = "FIRN-O201", Environment, "The brokers do not answer" {
        cause: "none of the brokers could be reached, answered in time, or took the login",
        effect: "nothing is uploaded; pins keep what is here",
        action: "check `kafka.bootstrap`, TLS and login; the message tells what was said",
    }
    BOUND_UNKNOWN = "FIRN-O210", Fine, "What is committed is not known yet" {
        cause: "the leader will be asked for the high watermark",
        effect: "none",
        action: "nothing",
    }
    BOUND_UNAVAILABLE = "FIRN-O211", Fine, "The leader does not tell what is committed" {
        cause: "the leader did not answer in time, or says to try again",
        effect: "nothing of the partition is uploaded; pins keep it",
        action: "look at the broker that leads",
    }
    BOUND_DENIED = "FIRN-O212", Fine, "The leader may not tell us what is committed" {
        cause: "the sidecar's login lacks Describe on the topic",
        effect: "nothing of the partition is uploaded; pins keep it",
        action: "grant the rights that the guide lists for the sidecar",
    }
    BOUND_ABOVE = "FIRN-O213", Fine, "Not committed yet" {
        cause: "what is held reaches beyond the high watermark",
        effect: "it is uploaded as soon as the replicas have it",
        action: "nothing, unless it lasts: then look at the replicas that are out of sync",
    }
    WAIT_STORE = "FIRN-O220", Fine, "The store does not take it" {
        cause: "requests to the store fail or time out; the message is the store's",
        effect: "the work is tried again with growing pauses; pins keep everything down to the reserve of the disk",
        action: "look up the store's own code in the message",
    }
    WAIT_KEY = "FIRN-O221", Fine, "The key to encrypt with cannot be had" {
        cause: "the topic is encrypted, and the key ring does not give its key; the message names the key and why",
        effect: "nothing of the topic is uploaded, in the clear least of all; pins keep everything down to the reserve of the disk",
        action: "give the sidecar the ring that the message names, then restart it; docs/guide/encryption.md",
    }
    WAIT_DISK = "FIRN-O230", Fine, "The log cannot be read" {
        cause: "a read of the broker's files failed",
        effect: "the partition stays as it is; it is tried again",
        action: "look at the disk and at the permissions of the file named",
    }
    HOST = "FIRN-O231", Environment, "A log directory cannot be looked at" {
        cause: "listing a directory of `offload.log_dirs` failed, or a note beside the pins could not be written",
        effect: "nothing is taken for gone that was merely not seen; nothing new is pinned meanwhile",
        action: "look at the disk, its mount and its permissions",
    }
    PRESSURE = "FIRN-O232", Fine, "A disk is under pressure" {
        cause: "free space comes near the reserve, or pins alone hold more than `offload.pin_budget`",
        effect: "everything held by pins is uploaded at once, whatever its policy says; below the reserve pins give way",
        action: "look why uploads are behind; make room, or lower local retention no further",
    }
    UNPINNED = "FIRN-O233", Environment, "A partition's files cannot be read or pinned" {
        cause: "a directory or file of a log directory is refused to the sidecar's user, stands on another mount, or is not what its name says; the message names it and the kernel's reason",
        effect: "what cannot be pinned is gone once Kafka deletes it; all other partitions go on",
        action: "run the sidecar as the broker's user, see to owner and mode of the place named, mount log directories whole",
    }
    ALONE = "FIRN-O234", Fine, "Pins alone hold bytes" {
        cause: "Kafka has deleted segments that this node's pins still keep: the tier lacks them, or they wait for a look",
        effect: "they count against the disk; the node's disk may hold the only copy",
        action: "nothing while it shrinks; ask that node's own `firnline status` why uploads are behind",
    }
    RATE = "FIRN-O240", Fine, "The rate limit is used up" {
        cause: "`offload.rate`, or the topic's own, is reached",
        effect: "the lag grows; near the reserve of the disk the limit does not hold",
        action: "nothing, or raise the limit and reload",
    }
    CLAIM_RATE = "FIRN-O241", Fine, "The rate of claims is used up" {
        cause: "many partitions changed leader at once",
        effect: "they are claimed one after the other, those at risk first",
        action: "nothing, or raise `offload.claim_rate`",
    }
    FENCED = "FIRN-O250", Fine, "A later leader has claimed the partition" {
        cause: "leadership moved, and the brokers' metadata has not told this sidecar yet",
        effect: "this sidecar commits nothing for it",
        action: "nothing",
    }
    PENDING = "FIRN-O300", Fine, "Records are with nobody so far" {
        cause: "records above the tier's end are below everything that the leader's machine holds; all replicas are asked for them",
        effect: "after `offload.gap_wait` without an answer they are recorded as a gap: lost",
        action: "start the sidecars of the other replicas, also of old ones: their pins may hold the range named",
    }
    GAVE_WAY = "FIRN-O301", Fine, "Pins gave way to the reserve" {
        cause: "free disk space fell below the reserve, and the oldest pins were removed before their bytes were in the tier",
        effect: "where no other replica holds them, a gap follows; the broker went on",
        action: "find out why uploads were behind: the store, the rate, a pause; make more room",
    }
    HANGING = "FIRN-O310", Fine, "A transaction hangs" {
        cause: "a producer began a transaction long ago, and neither committed nor aborted it",
        effect: "readers with `read_committed` wait at its first offset; the archive does not, it goes on",
        action: "make sure that the producer is gone, then run the command shown: Kafka's own abort",
    }
    LOG_BROKEN = "FIRN-O400", Difference, "The log is damaged" {
        cause: "a batch on the disk is not what the broker wrote; the message names the place",
        effect: "nothing beyond it is taken from this replica; what is in the tier is untouched",
        action: "move leadership to another replica; `firnline inspect FILE` shows the damage",
    }
    CUT_TOO_LARGE = "FIRN-O500", Difference, "The leader's log lacks much of what the tier has" {
        cause: "after an unclean election the leader's history leaves the tier's, and the part beyond is larger than `offload.cut_share`",
        effect: "the partition stands still; the tier keeps everything",
        action: "decide which history holds; `firnline repair cut` makes the tier follow the leader, and keeps the rest as a dead branch",
    }
    CUT_BELOW_START = "FIRN-O501", Difference, "The leader's log begins above where the histories part" {
        cause: "a replica that was empty, or nearly, has won an election",
        effect: "the partition stands still; the tier keeps everything",
        action: "bring back the replica that has the records if you can; else `firnline repair cut`",
    }
    PARTS_UNKNOWN = "FIRN-O502", Difference, "Where the histories part cannot be told" {
        cause: "leader and tier have no epoch in common by which to compare them, and this sidecar's notes do not reach over the tier's end: a broker whose disk was replaced under the same node id has none, and local retention has taken what lies before",
        effect: "this sidecar takes nothing further; the tier keeps everything, pins stay",
        action: "let the sidecar of another replica go on: after `offload.takeover_wait` it does by itself where its notes tell. Only where no replica is left that was there before: compare the last records by hand (`firnline cat --raw`), then `firnline repair cut`; what is cut off stays readable by name",
    }
    UNPROVEN = "FIRN-O503", Difference, "Bytes are held that nobody can vouch for" {
        cause: "pins hold bytes at the tier's end, and neither the leader nor this sidecar's own notes tell whether they were committed",
        effect: "the pins stay; nothing of them is uploaded",
        action: "bring back the replica that led, or let them go with `firnline repair gap`. Of a topic that is deleted, no \
                 replica leads: copy the files `.firnline-pin.<topic id>.<partition>.…` of the log directory away if what \
                 they hold matters, then remove them",
    }
    OTHER_HISTORY = "FIRN-O504", Difference, "The log here does not continue the tier" {
        cause: "this replica was cut below the tier's end and written anew; or the leader asks for what this replica holds, \
                and its notes say that it goes on from another history than the tier's last record",
        effect: "nothing is taken from it; the leader's sidecar goes on",
        action: "nothing where the leader differs; else see FIRN-O500",
    }
    TOPICS_GONE = "FIRN-O505", Difference, "Too many topics are gone at once" {
        cause: "more topics than `offload.deleted_topic.share` are unknown to the brokers: they may be another cluster's, or have lost their metadata",
        effect: "none of them counts as deleted; pins and archive stay",
        action: "look at the cluster; if they were deleted on purpose, say so of each: `firnline policy confirm-deleted TOPIC@ID --yes`; for topics of which the tier has nothing yet, raise `offload.deleted_topic.share` and reload",
    }
    MANIFEST_BAD = "FIRN-O506", Difference, "A manifest cannot be believed" {
        cause: "its bytes are damaged, or it was written by a newer build or by something else",
        effect: "nothing is written to the partition",
        action: "`firnline verify TOPIC/P` names the damage; bring back an earlier version of the object",
    }
    REFUSED = "FIRN-O507", Environment, "Refused for a reason that does not pass" {
        cause: "the store or a broker refuses the request each time; the message tells why",
        effect: "the partition stands still; pins keep what is here",
        action: "see to the right or setting named; then reload",
    }
    MARKED_DELETED = "FIRN-O508", Difference, "A topic that is there is marked as deleted" {
        cause: "two brokers did not know the topic's id for long enough, and a sidecar marked its partitions as deleted; now the brokers know it",
        effect: "nothing further is uploaded; pins stay, and the tier keeps what it has",
        action: "find out why brokers had lost the topic; then take the mark off: `firnline repair undelete TOPIC/P --yes`",
    }
    GAPS = "FIRN-O600", Difference, "Records are recorded as lost" {
        cause: "no replica could provide them in time; `firnline inspect TOPIC/P` shows which, when and why",
        effect: "readers are told so, never silently led past them",
        action: "a replica that still has them may fill the gap; else nothing",
    }
    DEAD_BRANCHES = "FIRN-O601", Difference, "There are dead branches" {
        cause: "an unclean election took committed records out of Kafka's history",
        effect: "the tier keeps them by name; they are not served",
        action: "`firnline inspect TOPIC/P` names them; take what you need out of them",
    }
    FINDINGS = "FIRN-O602", Difference, "The scrub has found damage" {
        cause: "an object in the store is not what was written, or is gone",
        effect: "its range cannot be read; nothing wrong is served",
        action: "`firnline verify --deep TOPIC/P` names it; bring back an earlier version of the object",
    }
    SILENT = "FIRN-O700", Environment, "A sidecar does not tell how it is" {
        cause: "its port does not answer, and its summary in the bucket is old",
        effect: "what it holds is not known; what is in the tier is safe",
        action: "look at the sidecar on that broker: `systemctl status firnline-offload`",
    }
    NO_SIDECAR = "FIRN-O701", Environment, "No sidecar tells anything" {
        cause: "no port answers, and the bucket holds no summary: no sidecar has run yet, or another tier is meant",
        effect: "nothing is known",
        action: "name the tier of the sidecars, or start one",
    }
}
