//! What a CDC table is told. Plain values.

use std::collections::BTreeMap;
use std::str::FromStr;

/// What Debezium puts where PostgreSQL did not give it a value, by default (`unavailable.value.placeholder`).
pub const PLACEHOLDER: &str = "__debezium_unavailable_value";

/// How the changes of one topic become a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CdcSettings {
    /// Which table is made.
    pub table: CdcTable,
    /// What a truncation of the source table does to a current-state table.
    pub truncate: Truncate,
    /// What a value that the source did not give does to a current-state table.
    pub unavailable: Unavailable,
    /// The text that stands for such a value.
    pub placeholder: String,
    /// The columns that tell rows apart, where they are not those of the record's key.
    pub keys: Vec<String>,
    /// What Kafka Connect calls the types of columns, where the records' schema does not say it: values of JSON without a
    /// schema. By column: `io.debezium.time.Date`, `org.apache.kafka.connect.data.Decimal(10,2)`.
    pub types: BTreeMap<String, String>,
}

impl Default for CdcSettings {
    fn default() -> Self {
        Self {
            table: CdcTable::Changelog,
            truncate: Truncate::Stop,
            unavailable: Unavailable::Stop,
            placeholder: PLACEHOLDER.to_owned(),
            keys: Vec::new(),
            types: BTreeMap::new(),
        }
    }
}

/// The two tables that changes can be made into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CdcTable {
    /// Every change is a row.
    #[default]
    Changelog,
    /// Every key has the row that its last change left.
    Current,
}

/// What a truncation of the source table does. A changelog has it as a row in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Truncate {
    /// The export stops in front of it with an error.
    #[default]
    Stop,
    /// All rows from before it go. Only for topics of one partition: elsewhere nothing tells what came before it.
    DeleteAll,
}

/// What a value does that the source did not give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unavailable {
    /// The export stops in front of it with an error that names the cure.
    #[default]
    Stop,
}

/// A word of the settings that has no meaning here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WordError {
    /// Not one of the words.
    #[error("`{word}` is none of {known}")]
    Unknown {
        /// What was written.
        word: String,
        /// What could have been.
        known: &'static str,
    },
    /// Keeping the old value would mean to read the table for every such row.
    #[error(
        "`keep` is not offered for values that the source did not give: the export does not read the table it writes; \
         run `ALTER TABLE … REPLICA IDENTITY FULL` at the source, or export a changelog and query its view, which \
         looks the value up"
    )]
    KeepRefused,
}

impl FromStr for CdcTable {
    type Err = WordError;

    fn from_str(word: &str) -> Result<Self, WordError> {
        match word {
            "changelog" => Ok(Self::Changelog),
            "current" => Ok(Self::Current),
            _ => Err(WordError::Unknown { word: word.to_owned(), known: "`changelog`, `current`" }),
        }
    }
}

impl FromStr for Truncate {
    type Err = WordError;

    fn from_str(word: &str) -> Result<Self, WordError> {
        match word {
            "stop" => Ok(Self::Stop),
            "delete" => Ok(Self::DeleteAll),
            _ => Err(WordError::Unknown { word: word.to_owned(), known: "`stop`, `delete`" }),
        }
    }
}

impl FromStr for Unavailable {
    type Err = WordError;

    fn from_str(word: &str) -> Result<Self, WordError> {
        match word {
            "stop" => Ok(Self::Stop),
            "keep" => Err(WordError::KeepRefused),
            _ => Err(WordError::Unknown { word: word.to_owned(), known: "`stop`" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeping_unavailable_values_is_refused_by_name() {
        let error = "keep".parse::<Unavailable>().unwrap_err();
        assert_eq!(error, WordError::KeepRefused);
        assert!(error.to_string().contains("REPLICA IDENTITY FULL"));
        assert_eq!("stop".parse(), Ok(Unavailable::Stop));
    }

    #[test]
    fn unknown_words_name_the_known_ones() {
        assert!("drop".parse::<Truncate>().unwrap_err().to_string().contains("`delete`"));
        assert!("upsert".parse::<CdcTable>().unwrap_err().to_string().contains("`current`"));
    }
}
