//! `firnline cost`

use std::collections::BTreeMap;

use firnline_index::manifest::Totals;
use firnline_store::price::PriceList;
use serde::Serialize;

use super::context::Context;
use super::selection::Selection;
use crate::args::{CostArgs, GlobalArgs};
use crate::exit::Exit;
use crate::failure::{Result, of};
use crate::output::{Out, Table, V1};
use crate::surroundings::Surroundings;
use crate::units::{bytes, count, money};
use crate::wiring;

/// Replicas that a log on brokers' disks is compared with.
const COPIES: u32 = 3;

/// One topic, or all of them.
#[derive(Debug, Serialize)]
struct Line<'a> {
    v: V1,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic_id: Option<&'a str>,
    partitions: u64,
    segments: u64,
    log_bytes: u64,
    object_bytes: u64,
    storage_month: f64,
    disk_month: f64,
    currency: &'a str,
    prices: &'a str,
}

#[derive(Debug, Default, Clone, Copy)]
struct Sum {
    partitions: u64,
    segments: u64,
    log_bytes: u64,
    object_bytes: u64,
}

impl Sum {
    fn add(&mut self, totals: &Totals) {
        self.partitions += 1;
        self.segments += totals.entries;
        self.log_bytes += totals.log_bytes.get();
        self.object_bytes += totals.object_bytes.get();
    }
}

/// Says what is in the tier and what it costs.
pub async fn run(args: CostArgs, global: &GlobalArgs, around: Surroundings, out: &mut Out) -> Result<Exit> {
    let CostArgs { selection, prices, show_prices, json } = args;
    let selection = Selection::new(selection)?;
    let context = Context::new(global, selection.tier.as_deref(), around)?;
    let (prices, text) = wiring::prices(&context.config, prices.as_deref())?;
    if show_prices {
        out.text(&text)?;
        return Ok(Exit::Fine);
    }
    let tier = context.tier().await?;
    let mut topics: BTreeMap<(String, String), Sum> = BTreeMap::new();
    let mut all = Sum::default();
    for tip in selection.partitions(&tier).await? {
        let Some(loaded) = tier.manifest(&tip).await.map_err(of::read)? else { continue };
        let totals = &loaded.manifest.totals;
        topics.entry((tip.topic.to_string(), tip.topic_id.to_string())).or_default().add(totals);
        all.add(totals);
    }
    if json {
        lines(&topics, all, &prices, out)?
    } else {
        table(&topics, all, &prices, out)?
    }
    Ok(Exit::Fine)
}

fn lines(
    topics: &BTreeMap<(String, String), Sum>,
    all: Sum,
    prices: &PriceList,
    out: &mut Out,
) -> Result<()> {
    let label = prices.label();
    let line = |kind, topic: Option<&(String, String)>, sum: Sum| -> Result<()> {
        out.json(&Line {
            v: V1,
            kind,
            topic: topic.map(|topic| topic.0.as_str()),
            topic_id: topic.map(|topic| topic.1.as_str()),
            partitions: sum.partitions,
            segments: sum.segments,
            log_bytes: sum.log_bytes,
            object_bytes: sum.object_bytes,
            storage_month: prices.object_month(sum.object_bytes),
            disk_month: prices.disk_month(sum.log_bytes, COPIES),
            currency: &prices.currency,
            prices: &label,
        })
    };
    let mut line = line;
    for (topic, sum) in topics {
        line("topic", Some(topic), *sum)?;
    }
    line("total", None, all)
}

fn table(
    topics: &BTreeMap<(String, String), Sum>,
    all: Sum,
    prices: &PriceList,
    out: &mut Out,
) -> Result<()> {
    let mut table = Table::new(&[
        "topic",
        ">partitions",
        ">segments",
        ">log",
        ">stored",
        ">a month here",
        ">on brokers' disks",
    ]);
    let rows = topics.iter().map(|((topic, _), sum)| (topic.as_str(), *sum)).chain([("total", all)]);
    for (topic, sum) in rows {
        table.row([
            topic.to_owned(),
            count(sum.partitions),
            count(sum.segments),
            bytes(sum.log_bytes),
            bytes(sum.object_bytes),
            money(&prices.currency, prices.object_month(sum.object_bytes)),
            money(&prices.currency, prices.disk_month(sum.log_bytes, COPIES)),
        ]);
    }
    for line in table.lines() {
        out.line(line)?;
    }
    out.line(format!("\nlist prices: {}; brokers' disks: {COPIES} copies on SSD", prices.label()))
}
