//! Slabs on a real disk, written, torn, spoilt and read again.

use std::collections::HashMap;
use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use proptest::prelude::*;
use tempfile::TempDir;

use super::super::dir::slab_path;
use super::super::format::record_len;
use super::super::held::Held;
use super::super::limits::Limits;
use super::super::load::load;
use super::super::read::{Asked, NotRead, Slabs};
use super::super::stats::DiskCounters;
use super::super::write::Writer;
use super::{key, payload};

/// Eight slabs of 64 KiB, of four records at most.
fn small() -> Limits {
    Limits::of_slabs(512 << 10, 64 << 10)
}

struct Rig {
    temp: TempDir,
    held: Arc<Held>,
    counters: Arc<DiskCounters>,
    writer: Option<Writer>,
    limits: Limits,
}

impl Rig {
    fn new(limits: Limits) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let mut rig = Self { temp, held: Arc::default(), counters: Arc::default(), writer: None, limits };
        rig.start();
        rig
    }

    fn dir(&self) -> PathBuf {
        self.temp.path().join("cache")
    }

    /// As another process would, after the one before was killed.
    fn start(&mut self) {
        self.writer = None;
        self.held = Arc::default();
        self.writer = Some(load(&self.dir(), self.limits, &self.held, &self.counters, 0).unwrap());
    }

    fn put(&mut self, number: u32, length: usize) {
        let records = [(key(number), Bytes::from(payload(number, length)))];
        self.writer.as_mut().unwrap().put(&records).unwrap();
    }

    fn get(&self, number: u32, length: usize) -> Option<Result<Bytes, NotRead>> {
        let key = key(number);
        let place = self.held.find(key.fingerprint())?;
        self.held.used(place.slab);
        Some(Slabs::new(&self.dir()).read(&Asked { key, length: u32::try_from(length).unwrap(), place }))
    }

    #[track_caller]
    fn has(&self, number: u32, length: usize) -> bool {
        match self.get(number, length) {
            Some(Ok(bytes)) => {
                assert_eq!(bytes, payload(number, length), "{number}");
                true
            }
            Some(Err(why)) => panic!("{number}: {why:?}"),
            None => false,
        }
    }

    /// The slabs there are, by number, with their lengths.
    fn files(&self) -> Vec<(u32, u64)> {
        let all = fs::read_dir(self.dir()).unwrap().map(|entry| entry.unwrap());
        let number = |name: &str| name.strip_suffix(".slab").map(|digits| digits.parse().unwrap());
        let mut files: Vec<_> = all
            .filter_map(|entry| {
                Some((number(entry.file_name().to_str().unwrap())?, entry.metadata().unwrap().len()))
            })
            .collect();
        files.sort_unstable();
        files
    }
}

#[test]
fn what_was_written_is_read_before_and_after_a_restart() {
    let mut rig = Rig::new(small());
    for number in 0..10 {
        rig.put(number, 1000 * number as usize);
    }
    for _ in 0..3 {
        for number in 0..10 {
            assert!(rig.has(number, 1000 * number as usize), "{number}");
        }
        assert!(!rig.has(10, 0));
        assert_eq!(rig.held.records(), 10);
        rig.start();
    }
    assert_eq!(rig.files().len(), 3, "ten records by four");
}

#[test]
fn a_slab_that_is_not_full_is_gone_on_with_after_a_restart() {
    let mut rig = Rig::new(small());
    for number in 0..4 {
        rig.put(number, 100);
        rig.start();
    }
    assert_eq!(rig.files().len(), 1);
    rig.put(4, 100);
    assert_eq!(rig.files().len(), 2);
    assert!((0..5).all(|number| rig.has(number, 100)));
}

#[test]
fn the_disk_holds_no_more_than_was_said_and_the_newest() {
    let mut rig = Rig::new(small());
    for number in 0..200 {
        rig.put(number, 20_000);
        let bytes: u64 = rig.files().iter().map(|(_, length)| length).sum();
        assert!(bytes <= rig.limits.max_bytes && rig.held.bytes() <= rig.limits.max_bytes, "{bytes}");
        assert!(rig.has(number, 20_000));
    }
    assert_eq!(rig.files().len(), 8);
    let evicted = rig.counters.evicted.load(Ordering::Relaxed);
    assert_eq!(rig.held.records() + evicted, 200);
    rig.limits = Limits::of_slabs(128 << 10, 64 << 10);
    rig.start();
    assert!(rig.files().len() <= 2 && rig.has(199, 20_000), "a smaller limit holds from the next start on");
}

#[test]
fn what_is_read_stays_longer_than_what_is_not() {
    let mut rig = Rig::new(small());
    for number in 0..100 {
        rig.put(number, 20_000);
        assert!(rig.has(0, 20_000), "read all the time, at {number}");
    }
    assert!(!rig.has(3, 20_000));
}

#[test]
fn a_record_that_no_slab_has_room_for_is_left_out() {
    let mut rig = Rig::new(small());
    rig.put(1, 64 << 10);
    rig.put(2, (63 << 10) - 200);
    assert!(!rig.has(1, 64 << 10) && rig.has(2, (63 << 10) - 200));
    assert_eq!(rig.counters.refused_full.load(Ordering::Relaxed), 1);
}

#[test]
fn a_record_is_given_to_nobody_else() {
    let mut rig = Rig::new(small());
    rig.put(1, 100);
    let place = rig.held.find(key(1).fingerprint()).unwrap();
    let dir = rig.dir();
    let ask = |key, length| Slabs::new(&dir).read(&Asked { key, length, place });
    assert!(ask(key(1), 100).is_ok());
    assert!(matches!(ask(key(2), 100), Err(NotRead::Other)), "as where two fingerprints are the same");
    assert!(matches!(ask(key(1), 99), Err(NotRead::Other)));
    let other = super::super::format::RecordKey { object_crc: firnline_index::Crc32c::new(1), ..key(1) };
    assert!(matches!(ask(other, 100), Err(NotRead::Other)));
}

