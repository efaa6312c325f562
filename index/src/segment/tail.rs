//! Opening a segment from one read of its end.

use bytes::Bytes;

use super::seal::{Part, SealOrigin, SegmentKey};
use super::{
    BlockDecoder, ExpectedOrigin, Footer, SEAL_LEN, Section, SectionKind, SegmentOrigin, SegmentReadError,
    TRAILER_LEN, Trailer,
};
use crate::block_index::BlockIndex;
use crate::ids::{Crc32c, Offset, StoredPosition};
use crate::topic_key::TopicKey;
use crate::transactions::SegmentTransactions;

/// Everything that a reader needs of a segment before it reads blocks. Every byte of the tail was covered by a checksum.
#[derive(Debug, Clone)]
pub struct SegmentTail {
    trailer: Trailer,
    footer: Footer,
    index: BlockIndex,
    transactions: SegmentTransactions,
    key: Option<SegmentKey>,
}

impl SegmentTail {
    /// Opens a segment that is not sealed, as [`Self::open`] does.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn parse(
        tail: Bytes,
        tail_position: StoredPosition,
        expect: &ExpectedOrigin,
    ) -> Result<Self, SegmentReadError> {
        Self::open(tail, tail_position, expect, None)
    }

    /// Opens a segment. `tail` is the segment from `tail_position`, where its blocks end, to its last byte; `key` is the
    /// topic key that its trailer names, and is not looked at where it names none.
    ///
    /// # Errors
    /// Anything that is not as the trailer, the footer or `expect` says; the error names the value. A sealed segment
    /// without its key is [`SegmentReadError::Sealed`].
    pub fn open(
        tail: Bytes,
        tail_position: StoredPosition,
        expect: &ExpectedOrigin,
        key: Option<&TopicKey>,
    ) -> Result<Self, SegmentReadError> {
        let trailer = Trailer::parse(&tail).map_err(SegmentReadError::Trailer)?;
        expect.check_trailer(&trailer)?;
        let key = trailer.segment_key(key)?;
        let (expected, found) = (u64::from(trailer.tail_length), length_of(&tail));
        if expected != found {
            return Err(SegmentReadError::TailLength { expected, found });
        }
        let footer_end = tail.len() - TRAILER_LEN;
        let footer_length = usize::try_from(trailer.footer_length).unwrap_or(usize::MAX);
        let footer_at =
            footer_end.checked_sub(footer_length).ok_or(SegmentReadError::TailLength { expected, found })?;
        let footer_bytes = &tail[footer_at..footer_end];
        check_crc(SectionKind::Footer, trailer.footer_crc, footer_bytes)?;
        let footer_bytes = opened(key.as_ref(), SectionKind::Footer, tail.slice(footer_at..footer_end))?;
        let footer = Footer::decode(&footer_bytes).map_err(SegmentReadError::Footer)?;
        expect.check_contents(footer.range, footer.log_bytes)?;
        let sections = tail.slice(..footer_at);
        check_layout(&footer.sections, &sections, tail_position)?;
        // A copy: so that what stays in memory is the index, not the whole buffer that the tail came in.
        let index = single(&footer, SectionKind::BlockIndex, &sections, tail_position)?;
        let index = match &key {
            None => Bytes::copy_from_slice(&index),
            Some(_) => opened(key.as_ref(), SectionKind::BlockIndex, index)?,
        };
        let added = if key.is_some() { length_of(&[0; SEAL_LEN]) } else { 0 };
        let index = BlockIndex::parse_with(index, added).map_err(SegmentReadError::Index)?;
        let transactions = single(&footer, SectionKind::Transactions, &sections, tail_position)?;
        let transactions = opened(key.as_ref(), SectionKind::Transactions, transactions)?;
        let transactions =
            SegmentTransactions::decode(&transactions).map_err(SegmentReadError::Transactions)?;
        let segment = Self { trailer, footer, index, transactions, key };
        segment.check(tail_position)?;
        Ok(segment)
    }

    /// Holds the parts against each other.
    fn check(&self, tail_position: StoredPosition) -> Result<(), SegmentReadError> {
        let Self { footer, index, transactions, .. } = self;
        equal("the number of blocks", footer.blocks.into(), index.len().into())?;
        equal("the raw length", footer.log_bytes.get(), index.raw_len())?;
        equal("the length of the blocks", tail_position.get(), index.stored_len())?;
        let offset = |offset: Offset| offset.get().unsigned_abs();
        let first = index.entry(0).map_or(footer.range.start(), |entry| entry.first_offset);
        equal("the first offset", offset(footer.range.start()), offset(first))?;
        let last = index.len().checked_sub(1).and_then(|last| index.entry(last));
        let (end, last) = (footer.range.end(), last.map_or(footer.range.start(), |entry| entry.first_offset));
        if last >= end {
            return Err(contradiction(
                "the last block's first offset and the end",
                offset(last),
                offset(end),
            ));
        }
        let within = |at: Offset| footer.range.contains(at);
        let markers = transactions.first_markers.iter().map(|marker| marker.marker_offset);
        let markers = markers.chain(transactions.aborted.iter().map(|aborted| aborted.marker_offset));
        if let Some(outside) = markers.into_iter().find(|at| !within(*at)) {
            return Err(contradiction(
                "a transaction marker's offset and the end",
                offset(outside),
                offset(end),
            ));
        }
        if let Some(open) = transactions.open.iter().find(|open| open.first_offset >= end) {
            return Err(contradiction(
                "an open transaction's start and the end",
                offset(open.first_offset),
                offset(end),
            ));
        }
        if transactions.open.is_empty() {
            equal("the stable end", offset(transactions.stable_end), offset(end))?;
        }
        Ok(())
    }

    /// Whose log it is.
    pub fn origin(&self) -> SegmentOrigin {
        SegmentOrigin {
            cluster_id: self.trailer.cluster_id.clone(),
            topic: self.footer.topic.clone(),
            topic_id: self.trailer.topic_id,
            partition: self.trailer.partition,
            uuid: self.trailer.uuid,
        }
    }

    /// The trailer.
    pub fn trailer(&self) -> &Trailer {
        &self.trailer
    }

    /// The footer.
    pub fn footer(&self) -> &Footer {
        &self.footer
    }

    /// The block index.
    pub fn index(&self) -> &BlockIndex {
        &self.index
    }

    /// The transactions.
    pub fn transactions(&self) -> &SegmentTransactions {
        &self.transactions
    }

    /// What turns this segment's stored blocks back into batches.
    #[must_use]
    pub fn blocks(&self) -> BlockDecoder {
        BlockDecoder::new(self.key.clone())
    }

    pub(super) fn segment_key(&self) -> Option<SegmentKey> {
        self.key.clone()
    }

    /// Memory held, in bytes, roughly: what a cache should charge.
    pub fn memory_bytes(&self) -> usize {
        size_of::<Self>()
            + self.index.memory_bytes()
            + self.transactions.memory_bytes()
            + self.footer.memory_bytes()
    }
}

