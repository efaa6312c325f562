//! What is in a log directory.

mod found;
mod partition;

use std::fs;
use std::io;
use std::path::Path;

pub use found::{Found, NotLog, NotLogReason, PartitionDir, Refused, RefusedReason, SegmentFile};
pub(crate) use partition::mtime_ns;

use crate::IoProblem;
use crate::files::DirName;

/// Plain files that a broker keeps in a log directory beside the partitions.
const BROKER_FILES: &[&str] = &[
    ".kafka_cleanshutdown",
    ".lock",
    "bootstrap.checkpoint",
    "cleaner-offset-checkpoint",
    "log-start-offset-checkpoint",
    "meta.properties",
    "recovery-point-offset-checkpoint",
    "replication-offset-checkpoint",
];

/// Lists the log directory at `path`.
pub(crate) fn log_dir(path: &Path) -> Result<Vec<Found>, IoProblem> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(IoProblem::at("read directory", path))? {
        let entry = entry.map_err(IoProblem::at("read directory", path))?;
        found.extend(one(&entry)?);
    }
    found.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
    Ok(found)
}

fn one(entry: &fs::DirEntry) -> Result<Option<Found>, IoProblem> {
    let path = entry.path();
    let kind = match entry.file_type() {
        Ok(kind) => kind,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(IoProblem::new("look at", &path, error)),
    };
    let not_log = |why| Ok(Some(Found::NotLog(NotLog { path: entry.path(), why })));
    let raw_name = entry.file_name();
    let Some(name) = raw_name.to_str() else { return not_log(NotLogReason::Foreign) };
    if kind.is_file() {
        // Pins, journals and locks of ours.
        if name.starts_with(".firnline-") {
            return Ok(None);
        }
        let known =
            BROKER_FILES.iter().any(|known| name == *known || name.strip_suffix(".tmp") == Some(known));
        return if known { Ok(None) } else { not_log(NotLogReason::Foreign) };
    }
    let (topic, partition) = match DirName::parse(name) {
        DirName::Partition(topic, partition) => (topic, partition),
        DirName::Deleted => return not_log(NotLogReason::Deleted),
        DirName::Stray => return not_log(NotLogReason::Stray),
        DirName::Future => return not_log(NotLogReason::Future),
        DirName::RemoteIndexCache => return not_log(NotLogReason::RemoteIndexCache),
        DirName::ClusterMetadata => return not_log(NotLogReason::ClusterMetadata),
        DirName::Foreign => return not_log(NotLogReason::Foreign),
    };
    let outcome = if kind.is_symlink() {
        let target = fs::read_link(&path).unwrap_or_default();
        Err(RefusedReason::SymbolicLink { name: path.clone(), target })
    } else if kind.is_dir() {
        partition::read(&path, &topic, partition)
    } else {
        return not_log(NotLogReason::Foreign);
    };
    Ok(match outcome {
        Ok(partition) => Some(Found::Partition(partition)),
        // Between the listing and now the broker renamed it: deleted, moved or made a stray.
        Err(RefusedReason::Io(problem)) if problem.is_not_found() && !path.exists() => None,
        Err(why) => Some(Found::Refused(Refused { path, topic, partition, why })),
    })
}
