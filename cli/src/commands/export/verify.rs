//! `firnline verify --table`

use firnline_export::Workers;
use firnline_export::job::dead_letter_name;
use firnline_export::verify::{Expected, VerifyReport, VerifyRequest, verify_table};

use super::open::{Asked, open};
use crate::args::GlobalArgs;
use crate::exit::Exit;
use crate::failure::{Failure, Result, codes, of};
use crate::output::{Cell, Out, Sheet};
use crate::surroundings::Surroundings;

/// How many differences are named.
const NAMED: usize = 20;
/// Memory for deletes of one partition, in bytes.
const MEMORY: usize = 256 << 20;

/// Compares tables with the tier. Current-state tables are left out: they have the last row of each key alone.
pub(in crate::commands) async fn verify(
    tier: Option<&str>,
    topics: &[String],
    json: bool,
    global: &GlobalArgs,
    around: Surroundings,
    out: &mut Out,
) -> Result<Exit> {
    let opened = open(tier, topics, global, around).await?;
    let mut exit = Exit::Fine;
    for work in opened.work(&Asked::default(), None).await? {
        let name = work.parts.table.clone();
        if work.is_current {
            tracing::warn!(
                "{name} has the last row of each key, and cannot be compared with a log; its changelog is"
            );
            continue;
        }
        let Some(table) = opened.catalog.load(&name).await.map_err(of::catalog)? else {
            return Err(Failure::new(&codes::NO_TABLES, format!("there is no table {name}")).into());
        };
        let dead = opened.name(&dead_letter_name(name.name()))?;
        let dead = opened.catalog.load(&dead).await.map_err(of::catalog)?;
        let request = VerifyRequest {
            table: &table,
            dead_letters: dead.as_ref(),
            reader: &opened.reader,
            topic: work.parts.source.topic().clone(),
            topic_id: work.parts.source.topic_id(),
            partitions: None,
            from: None,
            until: None,
            expected: if work.has_changes { Expected::RecordsWithValue } else { Expected::EveryRecord },
            most: NAMED,
            memory_bytes: MEMORY,
            workers: Workers::Threads,
        };
        let report = verify_table(&request).await;
        let report = report.map_err(|error| {
            Failure::new(&codes::VERIFY_TABLE, format!("compare table {name} with the tier")).caused_by(error)
        })?;
        show(&name.to_string(), &report, json, out)?;
        if !report.is_equal() {
            exit = Exit::Difference;
        }
    }
    opened.reader.shutdown().await;
    Ok(exit)
}

fn show(table: &str, report: &VerifyReport, json: bool, out: &mut Out) -> Result<()> {
    for partition in &report.partitions {
        Sheet::new(if partition.is_equal() { "equal" } else { "differs" })
            .with("table", Cell::Text(table.to_owned()))
            .with("partition", Cell::Number(partition.partition.into()))
            .with("from", Cell::Number(partition.offsets.start))
            .with("until", Cell::Number(partition.offsets.end))
            .with("log_records", Cell::Count(partition.log_records))
            .with("table_rows", Cell::Count(partition.table_rows))
            .with("dead_letters", Cell::Count(partition.dead_letters))
            .with("log_checksum", Cell::Text(format!("{:032x}", partition.log_checksum)))
            .with("table_checksum", Cell::Text(format!("{:032x}", partition.table_checksum)))
            .with("unknown_offsets", Cell::Count(partition.unknown_offsets))
            .with("rows_beyond", Cell::Count(partition.beyond))
            .show(json, out)?;
    }
    for difference in &report.differences {
        out.line(format!("{table}: {difference}"))?;
    }
    for note in &report.notes {
        tracing::warn!("{table}: {note}");
    }
    Ok(())
}
