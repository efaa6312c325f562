//! The second step: what must be on the brokers' disks.

use std::path::{Path, PathBuf};

use firnline_index::topic::Attached;
use firnline_logdir::{RestoreTarget, RestoreWriter};
use firnline_tier::attach::AttachPlan;

use super::{Asked, plans, sheet, topic};
use crate::commands::selection::Selection;
use crate::exit::Exit;
use crate::failure::{Failure, Result, codes, of};
use crate::output::Out;

pub(super) async fn run(asked: Asked, to: PathBuf, out: &mut Out) -> Result<Exit> {
    let Asked { context, selector, gaps, dry_run, json } = asked;
    let to = context.around.cwd.join(to);
    if !to.join("meta.properties").exists() {
        let what = format!("{} is no broker's log directory: it has no meta.properties", to.display());
        return Err(Failure::new(&codes::TARGET, what).into());
    }
    let tier = context.tier().await?;
    let (known, attached) = topic(&tier, &selector).await?;
    let attached = attached.ok_or_else(|| {
        let what = format!("no brokers were told of the segments of {}@{}", known.topic, known.topic_id);
        Failure::new(&codes::NOT_TOLD, what)
    })?;
    let one = selector.partition.is_some();
    let partitions = Selection::of(selector).partitions_of(&tier, &known).await?;
    let plans = plans(&tier, partitions, gaps).await?;
    // Everything is looked at before anything is written.
    let mut jobs = Vec::with_capacity(plans.len());
    let mut elsewhere = Vec::new();
    for plan in plans {
        let path = to.join(format!("{}-{}", plan.tip.topic, plan.tip.partition));
        if !one && !path.exists() {
            elsewhere.push(plan.tip.partition.to_string());
            continue;
        }
        let target = target(&path, &plan, &attached)?;
        jobs.push((plan, target));
    }
    if jobs.is_empty() {
        let what = format!("{} has no directory of a partition of {}", to.display(), known.topic);
        return Err(Failure::new(&codes::TARGET, what).into());
    }
    for (plan, target) in jobs {
        let path = target.path.clone();
        if !dry_run {
            write(&plan, target).await?;
        }
        sheet(&plan).with("path", path.display().to_string()).show(json, out)?;
    }
    if !json && !elsewhere.is_empty() {
        out.line(format!("not in this log directory: partitions {}", elsewhere.join(", ")))?;
    }
    if !json && dry_run {
        out.line("nothing was done (--dry-run)")?;
    }
    Ok(Exit::Fine)
}

/// The partition's directory, found fit: empty, of the topic whose brokers were told, and up to where they were told.
fn target(path: &Path, plan: &AttachPlan, attached: &Attached) -> Result<RestoreTarget> {
    let target = RestoreTarget::check(path).map_err(of::restore_refused)?;
    let tip = &plan.tip;
    let refuse = |what: String| Failure::new(&codes::NOT_TOLD, what);
    if target.topic_id != Some(attached.topic_id) {
        let found = target.topic_id.map_or_else(|| "none".to_owned(), |id| id.to_string());
        let what = format!("{path:?} has topic id {found}; the brokers were told for {}", attached.topic_id);
        return Err(refuse(what).into());
    }
    let told = attached.ends.get(&tip.partition).copied();
    if told != Some(plan.range.end()) {
        let told = told.map_or_else(|| "nothing".to_owned(), |end| format!("offsets up to {end}"));
        let what = format!(
            "the tier has {}/{} up to {}, and the brokers were told of {told}",
            tip.topic,
            tip.partition,
            plan.range.end()
        );
        return Err(refuse(what).into());
    }
    Ok(target)
}

/// Writes the log that begins where the segments end: one file without a byte.
async fn write(plan: &AttachPlan, target: RestoreTarget) -> Result<()> {
    let base = plan.range.end();
    let written = tokio::task::spawn_blocking(move || {
        let mut writer: RestoreWriter = target.begin()?;
        writer.in_epoch_zero()?;
        writer.segment(base)?.finish()?;
        writer.commit()
    });
    let written = written.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    written.map_err(of::restore_files)?;
    Ok(())
}
