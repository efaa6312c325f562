//! The stable codes of this crate's errors. A code is never given another meaning; a retired one stays listed as such.

/// A code with the lines that its page is headed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// `FIRN-Exxx`.
    pub code: &'static str,
    /// What it means, in one line.
    pub title: &'static str,
    /// What to do about it, in one line.
    pub cure: &'static str,
}

macro_rules! codes {
    ($($name:ident = $code:literal, $title:literal, $cure:literal;)*) => {
        $(pub(crate) const $name: Code = Code { code: $code, title: $title, cure: $cure };)*
        /// Every code of this crate, ascending.
        pub const ALL: &[Code] = &[$($name),*];
    };
}

codes! {
    CUT = "FIRN-E001", "What was exported is no longer part of the log",
        "run `firnline export repair`: it takes back the rows from the place of the cut on";
    BELOW_START = "FIRN-E002", "What is to be exported next is gone from the tier",
        "lengthen the tier's retention; go on behind what is gone with `--skip-gone`";
    NO_BATCH = "FIRN-E003", "Bytes of the tier hold no batch where one begins",
        "run verify; restore the segment from a bucket version or from a replica";
    GAP = "FIRN-E004", "Offsets that are to be exported are lost in the tier",
        "see the tier with `firnline ls --gaps`; set export.pass_gaps to go on behind them";
    REGISTRY = "FIRN-E010", "The schema registry does not answer",
        "nothing, if it comes back; the export waits for it";
    LAYOUT = "FIRN-E011", "A table's columns are not what the export needs",
        "see the cause; give the column another name or type, or export to another table";
    COLUMNS = "FIRN-E012", "Rows could not be made of records",
        "report it, with the message";
    PARQUET = "FIRN-E020", "A Parquet file could not be written",
        "see the cause";
    FILE_STORE = "FIRN-E021", "The store did not take a file",
        "see the cause; most of these pass by themselves";
    PLAIN_OTHER = "FIRN-E030", "The place has files of another export of this topic",
        "export to another place, or with the settings of before; files of a topic that was made again have their own place";
    PLAIN_OVERLAP = "FIRN-E031", "Two files of the place have the same records",
        "delete the files that the message names, and run the export again: it writes what is missing";
    PLAIN_DIFFERS = "FIRN-E032", "A file of the place is not what its name says",
        "delete it, and run the export again";
    PLAIN_SETTINGS = "FIRN-E033", "Plain files cannot be written like this",
        "see the message";
    PLAIN_CUT = "FIRN-E034", "Files have records that are no longer part of the log",
        "delete the partition's files whose names reach above the offset told, and run the export again";
    NAME_TAKEN = "FIRN-E040", "Two topics would be exported into one table",
        "give one of them a table of its own, or a prefix";
    PROPERTIES = "FIRN-E041", "A table's properties are not what an exporter writes",
        "put the property back as the snapshot's summary has it, or export to another table";
    TABLE = "FIRN-E042", "A table cannot be exported to as it is",
        "see the cause";
    CATALOG = "FIRN-E043", "The catalog did not answer, or not with a table",
        "see the cause; most of these pass by themselves";
    BUILD = "FIRN-E044", "A commit could not be put together",
        "see the cause; most of these pass by themselves";
    COMMIT_REFUSED = "FIRN-E045", "The catalog refuses a commit",
        "see the cause; nothing of it is in the table";
    UNSETTLED = "FIRN-E046", "A commit was not accepted, however often it was tried",
        "nothing, if the catalog comes back: what landed is found by its id; seen often, look for another writer that never pauses";
    FENCED = "FIRN-E047", "Another exporter has taken the table over",
        "nothing, if that was meant; else stop the other one";
    MOVED_ON = "FIRN-E048", "A table moved on while a round was written",
        "nothing: the round begins again";
    OTHER_SOURCE = "FIRN-E049", "A table's records come from another topic",
        "export to another table, or say --continue-as with the old topic's id";
    ROLLED_BACK = "FIRN-E050", "A table was rolled back, its positions were not",
        "run `firnline export repair --rolled-back`, or roll the table forward again";
    LOST_OFFSETS = "FIRN-E051", "Offsets are lost, and the settings refuse to go on behind them",
        "set missing.lost to record, or restore the segments";
    DEAD_LETTER = "FIRN-E052", "A record is no row, and the settings have the export stop in front of it",
        "set dead_letters to table, or change how records are read";
    SHAPE = "FIRN-E053", "Changes could not be made into rows",
        "see the cause";
    VANISHED = "FIRN-E054", "A table was dropped while it was exported to",
        "start the export again, which makes it anew";
    REPAIR_REFUSED = "FIRN-E060", "A table cannot be repaired as it is",
        "see the cause";
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn codes_are_well_formed_unique_and_ascending() {
        assert!(ALL.windows(2).all(|pair| pair[0].code < pair[1].code));
        for code in ALL {
            assert!(code.code.starts_with("FIRN-E") && code.code.len() == 9, "{}", code.code);
        }
    }
}
