//! `firnline verify`

use std::sync::{Mutex, PoisonError};

use firnline_tier::check::{CheckDepth, CheckReport, Finding, Pace};

use super::context::Context;
use super::selection::{Selection, usage};
use crate::args::{GlobalArgs, SelectionArgs, VerifyArgs};
use crate::exit::Exit;
use crate::failure::{Failure, Result, Stop, codes, of};
use crate::output::{Cell, Out, Progress, Sheet};
use crate::surroundings::Surroundings;
use crate::units::{Size, bytes, count, seconds, show_time};
use crate::wiring;

/// Prints findings as they come.
struct Teller<'a> {
    out: &'a mut Out,
    json: bool,
    /// A standard output that cannot be written ends the telling, not the check: the exit code still says what was found.
    broken: Option<Stop>,
    /// The first place that could not be read, with its page.
    unreadable: Option<Failure>,
}

/// How fast is read.
fn pace(text: &str) -> std::result::Result<Pace, String> {
    match text.parse()? {
        Size(0) => Err("--rate: nothing would ever be read".to_owned()),
        Size(bytes) => Ok(Pace::per_second(bytes)),
    }
}

/// Compares tables with the tier.
#[cfg(feature = "export")]
async fn tables(
    selection: SelectionArgs,
    json: bool,
    global: &GlobalArgs,
    around: Surroundings,
    out: &mut Out,
) -> Result<Exit> {
    let SelectionArgs { first, second, topic } = selection;
    if second.is_some() {
        return Err(usage("--table compares whole topics: name them by --topic".to_owned()).into());
    }
    super::export::verify(first.as_deref(), &topic, json, global, around, out).await
}

#[cfg(not(feature = "export"))]
#[expect(clippy::unused_async, reason = "as the other of its kind")]
async fn tables(
    _selection: SelectionArgs,
    _json: bool,
    _global: &GlobalArgs,
    _around: Surroundings,
    _out: &mut Out,
) -> Result<Exit> {
    Err(Failure::new(&codes::NO_EXPORT, "this build knows no tables").into())
}

/// Checks partitions and names everything that is wrong.
pub async fn run(args: VerifyArgs, global: &GlobalArgs, around: Surroundings, out: &mut Out) -> Result<Exit> {
    let VerifyArgs { selection, deep, rate, table, json } = args;
    if table {
        return tables(selection, json, global, around, out).await;
    }
    let pace = rate.as_deref().map(pace).transpose().map_err(usage)?;
    let selection = Selection::new(selection)?;
    let context = Context::new(global, selection.tier.as_deref(), around)?;
    let tier = context.tier().await?;
    let partitions = selection.partitions(&tier).await?;
    let depth = if deep { CheckDepth::Content } else { CheckDepth::Existence };
    let parallel = wiring::count(context.config.limits.parallel_partitions.value.0);
    let before = tier.store().counters();
    let started = tokio::time::Instant::now();
    let teller = Mutex::new(Teller { out, json, broken: None, unreadable: None });
    let report = {
        let progress = Progress::open_ended(if deep { "verify --deep" } else { "verify" });
        progress.on(format!("{} partitions", partitions.len()));
        let told = |finding| teller.lock().unwrap_or_else(PoisonError::into_inner).tell(finding);
        match pace {
            Some(pace) => tier.check_slowly(partitions, pace, &told).await,
            None => tier.check(partitions, depth, parallel, &told).await,
        }
    };
    let took = started.elapsed();
    let requests = tier.store().counters().since(&before).total();
    let Teller { out, broken, unreadable, .. } = teller.into_inner().unwrap_or_else(PoisonError::into_inner);
    let told = match broken {
        Some(stop) => Err(stop),
        None if json => summary(&report, deep, took.as_secs_f64(), requests).show(true, out),
        None => out.line(format!(
            "{} partitions, {} segments, {} in {} ({} requests): {}",
            count(report.partitions),
            count(report.segments),
            bytes(if deep { report.log_bytes } else { report.object_bytes }),
            seconds(took),
            count(requests),
            verdict(&report, deep),
        )),
    };
    // Whoever read along may have gone; what was found still decides how this ends.
    if let Err(Stop::Failed(failure)) = told.and_then(|()| out.flush()) {
        return Err(Stop::Failed(failure));
    }
    match (report.anomalies, unreadable) {
        (0, None) => Ok(Exit::Fine),
        (0, Some(unreadable)) => Err(unreadable.into()),
        (n, _) => Err(Failure::new(&codes::ANOMALIES, format!("anomalies found: {n}")).into()),
    }
}

impl Teller<'_> {
    fn tell(&mut self, finding: Finding) {
        let sheet = match finding {
            Finding::Anomaly(anomaly) => Sheet::new("anomaly")
                .with("name", anomaly.kind.name())
                .with("object_key", anomaly.key.clone())
                .with("text", anomaly.kind.to_string()),
            Finding::Unreadable { key, source } => {
                let failure = of::store(*source);
                let sheet = Sheet::new("unreadable")
                    .with("name", failure.code.id)
                    .with("object_key", key)
                    .with("text", failure.sentence());
                self.unreadable.get_or_insert(failure);
                sheet
            }
            Finding::Locked { key, source } => {
                let failure = of::key(*source);
                let sheet = Sheet::new("locked")
                    .with("name", failure.code.id)
                    .with("object_key", key)
                    .with("text", failure.sentence());
                self.unreadable.get_or_insert(failure);
                sheet
            }
            Finding::Unnamed { key, size, last_modified_ms } => {
                let at =
                    firnline_index::TimestampMs::new(last_modified_ms).map(show_time).unwrap_or_default();
                Sheet::new("unnamed")
                    .with("name", "orphan")
                    .with("object_key", key)
                    .with("text", format!("{} that no manifest names, written {at}", bytes(size)))
                    .with("object_bytes", Cell::Bytes(size))
            }
        };
        if self.broken.is_none() {
            let told = if self.json {
                sheet.show(true, self.out)
            } else {
                self.out.line(sheet.line(self.out.paint()))
            };
            self.broken = told.err();
        }
    }
}

fn verdict(report: &CheckReport, deep: bool) -> String {
    let mut words = vec![match report.anomalies {
        0 if report.unreadable == 0 && deep => "everything is as it was written".to_owned(),
        0 if report.unreadable == 0 => "everything is there".to_owned(),
        0 => "no anomaly found".to_owned(),
        n => format!("{} anomalies", count(n)),
    }];
    if report.unreadable > 0 {
        words.push(format!("{} places could not be read", count(report.unreadable)));
    }
    if report.unnamed > 0 {
        words.push(format!("{} objects that nothing names", count(report.unnamed)));
    }
    words.join(", ")
}

fn summary(report: &CheckReport, deep: bool, seconds: f64, requests: u64) -> Sheet {
    let CheckReport {
        partitions,
        segments,
        blocks,
        batches,
        log_bytes,
        object_bytes,
        anomalies,
        unreadable,
        unnamed,
    } = *report;
    Sheet::new("summary")
        .with("deep", deep)
        .with("partitions", Cell::Count(partitions))
        .with("segments", Cell::Count(segments))
        .with("blocks", Cell::Count(blocks))
        .with("batches", Cell::Count(batches))
        .with("log_bytes", Cell::Bytes(log_bytes))
        .with("object_bytes", Cell::Bytes(object_bytes))
        .with("anomalies", Cell::Count(anomalies))
        .with("unreadable", Cell::Count(unreadable))
        .with("unnamed", Cell::Count(unnamed))
        .with("seconds", Cell::Decimal(seconds))
        .with("requests", Cell::Count(requests))
}
