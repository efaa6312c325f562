//! What a pass did, for people and as JSON.

use std::collections::BTreeMap;

use firnline_logdir::NotLogReason;
use firnline_offloader::PartitionReport;
use firnline_store::price::PriceList;
use firnline_store::{RequestCounts, RequestKind};
use serde::Serialize;

use super::once::Passed;
use crate::exit::Exit;
use crate::failure::{Failure, Result, of, several};
use crate::output::{Out, Table, V1, Word as _};
use crate::units::{bytes, count, money, rate, seconds};

/// One partition.
#[derive(Debug, Serialize)]
struct PartitionLine<'a> {
    v: V1,
    kind: &'static str,
    topic: &'a str,
    topic_id: Option<String>,
    partition: i32,
    path: Option<String>,
    tier_end_before: Option<i64>,
    tier_end: Option<i64>,
    segments: usize,
    log_bytes: u64,
    object_bytes: u64,
    orphans: &'a [String],
    problem: Option<ProblemLine>,
}

#[derive(Debug, Serialize)]
struct ProblemLine {
    code: &'static str,
    message: String,
}

/// What is no log.
#[derive(Debug, Serialize)]
struct NotLogLine {
    v: V1,
    kind: &'static str,
    path: String,
    why: &'static str,
}

/// The whole pass.
#[derive(Debug, Serialize)]
struct PassLine<'a> {
    v: V1,
    kind: &'static str,
    complete: bool,
    partitions: usize,
    segments: usize,
    log_bytes: u64,
    object_bytes: u64,
    seconds: f64,
    requests: BTreeMap<&'static str, u64>,
    request_cost: f64,
    currency: &'a str,
    prices: String,
}

/// Shows it all, and tells how the run ends.
pub(super) fn show(passed: &Passed, prices: &PriceList, json: bool, out: &mut Out) -> Result<Exit> {
    let problems: Vec<Failure> = problems(passed);
    if json {
        lines(passed, prices, out)?
    } else {
        text(passed, prices, out)?
    }
    let report = &passed.report;
    let something_is_fine =
        report.committed().next().is_some() || report.partitions.iter().any(|p| p.problem.is_none());
    let Some(failure) = several(&problems, something_is_fine) else { return Ok(Exit::Fine) };
    // What was done has been shown; the exit code is the failure's.
    out.flush()?;
    Err(failure.into())
}

fn problems(passed: &Passed) -> Vec<Failure> {
    let at = |place: String, failure: Failure| Failure {
        message: format!("{place}: {}", failure.message),
        ..failure
    };
    let report = &passed.report;
    let refused = report.refused.iter().map(|refused| {
        at(
            format!("{}/{} in {:?}", refused.topic, refused.partition, refused.path),
            of::refused(&refused.why),
        )
    });
    let partitions = report.partitions.iter().filter_map(|partition| {
        let path = partition.path.as_ref().map(|path| format!(" in {path:?}")).unwrap_or_default();
        let place = format!("{}/{}{path}", partition.tip.topic, partition.tip.partition);
        partition.problem.as_ref().map(|problem| at(place, of::problem(problem)))
    });
    refused.chain(partitions).collect()
}

fn lines(passed: &Passed, prices: &PriceList, out: &mut Out) -> Result<()> {
    let report = &passed.report;
    for partition in &report.partitions {
        out.json(&partition_line(partition))?;
    }
    for refused in &report.refused {
        let failure = of::refused(&refused.why);
        out.json(&PartitionLine {
            v: V1,
            kind: "partition",
            topic: refused.topic.as_str(),
            topic_id: None,
            partition: refused.partition.get(),
            path: Some(refused.path.display().to_string()),
            tier_end_before: None,
            tier_end: None,
            segments: 0,
            log_bytes: 0,
            object_bytes: 0,
            orphans: &[],
            problem: Some(ProblemLine { code: failure.code.id, message: failure.sentence() }),
        })?;
    }
    for not_log in &report.not_logs {
        out.json(&NotLogLine {
            v: V1,
            kind: "not_log",
            path: not_log.path.display().to_string(),
            why: not_log.why.word(),
        })?;
    }
    out.json(&PassLine {
        v: V1,
        kind: "pass",
        complete: report.is_complete(),
        partitions: report.partitions.len(),
        segments: report.committed().count(),
        log_bytes: report.log_bytes(),
        object_bytes: report.object_bytes(),
        seconds: passed.took.as_secs_f64(),
        requests: requests(&passed.requests),
        request_cost: prices.requests(&passed.requests),
        currency: &prices.currency,
        prices: prices.label(),
    })
}

