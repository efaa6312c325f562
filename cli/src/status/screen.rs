//! The screen of `firnline status`.

use std::time::Duration;

use super::fact::Urgency;
use super::page::{Source, StatusPage};
use crate::failure::{Result, codes};
use crate::output::{Out, Paint};
use crate::units::{bytes, count, money, seconds};

/// Facts shown to a person: what fits a screen beside the heads.
const ROWS: usize = 15;

/// Names of encrypted topics shown to a person.
const NAMES: usize = 5;

/// Shows the page, worst first.
pub fn show(page: &StatusPage, now_ms: i64, out: &mut Out) -> Result<()> {
    for line in lines(page, now_ms, out.paint()) {
        out.line(line)?;
    }
    Ok(())
}

fn lines(page: &StatusPage, now_ms: i64, paint: Paint) -> Vec<String> {
    let mut lines = heads(page, now_ms, paint);
    lines.push(String::new());
    let shown = &page.facts[..page.facts.len().min(ROWS)];
    if shown.is_empty() {
        lines.push(paint.good("nothing needs attention"));
    }
    let width = shown.iter().map(|fact| fact.subject.to_string().chars().count()).max().unwrap_or(0);
    for fact in shown {
        let code = match fact.urgency {
            Urgency::Operator | Urgency::AtRisk | Urgency::Lost => paint.bad(&fact.code),
            Urgency::Trouble | Urgency::Held => paint.odd(&fact.code),
            Urgency::Fine => fact.code.clone(),
        };
        lines.push(format!("{code}  {:<width$}  {}", fact.subject.to_string(), fact.text));
        if let Some(command) = &fact.command {
            lines.push(format!("{:width$}{command}", "", width = "FIRN-O000".len() + 2 + width + 2));
        }
    }
    lines.extend(rest(page, shown.len()));
    lines
}

fn heads(page: &StatusPage, now_ms: i64, paint: Paint) -> Vec<String> {
    let nodes = match page.nodes[..] {
        [] => "no node".to_owned(),
        [one] => format!("node {one}"),
        _ => format!("{} nodes", page.nodes.len()),
    };
    let age = Duration::from_millis(u64::try_from(now_ms.saturating_sub(page.at_ms)).unwrap_or(0));
    let from = match page.source {
        Source::Sidecar => "told by the sidecar".to_owned(),
        Source::Bucket => format!("from the bucket, {} old", seconds(age)),
    };
    let mut lines = vec![format!(
        "{}  {} partitions, {from}",
        paint.strong(&format!("cluster {}, {nodes}", page.cluster_id)),
        count(page.partitions)
    )];
    let mut lag = match page.source {
        Source::Sidecar => format!("behind  {}", bytes(page.lag.bytes)),
        Source::Bucket => "behind  only a sidecar tells; what pins alone hold stands below".to_owned(),
    };
    if let Some(segments) = page.lag.segments {
        lag.push_str(&format!(" in {} sealed segments", count(segments)));
    }
    if let Some(oldest) = page.lag.seconds.filter(|oldest| *oldest > 0.0) {
        lag.push_str(&format!(", the oldest {}", seconds(Duration::from_secs_f64(oldest))));
    }
    if let Some(exposed) = page.lag.recovery_point_seconds.filter(|exposed| *exposed > 0.0) {
        lag.push_str(&format!("; recovery point {}", seconds(Duration::from_secs_f64(exposed))));
    }
    lines.push(lag);
    let mut pins = format!(
        "pins    {}, {} of it kept by pins alone",
        bytes(page.pins.bytes),
        bytes(page.pins.sole_link_bytes)
    );
    if let Some(free) = page.pins.disk_free_bytes {
        pins.push_str(&format!("; {} free", bytes(free)));
    }
    lines.push(pins);
    let findings = page.findings.map(|findings| format!(", {} findings of the scrub", count(findings)));
    lines.push(format!(
        "lost    {} gaps, {} dead branches{}",
        count(page.gaps),
        count(page.dead_branches),
        findings.unwrap_or_default()
    ));
    if let Some(encrypted) = page.encrypted.as_ref().filter(|encrypted| encrypted.topics > 0) {
        let shown = encrypted.names.len().min(NAMES);
        let more = encrypted.topics.saturating_sub(shown as u64);
        let more = if more > 0 { format!(" and {} more", count(more)) } else { String::new() };
        lines.push(format!("sealed  {}{more}", encrypted.names[..shown].join(", ")));
    }
    if let Some(done) = &page.done {
        lines.push(format!(
            "done    {} in {} segments, {} requests ({}) since the start",
            bytes(done.bytes),
            count(done.segments),
            count(done.requests),
            money(&done.currency, done.request_cost),
        ));
    }
    lines
}

