//! `firnline restore`

mod files;
mod kip405;
mod present;
mod state;
mod target;

use firnline_index::{OffsetRange, TopicIdPartition};
use firnline_logdir::RestoreTarget;
use firnline_tier::Tier;
use firnline_tier::restore::{Gaps, RestorePlan, RestoreReport, RestoreRequest};

use super::context::Context;
use super::range::{Earliest, Typed, ends};
use super::selection::{Selection, usage};
use crate::args::{GlobalArgs, RestoreArgs};
use crate::exit::Exit;
use crate::failure::{Failure, Result, Stop, of, several};
use crate::output::Out;
use crate::selector::Selector;
use crate::surroundings::Surroundings;
use crate::wiring;

/// A partition, where it goes, and what of it.
struct Job {
    tip: TopicIdPartition,
    target: RestoreTarget,
    plan: RestorePlan,
}

/// What came of a partition.
pub(super) struct Restored {
    tip: TopicIdPartition,
    path: std::path::PathBuf,
    plan: RestorePlan,
    report: RestoreReport,
    /// Batches whose leader epoch was lowered.
    lowered: u64,
}

/// Restores one partition or all of a topic. Everything is checked before anything is written; what then goes wrong with
/// one partition does not keep the others back.
pub async fn run(
    args: RestoreArgs,
    global: &GlobalArgs,
    around: Surroundings,
    out: &mut Out,
) -> Result<Exit> {
    if args.kip405 {
        return kip405::run(args, global, around, out).await;
    }
    let RestoreArgs { tier, what, to, state, from, until, leave_out_gaps, json, .. } = args;
    if state {
        return cluster(tier.or(what), global, around, out).await;
    }
    let (Some(what), Some(to)) = (what, to) else {
        return Err(usage("a topic and --to are needed".to_owned()).into());
    };
    let selector: Selector = what.parse().map_err(usage)?;
    let one = selector.partition.is_some();
    let context = Context::new(global, tier.as_deref(), around)?;
    let range = Typed::new(&from, &until)?.fix(context.now())?;
    context.store()?;
    let to = context.around.cwd.join(to);
    let tier = context.tier().await?;
    let partitions = Selection::of(selector).partitions(&tier).await?;
    let reader = wiring::reader(&context.config, &tier);
    let gaps = if leave_out_gaps { Gaps::LeaveOut } else { Gaps::Refuse };
    let mut jobs = Vec::with_capacity(partitions.len());
    for tip in partitions {
        let target = target::for_partition(&to, &tip, one)?;
        let range = ends(&reader, &tip, range, Earliest::TierStart).await?;
        let Some(plan) = plan(&tier, &tip, range, gaps).await? else { continue };
        jobs.push(Job { tip, target, plan });
    }
    let single = jobs.len() == 1;
    let (mut done, mut problems) = (0, Vec::new());
    for Job { tip, target, plan } in jobs {
        let path = target.path.clone();
        match files::restore(&tier, &plan, target).await {
            Ok((lowered, report)) => {
                done += 1;
                present::show(&Restored { tip, path, plan, report, lowered }, json, out)?;
            }
            Err(Stop::Failed(failure)) if !single => {
                let message = format!("{}/{} in {path:?}: {}", tip.topic, tip.partition, failure.message);
                problems.push(Failure { message, ..*failure });
            }
            Err(stop) => return Err(stop),
        }
    }
    let Some(failure) = several(&problems, done > 0) else { return Ok(Exit::Fine) };
    out.flush()?;
    let help = "mend what is named and restore those partitions one by one; those that came to their end hold records now";
    Err(if done > 0 { failure.help(help) } else { failure }.into())
}

/// Prints what the cluster was.
async fn cluster(
    first: Option<String>,
    global: &GlobalArgs,
    around: Surroundings,
    out: &mut Out,
) -> Result<Exit> {
    let context = Context::new(global, first.as_deref(), around)?;
    let bootstrap = context.config.kafka.bootstrap.value.0.iter().map(ToString::to_string);
    let bootstrap = bootstrap.collect::<Vec<_>>().join(",");
    let bootstrap = if bootstrap.is_empty() { "\"$BOOTSTRAP\"".to_owned() } else { bootstrap };
    let tier = context.tier().await?;
    state::show(&tier, &bootstrap, out).await
}

/// A plan for the range; nothing for one that is empty.
async fn plan(
    tier: &Tier,
    tip: &TopicIdPartition,
    range: OffsetRange,
    gaps: Gaps,
) -> Result<Option<RestorePlan>> {
    if range.is_empty() {
        return Ok(None);
    }
    let request =
        RestoreRequest { tip: tip.clone(), from: Some(range.start()), until: Some(range.end()), gaps };
    Ok(Some(tier.plan_restore(&request).await.map_err(of::restore)?))
}
