//! A file of checksummed lines that only grows, until it is written anew.
//!
//! ```text
//! 3b5c1f02 firnline-witness 1          CRC32C of the rest of the line, 8 hexadecimal digits; kind and version
//! 90c4a7e1 bound J8nB1x9RTGqN3oGQx5Lk2A 3 1500 4 00000000
//! ```
//! Each line stands alone. A line whose checksum does not hold is left out and counted; what follows the last line feed
//! is what a crash left unfinished, and is cut off by the next append. An append is synced before it counts. The file is
//! written anew beside itself, synced, and renamed, and the directory synced: a crash leaves the one or the other.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use firnline_index::Crc32c;

use crate::IoProblem;

/// The largest journal that is read.
const MAX_LEN: u64 = 64 << 20;

/// A journal that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A system call failed.
    #[error(transparent)]
    Io(#[from] IoProblem),
    /// It is longer than any that this build writes.
    #[error("{path:?} has {len} bytes, more than a journal of this kind can have; move it away")]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Its length.
        len: u64,
    },
    /// Another version wrote it.
    #[error("{path:?} begins with {found:?}, not with {expected:?}: a newer build wrote it; use that one")]
    Version {
        /// The file.
        path: PathBuf,
        /// Its first line, cut to 40 characters.
        found: String,
        /// What this build knows.
        expected: &'static str,
    },
}

/// What the bytes of a journal say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Lines<'a> {
    /// The lines that hold, the first one (kind and version) included.
    pub(crate) lines: Vec<&'a str>,
    /// How many do not.
    pub(crate) damaged: usize,
    /// Up to where whole lines reach.
    pub(crate) whole: usize,
}

/// Reads the bytes of a journal.
pub(crate) fn parse(bytes: &[u8]) -> Lines<'_> {
    let mut found = Lines::default();
    while let Some(length) = bytes[found.whole..].iter().position(|&byte| byte == b'\n') {
        let line = &bytes[found.whole..found.whole + length];
        found.whole += length + 1;
        match checked(line) {
            Some(text) => found.lines.push(text),
            None => found.damaged += 1,
        }
    }
    found
}

fn checked(line: &[u8]) -> Option<&str> {
    let (crc, text) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    (crc == Crc32c::of(text.as_bytes()).to_string()).then_some(text)
}

fn write_line(into: &mut Vec<u8>, text: &str) {
    debug_assert!(!text.contains('\n'), "a line feed would end the line");
    into.extend_from_slice(format!("{} {text}\n", Crc32c::of(text.as_bytes())).as_bytes());
}

/// An open journal.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    kind: &'static str,
    file: File,
    len: u64,
}

impl Journal {
    /// Opens the journal at `path`, or makes an empty one, and hands each line that holds to `line`. Gives the journal
    /// and how many lines were damaged.
    pub(crate) fn open(
        path: &Path,
        kind: &'static str,
        mut line: impl FnMut(&str),
    ) -> Result<(Self, usize), JournalError> {
        let mut file = open(path)?;
        let mut bytes = Vec::new();
        let at = |action| IoProblem::at(action, path);
        (&mut file).take(MAX_LEN + 1).read_to_end(&mut bytes).map_err(at("read"))?;
        let len = bytes.len() as u64;
        if len > MAX_LEN {
            return Err(JournalError::TooLong { path: path.to_owned(), len });
        }
        let found = parse(&bytes);
        let mut lines = found.lines.iter().peekable();
        match lines.next_if(|first| first.starts_with("firnline-")) {
            Some(first) if *first != kind => {
                let found = first.chars().take(40).collect();
                return Err(JournalError::Version { path: path.to_owned(), found, expected: kind });
            }
            _ => lines.for_each(|text| line(text)),
        }
        let damaged = found.damaged;
        let mut journal = Self { path: path.to_owned(), kind, file, len: found.whole as u64 };
        if journal.len == 0 {
            journal.replace(std::iter::empty::<&str>())?;
        }
        Ok((journal, damaged))
    }

