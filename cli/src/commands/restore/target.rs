//! Into which directory a partition goes.

use std::path::Path;

use firnline_index::TopicIdPartition;
use firnline_logdir::RestoreTarget;

use crate::failure::{Failure, Result, codes, of};

/// The directory for `tip` under what `--to` named, found fit. `one` says that a single partition was asked for: then the
/// directory named is itself the partition's, unless it is a broker's log directory.
pub fn for_partition(to: &Path, tip: &TopicIdPartition, one: bool) -> Result<RestoreTarget> {
    let in_log_dir = to.join("meta.properties").exists();
    if one && !in_log_dir {
        return Ok(RestoreTarget::check(to).map_err(of::restore_refused)?);
    }
    if !to.exists() {
        std::fs::create_dir(to).map_err(|error| {
            Failure::new(&codes::LOCAL_IO, format!("create {}", to.display())).caused_by(error)
        })?;
    }
    Ok(RestoreTarget::check(to.join(format!("{}-{}", tip.topic, tip.partition)))
        .map_err(of::restore_refused)?)
}
