//! The broker's own files about a segment, byte for byte, each a section of its own: what a KIP-405 broker asks for again.
//!
//! A file is one zstd frame that states its length, so that a reader reserves no more than that; in a sealed segment it is
//! sealed like every section. Nothing is said here about what is in a file.

use bytes::Bytes;

use super::frame::{announced, unpack};
use super::seal::{Part, SegmentKey};
use super::{
    Footer, MAX_BROKER_FILE_LEN, MAX_TAIL_LEN, SectionKind, SegmentReadError, SegmentTail, SegmentWriteError,
};
use crate::ids::Crc32c;

/// Indexes are sorted numbers and get half as long; a higher level gains a few per cent and costs a second a gigabyte.
const LEVEL: i32 = 3;

/// A file that a broker keeps beside a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BrokerFile {
    /// `.index`: positions by offset.
    OffsetIndex,
    /// `.timeindex`: offsets by time.
    TimeIndex,
    /// `.txnindex`: aborted transactions; absent where there are none.
    TransactionIndex,
    /// `.snapshot`: the state of producers at the segment's end.
    ProducerSnapshot,
    /// `leader-epoch-checkpoint` up to the segment's end.
    LeaderEpochs,
}

impl BrokerFile {
    /// All of them, in the order in which they lie.
    pub const ALL: [Self; 5] = [
        Self::OffsetIndex,
        Self::TimeIndex,
        Self::TransactionIndex,
        Self::ProducerSnapshot,
        Self::LeaderEpochs,
    ];

    /// The section that holds it.
    #[must_use]
    pub const fn section(self) -> SectionKind {
        match self {
            Self::OffsetIndex => SectionKind::OffsetIndex,
            Self::TimeIndex => SectionKind::TimeIndex,
            Self::TransactionIndex => SectionKind::TransactionIndex,
            Self::ProducerSnapshot => SectionKind::ProducerSnapshot,
            Self::LeaderEpochs => SectionKind::LeaderEpochs,
        }
    }
}

/// Files that a writer is given. An empty file is a file; one that is absent is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BrokerFiles([Option<Bytes>; 5]);

impl BrokerFiles {
    /// The same with one file more, or another in its place.
    #[must_use]
    pub fn with(mut self, file: BrokerFile, bytes: impl Into<Bytes>) -> Self {
        self.0[file as usize] = Some(bytes.into());
        self
    }

    /// A file's bytes.
    #[must_use]
    pub fn get(&self, file: BrokerFile) -> Option<&Bytes> {
        self.0[file as usize].as_ref()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// Each file as its section holds it in the clear. Refused before anything is written: nobody wants to learn at the end
    /// of a gigabyte that what comes behind it is too long.
    pub(super) fn packed(&self) -> Result<Vec<(SectionKind, Vec<u8>)>, SegmentWriteError> {
        let mut packed = Vec::new();
        let mut sum = 0_u64;
        for file in BrokerFile::ALL {
            let Some(bytes) = self.get(file) else { continue };
            let section = file.section();
            let length = length_of(bytes);
            if length > MAX_BROKER_FILE_LEN {
                return Err(SegmentWriteError::FileTooLong { section, length, limit: MAX_BROKER_FILE_LEN });
            }
            let frame = zstd::bulk::compress(bytes, LEVEL)
                .map_err(|source| SegmentWriteError::CompressFile { section, source })?;
            sum = sum.saturating_add(length_of(&frame));
            if sum > u64::from(MAX_TAIL_LEN) {
                return Err(SegmentWriteError::TailTooLong { length: sum, limit: MAX_TAIL_LEN });
            }
            packed.push((section, frame));
        }
        Ok(packed)
    }
}

/// The files of a segment as they are stored: opened one at a time, when they are asked for.
#[derive(Debug, Clone)]
pub struct StoredBrokerFiles {
    key: Option<SegmentKey>,
    files: [Option<Bytes>; 5],
}

impl StoredBrokerFiles {
    /// A file's bytes; `None` where the segment has none of this kind.
    ///
    /// # Errors
    /// A section that does not authenticate, or does not decompress to what it states; the error names it.
    pub fn get(&self, file: BrokerFile) -> Result<Option<Bytes>, SegmentReadError> {
        let Some(stored) = &self.files[file as usize] else { return Ok(None) };
        let section = file.section();
        let opened;
        let clear: &[u8] = match &self.key {
            None => stored,
            Some(key) => {
                opened = key
                    .open(Part::Section(section), stored)
                    .map_err(|_| SegmentReadError::Unauthentic { section, key_id: key.id() })?;
                &opened
            }
        };
        let unstated = || {
            let source = std::io::Error::new(std::io::ErrorKind::InvalidData, "it states no length");
            SegmentReadError::Decompress { section, source }
        };
        let length = announced(clear).ok_or_else(unstated)?;
        if length > MAX_BROKER_FILE_LEN {
            let expected = MAX_BROKER_FILE_LEN;
            return Err(SegmentReadError::FileLength { section, expected, found: length });
        }
        let raw = unpack(clear, length).map_err(|error| error.of_file(section, length))?;
        Ok(Some(raw.into()))
    }

