//! What a table says of its exporters: its properties, read once and bounded.

use crate::position::{COLUMNS, COMMIT, EPOCH, OFFSETS, OWNER, PositionError, Positions, SOURCE, Source};

/// What a table says of its exporters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exported {
    /// The topic; `None` where no exporter has had the table.
    pub source: Option<Source>,
    /// How far it has come.
    pub positions: Positions,
    /// How often it was taken over.
    pub epoch: u64,
    /// The exporter that took it over last.
    pub owner: Option<String>,
    /// The written set that was added last.
    pub commit: Option<String>,
    /// Where the source's paths go, as the layout wrote it.
    pub columns: Option<String>,
}

impl Exported {
    /// Reads a table's properties.
    ///
    /// # Errors
    /// Where one of them does not hold what an exporter writes into it: nothing is guessed then.
    pub fn read<'a>(property: impl Fn(&str) -> Option<&'a str>) -> Result<Self, PositionError> {
        Ok(Self {
            source: property(SOURCE).map(str::parse).transpose()?,
            positions: property(OFFSETS).map(str::parse).transpose()?.unwrap_or_default(),
            epoch: property(EPOCH).map(|text| number(EPOCH, text)).transpose()?.unwrap_or(0),
            owner: property(OWNER).map(short),
            commit: property(COMMIT).map(short),
            columns: property(COLUMNS).map(str::to_owned),
        })
    }
}

/// The longest id that is read; those that exporters give themselves are much shorter.
const LONGEST_ID: usize = 256;

fn short(text: &str) -> String {
    text.chars().take(LONGEST_ID).collect()
}

fn number<T: std::str::FromStr>(property: &'static str, text: &str) -> Result<T, PositionError> {
    text.parse().map_err(|_| PositionError::NotJson { property, message: "it is no number".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn read(properties: &[(&str, &str)]) -> Result<Exported, PositionError> {
        let all: BTreeMap<&str, &str> = properties.iter().copied().collect();
        Exported::read(|name| all.get(name).copied())
    }

    #[test]
    fn a_table_that_no_exporter_had_says_nothing() {
        assert_eq!(read(&[("owner", "somebody")]).unwrap(), Exported::default());
    }

    #[test]
    fn properties_are_read_as_written() {
        let exported =
            read(&[(OFFSETS, r#"{"2":[7,1]}"#), (EPOCH, "41"), (OWNER, "a"), (COMMIT, "c")]).unwrap();
        assert_eq!(exported.epoch, 41);
        assert_eq!((exported.owner.as_deref(), exported.commit.as_deref()), (Some("a"), Some("c")));
        assert_eq!(exported.positions.len(), 1);
    }

    #[test]
    fn nothing_is_guessed_where_a_property_is_damaged() {
        assert!(read(&[(EPOCH, "-1")]).is_err());
        assert!(read(&[(OFFSETS, "{\"0\":60")]).is_err(), "not the beginning instead");
    }
}