    /// Its length in bytes.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Adds lines and syncs them. When this fails, the lines count as not written, whatever of them reached the disk:
    /// the next append begins where this one did.
    pub(crate) fn append<S: AsRef<str>>(
        &mut self,
        lines: impl IntoIterator<Item = S>,
    ) -> Result<(), IoProblem> {
        let mut bytes = Vec::new();
        lines.into_iter().for_each(|text| write_line(&mut bytes, text.as_ref()));
        if bytes.is_empty() {
            return Ok(());
        }
        let at = |action| IoProblem::at(action, &self.path);
        self.file.set_len(self.len).map_err(at("change the length of"))?;
        self.file.seek(SeekFrom::Start(self.len)).map_err(at("seek in"))?;
        self.file.write_all(&bytes).map_err(at("write"))?;
        self.file.sync_data().map_err(at("write"))?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Puts these lines in the place of all.
    pub(crate) fn replace<S: AsRef<str>>(
        &mut self,
        lines: impl IntoIterator<Item = S>,
    ) -> Result<(), IoProblem> {
        let mut bytes = Vec::new();
        write_line(&mut bytes, self.kind);
        lines.into_iter().for_each(|text| write_line(&mut bytes, text.as_ref()));
        let mut name = self.path.clone().into_os_string();
        name.push(".new");
        let beside = PathBuf::from(name);
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(IoProblem::new("remove", &beside, error));
            }
            _ => {}
        }
        let mut file = open(&beside)?;
        file.write_all(&bytes).map_err(IoProblem::at("write", &beside))?;
        file.sync_all().map_err(IoProblem::at("write", &beside))?;
        fs::rename(&beside, &self.path).map_err(IoProblem::at("rename", &beside))?;
        (self.file, self.len) = (file, bytes.len() as u64);
        let dir = self.path.parent().unwrap_or(Path::new("."));
        let open = File::open(dir).map_err(IoProblem::at("open directory", dir))?;
        open.sync_all().map_err(IoProblem::at("sync directory", dir))
    }
}

fn open(path: &Path) -> Result<File, IoProblem> {
    let flags = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0);
    File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o644)
        .custom_flags(flags)
        .open(path)
        .map_err(IoProblem::at("create", path))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests may panic")]

    use proptest::prelude::*;

    use super::*;

    const KIND: &str = "firnline-test 1";

    fn read(path: &Path) -> (Vec<String>, usize) {
        let mut lines = Vec::new();
        let (_, damaged) = Journal::open(path, KIND, |line| lines.push(line.to_owned())).unwrap();
        (lines, damaged)
    }

    fn written(lines: &[String]) -> (tempfile::TempDir, PathBuf) {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("journal");
        let (mut journal, _) = Journal::open(&path, KIND, |_| panic!("there is nothing yet")).unwrap();
        for line in lines {
            journal.append([line]).unwrap();
        }
        (temp, path)
    }

    #[test]
    fn another_version_is_refused_and_left_alone() {
        let (_temp, path) = written(&[]);
        let before = fs::read(&path).unwrap();
        let error = Journal::open(&path, "firnline-test 2", |_| {}).unwrap_err();
        assert!(error.to_string().contains("a newer build wrote it"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), before);
    }

    #[test]
    fn a_flipped_bit_costs_its_line_alone() {
        let lines = ["one".to_owned(), "two".to_owned(), "three".to_owned()];
        let (_temp, path) = written(&lines);
        let mut bytes = fs::read(&path).unwrap();
        let at = bytes.windows(3).position(|w| w == b"two").unwrap();
        bytes[at] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert_eq!(read(&path), (vec!["one".to_owned(), "three".to_owned()], 1));
    }

    #[test]
    fn a_failed_append_leaves_no_trace_behind_the_next() {
        let (_temp, path) = written(&["one".to_owned()]);
        let (mut journal, _) = Journal::open(&path, KIND, |_| {}).unwrap();
        File::options().append(true).open(&path).unwrap().write_all(b"1234 half a li").unwrap();
        journal.append(["two"]).unwrap();
        assert_eq!(read(&path), (vec!["one".to_owned(), "two".to_owned()], 0));
    }

    proptest! {
        // Each case syncs files.
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn what_was_written_is_read_and_a_torn_tail_costs_only_what_is_torn(
            lines in prop::collection::vec("[ -~]{0,40}", 0..8),
            cut in 0_usize..400,
        ) {
            let (_temp, path) = written(&lines);
            prop_assert_eq!(read(&path), (lines.clone(), 0));
            let bytes = fs::read(&path).unwrap();
            let cut = cut.min(bytes.len());
            fs::write(&path, &bytes[..cut]).unwrap();
            let whole = bytes[..cut].iter().filter(|&&b| b == b'\n').count().saturating_sub(1);
            prop_assert_eq!(read(&path), (lines[..whole].to_vec(), 0));
            let (mut journal, _) = Journal::open(&path, KIND, |_| {}).unwrap();
            journal.append(["after"]).unwrap();
            prop_assert_eq!(read(&path).0.len(), whole + 1);
        }

        #[test]
        fn no_bytes_make_the_parser_fail(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let found = parse(&bytes);
            prop_assert!(found.whole <= bytes.len());
        }
    }
}
