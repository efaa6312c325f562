//! `firnline offload --once`

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use firnline_index::TopicName;
use firnline_logdir::{LogDirs, SourceOptions};
use firnline_offloader::{
    CommitBound, Holes, PassInputs, PassPolicy, PassReport, PlanPolicy, cluster_of, run_once,
};
use firnline_store::RequestCounts;
use firnline_tier::{Tier, TierParts};

use super::present;
use super::typed::Typed;
use super::watch::Watch;
use crate::commands::context::Context;
use crate::commands::selection::no_match;
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::{Failure, Result, codes, of};
use crate::output::Out;
use crate::selector::TopicPattern;
use crate::wiring;

/// What is to be done.
#[derive(Debug)]
pub struct Plan {
    /// The broker's log directories.
    pub log_dirs: Vec<PathBuf>,
    /// Topics named on the command line; if there are none, the config decides.
    pub patterns: Vec<TopicPattern>,
    /// Whether offsets may be missing.
    pub holes: Holes,
}

/// What a pass came to.
#[derive(Debug)]
pub struct Passed {
    /// By partition.
    pub report: PassReport,
    /// How long it took.
    pub took: Duration,
    /// The requests it made.
    pub requests: RequestCounts,
}

/// What was typed beside it.
#[derive(Debug, Clone, Copy)]
pub struct OnceOptions {
    /// Whether the logs' ends are taken as committed without asking anybody.
    pub assume_committed: bool,
    /// Whether offsets may be missing.
    pub allow_holes: bool,
    /// Whether it is shown as JSON.
    pub json: bool,
}

/// Makes one pass.
pub async fn run(typed: Typed, options: OnceOptions, out: &mut Out) -> Result<Exit> {
    let OnceOptions { assume_committed, allow_holes, json } = options;
    let Typed { context, log_dirs, patterns } = typed;
    // The address is looked at before the directories: a mistyped one is the commoner mistake.
    context.store()?;
    if !assume_committed {
        let what = "there is no broker to ask up to where the log is committed, and --assume-committed was not given";
        return Err(Failure::new(&codes::NO_BOUND, what).into());
    }
    let holes = if allow_holes { Holes::Allow } else { Holes::Refuse };
    let passed = pass(&context, Plan { log_dirs, patterns, holes }).await?;
    let (prices, _) = wiring::prices(&context.config, None)?;
    present::show(&passed, &prices, json, out)
}

/// Makes one pass and gives what came of it.
pub async fn pass(context: &Context, plan: Plan) -> Result<Passed> {
    let Plan { log_dirs, patterns, holes } = plan;
    let log_dirs = LogDirs::open(&log_dirs).map_err(of::log_dir)?;
    let Some(cluster) = cluster_of(&log_dirs) else {
        let what = "no log directory's meta.properties names a cluster";
        return Err(Failure::new(&codes::LOG_DIR, what).into());
    };
    let store = context.store()?;
    let before = store.counters();
    let settings = wiring::tier(&context.config, store.settings());
    let parts = TierParts::new(store.clone(), context.env.clone());
    let started = tokio::time::Instant::now();
    let tier = Tier::open_for_writing(parts, settings, cluster).await.map_err(of::open_tier)?;
    let tier = wiring::with_keys(tier, &context.config, &context.around, &context.env)?;
    let typed = patterns.clone();
    let inputs = PassInputs {
        log_dirs,
        tier,
        policy: policy(&context.config, patterns, holes),
        source: SourceOptions::default(),
        progress: Arc::new(Watch::default()),
    };
    let report = run_once(&inputs).await.map_err(of::pass)?;
    store.settle().await;
    if !typed.is_empty() && report.partitions.is_empty() && report.refused.is_empty() {
        let found = inputs.log_dirs.scan().map_err(of::log_dir)?;
        let names = found.partitions.iter().map(|partition| partition.tip.topic.as_str());
        let help = "names are matched whole, and topics that begin with __ are not taken";
        return Err(no_match("in the log directories", &typed, names).help(help).into());
    }
    Ok(Passed { report, took: started.elapsed(), requests: store.counters().since(&before) })
}

fn policy(config: &Config, patterns: Vec<TopicPattern>, holes: Holes) -> PassPolicy {
    let topics = config.topics.clone();
    let (sections, encryption) = (config.topics.clone(), config.encryption.clone());
    let form_of = move |topic: &TopicName| {
        let matches = |name: &Option<TopicPattern>| name.as_ref().is_some_and(|name| name.matches(topic));
        let section = sections.iter().find(|section| matches(&section.name.value));
        section.map_or_else(|| wiring::base_form(&encryption), |section| wiring::form(section, &encryption))
    };
    let takes = move |topic: &TopicName| {
        if !patterns.is_empty() {
            return patterns.iter().any(|pattern| pattern.matches(topic));
        }
        let matches = |name: &Option<TopicPattern>| name.as_ref().is_some_and(|name| name.matches(topic));
        topics.iter().find(|section| matches(&section.name.value)).is_none_or(|section| section.offload.value)
    };
    PassPolicy {
        topics: Arc::new(takes),
        plan: PlanPolicy { target_bytes: config.offload.target_size.value.0 },
        form_of: Arc::new(form_of),
        holes,
        bound: CommitBound::AssumeLogEnd,
        parallel: wiring::count(config.limits.parallel_partitions.value.0),
        ..PassPolicy::default()
    }
}
