//! Each anomaly has a name, is found by `check`, and is refused by both `encode` and `decode`.

use firnline_index::lineage::Lineage;
use firnline_index::manifest::*;
use firnline_index::*;

use super::samples::*;

/// A page of 0..1,000, a gap of 1,000..1,100, then four entries of 100 offsets in epochs 4, 4, 5, 6.
fn sound() -> Manifest {
    let mut head = Manifest::new(ManifestKind::Sidecar, cluster(), tip(), offset(0), commit(1));
    head.stamp(commit(2), None);
    let page = PageRef {
        uuid: object_uuid(1),
        level: 1,
        range: range(0, 1_000),
        max_timestamp: Some(time(5)),
        totals: Totals { entries: 70, ..Totals::of(&entry(0, 0, 1_000, 3)) },
        length: ByteCount::new(100),
        crc: Crc32c::new(1),
    };
    head.totals = page.totals;
    head.tier_end = page.range.end();
    head.pages.push(page);
    head.lineage = Lineage::new(vec![epoch_start(3, 0)]).unwrap();
    head.record_gap(range(1_000, 1_100), GapReason::Operator, time(1)).unwrap();
    for (n, of) in [(1, 4), (2, 4), (3, 5)] {
        head.append(entry(n, 1_000 + n * 100, 1_100 + n * 100, of), Vec::new()).unwrap();
    }
    let last = Entry { stable_end: offset(1_450), ..entry(4, 1_400, 1_500, 6) };
    head.append(last, vec![open(9, 1_450)]).unwrap();
    head
}

