//! The text of a view that shows a changelog's current state, for engines that cannot read equality deletes.
//!
//! ```sql
//! SELECT id, name FROM (
//!   SELECT …, ROW_NUMBER() OVER (PARTITION BY id ORDER BY kafka_offset DESC) AS firnline_place FROM changelog
//! ) WHERE firnline_place = 1 AND cdc_op <> 'd'
//! ```
//!
//! Offsets order the changes of a key as long as the key decides its partition. A value that the source did not give is
//! looked up: the latest one that was given counts. That is right, because the change that makes a row gives all values.

use std::fmt::Write as _;

use arrow_schema::{DataType, FieldRef, Schema};

use super::settings::{PLACEHOLDER, Truncate};

/// Whose SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Amazon Athena.
    Athena,
    /// Google BigQuery.
    BigQuery,
    /// ClickHouse.
    ClickHouse,
    /// DuckDB.
    DuckDb,
    /// Snowflake.
    Snowflake,
    /// Apache Spark.
    Spark,
    /// Trino.
    Trino,
}

impl Dialect {
    /// All of them, by name.
    pub const ALL: [Self; 7] = [
        Self::Athena,
        Self::BigQuery,
        Self::ClickHouse,
        Self::DuckDb,
        Self::Snowflake,
        Self::Spark,
        Self::Trino,
    ];

    /// Its name on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Athena => "athena",
            Self::BigQuery => "bigquery",
            Self::ClickHouse => "clickhouse",
            Self::DuckDb => "duckdb",
            Self::Snowflake => "snowflake",
            Self::Spark => "spark",
            Self::Trino => "trino",
        }
    }

    /// The dialect of that name.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.word() == word)
    }

    fn identifier(self, name: &str) -> String {
        match self {
            Self::BigQuery => format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`")),
            Self::ClickHouse => format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`")),
            Self::Spark => format!("`{}`", name.replace('`', "``")),
            Self::Athena | Self::DuckDb | Self::Snowflake | Self::Trino => {
                format!("\"{}\"", name.replace('"', "\"\""))
            }
        }
    }

    fn text(self, value: &str) -> String {
        match self {
            Self::BigQuery | Self::ClickHouse | Self::Spark | Self::Snowflake => {
                format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
            }
            Self::Athena | Self::DuckDb | Self::Trino => format!("'{}'", value.replace('\'', "''")),
        }
    }

    fn bytes(self, value: &[u8]) -> String {
        let hex = value.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        match self {
            Self::Athena | Self::Trino | Self::Spark => format!("X'{hex}'"),
            Self::BigQuery => format!("FROM_HEX('{hex}')"),
            Self::ClickHouse => format!("unhex('{hex}')"),
            Self::DuckDb => format!("from_hex('{hex}')"),
            Self::Snowflake => format!("TO_BINARY('{hex}', 'HEX')"),
        }
    }
}

/// A column of the changelog that the view shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewColumn {
    /// Its name.
    pub name: String,
    /// Whether the text for values not given may stand in it.
    pub hides: bool,
    /// Whether it holds bytes rather than text.
    pub binary: bool,
}

impl ViewColumn {
    /// The columns that a view of a changelog shows: those of the source's rows. The text for values not given can stand in
    /// texts and bytes that tell no rows apart; to hold other columns against it would be an error in most engines.
    #[must_use]
    pub fn of_changelog(schema: &Schema, keys: &[String]) -> Vec<Self> {
        let ours = |name: &str| ["kafka_", "cdc_"].iter().any(|prefix| name.starts_with(prefix));
        let shown = schema.fields().iter().filter(|field| !ours(field.name()));
        let column = |field: &FieldRef| {
            let binary = *field.data_type() == DataType::Binary;
            let hides = (binary || *field.data_type() == DataType::Utf8) && !keys.contains(field.name());
            Self { name: field.name().clone(), hides, binary }
        };
        shown.map(column).collect()
    }
}

/// What the view is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The view's name, as parts from the outermost.
    pub name: Vec<String>,
    /// The changelog: a name as parts from the outermost.
    pub changelog: Vec<String>,
    /// An expression in its stead, as it is, e.g. `iceberg_scan('s3://…')`: for DuckDB and ClickHouse without a catalog.
    pub relation: Option<String>,
    /// The columns that tell rows apart.
    pub keys: Vec<String>,
    /// The columns shown.
    pub columns: Vec<ViewColumn>,
    /// What a truncation of the source does.
    pub truncate: Truncate,
    /// The text for values not given.
    pub placeholder: String,
}

impl Default for View {
    fn default() -> Self {
        Self {
            name: Vec::new(),
            changelog: Vec::new(),
            relation: None,
            keys: Vec::new(),
            columns: Vec::new(),
            truncate: Truncate::Stop,
            placeholder: PLACEHOLDER.to_owned(),
        }
    }
}

/// A view cannot be made without knowing what tells rows apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the changelog has no key columns, so that no view can tell its rows apart; name them with `--key`")]
pub struct NoKeys;

