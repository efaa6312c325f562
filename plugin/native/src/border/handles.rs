//! Handles: what Java holds of a thing of ours. An index and a generation, never an address: one that is stale, or is of
//! another kind of thing, is found out.
//!
//! ```text
//! 63 ─ 56   55 ─────── 32   31 ─────────── 0
//! │ kind  │ │ generation │ │ index          │
//! ```

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Generations that a slot has; then it is not used again.
const GENERATIONS: u32 = 1 << 24;

/// What a handle is of. The numbers are never 0, so that no handle is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HandleKind {
    /// An engine.
    Engine = 1,
    /// A copy.
    Copy = 2,
    /// A stream.
    Stream = 3,
}

/// The things of one kind that Java holds.
#[derive(Debug)]
pub struct Handles<T> {
    kind: HandleKind,
    limit: usize,
    slots: Mutex<Slots<T>>,
}

#[derive(Debug)]
struct Slots<T> {
    all: Vec<Slot<T>>,
    /// Slots that may be used again.
    free: Vec<u32>,
    held: usize,
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    value: Option<Arc<T>>,
}

impl<T> Handles<T> {
    /// None yet; at most `limit` at once.
    #[must_use]
    pub const fn new(kind: HandleKind, limit: usize) -> Self {
        let slots = Slots { all: Vec::new(), free: Vec::new(), held: 0 };
        Self { kind, limit, slots: Mutex::new(slots) }
    }

    /// Gives a handle; `None` where there are as many as may be.
    pub fn insert(&self, value: T) -> Option<i64> {
        let mut slots = self.slots();
        if slots.held >= self.limit {
            return None;
        }
        let index = match slots.free.pop() {
            Some(index) => index,
            None => {
                let index = u32::try_from(slots.all.len()).ok()?;
                slots.all.push(Slot { generation: 0, value: None });
                index
            }
        };
        let slot = slots.all.get_mut(index as usize)?;
        slot.value = Some(Arc::new(value));
        let generation = slot.generation;
        slots.held += 1;
        Some((self.kind as i64) << 56 | i64::from(generation) << 32 | i64::from(index))
    }

    /// What a handle is of; `None` where it is stale, or of another kind.
    #[must_use]
    pub fn get(&self, handle: i64) -> Option<Arc<T>> {
        let (generation, index) = self.parts(handle)?;
        let slots = self.slots();
        slots.all.get(index).filter(|slot| slot.generation == generation)?.value.clone()
    }

    /// Takes it back: the handle is stale from now on.
    pub fn remove(&self, handle: i64) -> Option<Arc<T>> {
        let (generation, index) = self.parts(handle)?;
        let mut slots = self.slots();
        let slot = slots.all.get_mut(index).filter(|slot| slot.generation == generation)?;
        let value = slot.value.take()?;
        slot.generation += 1;
        if slot.generation < GENERATIONS {
            slots.free.push(u32::try_from(index).ok()?);
        }
        slots.held -= 1;
        Some(value)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots().held
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many slots were ever made: what memory grows with.
    #[must_use]
    pub fn slots_made(&self) -> usize {
        self.slots().all.len()
    }

    fn parts(&self, handle: i64) -> Option<(u32, usize)> {
        let [kind, generation @ .., _, _, _, _] = handle.to_be_bytes();
        if i64::from(kind) != self.kind as i64 {
            return None;
        }
        let [high, middle, low] = generation;
        let index = u32::try_from(handle & i64::from(u32::MAX)).ok()?;
        Some((u32::from_be_bytes([0, high, middle, low]), index as usize))
    }

    fn slots(&self) -> MutexGuard<'_, Slots<T>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_handle_is_good_once_and_for_its_own_kind() {
        let streams = Handles::new(HandleKind::Stream, 10);
        let copies = Handles::new(HandleKind::Copy, 10);
        let (stream, copy) = (streams.insert("s").unwrap(), copies.insert("c").unwrap());
        assert!(stream > 0 && copy > 0 && stream != copy);
        assert_eq!(streams.get(stream).as_deref(), Some(&"s"));
        assert_eq!(streams.get(copy), None);
        assert_eq!(streams.remove(stream).as_deref(), Some(&"s"));
        assert_eq!((streams.get(stream), streams.remove(stream)), (None, None));
        let next = streams.insert("t").unwrap();
        assert_ne!(next, stream, "the slot is used again, the handle is not");
        assert_eq!((streams.get(stream), streams.slots_made()), (None, 1));
    }

    #[test]
    fn there_are_no_more_than_allowed_and_none_are_left_behind() {
        let handles = Handles::new(HandleKind::Stream, 3);
        let all: Vec<_> = (0..3).map(|at| handles.insert(at).unwrap()).collect();
        assert_eq!(handles.insert(9), None);
        for handle in all {
            handles.remove(handle).unwrap();
        }
        for at in 0..100_000 {
            let handle = handles.insert(at).unwrap();
            assert_eq!(handles.remove(handle).as_deref(), Some(&at));
        }
        assert!(handles.is_empty());
        assert_eq!(handles.slots_made(), 3);
    }

    #[test]
    fn a_slot_that_has_used_up_its_generations_is_left() {
        let handles = Handles::new(HandleKind::Stream, 3);
        let first = handles.insert(1).unwrap();
        handles.slots().all[0].generation = GENERATIONS - 1;
        assert_eq!(handles.get(first), None);
        let last = first | i64::from(GENERATIONS - 1) << 32;
        assert!(handles.remove(last).is_some());
        handles.insert(2).unwrap();
        assert_eq!(handles.slots_made(), 2);
    }

    proptest! {
        #[test]
        fn any_number_is_a_handle_or_is_not(handle: i64) {
            let handles = Handles::new(HandleKind::Stream, 3);
            let good = handles.insert(()).unwrap();
            prop_assert_eq!(handles.get(handle).is_some(), handle == good);
        }
    }
}
