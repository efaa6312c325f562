//! `firnline gc`

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use firnline_index::{TopicId, TopicIdPartition};
use firnline_tier::Tier;
use firnline_tier::cluster::{Clocks, SummaryReader};
use firnline_tier::gc::{Condemned, Doomed, GcMemory, GcOutcome, GcRequest, GcSettings, GcSurvey};

use super::context::Context;
use super::selection::{Selection, usage};
use super::word::{Word, percent, unconfirmed};
use crate::args::{GcArgs, GlobalArgs};
use crate::exit::Exit;
use crate::failure::{Failure, Result, codes, of, several};
use crate::output::{Cell, Out, Progress, Sheet};
use crate::surroundings::Surroundings;
use crate::units::{Span, bytes, count};

/// Partitions whose objects are condemned before any is deleted: they wait together for readers' old manifests, and only
/// their keys are held meanwhile.
const TOGETHER: usize = 256;

/// What came of it all.
#[derive(Debug, Default)]
struct Sum {
    partitions: u64,
    listed: u64,
    doomed: u64,
    doomed_bytes: u64,
    deleted: u64,
    deleted_bytes: u64,
    /// Partitions of paused topics: left alone on purpose.
    paused: u64,
    problems: Vec<Failure>,
}

struct Run<'a> {
    tier: &'a Tier,
    settings: GcSettings,
    clocks: Clocks,
    generations: HashMap<(TopicId, firnline_index::PartitionIndex), u64>,
    memory: GcMemory,
    word: Word,
    json: bool,
    sum: Sum,
    condemned: Vec<Condemned>,
}

/// Collects, or shows what would be.
pub async fn run(args: GcArgs, global: &GlobalArgs, around: Surroundings, out: &mut Out) -> Result<Exit> {
    #[cfg(feature = "sidecar")]
    if args.by_brokers {
        return super::gc_brokers::run(args, global, around, out).await;
    }
    let GcArgs { selection, max_share, grace, word, json, .. } = args;
    let selection = Selection::new(selection)?;
    let context = Context::new(global, selection.tier.as_deref(), around)?;
    let grace = grace_of(grace.as_deref(), &context)?;
    let tier = context.tier_for_writing().await?;
    let settings = GcSettings { min_age: grace, share: percent(max_share), ..GcSettings::default() };
    let mut run = Run {
        tier: &tier,
        settings,
        clocks: tier.clocks().await.map_err(of::store)?,
        generations: generations(&tier).await?,
        memory: GcMemory::new(),
        word: Word::of(&word),
        json,
        sum: Sum::default(),
        condemned: Vec::new(),
    };
    let progress = Progress::open_ended("gc");
    for topic in selection.topics(&tier).await? {
        let object = tier.topic_object(&topic).await.map_err(of::cluster)?;
        let paused = object.is_some_and(|object| object.paused.is_some());
        for tip in selection.partitions_of(&tier, &topic).await? {
            progress.on(format!("{}/{}", tip.topic, tip.partition));
            run.partition(&tip, paused, out).await?;
        }
    }
    run.delete(out).await?;
    drop(progress);
    run.end(out)
}

/// How old what goes must be.
pub(super) fn grace_of(typed: Option<&str>, context: &Context) -> Result<Duration> {
    let typed = typed.map(str::parse::<Span>).transpose().map_err(usage)?;
    let grace = typed.map_or(context.config.offload.gc_grace.value.0, |Span(grace)| grace);
    if grace < Duration::from_secs(60) {
        let what = "--grace: at least 1m; an upload under way must not be thrown away";
        return Err(usage(what.to_owned()).into());
    }
    Ok(grace)
}

/// The highest generation that any node tells of each partition: a manifest below it is not the newest.
async fn generations(tier: &Tier) -> Result<HashMap<(TopicId, firnline_index::PartitionIndex), u64>> {
    let mut reader = SummaryReader::new();
    let failed = reader.refresh(tier, None).await.map_err(of::cluster)?;
    // Without one node's word a manifest that went back could pass for the newest.
    if let Some((_, error)) = failed.into_iter().next() {
        return Err(of::cluster(error).into());
    }
    Ok(reader.newest().into_iter().map(|(place, newest)| (place, newest.marks.generation)).collect())
}

