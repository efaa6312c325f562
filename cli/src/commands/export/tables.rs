//! Iceberg tables: to the tier's end of now, or for as long as it is let.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use firnline_export::Workers;
use firnline_export::job::{Between, Committed, Job, JobError, Progress as Watch};
use firnline_export::tend::Tender;
use firnline_index::{OffsetRange, PartitionIndex};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::open::{Asked, Opened, Work, open, topic_id};
use super::site::{ExportSite, Watched};
use crate::args::{ExportArgs, GlobalArgs};
use crate::commands::selection::usage;
use crate::commands::standing::show;
use crate::exit::Exit;
use crate::failure::{Failure, Result, codes, of};
use crate::logs;
use crate::output::{Out, Progress, Sheet};
use crate::signals::Ending;
use crate::surroundings::Surroundings;
use crate::wiring;

/// Exports.
pub(super) async fn run(
    args: ExportArgs,
    global: &GlobalArgs,
    around: Surroundings,
    out: &mut Out,
) -> Result<Exit> {
    if args.to.is_some() {
        return Err(usage("--to is for --format parquet; tables go to export.warehouse".to_owned()).into());
    }
    if args.from != "earliest" || args.until != "latest" {
        let what = "--from and --until are for --format parquet: a table goes on where it stands, and begins at the tier's start";
        return Err(usage(what.to_owned()).into());
    }
    let opened = open(args.tier.as_deref(), &args.topic, global, around).await?;
    let asked = Asked { skip_gone: args.skip_gone, continue_as: topic_id(args.continue_as.as_deref())? };
    if args.once { once(&opened, &asked, args.json, out).await } else { stay(opened, &asked).await }
}

/// Every table to where the tier ends now. One that fails does not keep the others back.
async fn once(opened: &Opened, asked: &Asked, json: bool, out: &mut Out) -> Result<Exit> {
    let bar = Arc::new(Bar(Progress::open_ended("exporting")));
    let work = opened.work(asked, Some(bar)).await?;
    let mut failed = Vec::new();
    let total = work.len();
    for Work { parts, settings, .. } in work {
        let table = parts.table.to_string();
        let began = tokio::time::Instant::now();
        let mut job = Job::new(parts, settings);
        match job.catch_up().await {
            Ok(committed) => sheet(&table, &committed, began.elapsed()).show(json, out)?,
            Err(error) => failed.push(of::export(error)),
        }
        out.flush()?;
    }
    opened.reader.shutdown().await;
    ended(failed, total)
}

fn sheet(table: &str, committed: &Committed, took: std::time::Duration) -> Sheet {
    let Committed { rows, dead_letters, files, file_bytes, offsets, missing_offsets } = committed;
    Sheet::new("table")
        .with("table", crate::output::Cell::Text(table.to_owned()))
        .with("rows", crate::output::Cell::Count(*rows))
        .with("dead_letters", crate::output::Cell::Count(*dead_letters))
        .with("files", crate::output::Cell::Count(*files))
        .with("file_bytes", crate::output::Cell::Bytes(*file_bytes))
        .with("offsets", crate::output::Cell::Count(*offsets))
        .with("missing_offsets", crate::output::Cell::Count(*missing_offsets))
        .with("took_ms", crate::output::Cell::Span(u64::try_from(took.as_millis()).unwrap_or(u64::MAX)))
}

/// One failure as it is; several as one that names them.
pub(super) fn ended(failed: Vec<Failure>, total: usize) -> Result<Exit> {
    let count = failed.len();
    let mut failures = failed.into_iter();
    let Some(first) = failures.next() else { return Ok(Exit::Fine) };
    if count == 1 && total == 1 {
        return Err(first.into());
    }
    let mut whole = Failure::new(
        &codes::TABLES_LEFT,
        format!("{count} of {total} tables could not be exported to the end"),
    );
    whole.notes = std::iter::once(first)
        .chain(failures)
        .map(|failure| format!("{}: {}", failure.code.id, failure.sentence()))
        .collect();
    Err(whole.into())
}

