//! The root of a log dir at one glance: names only, nothing is opened.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use firnline_index::{PartitionIndex, TopicName};

use crate::IoProblem;
use crate::files::DirName;
use crate::pin::PinName;

/// What stands in the root of a log dir, as far as a sidecar cares.
#[derive(Debug, Default)]
pub struct RootListing {
    /// The directories of partitions, by name.
    pub partitions: Vec<(String, TopicName, PartitionIndex)>,
    /// The directories that wait for their end (`-delete`), with the partition that the name tells.
    pub deleting: Vec<(String, PartitionIndex)>,
    /// The pins.
    pub pins: Vec<PinName>,
    /// Names that look like a partition or a pin and are not: symbolic links, pins cut short, directories in a pin's
    /// place. They are left alone.
    pub strangers: Vec<OsString>,
}

impl RootListing {
    /// Lists the log dir at `path`. One `open`, and a `getdents64` per about 300 names.
    pub fn read(path: &Path) -> Result<Self, IoProblem> {
        let at = || IoProblem::at("read directory", path);
        let mut listing = Self::default();
        for entry in fs::read_dir(path).map_err(at())? {
            let entry = entry.map_err(at())?;
            let raw_name = entry.file_name();
            let Some(name) = raw_name.to_str() else { continue };
            let is_pin = name.starts_with(PinName::PREFIX);
            let parsed = if is_pin { DirName::Foreign } else { DirName::parse(name) };
            if !is_pin && !matches!(parsed, DirName::Partition(..) | DirName::Deleted) {
                continue;
            }
            // The kind comes with the listing on every file system that a broker is likely to stand on.
            let kind = match entry.file_type() {
                Ok(kind) => kind,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(IoProblem::new("look at", &entry.path(), error)),
            };
            match (parsed, PinName::parse(name)) {
                (DirName::Partition(topic, partition), _) if kind.is_dir() => {
                    listing.partitions.push((name.to_owned(), topic, partition));
                }
                (DirName::Deleted, _) if kind.is_dir() => {
                    listing.deleting.extend(deleting(name).map(|partition| (name.to_owned(), partition)));
                }
                (DirName::Foreign, Some(pin)) if kind.is_file() => listing.pins.push(pin),
                _ => listing.strangers.push(raw_name),
            }
        }
        Ok(listing)
    }
}

/// The partition in `orders-3.<32 hexadecimal digits>-delete`. The topic's name may be cut short in it.
fn deleting(name: &str) -> Option<PartitionIndex> {
    let (dir, _) = name.strip_suffix("-delete")?.rsplit_once('.')?;
    let (_, partition) = dir.rsplit_once('-')?;
    partition.parse().ok().and_then(PartitionIndex::from_kafka)
}
