//! T: the tier.

super::codes! { TIER:
    NOT_A_TIER = "FIRN-T001", Usage, "There is no tier at this address" {
        cause: "the store answers, and has no `firnline.json` under this prefix",
        effect: "nothing was read or written",
        action: "check the address and its prefix; `firnline offload` makes a tier where there is none",
    }
    NEWER_FORMAT = "FIRN-T002", Environment, "The tier is of another format version than this build reads" {
        cause: "it was written by a newer Firnline, or its format was raised by one (a preview does not read version 1)",
        effect: "nothing was read or written",
        action: "use a build that reads the version named",
    }
    OTHER_CLUSTER = "FIRN-T003", Refused, "The tier belongs to another cluster" {
        cause: "the cluster id in `meta.properties` is not the one in the tier's `firnline.json`",
        effect: "nothing was written: two clusters in one tier would mix their topics",
        action: "give each cluster a prefix of its own",
    }
    FOREIGN_PREFIX = "FIRN-T004", Refused, "The prefix holds objects that are not ours" {
        cause: "there are objects under the prefix and no `firnline.json`",
        effect: "nothing was written",
        action: "choose an empty prefix",
    }
    UNKNOWN_TOPIC = "FIRN-T010", Usage, "The tier has no such topic or partition" {
        cause: "the name is misspelt, or nothing of it has been offloaded",
        effect: "nothing was done",
        action: "`firnline ls` shows what is there",
    }
    AMBIGUOUS_TOPIC = "FIRN-T011", Usage, "The name stands for several topics" {
        cause: "a topic was deleted and made again under the same name, and the tier holds more than one of them",
        effect: "nothing was done",
        action: "name one as TOPIC@ID/P; the ids are listed",
    }
    OUT_OF_RANGE = "FIRN-T012", Usage, "The position lies outside what the tier holds" {
        cause: "the offset is below the tier's start or beyond its end, or no record is as late as the time",
        effect: "nothing was read",
        action: "use a position within the range named, or earliest or latest",
    }
    GAP = "FIRN-T013", Partly, "Records in the range asked for are lost" {
        cause: "the manifest records a gap: a range of offsets that no replica could provide",
        effect: "what lies before and after the gap was read; the gap itself is named",
        action: "nothing by hand; `firnline inspect TOPIC/P` shows when and why the gap was recorded",
    }
    TOO_MANY = "FIRN-T014", Environment, "The tier holds more than this command lists" {
        cause: "the number of topics or partitions is beyond a limit that keeps memory bounded",
        effect: "nothing was listed",
        action: "name one topic, or narrow with --topic",
    }
    NO_OBJECT = "FIRN-T015", Usage, "The tier has no such object" {
        cause: "the key is misspelt, or the object was retired",
        effect: "nothing was read",
        action: "`firnline ls --json` shows the keys of all segments",
    }
    DAMAGED = "FIRN-T020", Difference, "An object of the tier is damaged" {
        cause: "its bytes are not those that were written: a checksum, length or structure does not hold",
        effect: "no byte of the damaged part was passed on",
        action: "run `firnline verify --deep` to see how far it goes; bring back the object's earlier version, or offload the range again from a replica",
    }
    MISSING = "FIRN-T021", Difference, "An object that the manifest names is not there" {
        cause: "something other than Firnline deleted or moved it, such as a lifecycle rule",
        effect: "its range cannot be read; all other ranges can",
        action: "bring the object back (an earlier version, a replica of the bucket); check the bucket's lifecycle rules",
    }
    ANOMALIES = "FIRN-T022", Difference, "The tier has anomalies" {
        cause: "`firnline verify` found objects or manifests that are not as they must be; each is named",
        effect: "reads of the ranges named fail; nothing wrong is ever served",
        action: "see the code beside each anomaly",
    }
    UNDECODABLE = "FIRN-T023", Difference, "A batch is intact, but its records cannot be decoded" {
        cause: "a producer wrote it so, or it is of a kind that this build does not know; its checksums hold",
        effect: "the records before it were printed; offloading, restoring and serving do not look inside and go on as ever",
        action: "`--raw` gives the batch as it is; begin again behind it with --from",
    }
    LOST_RACE = "FIRN-T030", Partly, "Another writer changed the manifest" {
        cause: "two offloads of the same partition ran at once, and the other one committed first",
        effect: "nothing is lost or doubled; what this run uploaded may be left as an orphan",
        action: "run the command again; let only one offload a log directory",
    }
    INCOMPLETE = "FIRN-T031", Partly, "Part of the work was left out" {
        cause: "single partitions failed, and the others went on; each is named with its reason",
        effect: "what was done is complete and safe; what was left out is as it was before",
        action: "mend what is named and run the command again",
    }
    NOT_A_MIRROR = "FIRN-T032", Refused, "The partition is tiered by sidecars" {
        cause: "its manifest is the truth itself, and not the mirror of what brokers with KIP-405 did",
        effect: "nothing was changed",
        action: "for partitions of sidecars: `firnline verify`, and `firnline gc` without --by-brokers",
    }
    KEY = "FIRN-T040", Environment, "A topic's key is not at hand" {
        cause: "the topic is encrypted, and the key ring of [encryption] is not set, lacks the key named, holds another key under that name, or its command failed",
        effect: "nothing was read of what it seals, and nothing was uploaded in the clear",
        action: "give this command the ring that the message names; docs/guide/encryption.md",
    }
    KEY_LOST = "FIRN-T041", Difference, "The object that holds a topic's key is gone or damaged" {
        cause: "something other than Firnline deleted or changed an object under `keys/`",
        effect: "what this key sealed cannot be read by anybody until the object is back",
        action: "bring back the object's earlier version or its copy; Firnline never removes one",
    }
    KEY_UNUSABLE = "FIRN-T042", Environment, "A key of the ring cannot be used" {
        cause: "its file or variable is absent, is no key of 32 bytes, or can be read by everybody",
        effect: "nothing was done",
        action: "mend what the message names; `head -c32 /dev/urandom | base64` makes a new key",
    }
    NOT_REWRAPPED = "FIRN-T043", Partly, "Some topic keys were not wrapped anew" {
        cause: "their ring key is missing, the command failed, or another writer came first; each is named",
        effect: "those keys stay as they were and open as before; the others are wrapped by the active key",
        action: "keep the old ring keys, mend what is named, and run the command again",
    }
    KEY_OTHER = "FIRN-T044", Difference, "A topic's key does not open with the ring's key of that name" {
        cause: "the ring has a key of the name that wrapped the topic's key, with other bytes; or the object under `keys/` was changed",
        effect: "nothing that this key sealed was read or passed on; nothing is sealed with it",
        action: "put the right key under that name (compare it with another machine's); where the ring is right, bring back the object's earlier version",
    }
    NOT_ATTACHABLE = "FIRN-T050", Refused, "Segments cannot be attached to a broker as they are" {
        cause: "one is larger than a broker's file may be or has no object of its own, or two of them tell different histories",
        effect: "no broker was told of anything",
        action: "restore the topic without --kip405, or only that partition",
    }
    ATTACH_TARGET = "FIRN-T051", Refused, "The topic in the new cluster cannot take the segments" {
        cause: "it is not there, holds or has held records, is not tiered, is compacted, has fewer partitions, or has a retention by which its brokers would delete the archive at once",
        effect: "no broker was told of anything, and nothing was changed",
        action: "make the topic anew with what the message names; docs/guide/disaster.md has the command",
    }
    ATTACHED = "FIRN-T052", Refused, "The topic's segments belong to another cluster" {
        cause: "they were attached to a topic of the same name with another id, whose brokers delete them from then on; or the topic itself was attached, and its history lies under two ids",
        effect: "nothing was done",
        action: "read it where it was attached to; while its segments are there, `firnline serve` and an ordinary restore read them, too",
    }
    NOT_TOLD = "FIRN-T053", Refused, "The brokers do not know of the segments yet" {
        cause: "`firnline restore --kip405` has not been run for this topic without --to, or was not run to its end, or for another topic id",
        effect: "nothing was written: a broker that starts on these files without knowing of the segments raises its log's start above them, and deletes them when it is told later",
        action: "start the brokers, run it without --to, stop them, and run it with --to again",
    }
    NOT_TAKEN = "FIRN-T054", Environment, "The brokers did not take what they were told" {
        cause: "a request to the leader of a partition of `__remote_log_metadata` failed, or was refused",
        effect: "the old topic is paused; some segments may be known to the brokers, none is owned by two; nothing is on their disks",
        action: "see to what the message names and run the same command again",
    }
}
