//! E: tables from the tier. Codes below FIRN-E900 are the library's own; here they get the rest of their pages.

use super::Code;

super::codes! { EXPORT:
    NO_TABLES = "FIRN-E901", Usage, "No topic is to be exported" {
        cause: "no [[export.topic]] of the config matches a topic of the tier, and --topic names none",
        effect: "nothing was done",
        action: "name topics by `[[export.topic]]`, or by --topic",
    }
    NO_WAREHOUSE = "FIRN-E902", Usage, "It is not said where tables go" {
        cause: "`export.warehouse` is not set, or --format parquet stands without --to",
        effect: "nothing was done",
        action: "set `export.warehouse` to a store's address, or give --to",
    }
    EXPORT_HTTP_PORT = "FIRN-E903", Environment, "The exporter's HTTP port cannot be opened" {
        cause: "another program uses the port, or the address is not this machine's",
        effect: "tables are written, without metrics and health",
        action: "set `export.http.listen` to a free port, or to `off`",
    }
    NO_EXPORT = "FIRN-E904", Usage, "This build writes no tables" {
        cause: "the binary was built without the feature `export`, as for `make demo`",
        effect: "nothing was done",
        action: "use a build with all features",
    }
    FIELDS = "FIRN-E905", Usage, "A file of declared fields cannot be used" {
        cause: "the file that `key_fields` or `value_fields` names is not there, or is not as `firnline export --infer` prints it",
        effect: "nothing was done",
        action: "make it with `firnline export --infer --topic TOPIC`, and look it over",
    }
    TABLES_LEFT = "FIRN-E906", Partly, "Some tables are not exported to the end" {
        cause: "each is named with its own code",
        effect: "the others are exported; what was committed stays, and nothing is lost or doubled",
        action: "see the code of each; run it again",
    }
    TEND = "FIRN-E907", Environment, "A table could not be tended" {
        cause: "its files or its catalog could not be read or written, or others change it all the time",
        effect: "the table is as whole as before; what was not done is done the next time",
        action: "see the cause; most of these pass by themselves",
    }
    VERIFY_TABLE = "FIRN-E908", Environment, "A table could not be compared with the tier" {
        cause: "one of the two could not be read, or the table is not one of a log's records",
        effect: "nothing is said of whether they differ",
        action: "see the cause",
    }
    TABLE_CATALOG = "FIRN-E909", Environment, "The catalog cannot be used" {
        cause: "it does not answer, refuses the login, or is another program",
        effect: "nothing was done",
        action: "see the cause; check `export.catalog.…`",
    }
}

/// Every code of this area, ascending.
pub(super) fn of_area() -> Vec<Code> {
    [of_library(), EXPORT.to_vec()].concat()
}

#[cfg(feature = "export")]
pub use library::of_export;
#[cfg(feature = "export")]
use library::pages as of_library;

#[cfg(not(feature = "export"))]
fn of_library() -> Vec<Code> {
    Vec::new()
}

#[cfg(feature = "export")]
mod library {
    use firnline_export::{CODES, Code as ExportCode};

    use super::Code;
    use crate::exit::Exit;

    const KEPT: &str = "what was committed before stays; nothing of this round is in the table";
    const STOPS: &str = "the export of this topic stops, others go on; nothing is lost or doubled";

    /// The page of a code of the export crate.
    pub fn of_export(code: ExportCode) -> Code {
        let (exit, cause, effect) = page(code.code);
        Code { id: code.code, exit, title: code.title, cause, effect, action: code.cure }
    }

    pub(super) fn pages() -> Vec<Code> {
        CODES.iter().copied().map(of_export).collect()
    }

    fn page(code: &str) -> (Exit, &'static str, &'static str) {
        match code {
            "FIRN-E001" => (
                Exit::Refused,
                "after an unclean election the brokers, and with them the tier, lost records that were exported already",
                STOPS,
            ),
            "FIRN-E002" => {
                (Exit::Refused, "the tier's retention, or DeleteRecords, was faster than the export", STOPS)
            }
            "FIRN-E003" => {
                (Exit::Difference, "the segment is damaged, or was not written by Firnline", STOPS)
            }
            "FIRN-E010" => (
                Exit::Environment,
                "none of `registry.urls` answers, or they answer with errors of their own",
                "the topics that need it wait; no record becomes a dead letter for it",
            ),
            "FIRN-E011" | "FIRN-E042" => (
                Exit::Refused,
                "the table was made by something else, or a column was given a type that rows do not fit into",
                STOPS,
            ),
            "FIRN-E012" | "FIRN-E020" | "FIRN-E053" => {
                (Exit::Environment, "a bug, or a limit of the format", STOPS)
            }
            "FIRN-E021" => {
                (Exit::Environment, "the request failed for the reason that the store gives", KEPT)
            }
            "FIRN-E030" => (
                Exit::Refused,
                "files of the same place were written with other settings, or of another topic with the name",
                "nothing was written",
            ),
            "FIRN-E031" | "FIRN-E032" => (
                Exit::Difference,
                "files were copied, renamed or written over by hand",
                "nothing was written",
            ),
            "FIRN-E033" => (Exit::Usage, "the settings do not fit together", "nothing was written"),
            "FIRN-E040" => (
                Exit::Usage,
                "the names differ only in case, or in `.`, `-` and `_`",
                "neither of the two is exported",
            ),
            "FIRN-E041" => {
                (Exit::Refused, "somebody has changed `firnline.export.…` of the table by hand", STOPS)
            }
            "FIRN-E043" => {
                (Exit::Environment, "the catalog is down, refuses the login, or is another program", KEPT)
            }
            "FIRN-E044" => (Exit::Environment, "manifests of the table cannot be read or written", KEPT),
            "FIRN-E045" => {
                (Exit::Refused, "a right is missing, or the catalog does not take what is valid", KEPT)
            }
            "FIRN-E046" => (
                Exit::Environment,
                "the catalog answers nothing, or other writers commit all the time",
                "the commit may be in the table; the next round finds out, and neither loses nor doubles it",
            ),
            "FIRN-E047" => (
                Exit::Refused,
                "another exporter with the same table was started, and has raised its epoch",
                "this one stops; what it had not committed is exported by the other",
            ),
            "FIRN-E048" => (
                Exit::Environment,
                "another exporter, or a repair, has committed meanwhile",
                "the files of the round are orphans, and deleted by age",
            ),
            "FIRN-E049" => (
                Exit::Refused,
                "the topic was deleted and made again under its name, or the table is another topic's",
                "nothing was written: offsets of two logs in one table cannot be told apart",
            ),
            "FIRN-E050" => (
                Exit::Refused,
                "the table was set to an older snapshot, which takes rows away that the positions say are there",
                STOPS,
            ),
            "FIRN-E051" => {
                (Exit::Refused, "`export.pass_gaps` is false, and the tier has a gap on record", STOPS)
            }
            "FIRN-E052" => (Exit::Refused, "the settings want no dead letters", STOPS),
            "FIRN-E060" => (
                Exit::Refused,
                "the repair would take away more than it can prove to be gone",
                "nothing was changed",
            ),
            _ => (Exit::Environment, "see the message", KEPT),
        }
    }
}
