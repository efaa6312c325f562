//! Writing the segments of a restore.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use firnline_index::Offset;

use super::target::ensure_stopped;
use super::{RestoreError, RestoreTarget};
use crate::IoProblem;
use crate::files::{FileName, SegmentFileKind};

/// Writes `.log` files that become visible all together. Dropped without [`RestoreWriter::commit`] it leaves files that
/// no broker reads and that the next restore removes.
#[derive(Debug)]
pub struct RestoreWriter {
    target: RestoreTarget,
    written: Vec<(Offset, u64)>,
}

/// What a restore wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestoreSummary {
    /// How many segments.
    pub segments: usize,
    /// Their bytes together.
    pub bytes: u64,
}

/// One segment being written.
#[derive(Debug)]
pub struct SegmentRestore<'a> {
    writer: &'a mut RestoreWriter,
    base: Offset,
    path: PathBuf,
    file: File,
    bytes: u64,
}

impl RestoreWriter {
    pub(super) fn begin(target: RestoreTarget) -> Result<Self, RestoreError> {
        let dir = &target.path;
        match fs::create_dir(dir) {
            Ok(()) => sync_dir(dir.parent().unwrap_or(dir))?,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(IoProblem::new("create directory", dir, error).into()),
        }
        let marker = dir.join(FileName::RESTORE_MARKER);
        let file = File::create(&marker).map_err(IoProblem::at("create", &marker))?;
        file.sync_all().map_err(IoProblem::at("sync", &marker))?;
        // The marker must be on disk before the first of the leftovers goes.
        sync_dir(dir)?;
        for path in target.leftovers.iter().filter(|path| **path != marker) {
            fs::remove_file(path).map_err(IoProblem::at("remove", path))?;
        }
        sync_dir(dir)?;
        Ok(Self { target, written: Vec::new() })
    }

    /// Begins the segment at `base`, which must lie above the one before. `base` is the base offset of its first batch.
    pub fn segment(&mut self, base: Offset) -> Result<SegmentRestore<'_>, RestoreError> {
        if let Some(&(last, _)) = self.written.last().filter(|(last, _)| *last >= base) {
            return Err(RestoreError::OutOfOrder { base, last });
        }
        if let Some(log_start) = self.target.log_start.filter(|log_start| *log_start > base) {
            return Err(RestoreError::BelowLogStart { base, log_start, path: self.target.path.clone() });
        }
        let path = self.restoring(base);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(IoProblem::at("create", &path))?;
        self.give_to_owner(&file, &path)?;
        Ok(SegmentRestore { writer: self, base, path, file, bytes: 0 })
    }

    /// Says that all offsets up to the end are of leader epoch 0: batches that lie elsewhere, and are not in these files, too.
    /// A broker believes it before it looks at batches; written before any of these is visible, it says of an empty
    /// partition what holds anyway.
    pub fn in_epoch_zero(&mut self) -> Result<(), RestoreError> {
        let path = self.target.path.join(FileName::LEADER_EPOCHS);
        let mut file = File::create(&path).map_err(IoProblem::at("create", &path))?;
        self.give_to_owner(&file, &path)?;
        file.write_all(b"0\n1\n0 0\n").map_err(IoProblem::at("write", &path))?;
        file.sync_all().map_err(IoProblem::at("sync", &path))?;
        Ok(sync_dir(&self.target.path)?)
    }

    /// Makes the segments visible: asks once more that no broker runs, renames, syncs, and removes the marker last.
    pub fn commit(self) -> Result<RestoreSummary, RestoreError> {
        if let Some(log_dir) = &self.target.log_dir {
            ensure_stopped(log_dir).map_err(RestoreError::Refused)?;
        }
        let dir = &self.target.path;
        for &(base, _) in &self.written {
            let from = self.restoring(base);
            let to = dir.join(SegmentFileKind::Log.name(base));
            fs::rename(&from, &to).map_err(IoProblem::at("rename", &from))?;
        }
        sync_dir(dir)?;
        let marker = dir.join(FileName::RESTORE_MARKER);
        fs::remove_file(&marker).map_err(IoProblem::at("remove", &marker))?;
        sync_dir(dir)?;
        let bytes = self.written.iter().map(|(_, bytes)| bytes).sum();
        Ok(RestoreSummary { segments: self.written.len(), bytes })
    }

    fn restoring(&self, base: Offset) -> PathBuf {
        let name = SegmentFileKind::Log.name(base) + FileName::RESTORING;
        self.target.path.join(name)
    }

    /// Restoring as root must not leave files that the broker's user cannot append to.
    fn give_to_owner(&self, file: &File, path: &Path) -> Result<(), IoProblem> {
        if !rustix::process::geteuid().is_root() {
            return Ok(());
        }
        let dir = &self.target.path;
        let owner = fs::metadata(dir).map_err(IoProblem::at("look at", dir))?;
        std::os::unix::fs::fchown(file, Some(owner.uid()), Some(owner.gid()))
            .map_err(IoProblem::at("change the owner of", path))
    }
}

impl SegmentRestore<'_> {
    /// Appends whole batches.
    pub fn write(&mut self, batches: &[u8]) -> Result<(), RestoreError> {
        self.file.write_all(batches).map_err(IoProblem::at("write", &self.path))?;
        self.bytes += batches.len() as u64;
        Ok(())
    }

    /// Syncs the segment. It stays out of a broker's sight until the whole restore is committed.
    pub fn finish(self) -> Result<(), RestoreError> {
        self.file.sync_all().map_err(IoProblem::at("sync", &self.path))?;
        self.writer.written.push((self.base, self.bytes));
        Ok(())
    }
}

fn sync_dir(path: &Path) -> Result<(), IoProblem> {
    let dir = File::open(path).map_err(IoProblem::at("open directory", path))?;
    dir.sync_all().map_err(IoProblem::at("sync directory", path))
}
