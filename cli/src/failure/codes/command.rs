//! C: the command line, the config, and the process itself.

super::codes! { COMMAND:
    USAGE = "FIRN-C001", Usage, "An argument cannot be used" {
        cause: "an argument, or two of them together, ask for something that does not exist",
        effect: "nothing was done",
        action: "correct the argument; `firnline COMMAND --help` shows the forms with examples",
    }
    BACKWARDS = "FIRN-C002", Usage, "The range ends before it begins" {
        cause: "`--from` lies after `--until`",
        effect: "nothing was read; `--until` is exclusive, so an equal pair is an empty range and no error",
        action: "exchange the two, or leave one out",
    }
    NO_TIER = "FIRN-C003", Usage, "No tier was given" {
        cause: "neither `--store`, nor `FIRNLINE_STORE`, nor `store.url` in the config, nor a first argument names a tier",
        effect: "nothing was done",
        action: "add --store URL, for example --store s3://BUCKET/PREFIX or --store /srv/tier",
    }
    CONFIG_UNREADABLE = "FIRN-C101", Environment, "The config file cannot be read" {
        cause: "`--config` or `FIRNLINE_CONFIG` names a file that is missing, unreadable, too large, or no UTF-8",
        effect: "nothing was done",
        action: "correct the path or its permissions",
    }
    CONFIG_INVALID = "FIRN-C102", Usage, "The config has values that cannot be used" {
        cause: "unknown keys, values out of range, sizes or durations without a unit, secrets in the open; all of them are listed",
        effect: "nothing was done",
        action: "correct the lines listed; docs/config.md names every key, `firnline config check` tries them",
    }
    SECRET = "FIRN-C103", Environment, "A secret cannot be read" {
        cause: "the file or environment variable that a `file:` or `env:` reference names is missing, empty or unreadable",
        effect: "nothing was done",
        action: "provide the file or variable to this process",
    }
    PRICES = "FIRN-C104", Usage, "The price file cannot be used" {
        cause: "the file named by `--prices` or `store.price_file` is missing or has other keys or values than a price file",
        effect: "no amount was computed",
        action: "begin from the built-in list: `firnline cost --show-prices`",
    }
    OUTPUT = "FIRN-C201", Environment, "Standard output cannot be written" {
        cause: "the disk behind it is full, or the device failed; a reader that has gone away is no error and ends the run quietly",
        effect: "the output is not complete",
        action: "make room, then run the command again",
    }
    LOCAL_IO = "FIRN-C202", Environment, "A local file or directory cannot be used" {
        cause: "the file is missing, not permitted, or the disk is full; the message names it",
        effect: "what was written before stays",
        action: "correct the path or its permissions, or make room",
    }
    INTERNAL = "FIRN-C301", Environment, "An error in Firnline itself" {
        cause: "a rule that our own code must keep was broken; the text says where",
        effect: "the command stopped where it stood; the tier changes only through single conditional writes, so nothing is half-changed",
        action: "please report it with the text above and the command",
    }
    DEMO = "FIRN-C302", Difference, "The demo found a difference" {
        cause: "a step of the demo did not come out as it must: bytes differ, a flipped bit was not noticed, a record was lost",
        effect: "the demo works in a directory of its own; nothing of yours was touched",
        action: "please report it with the text above; --keep leaves the files to look at",
    }
}