    /// Whether the segment has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.iter().all(Option::is_none)
    }

    /// Memory held, in bytes, roughly.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.files.iter().flatten().map(Bytes::len).sum::<usize>()
    }
}

impl SegmentTail {
    /// The broker's files in `tail`, the bytes that this segment was opened from. They are copies: a tail in memory need not
    /// keep the files, nor the files the tail. Each section's checksum is compared once more.
    ///
    /// # Errors
    /// A file that is there twice, and bytes that are not those that it was opened from; the error names the section.
    pub fn broker_files(&self, tail: &Bytes) -> Result<StoredBrokerFiles, SegmentReadError> {
        let mut files = <[Option<Bytes>; 5]>::default();
        for file in BrokerFile::ALL {
            files[file as usize] = self.stored_file(file.section(), tail)?;
        }
        Ok(StoredBrokerFiles { key: self.segment_key(), files })
    }

    fn stored_file(&self, kind: SectionKind, tail: &Bytes) -> Result<Option<Bytes>, SegmentReadError> {
        let Some(range) = place_of(self.footer(), kind, self.index().stored_len())? else { return Ok(None) };
        let layout = SegmentReadError::Layout {
            section: kind,
            expected: length_of(tail),
            found: u64::try_from(range.end).unwrap_or(u64::MAX),
        };
        let stored = tail.get(range).ok_or(layout)?;
        let (computed, expected) = (Crc32c::of(stored), self.footer().section(kind).map(|of| of.crc));
        match expected {
            Some(crc) if crc == computed => Ok(Some(Bytes::copy_from_slice(stored))),
            Some(stored) => Err(SegmentReadError::Crc { section: kind, stored, computed }),
            None => Ok(None),
        }
    }
}

/// Where in the tail the section of a kind lies, which is there at most once.
fn place_of(
    footer: &Footer,
    kind: SectionKind,
    tail_position: u64,
) -> Result<Option<std::ops::Range<usize>>, SegmentReadError> {
    let mut matching = footer.sections.iter().filter(|section| section.kind == kind);
    let Some(section) = matching.next() else { return Ok(None) };
    let more = matching.count();
    if more > 0 {
        return Err(SegmentReadError::Sections { section: kind, found: more + 1 });
    }
    let from = section.position.get().checked_sub(tail_position);
    let range = from.and_then(|from| {
        let to = from.checked_add(section.length.get())?;
        Some(usize::try_from(from).ok()?..usize::try_from(to).ok()?)
    });
    let found = section.position.get();
    range.map(Some).ok_or(SegmentReadError::Layout { section: kind, expected: tail_position, found })
}

fn length_of(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