/// The statement that makes the view, with a final semicolon and line end.
///
/// # Errors
/// [`NoKeys`].
pub fn view_text(view: &View, dialect: Dialect) -> Result<String, NoKeys> {
    if view.keys.is_empty() {
        return Err(NoKeys);
    }
    let path =
        |parts: &[String]| parts.iter().map(|part| dialect.identifier(part)).collect::<Vec<_>>().join(".");
    let relation = view.relation.clone().unwrap_or_else(|| path(&view.changelog));
    let (op, offset) = (dialect.identifier("cdc_op"), dialect.identifier("kafka_offset"));
    let keys = view.keys.iter().map(|key| dialect.identifier(key)).collect::<Vec<_>>().join(", ");
    let shown: Vec<_> = view.columns.iter().map(|column| dialect.identifier(&column.name)).collect();
    let place = dialect.identifier("firnline_place");
    let mut text = format!("CREATE OR REPLACE VIEW {} AS\nSELECT\n", path(&view.name));
    let _ = writeln!(text, "  {}", shown.join(",\n  "));
    let _ = writeln!(text, "FROM (\n  SELECT");
    // ClickHouse takes the first value that is no null unless told otherwise.
    let nulls = if dialect == Dialect::ClickHouse { " RESPECT NULLS" } else { "" };
    for (column, name) in view.columns.iter().zip(&shown) {
        if column.hides {
            let hidden = if column.binary {
                dialect.bytes(view.placeholder.as_bytes())
            } else {
                dialect.text(&view.placeholder)
            };
            let _ = writeln!(
                text,
                "    FIRST_VALUE(t.{name}){nulls} OVER (PARTITION BY {keys} ORDER BY \
                 CASE WHEN t.{name} = {hidden} THEN 1 ELSE 0 END, {offset} DESC) AS {name},"
            );
        } else {
            let _ = writeln!(text, "    {name},");
        }
    }
    let _ = writeln!(text, "    {op} AS {},", dialect.identifier("firnline_op"));
    let _ = writeln!(text, "    ROW_NUMBER() OVER (PARTITION BY {keys} ORDER BY {offset} DESC) AS {place}");
    let _ = writeln!(text, "  FROM {relation} t");
    let _ = write!(text, "  WHERE {op} IN ('c', 'u', 'd', 'r')");
    if view.truncate == Truncate::DeleteAll {
        let _ = write!(
            text,
            "\n    AND {offset} > (SELECT COALESCE(MAX({offset}), -1) FROM {relation} WHERE {op} = 't')"
        );
    }
    let _ = writeln!(text, "\n) r");
    let _ = writeln!(text, "WHERE {place} = 1 AND {} <> 'd';", dialect.identifier("firnline_op"));
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> View {
        let column = |name: &str, hides| ViewColumn { name: name.to_owned(), hides, binary: false };
        View {
            name: vec!["shop".into(), "orders".into()],
            changelog: vec!["shop".into(), "orders_changes".into()],
            keys: vec!["id".into()],
            columns: vec![column("id", false), column("note", true)],
            ..View::default()
        }
    }

    #[test]
    fn the_view_of_trino_reads_as_meant() {
        let expected = "\
CREATE OR REPLACE VIEW \"shop\".\"orders\" AS
SELECT
  \"id\",
  \"note\"
FROM (
  SELECT
    \"id\",
    FIRST_VALUE(t.\"note\") OVER (PARTITION BY \"id\" ORDER BY CASE WHEN t.\"note\" = '__debezium_unavailable_value' THEN 1 ELSE 0 END, \"kafka_offset\" DESC) AS \"note\",
    \"cdc_op\" AS \"firnline_op\",
    ROW_NUMBER() OVER (PARTITION BY \"id\" ORDER BY \"kafka_offset\" DESC) AS \"firnline_place\"
  FROM \"shop\".\"orders_changes\" t
  WHERE \"cdc_op\" IN ('c', 'u', 'd', 'r')
) r
WHERE \"firnline_place\" = 1 AND \"firnline_op\" <> 'd';
";
        assert_eq!(view_text(&view(), Dialect::Trino).unwrap(), expected);
    }

    #[test]
    fn names_and_texts_are_quoted_as_each_engine_wants_them() {
        for dialect in Dialect::ALL {
            assert_eq!(Dialect::of(dialect.word()), Some(dialect));
            let text = view_text(&view(), dialect).unwrap();
            let quote = if matches!(dialect, Dialect::BigQuery | Dialect::ClickHouse | Dialect::Spark) {
                '`'
            } else {
                '"'
            };
            assert!(text.contains(&format!("{quote}kafka_offset{quote}")), "{text}");
        }
        assert_eq!(Dialect::Trino.identifier("a\"b"), "\"a\"\"b\"");
        assert_eq!(Dialect::Spark.identifier("a`b"), "`a``b`");
        assert_eq!(Dialect::Spark.text("a'b\\"), "'a\\'b\\\\'");
        assert_eq!(Dialect::DuckDb.bytes(b"\x01\xff"), "from_hex('01ff')");
    }

    #[test]
    fn truncations_hide_what_came_before_them() {
        let view =
            View { truncate: Truncate::DeleteAll, relation: Some("iceberg_scan('x')".into()), ..view() };
        let text = view_text(&view, Dialect::DuckDb).unwrap();
        assert!(text.contains("FROM iceberg_scan('x') WHERE \"cdc_op\" = 't')"), "{text}");
    }

    #[test]
    fn only_texts_and_bytes_that_are_no_keys_may_hide_values() {
        use arrow_schema::Field;
        let types = [
            ("kafka_offset", DataType::Int64),
            ("cdc_op", DataType::Utf8),
            ("id", DataType::Utf8),
            ("n", DataType::Int64),
            ("note", DataType::Utf8),
            ("blob", DataType::Binary),
        ];
        let schema = Schema::new(types.map(|(name, of)| Field::new(name, of, true)).to_vec());
        let columns = ViewColumn::of_changelog(&schema, &["id".to_owned()]);
        let shown: Vec<_> = columns.iter().map(|c| (c.name.as_str(), c.hides, c.binary)).collect();
        assert_eq!(
            shown,
            [("id", false, false), ("n", false, false), ("note", true, false), ("blob", true, true)]
        );
    }

    #[test]
    fn a_view_needs_keys() {
        assert_eq!(view_text(&View { keys: Vec::new(), ..view() }, Dialect::Trino), Err(NoKeys));
    }
}
