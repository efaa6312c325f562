//! The mirror of a broker's metadata, against a plain set.

use std::collections::{BTreeMap, HashMap};

use firnline_index::manifest::*;
use firnline_index::*;
use proptest::prelude::*;

use super::samples::{cluster, commit, entry, epoch_start, object_uuid, offset, sixteen, tip, uuid};

fn mirrored(n: u64, start: u64, end: u64, of: i32) -> Entry {
    Entry {
        kip405: Some(Kip405 {
            segment_id: RemoteLogSegmentId::from_bytes(sixteen(0x51, n)),
            epochs: vec![epoch_start(of, start)],
        }),
        ..entry(n, start, end, of)
    }
}

/// A manifest with the pages that it names, as a store would keep them.
struct Mirror {
    head: Manifest,
    pages: HashMap<ObjectUuid, Page>,
    next_id: u64,
    /// How many pages were loaded.
    loads: usize,
}

impl Mirror {
    fn new() -> Self {
        let head = Manifest::new(ManifestKind::Kip405, cluster(), tip(), offset(0), commit(1));
        Self { head, pages: HashMap::new(), next_id: 0, loads: 0 }
    }

    fn keep(&mut self, bytes: &[u8], page: &PageRef) {
        let page = Page::decode_named(bytes, page, &cluster(), &tip()).expect("a page that reads back");
        assert_eq!(page.check(), []);
        self.pages.insert(page.uuid, page);
    }

    /// Whether anything changed.
    fn project(&mut self, done: &Projected) -> bool {
        let mut loaded = Loaded::new();
        let rewrite = loop {
            let mut id = self.next_id;
            let fresh = || {
                id += 1;
                object_uuid(id)
            };
            match self.head.project(done, &loaded, fresh) {
                Ok(rewrite) => {
                    self.next_id = id;
                    break rewrite;
                }
                Err(Unmade::Needs(Need::Page(page))) => {
                    self.loads += 1;
                    loaded.add_page(self.pages[&page.uuid].clone());
                }
                Err(error) => panic!("{error:?}"),
            }
        };
        let Some(Rewrite { mut head, pages, dropped }) = rewrite else { return false };
        for NewPage { bytes, page, .. } in &pages {
            self.keep(bytes, page);
        }
        for page in &dropped.pages {
            self.pages.remove(&page.uuid);
        }
        loop {
            self.next_id += 1;
            let Some(spill) = head.spill(|| object_uuid(self.next_id)).expect("a page") else { break };
            self.keep(&spill.bytes, &spill.page);
            head = spill.head;
        }
        assert_eq!(head.check(), []);
        self.head = Manifest::decode(&head.encode().expect("it fits")).expect("it reads back");
        true
    }

    fn listed(&self) -> BTreeMap<SegmentUuid, Entry> {
        let mut all: Vec<Entry> = self.head.entries.clone();
        let mut next = self.head.pages.clone();
        while let Some(page) = next.pop() {
            match &self.pages[&page.uuid].body {
                PageBody::Refs(refs) => next.extend(refs),
                PageBody::Entries { entries, .. } => all.extend(entries.iter()),
            }
        }
        let count = all.len();
        let listed: BTreeMap<_, _> = all.into_iter().map(|entry| (entry.uuid, entry)).collect();
        assert_eq!(listed.len(), count, "a segment is listed twice");
        listed
    }
}

fn added(entries: impl IntoIterator<Item = Entry>) -> Projected {
    Projected { added: entries.into_iter().collect(), ..Projected::default() }
}

fn removed(entries: impl IntoIterator<Item = (u64, u64)>) -> Projected {
    let removed = entries.into_iter().map(|(n, base)| (uuid(n), offset(base))).collect();
    Projected { removed, ..Projected::default() }
}

#[test]
fn done_twice_is_done_once() {
    let mut mirror = Mirror::new();
    let two = added([mirrored(1, 100, 200, 1), mirrored(2, 150, 300, 2)]);
    assert!(mirror.project(&two));
    assert!(!mirror.project(&two));
    assert_eq!((mirror.head.tier_start, mirror.head.tier_end), (offset(100), offset(300)));
    assert!(mirror.project(&removed([(1, 100)])));
    assert!(!mirror.project(&removed([(1, 100)])));
    assert_eq!((mirror.head.tier_start, mirror.head.tier_end), (offset(150), offset(300)));
    let both = Projected { removed: removed([(3, 300)]).removed, ..added([mirrored(3, 300, 400, 2)]) };
    assert!(!mirror.project(&both), "what was deleted since it was copied is not there");
    assert!(mirror.project(&removed([(2, 150)])));
    assert_eq!((mirror.head.entries.len(), mirror.head.tier_start), (0, offset(300)));
}

#[test]
fn a_manifest_of_sidecars_is_refused() {
    let head = Manifest::new(ManifestKind::Sidecar, cluster(), tip(), offset(0), commit(1));
    let done = added([mirrored(1, 0, 10, 1)]);
    assert!(matches!(head.project(&done, &Loaded::new(), || object_uuid(1)), Err(Unmade::Refused(_))));
}

/// Appending loads no page, and retention loads the oldest alone.
#[test]
fn a_long_history_goes_into_pages_and_out_of_them() {
    let mut mirror = Mirror::new();
    let count = 80_000;
    for chunk in (0..count).step_by(500) {
        mirror.project(&added((chunk..chunk + 500).map(|n| mirrored(n, n * 10, n * 10 + 10, 1))));
    }
    assert_eq!(mirror.loads, 0);
    assert!(mirror.head.pages.iter().any(|page| page.level > 0));
    assert_eq!(mirror.listed().len(), 80_000);
    for chunk in (0..3000).step_by(100) {
        mirror.project(&removed((chunk..chunk + 100).map(|n| (n, n * 10))));
    }
    assert_eq!(mirror.listed().len(), 77_000);
    assert_eq!(mirror.head.tier_start, offset(30_000));
    assert!(mirror.loads <= 2 * 30 + 3, "{} loads", mirror.loads);
    // A new leader copies an old range again.
    mirror.project(&added([mirrored(1_000_000, 300_005, 300_020, 2)]));
    assert_eq!(mirror.listed().len(), 77_001);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// As leaders copy on, copy again what lies before, and retention and clean-ups delete, over many commits.
    #[test]
    fn what_is_listed_is_what_was_copied_and_not_deleted(
        steps in prop::collection::vec((0_u64..300, 0_u64..1000, any::<u64>(), 0_u64..150), 1..24),
    ) {
        let (mut mirror, mut model) = (Mirror::new(), BTreeMap::new());
        let (mut next, mut end) = (0, 0);
        for (count, back, pick, deletes) in steps {
            let mut done = Projected::default();
            for _ in 0..count {
                // One in eight begins before the end, as a later leader's copy does.
                let start = if (pick ^ next) % 8 == 0 { end.max(back) - back } else { end };
                let copied = mirrored(next, start, start + 10, 1);
                (next, end) = (next + 1, end.max(start + 10));
                model.insert(copied.uuid, copied.clone());
                done.added.push(copied);
            }
            let skip = usize::try_from(pick % 50).unwrap();
            let gone: Vec<Entry> = model.values().skip(skip).take(usize::try_from(deletes).unwrap()).cloned().collect();
            for entry in gone {
                model.remove(&entry.uuid);
                done.removed.insert(entry.uuid, entry.range.start());
            }
            mirror.project(&done);
            prop_assert!(!mirror.project(&done));
        }
        prop_assert_eq!(mirror.listed(), model);
    }
}
