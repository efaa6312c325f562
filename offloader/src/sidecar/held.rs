//! What is held of a partition, as far as a decision needs it: a small copy of what the host told, kept from one look to
//! the next, without names and handles.

use std::sync::Arc;

use firnline_index::{Offset, OffsetRange, TimestampMs};

use super::prove::Unproven;
use crate::host::{HeldChain, HeldFile, HeldPartition, Presence};

/// What is held of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// What the broker does with its directory.
    pub presence: Presence,
    /// The chains, in the host's order.
    pub chains: Vec<Chain>,
    /// What of its pins could not be read: more may be held than the chains show.
    pub unread: Option<Arc<str>>,
}

/// A stretch of log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Whether the broker's own log is its upper part.
    pub is_log: bool,
    /// First offset.
    pub start: Offset,
    /// Where its sealed part ends.
    pub sealed_end: Offset,
    /// What was found when its bytes were last to be proven; `None` where nothing speaks against it.
    pub verdict: Option<Unproven>,
    /// Whether something was found against it when it was to take the place of the tail's pieces.
    pub replaces_nothing: bool,
    /// Where its files were found to have no batch, as a cleaner leaves them.
    pub hollow: Option<OffsetRange>,
    /// The files, oldest first.
    pub files: Vec<File>,
}

/// One file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File {
    /// First offset, by name.
    pub base: Offset,
    /// One past its last offset; `None` while it is written.
    pub end: Option<Offset>,
    /// Length in bytes.
    pub bytes: u64,
    /// When it was last written.
    pub written_at: TimestampMs,
    /// Whether a pin keeps it.
    pub pinned: bool,
    /// Whether the pin alone keeps it.
    pub sole_link: bool,
}

impl Held {
    /// Nothing.
    #[must_use]
    pub const fn nothing() -> Self {
        Self { presence: Presence::Gone, chains: Vec::new(), unread: None }
    }

    /// Takes the copy.
    #[must_use]
    pub fn of(held: &HeldPartition) -> Self {
        Self {
            presence: held.presence,
            chains: held.chains.iter().map(Chain::of).collect(),
            unread: held.unread.clone(),
        }
    }

    /// The broker's own log.
    #[must_use]
    pub fn log(&self) -> Option<&Chain> {
        self.chains.iter().find(|chain| chain.is_log)
    }

    /// Every file.
    pub fn files(&self) -> impl Iterator<Item = &File> {
        self.chains.iter().flat_map(|chain| &chain.files)
    }

    /// Bytes that pins keep, and that pins alone keep.
    #[must_use]
    pub fn pinned_bytes(&self) -> (u64, u64) {
        let sum = |keep: fn(&File) -> bool| {
            self.files().filter(|file| keep(file)).fold(0_u64, |sum, file| sum.saturating_add(file.bytes))
        };
        (sum(|file| file.pinned), sum(|file| file.sole_link))
    }

    /// Bytes of everything: grows when the log does.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files().fold(0, |sum, file| sum.wrapping_add(file.bytes))
    }
}

impl Chain {
    fn of(chain: &HeldChain) -> Self {
        let HeldChain { log: _, is_log, start, sealed_end, files } = chain;
        Self {
            is_log: *is_log,
            start: *start,
            sealed_end: *sealed_end,
            verdict: None,
            replaces_nothing: false,
            hollow: None,
            files: files.iter().map(File::of).collect(),
        }
    }

    /// Sealed files that reach beyond `from`.
    pub fn sealed_beyond(&self, from: Offset) -> impl Iterator<Item = &File> {
        self.files.iter().filter(move |file| file.end.is_some_and(|end| end > from))
    }

    /// Whether a batch at `at` may be found here: in the sealed part, or in what the broker still writes.
    #[must_use]
    pub fn reaches(&self, at: Offset) -> bool {
        self.start <= at && (at < self.sealed_end || self.is_log)
    }

    /// Whether no batch lies from `from` up to `end`, as was found when they were to be uploaded.
    #[must_use]
    pub fn is_hollow(&self, from: Offset, end: Offset) -> bool {
        self.hollow.is_some_and(|hollow| hollow.start() <= from && end <= hollow.end())
    }

    /// Whether sealed bytes from `at` on are here.
    #[must_use]
    pub fn holds_sealed(&self, at: Offset) -> bool {
        self.start <= at && at < self.sealed_end
    }
}

impl File {
    fn of(file: &HeldFile) -> Self {
        let HeldFile { base, end, bytes, written_at, pin, sole_link } = file;
        Self {
            base: *base,
            end: *end,
            bytes: *bytes,
            written_at: *written_at,
            pinned: pin.is_some(),
            sole_link: *sole_link,
        }
    }
}
