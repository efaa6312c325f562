//! `firnline export repair`

use firnline_export::repair::{RepairPlan, plan, repair, repair_rolled_back};

use super::open::{Asked, open};
use crate::args::{GlobalArgs, RepairTableArgs};
use crate::exit::Exit;
use crate::failure::{Result, of};
use crate::output::{Cell, Out, Sheet};
use crate::surroundings::Surroundings;

/// Takes back rows that the log does not have any more, or sets positions back where a table was rolled back.
pub(super) async fn run(
    args: RepairTableArgs,
    global: &GlobalArgs,
    around: Surroundings,
    out: &mut Out,
) -> Result<Exit> {
    let opened = open(None, &args.topic, global, around).await?;
    for work in opened.work(&Asked::default(), None).await? {
        let table = work.parts.table.to_string();
        if args.rolled_back {
            let done = repair_rolled_back(work.parts, work.settings, args.dry_run)
                .await
                .map_err(of::export_repair)?;
            let Some(done) = done else {
                nothing(&table, out)?;
                continue;
            };
            Sheet::new(kind(args.dry_run))
                .with("table", Cell::Text(table))
                .with("positions_before", Cell::Text(done.from.to_text()))
                .with("positions_now", Cell::Text(done.to.to_text()))
                .show(args.json, out)?;
            continue;
        }
        let planned = if args.dry_run {
            let planned = plan(work.parts, work.settings).await.map_err(of::export_repair)?;
            Some(planned).filter(|planned| !planned.partitions.is_empty())
        } else {
            repair(work.parts, work.settings).await.map_err(of::export_repair)?.done
        };
        match planned {
            None => nothing(&table, out)?,
            Some(planned) => show(&table, &planned, &args, out)?,
        }
    }
    Ok(Exit::Fine)
}

fn kind(dry_run: bool) -> &'static str {
    if dry_run { "would be done" } else { "done" }
}

fn nothing(table: &str, out: &mut Out) -> Result<()> {
    out.line(format!("{table}: there is nothing to repair"))
}

fn show(table: &str, planned: &RepairPlan, args: &RepairTableArgs, out: &mut Out) -> Result<()> {
    for partition in &planned.partitions {
        Sheet::new(kind(args.dry_run))
            .with("table", Cell::Text(table.to_owned()))
            .with("partition", Cell::Number(partition.partition.get().into()))
            .with("exported_to", Cell::Number(partition.from.next_offset.get()))
            .with("goes_on_at", Cell::Number(partition.back_to.next_offset.get()))
            .with("rows_taken_back", Cell::Count(partition.rows))
            .with("dead_letters_taken_back", Cell::Count(partition.dead_letters))
            .show(args.json, out)?;
    }
    Ok(())
}