impl Trailer {
    /// The footer that stands before this trailer; `stored` is as long as it says, its checksum compared. For who knows
    /// a segment by its end alone.
    ///
    /// # Errors
    /// A footer that is not valid, and a sealed one without its key.
    pub fn open_footer(&self, stored: &[u8], key: Option<&TopicKey>) -> Result<Footer, SegmentReadError> {
        let key = self.segment_key(key)?;
        let clear = opened(key.as_ref(), SectionKind::Footer, Bytes::copy_from_slice(stored))?;
        Footer::decode(&clear).map_err(SegmentReadError::Footer)
    }

    /// The key that seals the segment, `None` where it is not sealed.
    fn segment_key(&self, key: Option<&TopicKey>) -> Result<Option<SegmentKey>, SegmentReadError> {
        let Some(key_id) = self.key_id else { return Ok(None) };
        let named = key.filter(|key| key.id() == key_id).ok_or(SegmentReadError::Sealed { key_id })?;
        Ok(Some(SegmentKey::derive(named, seal_origin(self))))
    }
}

fn seal_origin(trailer: &Trailer) -> SealOrigin<'_> {
    SealOrigin {
        cluster_id: &trailer.cluster_id,
        topic_id: trailer.topic_id,
        partition: trailer.partition,
        uuid: trailer.uuid,
        salt: trailer.salt,
    }
}

/// A section in the clear.
fn opened(key: Option<&SegmentKey>, section: SectionKind, stored: Bytes) -> Result<Bytes, SegmentReadError> {
    let Some(key) = key else { return Ok(stored) };
    let clear = key.open(Part::Section(section), &stored);
    clear.map(Bytes::from).map_err(|_| SegmentReadError::Unauthentic { section, key_id: key.id() })
}

/// The sections must lie end to end from the end of the blocks to the footer, so that no byte is left unchecked.
fn check_layout(
    sections: &[Section],
    bytes: &Bytes,
    tail_position: StoredPosition,
) -> Result<(), SegmentReadError> {
    let mut rest: &[u8] = bytes;
    let mut expected = tail_position.get();
    for section in sections {
        let found = section.position.get();
        let length = usize::try_from(section.length.get()).unwrap_or(usize::MAX);
        let layout = SegmentReadError::Layout { section: section.kind, expected, found };
        let (stored, after) = rest.split_at_checked(length).filter(|_| found == expected).ok_or(layout)?;
        check_crc(section.kind, section.crc, stored)?;
        rest = after;
        expected = expected.saturating_add(section.length.get());
    }
    if rest.is_empty() {
        return Ok(());
    }
    let found = expected.saturating_add(length_of(rest));
    Err(SegmentReadError::Layout { section: SectionKind::Footer, expected, found })
}

/// The bytes of a section that must be there exactly once. The layout has been checked.
fn single(
    footer: &Footer,
    kind: SectionKind,
    bytes: &Bytes,
    tail_position: StoredPosition,
) -> Result<Bytes, SegmentReadError> {
    let mut matching = footer.sections.iter().filter(|section| section.kind == kind);
    let (Some(section), None) = (matching.next(), matching.next()) else {
        let found = footer.sections.iter().filter(|section| section.kind == kind).count();
        return Err(SegmentReadError::Sections { section: kind, found });
    };
    let range = section.position.checked_sub(tail_position).and_then(|from| {
        let from = usize::try_from(from).ok()?;
        let to = from.checked_add(usize::try_from(section.length.get()).ok()?)?;
        (to <= bytes.len()).then_some(from..to)
    });
    let (expected, found) = (tail_position.get(), section.position.get());
    Ok(bytes.slice(range.ok_or(SegmentReadError::Layout { section: kind, expected, found })?))
}

fn check_crc(section: SectionKind, stored: Crc32c, bytes: &[u8]) -> Result<(), SegmentReadError> {
    let computed = Crc32c::of(bytes);
    if stored == computed { Ok(()) } else { Err(SegmentReadError::Crc { section, stored, computed }) }
}

fn equal(what: &'static str, left: u64, right: u64) -> Result<(), SegmentReadError> {
    if left == right { Ok(()) } else { Err(contradiction(what, left, right)) }
}

fn contradiction(what: &'static str, left: u64, right: u64) -> SegmentReadError {
    SegmentReadError::Contradiction { what, left, right }
}

fn length_of(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
