//! `firnline gc --by-brokers`: objects of partitions that brokers tier, and that no broker owns.

use std::borrow::Cow;
use std::collections::BTreeMap;

use firnline_index::remote_log::{RemoteLogView, RemoteState};
use firnline_index::{ClusterId, SegmentUuid, TopicId, TopicIdPartition};
use firnline_kafka::Client;
use firnline_tier::Tier;
use firnline_tier::cluster::Clocks;
use firnline_tier::mirror::{BrokerWord, BrokersSay, Listed, MirrorError, SweepSettings, Swept};

use super::context::Context;
use super::gc::{at, grace_of};
use super::gc_sum::{GcSum, Wording};
use super::selection::Selection;
use super::word::{Word, percent};
use crate::args::{GcArgs, GlobalArgs};
use crate::exit::Exit;
use crate::failure::{Failure, Result, codes, of};
use crate::output::{Out, Progress};
use crate::remote_log;
use crate::surroundings::Surroundings;
use crate::wiring;

/// So many may always go: what a few failed copies leave is a large share of a small partition.
const AT_LEAST: u64 = 16;

const WORDING: Wording = Wording {
    partitions: "partitions that brokers tier",
    there: ("segments", "segments"),
    nobody: "no broker owns",
    left_alone: (
        "partitions_attached",
        "were attached to another cluster, whose brokers own their segments,",
    ),
};

struct Run<'a> {
    tier: &'a Tier,
    settings: SweepSettings,
    clocks: Clocks,
    word: Word,
    sum: GcSum,
}

/// Lists, asks the brokers, judges, and deletes or shows what would go.
pub async fn run(args: GcArgs, global: &GlobalArgs, around: Surroundings, out: &mut Out) -> Result<Exit> {
    let GcArgs { selection, max_share, grace, word, json, .. } = args;
    let selection = Selection::new(selection)?;
    let context = Context::new(global, selection.tier.as_deref(), around)?;
    let grace = grace_of(grace.as_deref(), &context)?;
    let tier = context.tier_for_writing().await?;
    let attached = attached(&tier).await?;
    let client = brokers(&context, &tier, &attached).await?;
    let clocks = tier.clocks().await.map_err(of::store)?;
    let progress = Progress::open_ended("gc");
    let mut sum = GcSum::new(WORDING, json);
    sum.kept = Some(0);
    // All listings before the brokers are asked: that order is the proof.
    let mut listed = Vec::new();
    for topic in selection.topics(&tier).await? {
        let partitions = selection.partitions_of(&tier, &topic).await?;
        // Brokers speak of them by the ids of the topic that they were attached to.
        if attached.contains_key(&topic.topic_id) {
            sum.left_alone += partitions.len() as u64;
            sum.partitions += partitions.len() as u64;
            continue;
        }
        for tip in partitions {
            progress.on(format!("{}/{}", tip.topic, tip.partition));
            let segments = tier.list_segments(&tip).await.map_err(of::mirror)?;
            listed.push((tip, segments));
        }
    }
    progress.on("what the brokers know");
    let view = remote_log::read(&client).await?;
    let settings = SweepSettings { min_age: grace, share: percent(max_share), at_least: AT_LEAST };
    let mut run = Run { tier: &tier, settings, clocks, word: Word::of(&word), sum };
    for (tip, segments) in &listed {
        progress.on(format!("{}/{}", tip.topic, tip.partition));
        run.partition(tip, segments, &view, out).await?;
    }
    drop(progress);
    run.sum.end(run.word, out)
}

/// The topics whose segments were attached to one of another cluster, and that cluster.
async fn attached(tier: &Tier) -> Result<BTreeMap<TopicId, ClusterId>> {
    let mut attached = BTreeMap::new();
    for topic in tier.topics().await.map_err(of::list)? {
        let object = tier.topic_object(&topic).await.map_err(of::cluster)?;
        if let Some(to) = object.and_then(|object| object.attached) {
            attached.insert(topic.topic_id, to.cluster_id);
        }
    }
    Ok(attached)
}

/// Brokers that tier to here: those of the tier's cluster, or of one to which topics were attached.
async fn brokers(context: &Context, tier: &Tier, attached: &BTreeMap<TopicId, ClusterId>) -> Result<Client> {
    let (own, env) = (tier.cluster_id(), &context.env);
    if attached.is_empty() {
        return wiring::kafka(&context.config, &context.around, env, Some(own));
    }
    let client = wiring::kafka(&context.config, &context.around, env, None)?;
    let id = client.ask_cluster_id().await.map_err(remote_log::silent)?;
    if id.as_ref().is_ok_and(|id| id == own || attached.values().any(|to| to == id)) {
        return Ok(client);
    }
    let what = format!(
        "the brokers are of cluster {}, which is neither the tier's ({own}) nor one to which topics of it were attached",
        client.cluster_id().unwrap_or_default()
    );
    Err(Failure::new(&codes::OTHER_CLUSTER, what).into())
}

/// What the brokers have said of one partition.
fn say<'a>(view: &'a RemoteLogView, tip: &TopicIdPartition) -> BrokersSay<'a> {
    let word = |state, since_ms| match state {
        RemoteState::CopyStarted => BrokerWord::Copying { since_ms },
        RemoteState::CopyFinished => BrokerWord::Copied,
        RemoteState::DeleteStarted => BrokerWord::Deleting,
        RemoteState::DeleteFinished => BrokerWord::Deleted,
    };
    let segments = view.of(tip).map(|(uuid, told)| (uuid, (told.range, word(told.state, told.since_ms))));
    BrokersSay { segments: segments.collect(), elsewhere: Cow::Borrowed(view.origins()) }
}

impl Run<'_> {
    async fn partition(
        &mut self,
        tip: &TopicIdPartition,
        segments: &BTreeMap<SegmentUuid, Listed>,
        view: &RemoteLogView,
        out: &mut Out,
    ) -> Result<()> {
        let said = say(view, tip);
        let swept = match self.tier.unowned(tip, segments, &said, self.clocks, &self.settings).await {
            // Theirs is `firnline gc` without the flag.
            Err(MirrorError::OfSidecars { .. }) => return Ok(()),
            Err(error) => {
                self.sum.partitions += 1;
                self.sum.problems.push(at(tip, of::mirror(error)));
                return Ok(());
            }
            Ok(Err(refusal)) => {
                self.sum.partitions += 1;
                self.sum.there += segments.len() as u64;
                let failure = Failure::new(&codes::COLLECT_REFUSED, refusal.to_string());
                self.sum.problems.push(at(tip, failure));
                return Ok(());
            }
            Ok(Ok(swept)) => swept,
        };
        self.sum.partitions += 1;
        self.sum.there += swept.segments;
        self.show(&swept, out)?;
        if self.word == Word::Yes {
            let refused = self.tier.delete_unowned(&swept).await;
            let kept: Vec<&str> = refused.iter().map(|(key, _)| key.as_str()).collect();
            for (key, (_, size)) in &swept.unowned {
                if !kept.contains(&key.as_str()) {
                    self.sum.deleted.add(1, *size);
                }
            }
            for (_, error) in refused.into_iter().take(1) {
                self.sum.problems.push(at(tip, of::store(error)));
            }
        }
        Ok(())
    }

    fn show(&mut self, swept: &Swept, out: &mut Out) -> Result<()> {
        for (key, (why, size)) in &swept.unowned {
            self.sum.goes(key, why.name(), *size, out)?;
        }
        for (key, why) in &swept.odd {
            self.sum.stays(key, why.name(), out)?;
        }
        Ok(())
    }
}
