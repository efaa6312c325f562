//! A summary as bytes.
//!
//! ```text
//!  0         8         10         12           16              20       24
//! ┌─────────┬─────────┬──────────┬────────────┬───────────────┬────────┬───────────────┐
//! │ magic   │ version │ reserved │ raw length │ stored length │ CRC32C │ body, one     │
//! │ FIRNLSUM│ u16     │ 0        │ u32        │ u32           │ u32    │ zstd frame    │
//! └─────────┴─────────┴──────────┴────────────┴───────────────┴────────┴───────────────┘
//! ```
//!
//! The checksum covers bytes 0..20 and the stored body, and is compared before anything is unpacked. The unpacked body
//! is a row of sections (number, length, bytes), in rising order of their numbers; a section that a build does not know is
//! passed over, for a summary decides nothing. Columns rather than rows: ten thousand partitions that hardly differ from
//! each other pack into a small part of what they would take one by one, and a count is held against the bytes that are
//! there before anything is allocated for it.

use super::{
    MAX_SUMMARY_BYTES, MAX_SUMMARY_PARTITIONS, MAX_SUMMARY_RAW, NodeSummary, PartitionSummary, SummaryError,
    TierMarks, Waiting,
};
use crate::ids::{
    ByteCount, ClusterId, Crc32c, Incarnation, NodeId, Offset, PartitionIndex, TimestampMs, TopicId,
    TopicIdPartition, TopicName, ValueError,
};
use crate::marker::FORMAT_VERSION;
use crate::varint;

const MAGIC: [u8; 8] = *b"FIRNLSUM";
const HEADER_LEN: usize = 24;
/// What the checksum covers of the header.
const CHECKED: usize = 20;
/// Fast, and near the best on columns of small numbers.
const LEVEL: i32 = 3;

