//! Columns of an [`super::EntryTable`].

/// Numbers that nearly always fit 32 bits; the few that do not stand aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Narrow {
    low: Box<[u32]>,
    /// Rows whose number has more than 32 bits, in order, with its upper half.
    high: Box<[(u32, u32)]>,
}

impl Narrow {
    pub(super) fn new(numbers: impl ExactSizeIterator<Item = u64> + Clone) -> Self {
        let halves = numbers.map(|n| (upper(n), lower(n)));
        let low = halves.clone().map(|(_, low)| low).collect();
        let high =
            (0u32..).zip(halves).filter(|(_, (high, _))| *high > 0).map(|(row, (high, _))| (row, high));
        Self { low, high: high.collect() }
    }

    pub(super) fn get(&self, row: usize) -> u64 {
        let low = u64::from(self.low[row]);
        let aside = self.high.binary_search_by_key(&row, |(at, _)| index(*at));
        aside.map_or(low, |i| u64::from(self.high[i].1) << 32 | low)
    }

    pub(super) fn memory_bytes(&self) -> usize {
        size_of_val(&*self.low) + size_of_val(&*self.high)
    }
}

/// Lists of which nearly all are empty, laid end to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lists<T> {
    /// Rows whose list is not empty, in order, with the end of the list among `items`.
    ends: Box<[(u32, u32)]>,
    items: Box<[T]>,
}

impl<T: Clone> Lists<T> {
    pub(super) fn new<'a>(lists: impl Iterator<Item = &'a [T]>) -> Self
    where
        T: 'a,
    {
        let (mut ends, mut items) = (Vec::new(), Vec::new());
        for (row, list) in (0u32..).zip(lists).filter(|(_, list)| !list.is_empty()) {
            items.extend_from_slice(list);
            ends.push((
                row,
                u32::try_from(items.len()).expect("limits of a page keep its lists below 2^32 items"),
            ));
        }
        Self { ends: ends.into(), items: items.into() }
    }

    pub(super) fn get(&self, row: usize) -> &[T] {
        let Ok(i) = self.ends.binary_search_by_key(&row, |(at, _)| index(*at)) else { return &[] };
        let start = i.checked_sub(1).map_or(0, |before| index(self.ends[before].1));
        &self.items[start..index(self.ends[i].1)]
    }

    pub(super) fn memory_bytes(&self) -> usize {
        size_of_val(&*self.ends) + size_of_val(&*self.items)
    }
}

/// Values of which a table has few different ones: written once, named by number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named<T> {
    values: Box<[T]>,
    /// One more than the value's index, 0 for none; empty where no row has a value.
    codes: Box<[u16]>,
}

impl<T: Clone + PartialEq> Named<T> {
    pub(super) fn new<'a>(rows: impl Iterator<Item = Option<&'a T>>) -> Self
    where
        T: 'a,
    {
        let mut values: Vec<T> = Vec::new();
        let codes: Vec<u16> = rows
            .map(|row| {
                row.map_or(0, |value| {
                    let at = values.iter().position(|v| v == value).unwrap_or_else(|| {
                        values.push(value.clone());
                        values.len() - 1
                    });
                    u16::try_from(at + 1).expect("a page has at most 1,000 rows")
                })
            })
            .collect();
        let codes = if values.is_empty() { Box::default() } else { codes.into() };
        Self { values: values.into(), codes }
    }

    pub(super) fn get(&self, row: usize) -> Option<&T> {
        let code = self.codes.get(row).copied().unwrap_or(0);
        usize::from(code).checked_sub(1).map(|i| &self.values[i])
    }

    /// `heap` tells what a value keeps outside itself.
    pub(super) fn memory_bytes(&self, heap: impl Fn(&T) -> usize) -> usize {
        size_of_val(&*self.values) + size_of_val(&*self.codes) + self.values.iter().map(heap).sum::<usize>()
    }
}

/// A row number or an end kept in 32 bits, as an index.
fn index(n: u32) -> usize {
    usize::try_from(n).expect("a usize has at least 32 bits")
}

fn upper(n: u64) -> u32 {
    u32::try_from(n >> 32).expect("the upper half of 64 bits is 32 bits")
}

fn lower(n: u64) -> u32 {
    u32::try_from(n & u64::from(u32::MAX)).expect("the lower half of 64 bits is 32 bits")
}

#[cfg(test)]
mod tests;
