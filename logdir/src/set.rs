//! All log directories of one broker together.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::{Found, LogDir, LogDirError, NotLog, PartitionDir, Refused, RefusedReason};

/// The log directories of one broker.
#[derive(Debug, Clone)]
pub struct LogDirs {
    dirs: Vec<LogDir>,
}

/// What is in the log directories of a broker.
#[derive(Debug, Default)]
pub struct Inventory {
    /// The partitions that can be read, by topic, partition and path.
    pub partitions: Vec<PartitionDir>,
    /// The partitions that cannot, each with its reason.
    pub refused: Vec<Refused>,
    /// What is no partition.
    pub not_logs: Vec<NotLog>,
}

impl LogDirs {
    /// Opens several directories. They must be different ones, of the same cluster and the same broker.
    pub fn open<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Result<Self, LogDirError> {
        let mut dirs: Vec<(PathBuf, LogDir)> = Vec::new();
        for path in paths {
            let given = path.as_ref().to_owned();
            let dir = LogDir::open(&given)?;
            for (other_given, other) in &dirs {
                fits(&dir, &given, other, other_given)?;
            }
            dirs.push((given, dir));
        }
        Ok(Self { dirs: dirs.into_iter().map(|(_, dir)| dir).collect() })
    }

    /// The directories in the order given.
    pub fn dirs(&self) -> &[LogDir] {
        &self.dirs
    }

    /// Scans all of them. A partition that stands in two of them is refused in both, each naming the other: which of
    /// the two holds what was acknowledged cannot be told from here. (A copy in the making has another name.)
    pub fn scan(&self) -> Result<Inventory, LogDirError> {
        let mut inventory = Inventory::default();
        for dir in &self.dirs {
            for found in dir.partitions()? {
                match found {
                    Found::Partition(partition) => inventory.partitions.push(partition),
                    Found::NotLog(not_log) => inventory.not_logs.push(not_log),
                    Found::Refused(refused) => inventory.refused.push(refused),
                }
            }
        }
        refuse_duplicates(&mut inventory);
        inventory.partitions.sort_by(|a, b| {
            (&a.tip.topic, a.tip.partition, &a.path).cmp(&(&b.tip.topic, b.tip.partition, &b.path))
        });
        Ok(inventory)
    }
}

fn fits(dir: &LogDir, given: &Path, other: &LogDir, other_given: &Path) -> Result<(), LogDirError> {
    if dir.path == other.path {
        return Err(LogDirError::Twice { path: given.to_owned(), other: other_given.to_owned() });
    }
    if let Some(expected) = &other.cluster_id {
        dir.check_cluster(expected)?;
    }
    match (dir.node_id, other.node_id) {
        (Some(found), Some(expected)) if found != expected => Err(LogDirError::OtherNode {
            path: given.to_owned(),
            found,
            other: other_given.to_owned(),
            expected,
        }),
        _ => Ok(()),
    }
}

/// By name, not by topic id: a broker keeps one directory per name, and refuses to start over two.
fn refuse_duplicates(inventory: &mut Inventory) {
    let mut places: HashMap<_, Vec<PathBuf>> = HashMap::new();
    for partition in &inventory.partitions {
        let key = (partition.tip.topic.clone(), partition.tip.partition);
        places.entry(key).or_default().push(partition.path.clone());
    }
    for refused in &inventory.refused {
        let key = (refused.topic.clone(), refused.partition);
        places.entry(key).or_default().push(refused.path.clone());
    }
    places.retain(|_, paths| paths.len() > 1);
    if places.is_empty() {
        return;
    }
    for partition in std::mem::take(&mut inventory.partitions) {
        let key = (partition.tip.topic.clone(), partition.tip.partition);
        let other = places.get(&key).and_then(|paths| paths.iter().find(|path| **path != partition.path));
        match other {
            None => inventory.partitions.push(partition),
            Some(other) => inventory.refused.push(Refused {
                path: partition.path,
                topic: partition.tip.topic,
                partition: partition.tip.partition,
                why: RefusedReason::Duplicate { other: other.clone() },
            }),
        }
    }
}
