//! The transactions section: varints, deltas, counts held against the bytes that remain.
//!
//! `docs/formats/transactions.md` draws it. All numbers are unsigned LEB128.

use super::{AbortedTransaction, FirstMarker, OpenTransaction, Outcome, SegmentTransactions};
use crate::ids::{Offset, ProducerId, TimestampMs};
use crate::varint::{self, VarintFault, put};

/// A transactions section that cannot be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransactionsError {
    /// The bytes end inside a number or a list.
    #[error("transactions section ends inside {0}")]
    Short(&'static str),
    /// A number is too large for what it counts.
    #[error("transactions section: {0} is out of range")]
    Range(&'static str),
    /// Two facts contradict each other.
    #[error("transactions section: {0}")]
    Contradiction(&'static str),
    /// Bytes are left over.
    #[error("transactions section has {0} bytes too many")]
    Trailing(usize),
}

impl SegmentTransactions {
    /// The section's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, number(self.stable_end.get()));
        put(&mut out, self.aborted.len() as u64);
        let mut before = 0;
        for aborted in &self.aborted {
            let marker = number(aborted.marker_offset.get());
            put(&mut out, marker.wrapping_sub(before));
            put(&mut out, number(aborted.producer.get()));
            put(&mut out, marker.wrapping_sub(number(aborted.first_offset.get())));
            before = marker;
        }
        put(&mut out, self.first_markers.len() as u64);
        before = 0;
        for first in &self.first_markers {
            let marker = number(first.marker_offset.get());
            put(&mut out, marker.wrapping_sub(before) << 1 | u64::from(first.outcome == Outcome::Aborted));
            put(&mut out, number(first.producer.get()));
            before = marker;
        }
        put(&mut out, self.open.len() as u64);
        before = 0;
        for open in &self.open {
            let first = number(open.first_offset.get());
            put(&mut out, first.wrapping_sub(before));
            put(&mut out, number(open.producer.get()));
            put(&mut out, open.last_timestamp.map_or(0, |t| number(t.get()) + 1));
            before = first;
        }
        out
    }

    /// Reads a section. Every fact that can be held against another is.
    pub fn decode(bytes: &[u8]) -> Result<Self, TransactionsError> {
        let mut cursor = Cursor(bytes);
        let stable_end = cursor.offset(0, "the stable end")?;
        let aborted = cursor.aborted()?;
        let first_markers = cursor.first_markers()?;
        let open = cursor.open()?;
        if !cursor.0.is_empty() {
            return Err(TransactionsError::Trailing(cursor.0.len()));
        }
        if open.first().is_some_and(|first| first.first_offset != stable_end) {
            return Err(TransactionsError::Contradiction(
                "the stable end is not the first open transaction's start",
            ));
        }
        Ok(Self { aborted, first_markers, open, stable_end })
    }
}

fn number(value: i64) -> u64 {
    u64::try_from(value).expect("offsets, ids and times are never negative")
}

struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn varint(&mut self, what: &'static str) -> Result<u64, TransactionsError> {
        varint::take(&mut self.0).map_err(|fault| match fault {
            VarintFault::Short => TransactionsError::Short(what),
            VarintFault::Form => TransactionsError::Range(what),
        })
    }

    /// An offset given as the distance from `before`.
    fn offset(&mut self, before: u64, what: &'static str) -> Result<Offset, TransactionsError> {
        let distance = self.varint(what)?;
        offset(before.checked_add(distance), what)
    }

    fn producer(&mut self) -> Result<ProducerId, TransactionsError> {
        let id = i64::try_from(self.varint("a producer id")?).ok();
        id.and_then(ProducerId::from_kafka).ok_or(TransactionsError::Range("a producer id"))
    }

    /// A count of things that take at least `least` bytes each.
    fn count(&mut self, least: usize, what: &'static str) -> Result<usize, TransactionsError> {
        let count = usize::try_from(self.varint(what)?).map_err(|_| TransactionsError::Range(what))?;
        if count > self.0.len() / least {
            return Err(TransactionsError::Short(what));
        }
        if count > SegmentTransactions::MAX_ITEMS {
            return Err(TransactionsError::Range(what));
        }
        Ok(count)
    }

    fn aborted(&mut self) -> Result<Vec<AbortedTransaction>, TransactionsError> {
        let count = self.count(3, "the aborted transactions")?;
        let mut list: Vec<AbortedTransaction> = Vec::with_capacity(count);
        let mut before = 0;
        for _ in 0..count {
            let marker_offset = self.offset(before, "an abort marker")?;
            let marker = number(marker_offset.get());
            if !list.is_empty() && marker == before {
                return Err(TransactionsError::Contradiction("two abort markers share an offset"));
            }
            let producer = self.producer()?;
            let back = self.varint("an aborted transaction's start")?;
            let first_offset = offset(marker.checked_sub(back), "an aborted transaction's start")?;
            list.push(AbortedTransaction { producer, first_offset, marker_offset });
            before = marker;
        }
        Ok(list)
    }

    fn first_markers(&mut self) -> Result<Vec<FirstMarker>, TransactionsError> {
        let count = self.count(2, "the first markers")?;
        let mut list: Vec<FirstMarker> = Vec::with_capacity(count);
        let mut before = 0_u64;
        for _ in 0..count {
            let packed = self.varint("a first marker")?;
            let marker_offset = offset(before.checked_add(packed >> 1), "a first marker")?;
            if !list.is_empty() && packed >> 1 == 0 {
                return Err(TransactionsError::Contradiction("two first markers share an offset"));
            }
            let outcome = if packed & 1 == 1 { Outcome::Aborted } else { Outcome::Committed };
            list.push(FirstMarker { producer: self.producer()?, marker_offset, outcome });
            before = number(marker_offset.get());
        }
        unique(list.iter().map(|marker| marker.producer), "a producer has two first markers")?;
        Ok(list)
    }

    fn open(&mut self) -> Result<Vec<OpenTransaction>, TransactionsError> {
        let count = self.count(3, "the open transactions")?;
        let mut list: Vec<OpenTransaction> = Vec::with_capacity(count);
        let mut before = 0;
        for _ in 0..count {
            let first_offset = self.offset(before, "an open transaction's start")?;
            let producer = self.producer()?;
            let last_timestamp = match self.varint("an open transaction's time")? {
                0 => None,
                time => Some(
                    i64::try_from(time - 1)
                        .ok()
                        .and_then(TimestampMs::from_kafka)
                        .ok_or(TransactionsError::Range("an open transaction's time"))?,
                ),
            };
            list.push(OpenTransaction { producer, first_offset, last_timestamp });
            before = number(first_offset.get());
        }
        unique(list.iter().map(|open| open.producer), "a producer has two open transactions")?;
        Ok(list)
    }
}

fn offset(value: Option<u64>, what: &'static str) -> Result<Offset, TransactionsError> {
    value
        .and_then(|value| i64::try_from(value).ok())
        .and_then(Offset::from_kafka)
        .ok_or(TransactionsError::Range(what))
}

fn unique(ids: impl Iterator<Item = ProducerId>, otherwise: &'static str) -> Result<(), TransactionsError> {
    let mut ids: Vec<_> = ids.collect();
    ids.sort_unstable();
    if ids.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(TransactionsError::Contradiction(otherwise));
    }
    Ok(())
}