#[test]
fn what_others_have_put_there_is_not_touched_and_what_is_damaged_is_removed() {
    let mut rig = Rig::new(small());
    rig.put(1, 100);
    let dir = rig.dir();
    for foreign in ["notes.txt", "1.slab", "000000001.slab", "00000000xx.slab", "0000000001.slab.bak"] {
        fs::write(dir.join(foreign), "mine").unwrap();
    }
    fs::write(slab_path(&dir, 77), "no slab").unwrap();
    std::os::unix::fs::symlink(dir.join("notes.txt"), slab_path(&dir, 78)).unwrap();
    fs::write(slab_path(&dir, 79), "").unwrap();
    rig.start();
    assert!(rig.has(1, 100));
    for (number, there) in [(0, true), (77, false), (78, false), (79, false)] {
        assert_eq!(fs::symlink_metadata(slab_path(&dir, number)).is_ok(), there, "{number}");
    }
    assert_eq!(fs::read_to_string(dir.join("notes.txt")).unwrap(), "mine");
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 5 + 2, "theirs, the lock and a slab");
}

/// Something that happens to a cache.
#[derive(Debug, Clone)]
enum Event {
    Put(u32, usize),
    /// Killed at any moment: what a slab had beyond some byte was never written.
    Restart,
    Flip {
        file: prop::sample::Index,
        byte: prop::sample::Index,
        bit: u8,
    },
    Cut {
        file: prop::sample::Index,
        to: prop::sample::Index,
    },
    Zero {
        file: prop::sample::Index,
        from: prop::sample::Index,
        length: usize,
    },
    Remove(prop::sample::Index),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let index = any::<prop::sample::Index>;
    let event = prop_oneof![
        12 => (0_u32..60, 0_usize..30_000).prop_map(|(number, length)| Event::Put(number, length)),
        2 => Just(Event::Restart),
        2 => (index(), index(), 0_u8..8).prop_map(|(file, byte, bit)| Event::Flip { file, byte, bit }),
        1 => (index(), index()).prop_map(|(file, to)| Event::Cut { file, to }),
        1 => (index(), index(), 1_usize..5000).prop_map(|(file, from, length)| Event::Zero { file, from, length }),
        1 => index().prop_map(Event::Remove),
    ];
    prop::collection::vec(event, 1..80)
}

impl Rig {
    fn spoil(&self, event: &Event) {
        let files = self.files();
        if files.is_empty() {
            return;
        }
        let path = |file: &prop::sample::Index| slab_path(&self.dir(), file.get(&files).0);
        let open = |file| fs::File::options().read(true).write(true).open(path(file)).unwrap();
        match event {
            Event::Put(..) | Event::Restart => {}
            Event::Flip { file, byte, bit } => {
                let (mut file, length) = (open(file), usize::try_from(file.get(&files).1).unwrap());
                if length == 0 {
                    return;
                }
                let at = SeekFrom::Start(byte.index(length) as u64);
                let mut one = [0];
                file.seek(at).unwrap();
                file.read_exact(&mut one).unwrap();
                file.seek(at).unwrap();
                file.write_all(&[one[0] ^ (1 << bit)]).unwrap();
            }
            Event::Cut { file, to } => {
                let length = usize::try_from(file.get(&files).1).unwrap();
                open(file).set_len(to.index(length + 1) as u64).unwrap();
            }
            Event::Zero { file, from, length } => {
                let (mut file, there) = (open(file), usize::try_from(file.get(&files).1).unwrap());
                let from = from.index(there + 1);
                file.seek(SeekFrom::Start(from as u64)).unwrap();
                file.write_all(&vec![0; (*length).min(there - from)]).unwrap();
            }
            Event::Remove(file) => fs::remove_file(path(file)).unwrap(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Whatever happens to the files: what is read is what was written, or nothing.
    #[test]
    fn never_a_wrong_byte_and_never_more_than_there_may_be(events in events()) {
        let mut rig = Rig::new(small());
        // The length under which a record was written first: it is not written again while it is held.
        let mut written: HashMap<u32, Vec<usize>> = HashMap::new();
        for event in &events {
            match event {
                Event::Put(number, length) => {
                    rig.put(*number, *length);
                    written.entry(*number).or_default().push(*length);
                }
                Event::Restart => rig.start(),
                spoil => rig.spoil(spoil),
            }
            let bytes: u64 = rig.files().iter().map(|(_, length)| length).sum();
            prop_assert!(bytes <= rig.limits.max_bytes, "{} bytes", bytes);
        }
        for (number, lengths) in written {
            for length in lengths {
                if let Some(Ok(bytes)) = rig.get(number, length) {
                    prop_assert_eq!(&bytes[..], &payload(number, length)[..]);
                }
            }
        }
    }
}

#[test]
fn a_crash_in_the_middle_of_a_record_costs_that_record() {
    let mut rig = Rig::new(small());
    let space = record_len(1000);
    for number in 0..3 {
        rig.put(number, 1000);
    }
    let path = slab_path(&rig.dir(), 0);
    let whole = fs::read(&path).unwrap();
    for length in (512 + 2 * space..whole.len() as u64).step_by(97) {
        rig.writer = None;
        fs::write(&path, &whole[..usize::try_from(length).unwrap()]).unwrap();
        rig.start();
        assert!(rig.has(0, 1000) && rig.has(1, 1000), "{length}");
        assert!(!rig.has(2, 1000), "{length}");
        rig.put(2, 1000);
        assert!(rig.has(2, 1000), "{length}");
    }
}
