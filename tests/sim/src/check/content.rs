//! A segment object, opened by its format and held against the truth.

use std::collections::BTreeMap;

use bytes::Bytes;
use firnline_index::Crc32c;
use firnline_index::keys::ObjectKey;
use firnline_index::manifest::Entry;
use firnline_index::segment::{ExpectedOrigin, SegmentTail};
use firnline_index::transactions::{Outcome, SegmentTransactions};

use crate::model::{Batch, Content, Fate, Truth};
use crate::seams::Ring;

/// A stretch of a segment, as the batches of the log say it.
#[derive(Debug)]
pub(super) struct Stretch {
    /// What became of them, batch by batch.
    pub(super) fates: Vec<(i64, i64, Fate)>,
}

/// Opens the object that `entry` names, and finds each of its batches in the history. An error says what is wrong.
pub(super) fn open(
    object: &Bytes,
    entry: &Entry,
    truth: &Truth,
    peek: &dyn Fn(&str) -> Option<Bytes>,
) -> Result<(Stretch, SegmentTail), String> {
    if object.len() as u64 != entry.location.length.get() {
        return Err(format!("it has {} bytes, the entry says {}", object.len(), entry.location.length));
    }
    if Crc32c::of(object) != entry.object_crc {
        return Err("its checksum is not the entry's".to_owned());
    }
    let tail_at = usize::try_from(entry.tail_position.get()).map_err(|e| e.to_string())?;
    let key = match entry.key_id {
        None => None,
        Some(id) => Some(
            peek(&ObjectKey::WrappedKey { id }.to_string())
                .and_then(|key| Ring::open(&key))
                .ok_or_else(|| format!("its key {id} is not in the store"))?,
        ),
    };
    let tail = object.slice(tail_at..);
    let tail = SegmentTail::open(tail, entry.tail_position, &ExpectedOrigin::default(), key.as_ref())
        .map_err(|e| format!("its tail cannot be read: {e}"))?;
    let blocks = tail.blocks();
    let at = |position: u64| usize::try_from(position).unwrap_or(usize::MAX);
    let mut raw = Vec::new();
    for number in 0..tail.index().len() {
        let block = tail.index().entry(number).ok_or("a block is missing in its index")?;
        let stored = object.slice(at(block.stored.start)..at(block.stored.end));
        raw.extend_from_slice(
            &blocks.decode(&block, stored).map_err(|e| format!("a block cannot be read: {e}"))?,
        );
    }
    let fates = fates(&raw, entry, truth)?;
    Ok((Stretch { fates }, tail))
}

/// Walks the raw bytes and names the fate of each batch.
fn fates(raw: &[u8], entry: &Entry, truth: &Truth) -> Result<Vec<(i64, i64, Fate)>, String> {
    let mut fates = Vec::new();
    let (mut rest, mut next) = (raw, entry.range.start().get());
    while !rest.is_empty() {
        let live = truth.live_at(next).filter(|batch| rest.starts_with(&batch.bytes));
        let cut =
            || truth.cuts.iter().flat_map(|cut| cut.batches.iter().map(move |batch| (cut.epoch, batch)));
        let (batch, fate): (&Batch, Fate) = match live {
            Some(batch) => (batch, Fate::Live),
            None => match cut().find(|(_, batch)| batch.base == next && rest.starts_with(&batch.bytes)) {
                Some((by, batch)) => (batch, Fate::Cut { by }),
                None => {
                    // Nobody committed it; its own header tells how long it is.
                    let length = length(rest).ok_or_else(|| format!("what stands at {next} is no batch"))?;
                    let end = last(rest).map_or(next + 1, |delta| next + delta + 1);
                    fates.push((next, end, Fate::NeverCommitted));
                    (rest, next) = (rest.get(length..).ok_or("the last batch is cut off")?, end);
                    continue;
                }
            },
        };
        fates.push((batch.base, batch.end, fate));
        (rest, next) = (&rest[batch.bytes.len()..], batch.end);
    }
    if next == entry.range.end().get() { Ok(fates) } else { Err(format!("its batches end at {next}")) }
}

fn length(batch: &[u8]) -> Option<usize> {
    let field: [u8; 4] = batch.get(8..12)?.try_into().ok()?;
    usize::try_from(i32::from_be_bytes(field)).ok().map(|length| length + 12)
}

fn last(batch: &[u8]) -> Option<i64> {
    let field: [u8; 4] = batch.get(23..27)?.try_into().ok()?;
    Some(i64::from(i32::from_be_bytes(field)))
}

/// Whether the transactions that a segment tells are those of the log. `batches` is the log from offset 0 to the segment's
/// end. Worked out anew, in the plainest way.
pub(super) fn transactions<'a>(
    told: &SegmentTransactions,
    entry: &Entry,
    batches: impl Iterator<Item = &'a std::sync::Arc<Batch>>,
) -> Result<(), String> {
    let mut open: BTreeMap<i64, i64> = BTreeMap::new();
    let (mut aborted, mut first) = (Vec::new(), BTreeMap::new());
    for batch in batches.take_while(|batch| batch.base < entry.range.end().get()) {
        let inside = batch.base >= entry.range.start().get();
        match batch.content {
            Content::Data => {}
            Content::Transactional(producer) => {
                open.entry(producer).or_insert(batch.base);
            }
            Content::Marker { producer, committed } => {
                let began = open.remove(&producer);
                if inside {
                    first.entry(producer).or_insert((batch.base, committed));
                    if let (Some(began), false) = (began, committed) {
                        aborted.push((producer, began, batch.base));
                    }
                }
            }
        }
    }
    let mut expected_open: Vec<_> = open.into_iter().collect();
    expected_open.sort_unstable();
    let mut told_open: Vec<_> = told.open.iter().map(|t| (t.producer.get(), t.first_offset.get())).collect();
    told_open.sort_unstable();
    if told_open != expected_open {
        return Err(format!("open at its end are {expected_open:?}, it says {told_open:?}"));
    }
    let told_aborted: Vec<_> = told
        .aborted
        .iter()
        .map(|t| (t.producer.get(), t.first_offset.get(), t.marker_offset.get()))
        .collect();
    if told_aborted != aborted {
        return Err(format!("aborted in it are {aborted:?}, it says {told_aborted:?}"));
    }
    let told_first: BTreeMap<_, _> = told
        .first_markers
        .iter()
        .map(|m| (m.producer.get(), (m.marker_offset.get(), m.outcome == Outcome::Committed)))
        .collect();
    if told_first != first {
        return Err(format!("its first markers are {first:?}, it says {told_first:?}"));
    }
    Ok(())
}