fn partition_line(partition: &PartitionReport) -> PartitionLine<'_> {
    PartitionLine {
        v: V1,
        kind: "partition",
        topic: partition.tip.topic.as_str(),
        topic_id: Some(partition.tip.topic_id.to_string()),
        partition: partition.tip.partition.get(),
        path: partition.path.as_ref().map(|path| path.display().to_string()),
        tier_end_before: partition.tier_end_before.map(|offset| offset.get()),
        tier_end: partition.tier_end.map(|offset| offset.get()),
        segments: partition.committed.len(),
        log_bytes: partition.committed.iter().map(|segment| segment.log_bytes).sum(),
        object_bytes: partition.committed.iter().map(|segment| segment.object_bytes).sum(),
        orphans: &partition.orphans,
        problem: partition.problem.as_ref().map(|problem| {
            let failure = of::problem(problem);
            ProblemLine { code: failure.code.id, message: failure.sentence() }
        }),
    }
}

fn requests(counts: &RequestCounts) -> BTreeMap<&'static str, u64> {
    let made = |kind: RequestKind| (kind.label(), counts.of(kind));
    RequestKind::ALL.into_iter().map(made).filter(|(_, count)| *count > 0).collect()
}

fn text(passed: &Passed, prices: &PriceList, out: &mut Out) -> Result<()> {
    let report = &passed.report;
    let mut table =
        Table::new(&["partition", ">tier end before", ">tier end", ">segments", ">log", ">stored"]);
    for partition in report.partitions.iter().filter(|partition| !partition.committed.is_empty()) {
        table.row([
            format!("{}/{}", partition.tip.topic, partition.tip.partition),
            partition.tier_end_before.map_or_else(|| "-".to_owned(), |offset| offset.to_string()),
            partition.tier_end.map_or_else(|| "-".to_owned(), |offset| offset.to_string()),
            count(partition.committed.len() as u64),
            bytes(partition.committed.iter().map(|segment| segment.log_bytes).sum()),
            bytes(partition.committed.iter().map(|segment| segment.object_bytes).sum()),
        ]);
    }
    if report.committed().next().is_some() {
        for line in table.lines() {
            out.line(line)?;
        }
        out.line("")?;
    }
    let segments = report.committed().count() as u64;
    out.line(format!(
        "{} of {} segments in {} ({}); {} requests, {} by list price ({})",
        bytes(report.log_bytes()),
        count(segments),
        seconds(passed.took),
        rate(report.log_bytes(), passed.took),
        count(passed.requests.total()),
        money(&prices.currency, prices.requests(&passed.requests)),
        prices.label(),
    ))?;
    let nothing_new =
        report.partitions.iter().filter(|p| p.committed.is_empty() && p.problem.is_none()).count();
    for (number, what) in [
        (nothing_new, "had nothing new"),
        (report.filtered, "left out by the topics named"),
        (report.internal, "of internal topics left out"),
    ] {
        if number > 0 {
            out.line(format!("{} partitions {what}", count(number as u64)))?;
        }
    }
    for not_log in report.not_logs.iter().filter(|not_log| not_log.why != NotLogReason::ClusterMetadata) {
        out.line(format!("{:?} is no log: {}", not_log.path, why(not_log.why)))?;
    }
    Ok(())
}

fn why(why: NotLogReason) -> &'static str {
    match why {
        NotLogReason::Deleted => "a partition of a deleted topic",
        NotLogReason::Stray => "a partition that the cluster did not give to this broker",
        NotLogReason::Future => "a copy in the making",
        NotLogReason::RemoteIndexCache => "the broker's cache of remote indexes",
        NotLogReason::ClusterMetadata => "the cluster's metadata",
        NotLogReason::Foreign => "nothing that a broker makes",
    }
}
