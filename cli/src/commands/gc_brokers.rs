//! `firnline gc --by-brokers`: objects of partitions that brokers tier, and that no broker owns.

use std::collections::BTreeMap;

use firnline_index::remote_log::{RemoteLogView, RemoteState};
use firnline_index::{SegmentUuid, TopicIdPartition};
use firnline_tier::Tier;
use firnline_tier::cluster::Clocks;
use firnline_tier::mirror::{BrokerWord, BrokersSay, Listed, MirrorError, SweepSettings, Swept};

use super::context::Context;
use super::gc::{at, grace_of};
use super::selection::Selection;
use super::word::{Word, percent, unconfirmed};
use crate::args::{GcArgs, GlobalArgs};
use crate::exit::Exit;
use crate::failure::{Failure, Result, codes, of, several};
use crate::output::{Cell, Out, Progress, Sheet};
use crate::remote_log;
use crate::surroundings::Surroundings;
use crate::units::{bytes, count};
use crate::wiring;

/// So many may always go: what a few failed copies leave is a large share of a small partition.
const AT_LEAST: u64 = 16;

/// What came of it all.
#[derive(Debug, Default)]
struct Sum {
    partitions: u64,
    segments: u64,
    unowned: u64,
    unowned_bytes: u64,
    odd: u64,
    deleted: u64,
    deleted_bytes: u64,
    problems: Vec<Failure>,
}

struct Run<'a> {
    tier: &'a Tier,
    settings: SweepSettings,
    clocks: Clocks,
    word: Word,
    json: bool,
    sum: Sum,
}

/// Lists, asks the brokers, judges, and deletes or shows what would go.
pub async fn run(args: GcArgs, global: &GlobalArgs, around: Surroundings, out: &mut Out) -> Result<Exit> {
    let GcArgs { selection, max_share, grace, word, json, .. } = args;
    let selection = Selection::new(selection)?;
    let context = Context::new(global, selection.tier.as_deref(), around)?;
    let grace = grace_of(grace.as_deref(), &context)?;
    let tier = context.tier_for_writing().await?;
    let client = wiring::kafka(&context.config, &context.around, &context.env, Some(tier.cluster_id()))?;
    let clocks = tier.clocks().await.map_err(of::store)?;
    let progress = Progress::open_ended("gc");
    // All listings before the brokers are asked: that order is the proof.
    let mut listed = Vec::new();
    for topic in selection.topics(&tier).await? {
        for tip in selection.partitions_of(&tier, &topic).await? {
            progress.on(format!("{}/{}", tip.topic, tip.partition));
            let segments = tier.list_segments(&tip).await.map_err(of::mirror)?;
            listed.push((tip, segments));
        }
    }
    progress.on("what the brokers know");
    let view = remote_log::read(&client).await?;
    let settings = SweepSettings { min_age: grace, share: percent(max_share), at_least: AT_LEAST };
    let mut run = Run { tier: &tier, settings, clocks, word: Word::of(&word), json, sum: Sum::default() };
    for (tip, segments) in &listed {
        progress.on(format!("{}/{}", tip.topic, tip.partition));
        run.partition(tip, segments, &view, out).await?;
    }
    drop(progress);
    run.end(out)
}

/// What the brokers have said of one partition.
fn say(view: &RemoteLogView, tip: &TopicIdPartition) -> BrokersSay {
    let word = |state, since_ms| match state {
        RemoteState::CopyStarted => BrokerWord::Copying { since_ms },
        RemoteState::CopyFinished => BrokerWord::Copied,
        RemoteState::DeleteStarted => BrokerWord::Deleting,
        RemoteState::DeleteFinished => BrokerWord::Deleted,
    };
    let segments = view.of(tip).map(|(uuid, told)| (uuid, (told.range, word(told.state, told.since_ms))));
    BrokersSay { segments: segments.collect(), elsewhere: view.long_custom().to_vec() }
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
                self.sum.segments += segments.len() as u64;
                let failure = Failure::new(&codes::COLLECT_REFUSED, refusal.to_string());
                self.sum.problems.push(at(tip, failure));
                return Ok(());
            }
            Ok(Ok(swept)) => swept,
        };
        self.sum.partitions += 1;
        self.sum.segments += swept.segments;
        self.show(&swept, out)?;
        if self.word == Word::Yes {
            let refused = self.tier.delete_unowned(&swept).await;
            let kept: Vec<&str> = refused.iter().map(|(key, _)| key.as_str()).collect();
            for (key, (_, size)) in &swept.unowned {
                if !kept.contains(&key.as_str()) {
                    self.sum.deleted += 1;
                    self.sum.deleted_bytes += size;
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
            self.sum.unowned += 1;
            self.sum.unowned_bytes += size;
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
        for (key, why) in &swept.odd {
            self.sum.odd += 1;
            let sheet = Sheet::new("kept").with("object_key", key.clone()).with("why", why.name());
            if self.json {
                sheet.show(true, out)?;
            } else {
                out.line(sheet.line(out.paint()))?;
            }
        }
        Ok(())
    }

    fn end(self, out: &mut Out) -> Result<Exit> {
        let Sum { partitions, segments, unowned, unowned_bytes, odd, deleted, deleted_bytes, problems } =
            self.sum;
        let sheet = Sheet::new("gc")
            .with("partitions", Cell::Count(partitions))
            .with("segments", Cell::Count(segments))
            .with("objects_to_go", Cell::Count(unowned))
            .with("bytes_to_go", Cell::Bytes(unowned_bytes))
            .with("objects_kept", Cell::Count(odd))
            .with("objects_deleted", Cell::Count(deleted))
            .with("bytes_deleted", Cell::Bytes(deleted_bytes))
            .with("outcome", self.word.outcome());
        if self.json {
            sheet.show(true, out)?;
        } else {
            out.line(format!(
                "{} partitions that brokers tier, {} segments: no broker owns {} ({}); {} odd ones are kept; {} deleted ({})",
                count(partitions),
                count(segments),
                count(unowned),
                bytes(unowned_bytes),
                count(odd),
                count(deleted),
                bytes(deleted_bytes),
            ))?;
        }
        out.flush()?;
        if let Some(failure) = several(&problems, deleted > 0 || (problems.len() as u64) < partitions) {
            return Err(failure.into());
        }
        if self.word == Word::Missing && unowned > 0 {
            return Err(unconfirmed(&format!("{unowned} objects would be deleted")).into());
        }
        Ok(Exit::Fine)
    }
}
