//! From what the tier reads to the files that logdir writes.

use firnline_index::batch::BatchLimits;
use firnline_logdir::{RestoreError, RestoreTarget, RestoreWriter, lower_epochs};
use firnline_tier::Tier;
use firnline_tier::restore::{Pieces, RestorePlan, RestoreReport};

use crate::failure::{Result, of};
use crate::output::Progress;

/// What can go wrong with the files of a restore.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// A file could not be written, or the target is not fit any more.
    #[error(transparent)]
    Write(#[from] RestoreError),
    /// A batch that was checked is none after all.
    #[error("set the leader epochs of restored batches")]
    Epochs(#[source] firnline_index::batch::BatchError),
}

/// Restores one partition. Gives how many batches had their epoch lowered, and what was read.
pub async fn restore(tier: &Tier, plan: &RestorePlan, target: RestoreTarget) -> Result<(u64, RestoreReport)> {
    let progress = Progress::bytes("restore", plan.log_bytes);
    progress.on(target.path.display().to_string());
    let limits = tier.settings().limits;
    let restored = tier.restore(plan, move |pieces| write(pieces, target, limits, &progress)).await;
    let ((writer, lowered), report) = restored.map_err(of::restore)?;
    // Only now is it certain that everything was read and is in the files.
    let commit = tokio::task::spawn_blocking(move || writer.commit()).await;
    commit
        .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
        .map_err(of::restore_files)?;
    Ok((lowered, report))
}

/// Writes all files, not yet visible. In a broker's log directory leader epochs go down to 0, as a new topic begins there;
/// elsewhere the bytes stay as they were.
fn write(
    mut pieces: Pieces,
    target: RestoreTarget,
    limits: BatchLimits,
    progress: &Progress,
) -> std::result::Result<(RestoreWriter, u64), FilesError> {
    let for_a_broker = target.log_dir.is_some();
    let mut writer = target.begin()?;
    let mut lowered = 0;
    while let Some(base) = pieces.next_file() {
        let mut segment = writer.segment(base)?;
        while let Some(batches) = pieces.next_batches() {
            progress.add(batches.len() as u64);
            if for_a_broker {
                let mut batches = Vec::from(batches);
                lowered += lower_epochs(&mut batches, &limits).map_err(FilesError::Epochs)?;
                segment.write(&batches)?;
            } else {
                segment.write(&batches)?;
            }
        }
        segment.finish()?;
    }
    Ok((writer, lowered))
}