/// What a mutation does, and the anomaly it must show as.
type Case = (&'static str, fn(&mut Manifest));

const CASES: &[Case] = &[
    ("gap", |m| drop_entry(m, 1)),
    ("gap", |m| m.pages[0].range = range(10, 1_000)),
    ("gap", |m| {
        *m = Manifest::new(ManifestKind::Sidecar, cluster(), tip(), offset(0), commit(1));
        (m.serving_start, m.tier_end) = (offset(0), offset(10));
    }),
    ("overlap", |m| m.entries[1].range = range(1_150, 1_300)),
    ("overlap", |m| m.gaps[0].range = range(900, 1_100)),
    ("out-of-order", |m| m.entries.swap(1, 2)),
    ("empty", |m| m.gaps.insert(0, Gap { range: range(1_000, 1_000), ..m.gaps[0] })),
    ("empty", |m| m.entries[1].range = range(1_200, 1_200)),
    ("end-below-start", |m| m.tier_end = offset(1_050)),
    ("end-below-start", |m| m.tier_start = offset(1_200)),
    ("serving-start", |m| m.serving_start = offset(1_200)),
    ("start-below-floor", |m| m.floor = Some(offset(10))),
    ("began-above-start", |m| m.began_at = Some(offset(1))),
    ("tier-end", |m| m.tier_end = offset(1_501)),
    ("epoch-back", |m| {
        m.entries[2].epochs = vec![epoch_start(3, 1_300)];
        m.lineage = Lineage::empty();
    }),
    ("epoch-back", |m| m.entries[2].epochs = vec![epoch_start(5, 1_300), epoch_start(5, 1_310)]),
    ("epoch-outside", |m| m.entries[2].epochs[0].start = offset(1_400)),
    ("lineage-mismatch", |m| {
        m.lineage = Lineage::new(vec![epoch_start(4, 1_100), epoch_start(6, 1_300)]).unwrap()
    }),
    ("lineage-mismatch", |m| m.lineage = Lineage::empty()),
    ("lineage-beyond-end", |m| m.lineage.extend(&[epoch_start(7, 1_500)]).unwrap()),
    ("stable-end-beyond-end", |m| m.entries[0].stable_end = offset(1_201)),
    ("stable-end-mismatch", |m| m.entries[3].stable_end = offset(1_460)),
    ("stable-end-mismatch", |m| m.open_transactions.clear()),
    ("open-transaction", |m| m.open_transactions.push(open(10, 1_500))),
    ("open-transaction", |m| m.open_transactions.push(open(9, 1_460))),
    ("abort-outside", |m| m.entries[0].first_aborts = vec![abort(1, 1_200)]),
    ("abort-outside", |m| m.entries[0].first_aborts = vec![abort(1, 1_150), abort(2, 1_150)]),
    ("sizes", |m| m.entries[0].blocks = 0),
    ("sizes", |m| m.entries[0].batches = 4_095),
    ("sizes", |m| m.entries[0].min_timestamp = None),
    ("sizes", |m| m.entries[0].min_timestamp = Some(TimestampMs::MAX)),
    ("sizes", |m| m.entries[0].tail_position = StoredPosition::new(m.entries[0].location.length.get())),
    ("sizes", |m| m.entries[0].location.start = StoredPosition::new(u64::MAX)),
    ("wrong-kind", |m| m.kind = ManifestKind::Kip405),
    ("wrong-totals", |m| m.totals.records += 1),
    ("wrong-totals", |m| m.totals.entries -= 1),
    ("wrong-totals", |m| m.pages[0].totals.log_bytes = ByteCount::new(u64::MAX)),
    ("duplicate-uuid", |m| m.entries[3].uuid = m.entries[0].uuid),
    ("duplicate-uuid", |m| m.dead_branches.push(dead(m.entries[0].clone()))),
    ("duplicate-page", |m| {
        m.pages.push(PageRef { range: range(1_000, 1_100), ..m.pages[0] });
        m.gaps.clear();
    }),
    ("duplicate-commit", |m| m.recent_commits.push(m.commit)),
    ("level-rises", |m| {
        m.pages[0].level = 0;
        m.pages.push(PageRef { uuid: object_uuid(2), level: 1, range: range(1_000, 1_100), ..m.pages[0] });
    }),
];

fn drop_entry(manifest: &mut Manifest, at: usize) {
    let gone = manifest.entries.remove(at);
    manifest.totals.entries -= 1;
    manifest.totals.records -= gone.records.unwrap();
}

fn dead(entry: Entry) -> DeadBranch {
    DeadBranch {
        cut_at: offset(0),
        reason: DeadReason::Operator,
        recorded_at: time(1),
        entries: vec![entry],
        pages: Vec::new(),
    }
}

#[test]
fn a_sound_manifest_has_no_anomaly() {
    for manifest in [sound(), full_head(), kip405_head()] {
        assert_eq!(manifest.check(), []);
        manifest.encode().unwrap();
    }
}

#[test]
fn each_anomaly_is_named_and_refused() {
    for (i, (name, mutate)) in CASES.iter().enumerate() {
        let mut manifest = sound();
        mutate(&mut manifest);
        assert_ne!(manifest, sound(), "case {i} ({name}) changes nothing");
        let anomalies = manifest.check();
        assert!(anomalies.iter().any(|a| a.name() == *name), "case {i}: {name} not in {anomalies:?}");
        assert!(matches!(manifest.encode(), Err(ManifestError::Algebra { .. })), "case {i}: {name} encodes");
        // What a writer without such scruples would leave behind can be read to be named, not to be served.
        let bytes = manifest.encode_unchecked().unwrap();
        assert_eq!(Manifest::decode_unchecked(&bytes).unwrap(), manifest, "case {i}: {name}");
        let refused = Manifest::decode(&bytes).unwrap_err();
        assert!(matches!(refused, ManifestError::Algebra { .. }), "case {i}: {name}: {refused}");
    }
}

#[test]
fn anomalies_of_pages_are_named_and_refused() {
    let page = |range, entries: &[Entry], gaps: Vec<Gap>| Page {
        range,
        body: PageBody::Entries { entries: EntryTable::new(entries), gaps },
        ..entries_page()
    };
    let (first, second) = (entry(1, 0, 100, 1), entry(2, 100, 200, 2));
    let pair = [first.clone(), second.clone()];
    let gap = Gap { range: range(100, 150), reason: GapReason::Damage, recorded_at: time(1) };
    let cases = [
        ("page-range", page(range(0, 300), &pair, Vec::new())),
        ("page-range", page(range(0, 0), &[], Vec::new())),
        ("gap", page(range(0, 300), &[first.clone(), entry(3, 200, 300, 2)], Vec::new())),
        ("overlap", page(range(0, 200), &pair, vec![gap])),
        ("epoch-back", page(range(0, 200), &[first.clone(), entry(2, 100, 200, 0)], Vec::new())),
        ("duplicate-uuid", page(range(0, 200), &[first.clone(), entry(1, 100, 200, 2)], Vec::new())),
        (
            "stable-end-beyond-end",
            page(range(0, 100), &[Entry { stable_end: offset(101), ..first }], Vec::new()),
        ),
    ];
    for (name, page) in cases {
        let anomalies = page.check();
        assert!(anomalies.iter().any(|a| a.name() == name), "{name} not in {anomalies:?}");
        assert!(matches!(page.encode(), Err(ManifestError::Algebra { .. })), "{name} encodes");
    }
    let PageBody::Refs(mut refs) = refs_page().body else { panic!("a page of references") };
    refs[1].uuid = refs[0].uuid;
    let twice = Page { body: PageBody::Refs(refs), ..refs_page() };
    assert_eq!(twice.check().iter().map(Anomaly::name).collect::<Vec<_>>(), ["duplicate-page"]);
}

#[test]
fn references_of_several_levels_in_one_page_are_refused() {
    let PageBody::Refs(mut refs) = refs_page().body else { panic!("a page of references") };
    refs[1].level = 1;
    let mixed = Page { body: PageBody::Refs(refs), ..refs_page() };
    assert!(mixed.encode().is_err());
}

#[test]
fn a_floor_beyond_the_tiers_end_is_no_anomaly_once_all_is_below_it() {
    let mut head = sound();
    (head.tier_start, head.serving_start) = (head.tier_end, head.tier_end);
    head.floor = Some(offset(9_000));
    assert_eq!(head.check(), []);
}

#[test]
fn no_entry_left_keeps_the_tiers_end() {
    let mut head = Manifest::new(ManifestKind::Sidecar, cluster(), tip(), offset(0), commit(1));
    head.append(entry(1, 0, 100, 1), Vec::new()).unwrap();
    head.entries.clear();
    head.totals = Totals::ZERO;
    (head.tier_start, head.serving_start) = (head.tier_end, head.tier_end);
    let back = Manifest::decode(&head.encode().unwrap()).unwrap();
    assert_eq!(back.tier_end, offset(100));
    assert_eq!(back.lineage.last(), Some(epoch_start(1, 0)));
}

#[test]
fn the_format_page_lists_every_anomaly() {
    let page = include_str!("../../../../docs/formats/manifest.md");
    for name in CASES.iter().map(|(name, _)| *name).chain(["page-range"]) {
        assert!(page.contains(&format!("`{name}`")), "{name} is missing");
    }
}
