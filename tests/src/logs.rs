//! What a stopped broker left on disk, read without any of Firnline's own code.

use std::path::{Path, PathBuf};

/// The log files of one partition in offset order.
#[derive(Debug, Clone)]
pub struct PartitionLog {
    segments: Vec<(i64, PathBuf)>,
}

impl PartitionLog {
    /// Lists `*.log` of a partition's directory.
    pub fn open(directory: &Path) -> Self {
        let mut segments: Vec<(i64, PathBuf)> = std::fs::read_dir(directory)
            .unwrap_or_else(|error| panic!("list {}: {error}", directory.display()))
            .map(|entry| entry.expect("list the partition").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
            .map(|path| {
                let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("a segment has a name");
                (stem.parse().expect("a segment's name is its base offset"), path)
            })
            .collect();
        segments.sort();
        assert!(!segments.is_empty(), "{} holds no segment", directory.display());
        Self { segments }
    }

    /// How many segments are sealed: all but the last.
    pub fn sealed(&self) -> usize {
        self.segments.len() - 1
    }

    /// The base offset of the active segment, which is where the sealed ones end.
    pub fn sealed_end(&self) -> i64 {
        self.segments[self.segments.len() - 1].0
    }

    /// The bytes of all sealed segments, one after the other.
    pub fn sealed_bytes(&self) -> Vec<u8> {
        let sealed = &self.segments[..self.sealed()];
        sealed.iter().flat_map(|(_, path)| std::fs::read(path).expect("read a segment")).collect()
    }

    /// The file of the `index`th segment.
    pub fn file(&self, index: usize) -> &Path {
        &self.segments[index].1
    }
}
