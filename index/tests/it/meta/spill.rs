//! Moving older entries into pages.

use firnline_index::manifest::*;
use firnline_index::*;

use super::samples::*;

/// A head with as many entries of ten offsets, from offset 0 on.
fn head_of(entries: u64) -> Manifest {
    let mut head = Manifest::new(ManifestKind::Sidecar, cluster(), tip(), offset(0), commit(1));
    for n in 0..entries {
        head.append(entry(n, 10 * n, 10 * n + 10, 1), Vec::new()).unwrap();
    }
    head
}

fn named(spill: &Spill) -> Page {
    Page::decode_named(&spill.bytes, &spill.page, &cluster(), &tip()).unwrap()
}

#[test]
fn a_thousand_entries_stay_in_the_head() {
    assert!(head_of(1_000).spill(|| unreachable!("no id is drawn for nothing")).unwrap().is_none());
}

#[test]
fn the_oldest_thousand_go_into_a_page_that_the_head_names() {
    let before = head_of(1_001);
    let spill = before.spill(|| object_uuid(7)).unwrap().unwrap();
    assert_eq!(
        spill.key.to_string(),
        format!("{}/manifest-00000000000000000000-{}.page", tip(), object_uuid(7))
    );
    assert_eq!(spill.head.entries, before.entries[1_000..]);
    assert_eq!(spill.head.pages, [spill.page]);
    assert_eq!((spill.page.level, spill.page.range), (0, range(0, 10_000)));
    assert_eq!(spill.page.totals.entries, 1_000);
    let PageBody::Entries { entries, gaps } = named(&spill).body else { panic!("a page of entries") };
    assert_eq!(entries.iter().collect::<Vec<_>>(), before.entries[..1_000]);
    assert_eq!(gaps, []);
    assert_eq!(spill.head.check(), []);
    assert_eq!(spill.head.totals, before.totals);
    assert!(spill.head.spill(|| object_uuid(8)).unwrap().is_none());
    spill.head.encode().unwrap();
}

#[test]
fn gaps_among_them_go_along_and_later_ones_stay() {
    let mut head = head_of(10);
    head.record_gap(range(100, 200), GapReason::Reserve, time(1)).unwrap();
    for n in 20..1_010 {
        head.append(entry(n, 10 * n, 10 * n + 10, 1), Vec::new()).unwrap();
    }
    head.record_gap(range(10_100, 10_150), GapReason::Damage, time(1)).unwrap();
    head.append(entry(5_000, 10_150, 10_200, 1), Vec::new()).unwrap();
    let spill = head.spill(|| object_uuid(7)).unwrap().unwrap();
    let PageBody::Entries { gaps, .. } = named(&spill).body else { panic!("a page of entries") };
    assert_eq!(gaps, head.gaps[..1]);
    assert_eq!(spill.head.gaps, head.gaps[1..]);
    assert_eq!(spill.head.check(), []);
    assert_eq!(spill.head.find(offset(150)), Found::Page(&spill.page));
    assert_eq!(named(&spill).find(offset(150)), PageFound::Gap(&gaps[0]));
}

#[test]
fn tail_pieces_stay_in_the_head_where_they_can_be_replaced() {
    let mut head = head_of(990);
    for n in 990..1_001 {
        let piece = Entry { kind: EntryKind::TailPiece, ..entry(n, 10 * n, 10 * n + 10, 1) };
        head.append(piece, Vec::new()).unwrap();
    }
    let spill = head.spill(|| object_uuid(7)).unwrap().unwrap();
    assert_eq!((spill.page.totals.entries, spill.head.entries.len()), (990, 11));
    let mut head = spill.head;
    let pieces: Vec<SegmentUuid> = head.entries.iter().map(|e| e.uuid).collect();
    head.replace(&pieces, entry(5_000, 9_900, 10_010, 1), Vec::new()).unwrap();
    assert_eq!(head.check(), []);
}

#[test]
fn a_head_full_of_pieces_still_spills() {
    let mut head = Manifest::new(ManifestKind::Sidecar, cluster(), tip(), offset(0), commit(1));
    for n in 0..1_001 {
        let piece = Entry { kind: EntryKind::TailPiece, ..entry(n, 10 * n, 10 * n + 10, 1) };
        head.append(piece, Vec::new()).unwrap();
    }
    let spill = head.spill(|| object_uuid(7)).unwrap().unwrap();
    assert_eq!((spill.page.totals.entries, spill.head.entries.len()), (1_000, 1));
}

#[test]
fn sixty_four_references_of_one_level_become_one_of_the_next() {
    let mut head = head_of(3);
    let levels = |head: &Manifest| head.pages.iter().map(|p| p.level).collect::<Vec<_>>();
    let mut ids = 0;
    // Pages of one entry each: what folds does not depend on how full they are.
    for n in 3..3 + 64 * 65 + 5 {
        let moved = vec![head.entries.remove(0)];
        let body = PageBody::Entries { entries: EntryTable::new(&moved), gaps: Vec::new() };
        ids += 1;
        let page = Page {
            cluster_id: cluster(),
            tip: tip(),
            kind: head.kind,
            uuid: object_uuid(ids),
            range: moved[0].range,
            body,
        };
        head.pages.push(page.encode().unwrap().1);
        head.append(entry(n, 10 * n, 10 * n + 10, 1), Vec::new()).unwrap();
        while let Some(spill) = head.spill(|| object_uuid(100_000 + ids)).unwrap() {
            ids += 1;
            let folded = named(&spill);
            let PageBody::Refs(refs) = &folded.body else { panic!("a page of references") };
            assert_eq!((refs.len(), folded.level()), (64, refs[0].level + 1));
            head = spill.head;
        }
        assert!(head.pages.len() <= 3 * 64);
    }
    assert_eq!(levels(&head)[0], 2, "64 × 64 pages have made one of level 2");
    assert!(levels(&head).is_sorted_by(|a, b| a >= b));
    assert_eq!(head.check(), []);
    assert_eq!(head.totals.entries, 3 + 64 * 65 + 5);
    head.encode().unwrap();
}
