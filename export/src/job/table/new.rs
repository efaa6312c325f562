//! Tables that are made: columns, partitioning, order.

use std::collections::BTreeMap;

use arrow_schema::Fields;
use firnline_table::{NewTable, PartitionSpec, Schema, SortOrder, Transform};

use super::TableError;
use crate::position::SOURCE;
use crate::rows::{DEAD_LETTER_FIELDS, Layout};
use crate::settings::TableSettings;

/// What files are ordered by: as the log is.
const ORDERED_BY: [&str; 2] = ["kafka_partition", "kafka_offset"];

/// A table for rows of `layout`.
pub(crate) fn new_table(
    settings: &TableSettings,
    layout: &Layout,
    source: &str,
) -> Result<NewTable, TableError> {
    let parts =
        settings.partitioning.iter().map(|text| partition_field(text)).collect::<Result<Vec<_>, _>>()?;
    made(settings, layout.schema().fields(), &parts, settings.location.clone(), source)
}

/// A table for dead letters: there are few, so that it is not partitioned.
pub(crate) fn new_dead_letters(settings: &TableSettings, source: &str) -> Result<NewTable, TableError> {
    // Its own place: beside the table's, where that was given.
    let location = settings
        .location
        .as_ref()
        .map(|location| format!("{}{}", location.trim_end_matches('/'), crate::job::DEAD_LETTERS));
    let settings = TableSettings { identifier: Vec::new(), ..settings.clone() };
    made(&settings, &DEAD_LETTER_FIELDS, &[], location, source)
}

fn made(
    settings: &TableSettings,
    fields: &Fields,
    parts: &[(String, Transform)],
    location: Option<String>,
    source: &str,
) -> Result<NewTable, TableError> {
    let identifier: Vec<&str> = settings.identifier.iter().map(String::as_str).collect();
    let schema = Schema::from_arrow(fields, &identifier).map_err(TableError::schema)?;
    let parts: Vec<(&str, Transform)> =
        parts.iter().map(|(column, transform)| (column.as_str(), transform.clone())).collect();
    let spec = PartitionSpec::of(&schema, &parts).map_err(TableError::partitioning)?;
    let order: Option<Vec<i32>> =
        ORDERED_BY.iter().map(|name| schema.column(name).map(|column| column.id)).collect();
    let mut properties: BTreeMap<String, String> = settings.properties.clone();
    properties.insert(SOURCE.to_owned(), source.to_owned());
    Ok(NewTable {
        sort_order: order.map_or_else(SortOrder::unsorted, |columns| SortOrder::ascending(1, &columns)),
        schema,
        spec,
        location,
        properties,
        format_version: settings.format_version,
    })
}

/// `day(kafka_timestamp)`, `bucket(16, id)`, `country`.
fn partition_field(text: &str) -> Result<(String, Transform), TableError> {
    let text = text.trim();
    let Some((word, rest)) = text.split_once('(') else {
        return Ok((text.to_owned(), Transform::Identity));
    };
    let bad = || TableError::Word { text: text.to_owned() };
    let inner = rest.strip_suffix(')').ok_or_else(bad)?;
    let (number, column) = match inner.split_once(',') {
        Some((number, column)) => (Some(number.trim()), column.trim()),
        None => (None, inner.trim()),
    };
    let word = word.trim().trim_end_matches('s');
    let spelled = match number {
        Some(number) => format!("{word}[{number}]"),
        None => word.to_owned(),
    };
    let Ok(transform) = spelled.parse::<Transform>();
    match transform {
        Transform::Other(_) | Transform::Void => Err(bad()),
        transform if column.is_empty() => {
            let _ = transform;
            Err(bad())
        }
        transform => Ok((column.to_owned(), transform)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitionings_are_read_as_engines_write_them() {
        let read =
            |text: &str| partition_field(text).map(|(column, transform)| (column, transform.to_string()));
        let is = |text: &str, column: &str, transform: &str| {
            assert_eq!(read(text).unwrap(), (column.to_owned(), transform.to_owned()), "{text}");
        };
        is("day(kafka_timestamp)", "kafka_timestamp", "day");
        is("days( kafka_timestamp )", "kafka_timestamp", "day");
        is("bucket(16, id)", "id", "bucket[16]");
        is("truncate(4,name)", "name", "truncate[4]");
        is("country", "country", "identity");
        for bad in ["week(x)", "bucket(id)", "bucket(0, id)", "day(x", "day()"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_new_table_is_ordered_by_partition_and_offset_and_made_by_day() {
        let layout = Layout::new(&crate::rows::RowSettings::default()).unwrap();
        let new = new_table(&TableSettings::default(), &layout, "{}").unwrap();
        assert_eq!((new.spec.fields.len(), new.sort_order.fields.len()), (1, 2));
        assert_eq!(new.spec.fields[0].transform, Transform::Day);
        let dead = new_dead_letters(&TableSettings::default(), "{}").unwrap();
        assert!(dead.spec.fields.is_empty() && dead.schema.column("dlq_reason").is_some());
    }
}
