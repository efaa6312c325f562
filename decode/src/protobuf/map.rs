//! Maps: entries are messages of a key and a value, and the last entry of a key holds.

use super::entries::{Key, Parts, narrow, wide};
use super::plan::Value;
use super::read::{Reader, wrong_layout};
use super::scalar::Scalar;
use super::wire::{Layout, Wire};
use crate::columns::Column;
use crate::fault::Fault;
use crate::sink;

/// Keys compared pair by pair; more are sorted.
const PAIRS: usize = 8;

impl Reader<'_, '_> {
    /// Reads a map whose entries are `parts`.
    pub(super) fn map(
        &mut self,
        key: &Scalar,
        (value, cells): (&Value, u64),
        parts: Parts,
        column: &mut Column,
    ) -> Result<(), Fault> {
        let layout = value.layout();
        let base = self.keys(key, cells, parts)?;
        let (keys, values) = sink::entries(column)?;
        for at in base..self.scratch.keys.len() {
            let Some(found) = self.scratch.keys.get(at).copied() else { break };
            if found.start == found.end {
                key.default(keys)?;
            } else {
                key.whole(Wire::over(self.payload, wide(found.start), wide(found.end)), keys)?;
            }
            let parts = self.value_of(found.entry, layout)?;
            self.value(value, parts, values)?;
            self.scratch.entries.truncate(parts.first);
        }
        self.scratch.keys.truncate(base);
        sink::end(column)
    }

    /// Puts the keys of a map's entries on the stack of keys, the last of each, in the order of the payload. Where
    /// they begin.
    pub(super) fn keys(&mut self, key: &Scalar, cells: u64, parts: Parts) -> Result<usize, Fault> {
        let base = self.scratch.keys.len();
        for entry in parts.first..parts.behind {
            self.pay(cells)?;
            let found = self.key_of(entry, key)?;
            self.scratch.keys.push(found);
        }
        self.drop_repeated(base, key.layout() == Layout::Length);
        Ok(base)
    }

    /// The key of one entry; one without a key has the default, and no bytes.
    fn key_of(&self, entry: usize, key: &Scalar) -> Result<Key, Fault> {
        let mut found = Key { bits: 0, start: 0, end: 0, entry };
        let mut wire = self.wire(entry);
        while !wire.is_empty() {
            let tag = wire.tag()?;
            let (start, end) = wire.step(tag)?;
            if tag.number == 1 {
                if tag.layout != key.layout() {
                    return Err(wrong_layout(tag.layout, key.layout()));
                }
                let bits = key.bits(&mut Wire::over(self.payload, start, end))?;
                found = Key { bits, start: narrow(start), end: narrow(end), entry };
            }
        }
        Ok(found)
    }

    /// Puts the parts of an entry's value on the stack.
    pub(super) fn value_of(&mut self, entry: usize, layout: Layout) -> Result<Parts, Fault> {
        let first = self.scratch.entries.len();
        let mut wire = self.wire(entry);
        while !wire.is_empty() {
            let tag = wire.tag()?;
            let range = wire.step(tag)?;
            if tag.number == 2 {
                if tag.layout != layout {
                    return Err(wrong_layout(tag.layout, layout));
                }
                let _ = self.push(0, 0, range);
            }
        }
        Ok(Parts { first, behind: self.scratch.entries.len() })
    }

    /// Drops keys from `base` on that come again later.
    fn drop_repeated(&mut self, base: usize, is_text: bool) {
        let payload = self.payload;
        let text = |key: &Key| match is_text {
            true => payload.get(wide(key.start)..wide(key.end)).unwrap_or_default(),
            false => &[],
        };
        let order = |one: &Key, other: &Key| (one.bits, text(one)).cmp(&(other.bits, text(other)));
        let keys = &mut self.scratch.keys;
        let found = keys.get_mut(base..).unwrap_or_default();
        if found.is_sorted_by(|one, other| order(one, other).is_lt()) {
            return;
        }
        let behind = |index: usize| found.get(index + 1..).unwrap_or_default().iter();
        let mut pairs =
            found.iter().enumerate().flat_map(|(index, one)| behind(index).map(move |other| (one, other)));
        if found.len() <= PAIRS && pairs.all(|(one, other)| order(one, other).is_ne()) {
            return;
        }
        // The later of two equal keys comes first, and stays.
        found.sort_unstable_by(|one, other| order(one, other).then(other.entry.cmp(&one.entry)));
        let mut kept = base;
        for at in base..keys.len() {
            let Some(key) = keys.get(at).copied() else { break };
            let last = kept.checked_sub(1).filter(|last| *last >= base).and_then(|last| keys.get(last));
            if last.is_none_or(|last| order(&key, last).is_ne()) {
                if let Some(place) = keys.get_mut(kept) {
                    *place = key;
                }
                kept += 1;
            }
        }
        keys.truncate(kept);
        keys.get_mut(base..).unwrap_or_default().sort_unstable_by_key(|key| key.entry);
    }
}
