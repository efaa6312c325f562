//! What the slabs on disk hold, in memory: for each record where it lies, for each slab when it was last read from.
//!
//! A record takes 12 bytes in a map and 8 in its slab's list, so 30 to 45 with the map's spare room. Readers hold one lock of
//! 64 for a look-up, and one for a moment to say that a slab was of use; nobody holds one while a file is touched.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

const SHARDS: usize = 64;

/// Where a record lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The number of its slab; none is used twice.
    pub(super) slab: u32,
    /// Where it begins there, in units.
    pub(super) at: u32,
}

/// All that is held.
#[derive(Debug)]
pub(super) struct Held {
    places: [Mutex<HashMap<u64, Place>>; SHARDS],
    slabs: Mutex<Slabs>,
    records: AtomicU64,
}

#[derive(Debug, Default)]
struct Slabs {
    by_number: BTreeMap<u32, Slab>,
    bytes: u64,
    /// Goes on with each use of a slab.
    uses: u64,
}

#[derive(Debug)]
struct Slab {
    bytes: u64,
    used: u64,
    fingerprints: Vec<u64>,
}

impl Default for Held {
    fn default() -> Self {
        Self {
            places: std::array::from_fn(|_| Mutex::default()),
            slabs: Mutex::default(),
            records: AtomicU64::new(0),
        }
    }
}

impl Held {
    /// Where the record of this fingerprint lies, if there is one.
    pub(super) fn find(&self, fingerprint: u64) -> Option<Place> {
        self.shard(fingerprint).get(&fingerprint).copied()
    }

    /// Takes note that a slab was of use.
    pub(super) fn used(&self, slab: u32) {
        let mut slabs = self.slabs();
        slabs.uses += 1;
        let uses = slabs.uses;
        if let Some(slab) = slabs.by_number.get_mut(&slab) {
            slab.used = uses;
        }
    }

    /// A new slab, which takes so many bytes of the disk.
    pub(super) fn add_slab(&self, number: u32, bytes: u64) {
        let mut slabs = self.slabs();
        slabs.uses += 1;
        let used = slabs.uses;
        slabs.bytes += bytes;
        let before = slabs.by_number.insert(number, Slab { bytes, used, fingerprints: Vec::new() });
        debug_assert!(before.is_none(), "the number of a slab is not used twice");
    }

    /// Whether it has this slab.
    pub(super) fn has_slab(&self, number: u32) -> bool {
        self.slabs().by_number.contains_key(&number)
    }

    /// A slab takes so many bytes now.
    pub(super) fn resize_slab(&self, number: u32, bytes: u64) {
        let mut slabs = self.slabs();
        if let Some(slab) = slabs.by_number.get_mut(&number) {
            let before = std::mem::replace(&mut slab.bytes, bytes);
            slabs.bytes = slabs.bytes - before + bytes;
        }
    }

    /// A record in a slab that was added. What was known under its fingerprint before is not found any more.
    pub(super) fn add(&self, fingerprint: u64, place: Place) {
        let mut slabs = self.slabs();
        let Some(slab) = slabs.by_number.get_mut(&place.slab) else { return };
        slab.fingerprints.push(fingerprint);
        // Within the slabs' lock, so that the slab does not go in between.
        if self.shard(fingerprint).insert(fingerprint, place).is_none() {
            self.records.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Forgets a record, if it still lies there.
    pub(super) fn forget(&self, fingerprint: u64, place: Place) -> bool {
        let mut shard = self.shard(fingerprint);
        let there = shard.get(&fingerprint) == Some(&place);
        if there {
            shard.remove(&fingerprint);
            self.records.fetch_sub(1, Ordering::Relaxed);
        }
        there
    }

    /// Forgets a slab with all records in it; gives how many those were.
    pub(super) fn forget_slab(&self, number: u32) -> u64 {
        let gone = {
            let mut slabs = self.slabs();
            let Some(gone) = slabs.by_number.remove(&number) else { return 0 };
            slabs.bytes -= gone.bytes;
            gone
        };
        let mut records = 0;
        for fingerprint in gone.fingerprints {
            let mut shard = self.shard(fingerprint);
            if shard.get(&fingerprint).is_some_and(|place| place.slab == number) {
                shard.remove(&fingerprint);
                records += 1;
            }
        }
        self.records.fetch_sub(records, Ordering::Relaxed);
        records
    }

    /// The slab whose last use is the longest ago, save this one.
    pub(super) fn oldest(&self, save: Option<u32>) -> Option<u32> {
        let slabs = self.slabs();
        let others = slabs.by_number.iter().filter(|(number, _)| Some(**number) != save);
        others.min_by_key(|(_, slab)| slab.used).map(|(number, _)| *number)
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        let numbers: Vec<u32> = self.slabs().by_number.keys().copied().collect();
        for number in numbers {
            self.forget_slab(number);
        }
    }

    /// Bytes of the disk that the slabs take.
    pub(super) fn bytes(&self) -> u64 {
        self.slabs().bytes
    }

    /// How many records are held.
    pub(super) fn records(&self) -> u64 {
        self.records.load(Ordering::Relaxed)
    }

    fn shard(&self, fingerprint: u64) -> MutexGuard<'_, HashMap<u64, Place>> {
        let shard = usize::try_from(fingerprint >> 58).expect("six bits");
        self.places[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slabs(&self) -> MutexGuard<'_, Slabs> {
        self.slabs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
