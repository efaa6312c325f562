//! The pins of one log dir: linking, unlinking, looking.

use std::path::{Path, PathBuf};

use firnline_index::{Offset, PartitionIndex, TopicId};
use rustix::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::{PinName, PinProblem};
use crate::IoProblem;
use crate::files::SegmentFileKind;

/// How many pins are removed at a stretch. The broker renames its checkpoints in the same directory, which the kernel
/// locks for each of these calls; between two stretches it gets its turn for certain.
const BATCH: usize = 128;

/// What the probe's link is called.
const PROBE: &str = ".firnline-probe";

/// A log dir, as the place where pins stand. No call here is made durable: a link that a crash of the machine undoes
/// leaves the broker's own name of the file, as a file system's journal keeps the order of link and unlink.
#[derive(Debug)]
pub struct PinDir {
    path: PathBuf,
    root: OwnedFd,
}

/// A pinned file, as the system tells it now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PinStat {
    /// Its inode.
    pub inode: u64,
    /// Its length in bytes.
    pub len: u64,
    /// The bytes of disk it takes.
    pub disk_bytes: u64,
    /// When it was last written, in nanoseconds since 1970.
    pub mtime_ns: i128,
    /// How many names it has. With one, the pin is all that keeps it.
    pub links: u64,
}

impl PinStat {
    /// Whether the pin is all that keeps the file.
    pub fn is_sole_link(&self) -> bool {
        self.links == 1
    }
}

/// A partition's directory, held open so that it cannot be another one meanwhile.
#[derive(Debug)]
pub struct PinSource<'a> {
    dir: &'a PinDir,
    fd: OwnedFd,
    path: PathBuf,
    /// Which directory this is, and when names in it last changed.
    pub identity: DirIdentity,
}

/// Tells a directory from another of the same name, and whether names in it have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DirIdentity {
    /// Its inode.
    pub inode: u64,
    /// When a name in it was last made or removed, in nanoseconds since 1970.
    pub mtime_ns: i128,
}

impl PinDir {
    /// Opens the log dir at `path`.
    pub fn open(path: &Path) -> Result<Self, IoProblem> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root =
            rustix::fs::open(path, flags, Mode::empty()).map_err(IoProblem::at("open directory", path))?;
        Ok(Self { path: path.to_owned(), root })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// Links and unlinks the broker's `meta.properties`, a file that every log dir has and that belongs to the broker's
    /// user, so that what would keep segments from being pinned is told before the first one is missed.
    pub fn probe(&self) -> Result<(), PinProblem> {
        let file = self.path.join("meta.properties");
        let at = IoProblem::at::<Errno>;
        let fd = rustix::fs::openat(&self.root, "meta.properties", path_flags(), Mode::empty())
            .map_err(at("open", &file))?;
        let stat = rustix::fs::fstat(&fd).map_err(at("look at", &file))?;
        let link = || self.link(&fd, &stat, "meta.properties", self.root.as_fd(), PROBE);
        let mut linked = link();
        if linked == Err(Errno::EXIST) {
            // A run that was killed here left it behind.
            self.unlink(PROBE)?;
            linked = link();
        }
        linked.map_err(|errno| PinProblem::new(&file, stat.st_uid, &self.path, errno))?;
        Ok(self.unlink(PROBE)?)
    }

