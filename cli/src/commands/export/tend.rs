//! `firnline export tend`

use firnline_export::Workers;
use firnline_export::job::dead_letter_name;
use firnline_export::tend::{Duty, Outcome, TendReport, Tender};

use super::open::{Asked, open};
use crate::args::{GlobalArgs, TendArgs};
use crate::exit::Exit;
use crate::failure::{Failure, Result, codes, of};
use crate::output::{Cell, Out, Sheet};
use crate::surroundings::Surroundings;
use crate::wiring;

/// Tends tables, and their dead letters.
pub(super) async fn run(
    args: TendArgs,
    global: &GlobalArgs,
    around: Surroundings,
    out: &mut Out,
) -> Result<Exit> {
    let opened = open(None, &args.topic, global, around).await?;
    let settings = wiring::export::tend(&opened.context.config);
    for work in opened.work(&Asked::default(), None).await? {
        let table = work.parts.table;
        for name in [table.clone(), opened.name(&dead_letter_name(table.name()))?] {
            if opened.catalog.load(&name).await.map_err(of::catalog)?.is_none() {
                continue;
            }
            let catalog = std::sync::Arc::clone(&opened.catalog);
            let tender = Tender::new(
                catalog,
                name.clone(),
                settings.clone(),
                opened.context.env.clone(),
                Workers::Threads,
            );
            let report = tender.maintain(&[Duty::Look, Duty::Expire, Duty::Orphans], args.dry_run).await;
            let report = report
                .map_err(|error| Failure::new(&codes::TEND, format!("tend {name}")).caused_by(error))?;
            show(&name.to_string(), &report, args.json, out)?;
        }
    }
    Ok(Exit::Fine)
}

fn show(table: &str, report: &TendReport, json: bool, out: &mut Out) -> Result<()> {
    let TendReport {
        dry_run,
        rewrites,
        skipped,
        spent_deletes,
        merged_manifests,
        expired_snapshots,
        deleted_files,
        orphans,
        orphan_bytes,
        notes,
    } = report;
    let count = |count: usize| Cell::Count(count as u64);
    let overtaken = rewrites.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Overtaken)).count();
    let mut sheet = Sheet::new(if *dry_run { "would be done" } else { "done" })
        .with("table", Cell::Text(table.to_owned()))
        .with("rewrites", count(rewrites.len() - overtaken))
        .with("rewrites_overtaken", count(overtaken))
        .with("skipped", count(skipped.len()))
        .with("delete_files_dropped", count(spent_deletes.len()))
        .with("snapshots_expired", count(expired_snapshots.len()))
        .with("files_deleted", count(deleted_files.len()))
        .with("orphans_deleted", count(orphans.len()))
        .with("orphan_bytes", Cell::Bytes(*orphan_bytes));
    if let Some(manifests) = merged_manifests {
        sheet = sheet.with("manifests_merged", count(*manifests));
    }
    sheet.show(json, out)?;
    for note in notes {
        tracing::warn!("{table}: {note}");
    }
    Ok(())
}