/// What no row stands for, by code.
fn rest(page: &StatusPage, shown: usize) -> Vec<String> {
    let pages = codes::all();
    let title = |id: &str| pages.iter().find(|page| page.id == id).map_or("", |page| page.title);
    let told = |id: &str| page.facts[..shown].iter().filter(|fact| fact.code == id).count() as u64;
    let mut rest: Vec<(&str, u64)> = page
        .by_code
        .iter()
        .map(|(id, all)| (id.as_str(), all.saturating_sub(told(id))))
        .filter(|(_, more)| *more > 0)
        .collect();
    if rest.is_empty() {
        return Vec::new();
    }
    rest.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let mut lines = vec![String::new(), if shown > 0 { "and" } else { "partitions" }.to_owned()];
    lines.extend(rest.into_iter().map(|(id, more)| format!("  {:>7}  {id}  {}", count(more), title(id))));
    lines
}

#[cfg(test)]
mod tests {
    use super::super::page::Encrypted;
    use super::super::page::tests::{fact, quiet};
    use super::*;

    #[test]
    fn a_cluster_in_order_says_so() {
        let mut page = quiet();
        page.tell((0..3).map(|at| fact(at, "FIRN-O100", Urgency::Fine)));
        let lines = lines(&page, 0, Paint::plain());
        assert!(lines.contains(&"nothing needs attention".to_owned()), "{lines:#?}");
        assert!(lines.last().unwrap().contains("3  FIRN-O100  Nothing to do"), "{lines:#?}");
    }

    #[test]
    fn what_is_sealed_and_the_recovery_point_stand_in_the_heads() {
        let mut page = quiet();
        page.lag.recovery_point_seconds = Some(12.0);
        page.encrypted = Some(Encrypted::of((0..7).map(|at| format!("t{at}"))));
        let text = lines(&page, 0, Paint::plain()).join("\n");
        assert!(text.contains("recovery point 12.0 s"), "{text}");
        assert!(text.contains("sealed  t0, t1, t2, t3, t4 and 2 more"), "{text}");
    }

    #[test]
    fn ten_thousand_in_trouble_fit_one_screen() {
        let mut page = quiet();
        let mut hanging = fact(7, "FIRN-O310", Urgency::AtRisk);
        hanging.command = Some("kafka-transactions.sh …".into());
        page.tell((0..10_000).map(|at| fact(at, "FIRN-O220", Urgency::Trouble)).chain([hanging]));
        let lines = lines(&page, 0, Paint::plain());
        assert!(lines.len() <= 24, "{} lines", lines.len());
        assert!(
            lines[5].starts_with("FIRN-O310  orders/7") && lines[6].contains("kafka-transactions"),
            "{lines:#?}"
        );
        assert!(lines.last().unwrap().contains("9,986  FIRN-O220"), "{lines:#?}");
    }

    #[test]
    fn what_the_bucket_cannot_tell_is_left_out() {
        let mut page = quiet();
        page.source = Source::Bucket;
        page.findings = None;
        let text = lines(&page, 90_000, Paint::plain()).join("\n");
        assert!(text.contains("from the bucket, 90.0 s old") && !text.contains("scrub"), "{text}");
    }
}
