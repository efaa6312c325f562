//! Named values about one thing: the same for people and as JSON.

use std::time::Duration;

use firnline_index::TimestampMs;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::{Out, Paint, V1};
use crate::failure::Result;
use crate::units::{Span, bytes, count, show_time};

/// One value.
#[derive(Debug, Clone)]
pub enum Cell {
    /// Text.
    Text(String),
    /// An offset, an epoch, an id.
    Number(i64),
    /// How many.
    Count(u64),
    /// A number with a fraction.
    Decimal(f64),
    /// A size; its name ends in `_bytes`.
    Bytes(u64),
    /// How long, in milliseconds; its name ends in `_ms`.
    Span(u64),
    /// A time; its name ends in `_ms`.
    Time(TimestampMs),
    /// Yes or no.
    Flag(bool),
    /// Several things: how a person reads each, and the same as JSON.
    List(Vec<(String, Value)>),
    /// Absent.
    Nothing,
}

/// One thing, by its kind and its values in order.
#[derive(Debug)]
pub struct Sheet {
    kind: &'static str,
    fields: Vec<(&'static str, Cell)>,
}

impl Sheet {
    /// An empty sheet.
    pub fn new(kind: &'static str) -> Self {
        Self { kind, fields: Vec::new() }
    }

    /// Adds a value.
    pub fn with(mut self, name: &'static str, cell: impl Into<Cell>) -> Self {
        self.fields.push((name, cell.into()));
        self
    }

    /// The sheet's texts on one line, for lists of many: kind, then each text.
    pub fn line(&self, paint: Paint) -> String {
        let texts = self.fields.iter().filter_map(|(_, cell)| match cell {
            Cell::Text(text) => Some(text.as_str()),
            _ => None,
        });
        format!("{} {}", paint.strong(self.kind), texts.collect::<Vec<_>>().join("  "))
    }

    /// Writes the sheet, as one line of JSON or as lines for people.
    pub fn show(&self, json: bool, out: &mut Out) -> Result<()> {
        if json {
            return out.json(self);
        }
        out.line(out.paint().strong(self.kind))?;
        let label = |name: &str| {
            let name = name.strip_suffix("_ms").or(name.strip_suffix("_bytes")).unwrap_or(name);
            match name {
                // What stands beside a limit by time.
                "retention" => "retention size".to_owned(),
                name => name.replace('_', " "),
            }
        };
        let width = self.fields.iter().map(|(name, _)| label(name).len()).max().unwrap_or(0);
        for (name, cell) in &self.fields {
            let name = label(name);
            match cell {
                Cell::List(items) if items.is_empty() => out.line(format!("  {name:<width$}  none"))?,
                Cell::List(items) => {
                    for (at, (item, _)) in items.iter().enumerate() {
                        out.line(format!("  {:<width$}  {item}", if at == 0 { &name } else { "" }))?;
                    }
                }
                cell => out.line(format!("  {name:<width$}  {}", cell.text()))?,
            }
        }
        Ok(())
    }
}

impl Cell {
    /// For people.
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Count(number) => count(*number),
            Self::Decimal(number) => format!("{number:.3}"),
            Self::Bytes(size) if *size < 1024 => bytes(*size),
            Self::Bytes(size) => format!("{} ({} bytes)", bytes(*size), count(*size)),
            Self::Span(ms) => Span(Duration::from_millis(*ms)).to_string(),
            Self::Time(at) => show_time(*at),
            Self::Flag(yes) => if *yes { "yes" } else { "no" }.to_owned(),
            Self::List(items) => items.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>().join(", "),
            Self::Nothing => "-".to_owned(),
        }
    }

    /// As JSON.
    fn value(&self) -> Value {
        match self {
            Self::Text(text) => Value::from(text.as_str()),
            Self::Number(number) => Value::from(*number),
            Self::Count(number) | Self::Bytes(number) | Self::Span(number) => Value::from(*number),
            Self::Decimal(number) => Value::from(*number),
            Self::Time(at) => Value::from(at.get()),
            Self::Flag(yes) => Value::from(*yes),
            Self::List(items) => items.iter().map(|(_, value)| value.clone()).collect(),
            Self::Nothing => Value::Null,
        }
    }
}

impl Serialize for Sheet {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("v", &V1)?;
        map.serialize_entry("kind", self.kind)?;
        for (name, cell) in &self.fields {
            map.serialize_entry(name, &cell.value())?;
        }
        map.end()
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<bool> for Cell {
    fn from(yes: bool) -> Self {
        Self::Flag(yes)
    }
}

impl From<TimestampMs> for Cell {
    fn from(at: TimestampMs) -> Self {
        Self::Time(at)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Into::into)
    }
}

macro_rules! numbers {
    ($($name:ident)*) => {
        $(impl From<firnline_index::$name> for Cell {
            fn from(number: firnline_index::$name) -> Self {
                Self::Number(i64::from(number.get()))
            }
        })*
    };
}

numbers!(Offset LeaderEpoch PartitionIndex NodeId ProducerId);

impl From<firnline_index::ByteCount> for Cell {
    fn from(size: firnline_index::ByteCount) -> Self {
        Self::Bytes(size.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firnline_index::Offset;

    #[test]
    fn one_sheet_reads_alike_in_both_forms() {
        let sheet = Sheet::new("thing")
            .with("base_offset", Offset::new(5).unwrap())
            .with("log_bytes", Cell::Bytes(2048))
            .with("newest_ms", None::<TimestampMs>)
            .with("epochs", Cell::List(vec![("3 from 5".into(), serde_json::json!({"epoch": 3}))]));
        let json = serde_json::to_string(&sheet).unwrap();
        assert_eq!(
            json,
            r#"{"v":1,"kind":"thing","base_offset":5,"log_bytes":2048,"newest_ms":null,"epochs":[{"epoch":3}]}"#
        );
        assert_eq!(sheet.fields[1].1.text(), "2.00 KiB (2,048 bytes)");
    }
}