/// A line that moves.
#[derive(Debug)]
struct Bar(Progress);

impl Watch for Bar {
    fn read(&self, partition: PartitionIndex, range: OffsetRange, bytes: u64) {
        self.0.add(bytes);
        self.0.on(format!("partition {partition} to offset {}", range.end()));
    }

    fn stalled(&self, what: &str) {
        self.0.on(format!("waits: {what}"));
        tracing::warn!(what, "the export waits");
    }
}

/// Until it is told to end. Topics that come later are found when it is started again.
async fn stay(opened: Opened, asked: &Asked) -> Result<Exit> {
    let mut ending = Ending::listen()?;
    let work = opened.work(asked, None).await?;
    let watched: Arc<[Watched]> = work
        .iter()
        .map(|work| Watched { table: work.parts.table.to_string(), metrics: Arc::clone(&work.parts.metrics) })
        .collect();
    let config = &opened.context.config;
    let tend = config.export.tend_enabled.value.then(|| wiring::export::tend(config));
    let mut beside = JoinSet::new();
    let (prices, _) = wiring::prices(config, None)?;
    let site = ExportSite {
        tables: watched,
        store: opened.warehouse.clone(),
        started_ms: opened.context.env.clock.now_ms(),
        prices,
    };
    show(config.export.http_listen.value.0, site, &codes::EXPORT_HTTP_PORT, &mut beside).await;
    let (stop, stopped) = watch::channel(false);
    let mut jobs: JoinSet<(String, std::result::Result<(), JobError>)> = JoinSet::new();
    for Work { parts, settings, .. } in work {
        let table = parts.table.to_string();
        tracing::info!(table, topic = %parts.source.topic(), topic_id = %parts.source.topic_id(), "exporting");
        let mut between = Tending(tend.clone().map(|tend| {
            let catalog = Arc::clone(&parts.catalog);
            Tender::new(catalog, parts.table.clone(), tend, parts.env.clone(), Workers::Threads)
        }));
        let stopped = stopped.clone();
        jobs.spawn(async move {
            let mut job = Job::new(parts, settings);
            let ended = job.run_with(stopped, &mut between).await;
            (table, ended)
        });
    }
    let mut failures: BTreeMap<String, Failure> = BTreeMap::new();
    let total = jobs.len();
    let exit = loop {
        tokio::select! {
            exit = ending.next() => break Some(exit),
            joined = jobs.join_next() => match joined {
                None => break None,
                Some(Ok((_, Ok(())))) => {}
                Some(Ok((table, Err(error)))) => {
                    let failure = of::export(error);
                    logs::failure(&failure);
                    failures.insert(table, failure);
                }
                // The panic hook has reported it.
                Some(Err(_)) => return Ok(codes::INTERNAL.exit),
            },
        }
    };
    tracing::info!("ending: commits under way are brought to their end");
    let _ = stop.send(true);
    while jobs.join_next().await.is_some() {}
    opened.reader.shutdown().await;
    match exit {
        Some(exit) => Ok(exit),
        None => ended(failures.into_values().collect(), total),
    }
}

/// Maintenance between rounds.
struct Tending(Option<Tender>);

#[async_trait]
impl Between for Tending {
    async fn between(&mut self, _now_ms: i64) {
        let Some(tender) = &mut self.0 else { return };
        match tender.tend().await {
            Ok(report) if report.is_idle() => {}
            Ok(report) => tracing::info!(
                rewrites = report.rewrites.len(),
                expired_snapshots = report.expired_snapshots.len(),
                deleted_files = report.deleted_files.len(),
                orphans = report.orphans.len(),
                "the table was tended"
            ),
            Err(error) => {
                let failure = Failure::new(&codes::TEND, "tend a table").caused_by(error);
                tracing::warn!(code = failure.code.id, "{}", failure.sentence());
            }
        }
    }
}
