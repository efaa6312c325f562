//! Where in a payload the values stand that wait for the end of their message. One stack for the whole payload,
//! kept from record to record, so that nothing is allocated for a row.

/// A value that waits: its group and member in the message's plan, and its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) group: u32,
    pub(super) member: u32,
    pub(super) start: u32,
    pub(super) end: u32,
}

/// Some entries that lie next to each other on the stack: the parts of one value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts {
    pub(super) first: usize,
    pub(super) behind: usize,
}

impl Parts {
    /// The last part, if there is any.
    #[inline]
    pub(super) fn last(self) -> Option<usize> {
        self.behind.checked_sub(1).filter(|last| *last >= self.first)
    }
}

/// Entries kept between records, at most: a record of many takes its memory with it.
const KEPT: usize = 4_096;

/// The stack of values that wait, and what else is kept from record to record.
#[derive(Default)]
pub(super) struct Scratch {
    pub(super) entries: Vec<Entry>,
    /// Keys of the maps that are being read.
    pub(super) keys: Vec<Key>,
    /// A JSON text that is being written.
    pub(super) json: Vec<u8>,
}

/// The key of a map's entry: a number's bits, or where a text stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) bits: u64,
    pub(super) start: u32,
    pub(super) end: u32,
    /// Which entry it is the key of.
    pub(super) entry: usize,
}

impl Scratch {
    /// Makes it ready for the next record.
    pub(super) fn reset(&mut self) {
        self.entries.clear();
        self.entries.shrink_to(KEPT);
        self.keys.clear();
        self.keys.shrink_to(KEPT);
        self.json.clear();
        self.json.shrink_to(KEPT * 16);
    }

    pub(super) fn entry(&self, index: usize) -> Option<Entry> {
        self.entries.get(index).copied()
    }

    /// Puts the entries from `base` on into the order of their groups, and within a group of the payload.
    #[inline]
    pub(super) fn sort(&mut self, base: usize) {
        let Some(entries) = self.entries.get_mut(base..) else { return };
        let order = |entry: &Entry| (entry.group, entry.start);
        if !entries.is_sorted_by_key(order) {
            entries.sort_unstable_by_key(order);
        }
    }
}

/// A position in a payload; payloads of 4 GiB and more are refused before.
#[inline]
pub(super) fn narrow(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

/// The same position again.
#[inline]
pub(super) fn wide(position: u32) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}