    /// Opens the partition's directory `name`; `None` where there is none (any more).
    pub fn source(&self, name: &str) -> Result<Option<PinSource<'_>>, IoProblem> {
        let path = self.path.join(name);
        let fd = match rustix::fs::openat(&self.root, name, path_flags() | OFlags::DIRECTORY, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(IoProblem::new("open directory", &path, errno)),
        };
        let stat = rustix::fs::fstat(&fd).map_err(IoProblem::at("look at", &path))?;
        Ok(Some(PinSource { dir: self, fd, path, identity: DirIdentity::of(&stat) }))
    }

    /// Which directory stands under `name` now; `None` where there is none. One `stat`.
    pub fn identity(&self, name: &str) -> Result<Option<DirIdentity>, IoProblem> {
        Ok(self.stat_at(name)?.map(|stat| DirIdentity::of(&stat)))
    }

    /// Looks at a pin; `None` where there is none (any more). One `stat`.
    pub fn stat(&self, pin: &PinName) -> Result<Option<PinStat>, IoProblem> {
        let stat = self.stat_at(&pin.to_string())?;
        Ok(stat.filter(|stat| FileType::from_raw_mode(stat.st_mode).is_file()).map(|stat| PinStat::of(&stat)))
    }

    /// Removes pins. One that is gone already counts as removed.
    pub fn remove(&self, pins: &[PinName]) -> Result<(), IoProblem> {
        for (index, batch) in pins.chunks(BATCH).enumerate() {
            if index > 0 {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            for pin in batch {
                self.unlink(&pin.to_string())?;
            }
        }
        Ok(())
    }

    /// Gives a pin the name that tells its file's inode: it tells another after a log dir was copied. `false` where that
    /// name is taken by another file, which must not be lost for it; one that is the same file already is as good.
    pub fn rename(&self, from: &PinName, to: &PinName) -> Result<bool, IoProblem> {
        let (name, new) = (from.to_string(), to.to_string());
        // Linked and unlinked: a rename would replace whatever has the new name.
        match rustix::fs::linkat(&self.root, &name, &self.root, &new, AtFlags::empty()) {
            Ok(()) => {}
            Err(Errno::EXIST) if self.stat(to)?.is_some_and(|there| there.inode == to.inode) => {}
            Err(Errno::EXIST) => return Ok(false),
            Err(errno) => return Err(IoProblem::new("rename", &self.path.join(name), errno)),
        }
        self.unlink(&name)?;
        Ok(true)
    }

    /// Where a pin is to be found.
    pub fn path_of(&self, pin: &PinName) -> PathBuf {
        self.path.join(pin.to_string())
    }

    fn stat_at(&self, name: &str) -> Result<Option<Stat>, IoProblem> {
        match rustix::fs::statat(&self.root, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(IoProblem::new("look at", &self.path.join(name), errno)),
        }
    }

    fn unlink(&self, name: &str) -> Result<(), IoProblem> {
        match rustix::fs::unlinkat(&self.root, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(IoProblem::new("remove", &self.path.join(name), errno)),
        }
    }

    /// Links the open file `fd` as `to`, whatever it is called by now. Where `/proc` is not mounted it is linked by its
    /// name `from` in `dir`, and `EAGAIN` says that this name meanwhile belongs to another file.
    fn link(
        &self,
        fd: &OwnedFd,
        stat: &Stat,
        from: &str,
        dir: BorrowedFd<'_>,
        to: &str,
    ) -> Result<(), Errno> {
        let open = format!("/proc/self/fd/{}", fd.as_raw_fd());
        let by_number = rustix::fs::linkat(rustix::fs::CWD, &open, &self.root, to, AtFlags::SYMLINK_FOLLOW);
        if by_number != Err(Errno::NOENT) || rustix::fs::fstat(fd)?.st_nlink == 0 {
            return by_number;
        }
        rustix::fs::linkat(dir, from, &self.root, to, AtFlags::empty())?;
        let linked = rustix::fs::statat(&self.root, to, AtFlags::SYMLINK_NOFOLLOW)?;
        if linked.st_ino != stat.st_ino {
            rustix::fs::unlinkat(&self.root, to, AtFlags::empty())?;
            return Err(Errno::AGAIN);
        }
        Ok(())
    }
}

impl PinSource<'_> {
    /// Where the directory was when it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Pins the segment at `base` of the partition that this directory is known to be. `None` where there is no such
    /// file (any more). A file that is pinned already stays so. Three or four system calls.
    pub fn pin(
        &self,
        topic_id: TopicId,
        partition: PartitionIndex,
        base: Offset,
    ) -> Result<Option<PinName>, PinProblem> {
        let name = SegmentFileKind::Log.name(base);
        let file = self.path.join(&name);
        let fd = match rustix::fs::openat(&self.fd, &name, path_flags(), Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(IoProblem::new("open", &file, errno).into()),
        };
        let stat = rustix::fs::fstat(&fd).map_err(IoProblem::at("look at", &file))?;
        if !FileType::from_raw_mode(stat.st_mode).is_file() {
            return Ok(None);
        }
        let pin = PinName { topic_id, partition, base, inode: stat.st_ino };
        match self.dir.link(&fd, &stat, &name, self.fd.as_fd(), &pin.to_string()) {
            Ok(()) | Err(Errno::EXIST) => Ok(Some(pin)),
            Err(Errno::NOENT | Errno::AGAIN) => Ok(None),
            Err(errno) => Err(PinProblem::new(&file, stat.st_uid, &self.dir.path, errno)),
        }
    }
}

impl DirIdentity {
    fn of(stat: &Stat) -> Self {
        Self { inode: stat.st_ino, mtime_ns: mtime_ns(stat) }
    }
}

impl PinStat {
    fn of(stat: &Stat) -> Self {
        Self {
            inode: stat.st_ino,
            len: u64::try_from(stat.st_size).unwrap_or(0),
            disk_bytes: u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512),
            mtime_ns: mtime_ns(stat),
            // Its type differs between machines.
            #[allow(clippy::useless_conversion, reason = "a 32-bit number on some machines")]
            links: u64::from(stat.st_nlink),
        }
    }
}

fn mtime_ns(stat: &Stat) -> i128 {
    i128::from(stat.st_mtime) * 1_000_000_000 + i128::from(stat.st_mtime_nsec)
}

/// To name a file without reading it: no right on the file itself is needed, and a pipe does not block.
fn path_flags() -> OFlags {
    OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC
}
