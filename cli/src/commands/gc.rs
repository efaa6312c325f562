//! `firnline gc`

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use firnline_index::{TopicId, TopicIdPartition};
use firnline_tier::Tier;
use firnline_tier::cluster::{Clocks, SummaryReader};
use firnline_tier::gc::{Condemned, Doomed, GcMemory, GcOutcome, GcRequest, GcSettings, GcSurvey};

use super::context::Context;
use super::gc_sum::{GcSum, Wording};
use super::selection::{Selection, usage};
use super::word::{Word, percent};
use crate::args::{GcArgs, GlobalArgs};
use crate::exit::Exit;
use crate::failure::{Failure, Result, codes, of};
use crate::output::{Out, Progress};
use crate::surroundings::Surroundings;
use crate::units::Span;

/// Partitions whose objects are condemned before any is deleted: they wait together for readers' old manifests, and only
/// their keys are held meanwhile.
const TOGETHER: usize = 256;

const WORDING: Wording = Wording {
    partitions: "partitions",
    there: ("objects_listed", "objects"),
    nobody: "nothing names",
    left_alone: ("partitions_paused", "are paused"),
};

struct Run<'a> {
    tier: &'a Tier,
    settings: GcSettings,
    clocks: Clocks,
    generations: HashMap<(TopicId, firnline_index::PartitionIndex), u64>,
    memory: GcMemory,
    word: Word,
    sum: GcSum,
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
        sum: GcSum::new(WORDING, json),
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
    run.sum.end(run.word, out)
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
            self.sum.left_alone += 1;
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
                self.sum.there += survey.objects;
                self.sum.problems.push(at(tip, Failure::new(&codes::COLLECT_REFUSED, refusal.to_string())));
                return Ok(None);
            }
        };
        self.sum.there += survey.objects;
        Ok(Some(survey))
    }

    fn show(&mut self, doomed: &BTreeMap<String, Doomed>, out: &mut Out) -> Result<()> {
        for (key, Doomed { why, size, .. }) in doomed {
            self.sum.goes(key, why.name(), *size, out)?;
        }
        Ok(())
    }

    async fn delete(&mut self, out: &mut Out) -> Result<()> {
        out.flush()?;
        for condemned in std::mem::take(&mut self.condemned) {
            let tip = condemned.tip().clone();
            match self.tier.delete_condemned(&condemned, &mut self.memory).await {
                Ok(deleted) => {
                    self.sum.deleted.add(deleted.objects, deleted.bytes);
                    for (_, error) in deleted.refused.into_iter().take(1) {
                        self.sum.problems.push(at(&tip, of::store(error)));
                    }
                }
                Err(error) => self.sum.problems.push(at(&tip, of::delete(error))),
            }
        }
        Ok(())
    }
}

pub(super) fn at(tip: &TopicIdPartition, failure: Failure) -> Failure {
    Failure { message: format!("{}/{}: {}", tip.topic, tip.partition, failure.message), ..failure }
}
