//! `firnline export view`

use firnline_export::cdc::{Dialect, View, ViewColumn, view_text};
use firnline_table::{PrimitiveType, Type};

use super::open::open;
use crate::args::{GlobalArgs, ViewArgs, ViewDialect};
use crate::commands::selection::usage;
use crate::exit::Exit;
use crate::failure::{Failure, Result, codes, of};
use crate::output::Out;
use crate::surroundings::Surroundings;
use crate::wiring;

/// Prints the view of a changelog's current rows.
pub(super) async fn run(
    args: ViewArgs,
    global: &GlobalArgs,
    around: Surroundings,
    out: &mut Out,
) -> Result<Exit> {
    let pattern = regex::escape(&args.topic);
    let opened = open(None, &[pattern], global, around).await?;
    let targets = opened.targets().await?;
    let changes = targets.first().filter(|target| wiring::export::changes(target.section).is_some());
    let Some(target) = changes else {
        return Err(
            usage(format!("topic {} captures no changes: its section sets no cdc", args.topic)).into()
        );
    };
    let Some(wanted) = target.tables.first() else { return Ok(Exit::Fine) };
    let name = opened.name(&wanted.name)?;
    let table = opened.catalog.load(&name).await.map_err(of::catalog)?;
    let table =
        table.ok_or_else(|| Failure::new(&codes::NO_TABLES, format!("there is no table {name} yet")))?;
    let columns = table
        .metadata
        .current_schema()
        .fields()
        .iter()
        .map(|field| (field.name.clone(), is_binary(&field.field_type)));
    let columns: Vec<(String, bool)> = columns.collect();
    let keys = if args.key.is_empty() { identifiers(&table) } else { args.key.clone() };
    let view = View {
        name: name.namespace().levels().iter().cloned().chain([format!("{}_now", name.name())]).collect(),
        changelog: name.namespace().levels().iter().cloned().chain([name.name().to_owned()]).collect(),
        relation: None,
        keys,
        columns: columns
            .into_iter()
            .filter(|(name, _)| !name.starts_with("kafka_") && !name.starts_with("cdc_"))
            .map(|(name, binary)| ViewColumn { name, hides: true, binary })
            .collect(),
        ..View::default()
    };
    let text = view_text(&view, dialect(args.dialect)).map_err(|error| usage(error.to_string()))?;
    out.text(&text)?;
    Ok(Exit::Fine)
}

fn is_binary(of: &Type) -> bool {
    matches!(of, Type::Primitive(PrimitiveType::Binary | PrimitiveType::Fixed(_)))
}

fn identifiers(table: &firnline_table::catalog::Table) -> Vec<String> {
    let schema = table.metadata.current_schema();
    let ids = schema.identifier_field_ids();
    schema.fields().iter().filter(|field| ids.contains(&field.id)).map(|field| field.name.clone()).collect()
}

fn dialect(typed: ViewDialect) -> Dialect {
    match typed {
        ViewDialect::Athena => Dialect::Athena,
        ViewDialect::Trino => Dialect::Trino,
        ViewDialect::Spark => Dialect::Spark,
        ViewDialect::Duckdb => Dialect::DuckDb,
        ViewDialect::Snowflake => Dialect::Snowflake,
        ViewDialect::Bigquery => Dialect::BigQuery,
        ViewDialect::Clickhouse => Dialect::ClickHouse,
    }
}