/// A section's number and what errors call it.
type Section = (u64, &'static str);

const NODE: Section = (1, "node");
const TOPICS: Section = (2, "topics");
const PARTITIONS: Section = (3, "partitions");
const GENERATIONS: Section = (4, "generations");
const TIER_STARTS: Section = (5, "tier starts");
const SERVING_STARTS: Section = (6, "serving starts");
const TIER_ENDS: Section = (7, "tier ends");
const HELD_ENDS: Section = (8, "held ends");
const HIGH_WATERMARKS: Section = (9, "high watermarks");
const WAITING: Section = (10, "waiting codes");
const WAITING_SINCE: Section = (11, "waiting since");
const PINNED: Section = (12, "pinned bytes");
const SOLE_LINKS: Section = (13, "sole-link bytes");
const GAPS: Section = (14, "gaps");
const DEAD_BRANCHES: Section = (15, "dead branches");

impl NodeSummary {
    /// The summary as an object.
    ///
    /// # Errors
    /// Where [`NodeSummary::decode`] would refuse it or give another: partitions out of order or twice, one topic id with
    /// two names, starts above ends, more than the limits.
    pub fn encode(&self) -> Result<Vec<u8>, SummaryError> {
        let raw = self.body();
        within("raw length", raw.len(), MAX_SUMMARY_RAW)?;
        let body = zstd::bulk::compress(&raw, LEVEL).map_err(|_| SummaryError::Frame)?;
        within("object length", body.len().saturating_add(HEADER_LEN), MAX_SUMMARY_BYTES)?;
        let word = |length: usize| u32::try_from(length).map_err(|_| SummaryError::Unfaithful);
        let mut out = Vec::with_capacity(HEADER_LEN + body.len());
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        out.extend_from_slice(&0_u16.to_le_bytes());
        out.extend_from_slice(&word(raw.len())?.to_le_bytes());
        out.extend_from_slice(&word(body.len())?.to_le_bytes());
        let crc = checksum(&out, &body);
        out.extend_from_slice(&crc.get().to_le_bytes());
        assert_eq!(out.len(), HEADER_LEN, "the header has a fixed length");
        out.extend_from_slice(&body);
        match Self::decode(&out)? == *self {
            true => Ok(out),
            false => Err(SummaryError::Unfaithful),
        }
    }

    /// Reads a summary.
    ///
    /// # Errors
    /// In the order length, magic, version, sizes, checksum, frame, sections, values.
    pub fn decode(bytes: &[u8]) -> Result<Self, SummaryError> {
        within("object length", bytes.len(), MAX_SUMMARY_BYTES)?;
        let short = SummaryError::Short { found: bytes.len(), needed: HEADER_LEN };
        let (header, body) = bytes.split_first_chunk::<HEADER_LEN>().ok_or(short)?;
        let magic = part::<8>(header, 0);
        if magic != MAGIC {
            return Err(SummaryError::Magic { found: magic });
        }
        let version = u16::from_le_bytes(part(header, 8));
        if version > FORMAT_VERSION {
            return Err(SummaryError::Newer { found: version, supported: FORMAT_VERSION });
        }
        exactly("reserved field", usize::from(u16::from_le_bytes(part(header, 10))), 0)?;
        let length = |at| usize::try_from(u32::from_le_bytes(part(header, at))).unwrap_or(usize::MAX);
        let (raw, stored) = (length(12), length(16));
        within("raw length", raw, MAX_SUMMARY_RAW)?;
        exactly("stored length", stored, body.len())?;
        let stated = Crc32c::new(u32::from_le_bytes(part(header, 20)));
        let computed = checksum(&header[..CHECKED], body);
        if stated != computed {
            return Err(SummaryError::Checksum { stated, computed });
        }
        // One byte of room more: a frame that holds more than is stated is refused, never cut.
        let unpacked =
            zstd::bulk::decompress(body, raw.saturating_add(1)).map_err(|_| SummaryError::Frame)?;
        exactly("raw length", raw, unpacked.len())?;
        parse(&unpacked)
    }

    fn body(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut head = Vec::new();
        put_text(&mut head, self.cluster_id.as_str());
        varint::put(&mut head, u64::from(self.node.get().unsigned_abs()));
        head.extend_from_slice(self.incarnation.as_bytes());
        varint::put(&mut head, self.sequence);
        varint::put(&mut head, self.written_at.get().unsigned_abs());
        put_section(&mut out, NODE, &head);
        let (topics, numbers) = self.tips();
        put_section(&mut out, TOPICS, &topics);
        put_section(&mut out, PARTITIONS, &numbers);
        let all = &self.partitions;
        let tiers = || all.iter().filter_map(|p| p.tier);
        put_column(&mut out, GENERATIONS, all.iter().map(|p| one_more(p.tier.map(|t| t.generation))));
        put_column(&mut out, TIER_STARTS, tiers().map(|t| t.tier_start.get().unsigned_abs()));
        put_column(&mut out, SERVING_STARTS, tiers().map(|t| above(t.serving_start, t.tier_start)));
        put_column(&mut out, TIER_ENDS, tiers().map(|t| above(t.tier_end, t.serving_start)));
        let offset = |o: Option<Offset>| one_more(o.map(|o| o.get().unsigned_abs()));
        put_column(&mut out, HELD_ENDS, all.iter().map(|p| offset(p.held_end)));
        put_column(&mut out, HIGH_WATERMARKS, all.iter().map(|p| offset(p.high_watermark)));
        put_column(&mut out, WAITING, all.iter().map(|p| p.waiting.map_or(0, |w| w.code.get().into())));
        let waits = all.iter().filter_map(|p| p.waiting);
        put_column(&mut out, WAITING_SINCE, waits.map(|w| w.since.get().unsigned_abs()));
        put_column(&mut out, PINNED, all.iter().map(|p| p.pinned_bytes.get()));
        put_column(&mut out, SOLE_LINKS, all.iter().map(|p| p.sole_link_bytes.get()));
        put_column(&mut out, GAPS, all.iter().map(|p| p.gaps.into()));
        put_column(&mut out, DEAD_BRANCHES, all.iter().map(|p| p.dead_branches.into()));
        out
    }

    /// The sections of topics and of partition numbers.
    fn tips(&self) -> (Vec<u8>, Vec<u8>) {
        let groups = || self.partitions.chunk_by(|a, b| a.tip.topic_id == b.tip.topic_id);
        let (mut topics, mut numbers) = (Vec::new(), Vec::new());
        varint::put(&mut topics, groups().count() as u64);
        for group in groups() {
            let Some(first) = group.first() else { continue };
            topics.extend_from_slice(first.tip.topic_id.as_bytes());
            put_text(&mut topics, first.tip.topic.as_str());
            varint::put(&mut topics, group.len() as u64);
            let mut next = 0;
            for partition in group {
                let number = u64::from(partition.tip.partition.get().unsigned_abs());
                // Out of order it wraps, comes back as another number, and is found out by who encodes.
                varint::put(&mut numbers, number.wrapping_sub(next));
                next = number + 1;
            }
        }
        (topics, numbers)
    }
}

fn parse(body: &[u8]) -> Result<NodeSummary, SummaryError> {
    let mut sections = Sections { rest: body, last: 0, next: None };
    let mut head = Cursor::new(NODE, sections.required(NODE)?);
    let cluster_id = head.value(ClusterId::new)?;
    let node = NodeId::new(i32::try_from(head.number()?).unwrap_or(-1)).map_err(|e| value(NODE, e))?;
    let incarnation = Incarnation::from_bytes(head.id()?);
    let sequence = head.number()?;
    let written_at = head.time()?;
    head.end()?;
    let tips = tips(sections.required(TOPICS)?, sections.required(PARTITIONS)?)?;
    let mut partitions: Vec<PartitionSummary> = tips.into_iter().map(PartitionSummary::new).collect();
    let count = partitions.len();
    let generations = numbers(GENERATIONS, sections.required(GENERATIONS)?, count)?;
    let tiers = generations.iter().filter(|g| **g > 0).count();
    let mut starts = Cursor::counted(TIER_STARTS, sections.required(TIER_STARTS)?, tiers)?;
    let mut servings = Cursor::counted(SERVING_STARTS, sections.required(SERVING_STARTS)?, tiers)?;
    let mut ends = Cursor::counted(TIER_ENDS, sections.required(TIER_ENDS)?, tiers)?;
    for (partition, generation) in partitions.iter_mut().zip(generations) {
        let Some(generation) = generation.checked_sub(1) else { continue };
        let tier_start = starts.offset()?;
        let serving_start = servings.beyond(tier_start)?;
        let tier_end = ends.beyond(serving_start)?;
        partition.tier = Some(TierMarks { generation, tier_start, serving_start, tier_end });
    }
    for cursor in [starts, servings, ends] {
        cursor.end()?;
    }
    facts(&mut sections, &mut partitions)?;
    sections.finish()?;
    Ok(NodeSummary { cluster_id, node, incarnation, sequence, written_at, partitions })
}

/// The sections that may be missing: then nothing is told.
fn facts(sections: &mut Sections<'_>, partitions: &mut [PartitionSummary]) -> Result<(), SummaryError> {
    let count = partitions.len();
    if let Some(bytes) = sections.optional(HELD_ENDS)? {
        for (partition, number) in partitions.iter_mut().zip(numbers(HELD_ENDS, bytes, count)?) {
            partition.held_end = number.checked_sub(1).map(|n| offset(HELD_ENDS, n)).transpose()?;
        }
    }
    if let Some(bytes) = sections.optional(HIGH_WATERMARKS)? {
        for (partition, number) in partitions.iter_mut().zip(numbers(HIGH_WATERMARKS, bytes, count)?) {
            partition.high_watermark =
                number.checked_sub(1).map(|n| offset(HIGH_WATERMARKS, n)).transpose()?;
        }
    }
    let codes = sections.optional(WAITING)?.map(|bytes| numbers(WAITING, bytes, count)).transpose()?;
    let codes = codes.unwrap_or_default();
    let waiting = codes.iter().filter(|code| **code > 0).count();
    let since = sections.optional(WAITING_SINCE)?.unwrap_or_default();
    let mut since = Cursor::counted(WAITING_SINCE, since, waiting)?;
    for (partition, code) in partitions.iter_mut().zip(codes) {
        if code > 0 {
            let code = u16::try_from(code).ok().and_then(std::num::NonZeroU16::new);
            let code = code.ok_or(wrong(WAITING, "a code has more than 16 bits"))?;
            partition.waiting = Some(Waiting { code, since: since.time()? });
        }
    }
    since.end()?;
    for (section, most, set) in [
        (PINNED, u64::MAX, (|p, n| p.pinned_bytes = ByteCount::new(n)) as fn(&mut PartitionSummary, u64)),
        (SOLE_LINKS, u64::MAX, |p, n| p.sole_link_bytes = ByteCount::new(n)),
        (GAPS, u32::MAX.into(), |p, n| p.gaps = u32::try_from(n).unwrap_or(u32::MAX)),
        (DEAD_BRANCHES, u32::MAX.into(), |p, n| p.dead_branches = u32::try_from(n).unwrap_or(u32::MAX)),
    ] {
        if let Some(bytes) = sections.optional(section)? {
            for (partition, number) in partitions.iter_mut().zip(numbers(section, bytes, count)?) {
                if number > most {
                    return Err(wrong(section, "a count has more than 32 bits"));
                }
                set(partition, number);
            }
        }
    }
    Ok(())
}

fn tips(topics: &[u8], partitions: &[u8]) -> Result<Vec<TopicIdPartition>, SummaryError> {
    let mut topics = Cursor::new(TOPICS, topics);
    let mut numbers = Cursor::new(PARTITIONS, partitions);
    let mut tips = Vec::new();
    let mut last: Option<TopicId> = None;
    for _ in 0..topics.number()? {
        let topic_id = TopicId::from_bytes(topics.id()?);
        if last.is_some_and(|last| last >= topic_id) {
            return Err(wrong(TOPICS, "ids are not in rising order"));
        }
        last = Some(topic_id);
        let topic = topics.value(TopicName::new)?;
        let count = topics.number()?;
        let most = MAX_SUMMARY_PARTITIONS - tips.len();
        // Each takes a byte at least: more of them than there are bytes is a lie, found before memory is given.
        if count == 0 || usize::try_from(count).map_or(true, |count| count > most.min(numbers.rest.len())) {
            return Err(wrong(TOPICS, "a topic has no partition, or more than there are"));
        }
        let mut next = 0_u64;
        for _ in 0..count {
            let number = next.checked_add(numbers.number()?).and_then(|n| i32::try_from(n).ok());
            let number = number.ok_or(wrong(PARTITIONS, "a number is beyond 2^31"))?;
            let partition = PartitionIndex::new(number).map_err(|e| value(PARTITIONS, e))?;
            tips.push(TopicIdPartition { topic: topic.clone(), topic_id, partition });
            next = u64::from(number.unsigned_abs()) + 1;
        }
    }
    topics.end()?;
    numbers.end()?;
    Ok(tips)
}

/// The sections of a body, one after the other.
struct Sections<'a> {
    rest: &'a [u8],
    last: u64,
    /// Read, and not asked for yet.
    next: Option<(u64, &'a [u8])>,
}

impl<'a> Sections<'a> {
    fn peek(&mut self) -> Result<Option<(u64, &'a [u8])>, SummaryError> {
        if self.next.is_none() && !self.rest.is_empty() {
            let short = |_| wrong((0, "table"), "it is cut short");
            let number = varint::take(&mut self.rest).map_err(short)?;
            let length = varint::take(&mut self.rest).map_err(short)?;
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            let cut = wrong((0, "table"), "a section is longer than what is left");
            let (section, rest) = self.rest.split_at_checked(length).ok_or(cut)?;
            if number <= self.last {
                return Err(wrong((0, "table"), "sections are not in rising order"));
            }
            self.last = number;
            self.rest = rest;
            self.next = Some((number, section));
        }
        Ok(self.next)
    }

    /// The section, if it is there; unknown ones before it are passed over.
    fn optional(&mut self, section: Section) -> Result<Option<&'a [u8]>, SummaryError> {
        while let Some((number, bytes)) = self.peek()? {
            if number > section.0 {
                return Ok(None);
            }
            self.next = None;
            if number == section.0 {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    fn required(&mut self, section: Section) -> Result<&'a [u8], SummaryError> {
        self.optional(section)?.ok_or(wrong(section, "it is missing"))
    }

    fn finish(mut self) -> Result<(), SummaryError> {
        while self.peek()?.is_some() {
            self.next = None;
        }
        Ok(())
    }
}

/// A section being read.
struct Cursor<'a> {
    section: Section,
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    fn new(section: Section, rest: &'a [u8]) -> Self {
        Self { section, rest }
    }

    /// A column of `count` numbers, which is held against its bytes.
    fn counted(section: Section, rest: &'a [u8], count: usize) -> Result<Self, SummaryError> {
        match count > rest.len() {
            true => Err(wrong(section, "it has fewer numbers than there are partitions")),
            false => Ok(Self { section, rest }),
        }
    }

    fn number(&mut self) -> Result<u64, SummaryError> {
        varint::take(&mut self.rest)
            .map_err(|_| wrong(self.section, "a number is cut short or not in its one form"))
    }

    fn offset(&mut self) -> Result<Offset, SummaryError> {
        self.number().and_then(|n| offset(self.section, n))
    }

    /// An offset that is told by how far it lies beyond another.
    fn beyond(&mut self, base: Offset) -> Result<Offset, SummaryError> {
        base.checked_add(self.number()?).ok_or(wrong(self.section, "an offset is beyond 2^63"))
    }

    fn time(&mut self) -> Result<TimestampMs, SummaryError> {
        let ms = i64::try_from(self.number()?).unwrap_or(-1);
        TimestampMs::new(ms).map_err(|e| value(self.section, e))
    }

    fn id(&mut self) -> Result<[u8; 16], SummaryError> {
        let (id, rest) =
            self.rest.split_first_chunk::<16>().ok_or(wrong(self.section, "an id is cut short"))?;
        self.rest = rest;
        Ok(*id)
    }

    fn value<T>(&mut self, new: impl FnOnce(&str) -> Result<T, ValueError>) -> Result<T, SummaryError> {
        let length = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        let cut = wrong(self.section, "a text is cut short");
        let (text, rest) = self.rest.split_at_checked(length).ok_or(cut)?;
        self.rest = rest;
        let text = std::str::from_utf8(text).map_err(|_| wrong(self.section, "a text is not UTF-8"))?;
        new(text).map_err(|e| value(self.section, e))
    }

    fn end(self) -> Result<(), SummaryError> {
        match self.rest.is_empty() {
            true => Ok(()),
            false => Err(wrong(self.section, "bytes are left over")),
        }
    }
}

/// A column of exactly `count` numbers.
fn numbers(section: Section, bytes: &[u8], count: usize) -> Result<Vec<u64>, SummaryError> {
    let mut cursor = Cursor::counted(section, bytes, count)?;
    let numbers = (0..count).map(|_| cursor.number()).collect::<Result<_, _>>()?;
    cursor.end()?;
    Ok(numbers)
}

fn put_section(out: &mut Vec<u8>, section: Section, bytes: &[u8]) {
    varint::put(out, section.0);
    varint::put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_column(out: &mut Vec<u8>, section: Section, numbers: impl Iterator<Item = u64>) {
    let mut column = Vec::new();
    for number in numbers {
        varint::put(&mut column, number);
    }
    put_section(out, section, &column);
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    varint::put(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// An optional number: 0 for none, else one more than it. The largest of all comes back as none, which who encodes
/// finds out.
fn one_more(number: Option<u64>) -> u64 {
    number.map_or(0, |n| n.wrapping_add(1))
}

/// How far `offset` lies beyond `base`; 0 where it does not, which who encodes finds out.
fn above(offset: Offset, base: Offset) -> u64 {
    offset.checked_sub(base).unwrap_or(0)
}

fn offset(section: Section, number: u64) -> Result<Offset, SummaryError> {
    Offset::new(i64::try_from(number).unwrap_or(-1)).map_err(|e| value(section, e))
}

fn wrong(section: Section, why: &'static str) -> SummaryError {
    SummaryError::Section { section: section.1, why }
}

fn value(section: Section, source: ValueError) -> SummaryError {
    SummaryError::Value { section: section.1, source }
}

fn within(what: &'static str, found: usize, limit: usize) -> Result<(), SummaryError> {
    match found > limit {
        true => Err(SummaryError::Length { what, found: found as u64, expected: limit as u64 }),
        false => Ok(()),
    }
}

fn exactly(what: &'static str, found: usize, expected: usize) -> Result<(), SummaryError> {
    match found != expected {
        true => Err(SummaryError::Length { what, found: found as u64, expected: expected as u64 }),
        false => Ok(()),
    }
}

/// `N` bytes of the header from `at`.
fn part<const N: usize>(header: &[u8; HEADER_LEN], at: usize) -> [u8; N] {
    std::array::from_fn(|i| header[at + i])
}

fn checksum(header: &[u8], body: &[u8]) -> Crc32c {
    let mut digest = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi);
    digest.update(header);
    digest.update(body);
    Crc32c::new(u32::try_from(digest.finalize()).expect("a CRC of 32 bits fits 32 bits"))
}