impl Run<'_> {
    async fn partition(&mut self, tip: &TopicIdPartition, paused: bool, out: &mut Out) -> Result<()> {
        self.sum.partitions += 1;
        if paused {
            // An operator's own word, and no trouble.
            self.sum.paused += 1;
            return Ok(());
        }
        let mut after: Option<String> = None;
        loop {
            let request = GcRequest {
                tip,
                writer: None,
                paused: false,
                clocks: self.clocks,
                known_generation: self.generations.get(&(tip.topic_id, tip.partition)).copied(),
                after: after.as_deref(),
            };
            let outcome = match self.word {
                Word::Yes => self.tier.gc(&request, &self.settings, &mut self.memory).await,
                Word::DryRun | Word::Missing => {
                    self.tier.plan_gc(&request, &self.settings, &mut self.memory).await
                }
            };
            let survey = match outcome {
                Ok(outcome) => self.take(tip, outcome, out)?,
                Err(error) => {
                    self.sum.problems.push(at(tip, of::gc(error)));
                    None
                }
            };
            // A refusal is about the partition, not the window.
            let Some(next) = survey.and_then(|survey| survey.next) else { break };
            after = Some(next);
        }
        if self.condemned.len() >= TOGETHER {
            self.delete(out).await?;
        }
        Ok(())
    }

    fn take(
        &mut self,
        tip: &TopicIdPartition,
        outcome: GcOutcome,
        out: &mut Out,
    ) -> Result<Option<GcSurvey>> {
        let survey = match outcome {
            GcOutcome::Clean(survey) => survey,
            GcOutcome::Planned(doomed, survey) => {
                self.show(&doomed, out)?;
                survey
            }
            GcOutcome::Condemned(condemned, survey) => {
                self.show(condemned.objects(), out)?;
                self.condemned.push(condemned);
                survey
            }
            GcOutcome::Refused(refusal, survey) => {
                self.sum.listed += survey.objects;
                self.sum.problems.push(at(tip, Failure::new(&codes::COLLECT_REFUSED, refusal.to_string())));
                return Ok(None);
            }
        };
        self.sum.listed += survey.objects;
        Ok(Some(survey))
    }

    fn show(&mut self, doomed: &BTreeMap<String, Doomed>, out: &mut Out) -> Result<()> {
        for (key, Doomed { why, size, .. }) in doomed {
            self.sum.doomed += 1;
            self.sum.doomed_bytes += size;
            let sheet = Sheet::new("object")
                .with("object_key", key.clone())
                .with("why", why.name())
                .with("object_bytes", Cell::Bytes(*size));
            if self.json {
                sheet.show(true, out)?;
            } else {
                out.line(format!("{}  {}", sheet.line(out.paint()), bytes(*size)))?;
            }
        }
        Ok(())
    }

    async fn delete(&mut self, out: &mut Out) -> Result<()> {
        out.flush()?;
        for condemned in std::mem::take(&mut self.condemned) {
            let tip = condemned.tip().clone();
            match self.tier.delete_condemned(&condemned, &mut self.memory).await {
                Ok(deleted) => {
                    self.sum.deleted += deleted.objects;
                    self.sum.deleted_bytes += deleted.bytes;
                    for (_, error) in deleted.refused.into_iter().take(1) {
                        self.sum.problems.push(at(&tip, of::store(error)));
                    }
                }
                Err(error) => self.sum.problems.push(at(&tip, of::delete(error))),
            }
        }
        Ok(())
    }

    fn end(self, out: &mut Out) -> Result<Exit> {
        let Sum { partitions, listed, doomed, doomed_bytes, deleted, deleted_bytes, paused, problems } =
            self.sum;
        let sheet = Sheet::new("gc")
            .with("partitions", Cell::Count(partitions))
            .with("objects_listed", Cell::Count(listed))
            .with("objects_to_go", Cell::Count(doomed))
            .with("bytes_to_go", Cell::Bytes(doomed_bytes))
            .with("objects_deleted", Cell::Count(deleted))
            .with("bytes_deleted", Cell::Bytes(deleted_bytes))
            .with("partitions_paused", Cell::Count(paused))
            .with("outcome", self.word.outcome());
        if self.json {
            sheet.show(true, out)?;
        } else {
            out.line(format!(
                "{} partitions, {} objects: nothing names {} ({}); {} deleted ({})",
                count(partitions),
                count(listed),
                count(doomed),
                bytes(doomed_bytes),
                count(deleted),
                bytes(deleted_bytes),
            ))?;
            if paused > 0 {
                out.line(format!("{} of the partitions are paused and were left alone", count(paused)))?;
            }
        }
        out.flush()?;
        if let Some(failure) = several(&problems, deleted > 0 || (problems.len() as u64) < partitions) {
            return Err(failure.into());
        }
        if self.word == Word::Missing && doomed > 0 {
            return Err(unconfirmed(&format!("{doomed} objects would be deleted")).into());
        }
        Ok(Exit::Fine)
    }
}

pub(super) fn at(tip: &TopicIdPartition, failure: Failure) -> Failure {
    Failure { message: format!("{}/{}: {}", tip.topic, tip.partition, failure.message), ..failure }
}
