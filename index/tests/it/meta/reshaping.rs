//! Claims, cuts, dead branches, starts and marks: what moves, and what is refused without a trace.

use firnline_index::manifest::*;
use firnline_index::transactions::TransactionStart;
use firnline_index::*;

use super::changes::{empty, refused};
use super::samples::*;

/// A change that needs nothing but the head.
fn at_once<T: std::fmt::Debug>(made: Result<T, Unmade>) -> Result<T, AlgebraError> {
    match made {
        Ok(made) => Ok(made),
        Err(Unmade::Refused(error)) => Err(error),
        Err(other) => panic!("{other:?}"),
    }
}

fn cut_at(manifest: &Manifest, at: u64, loaded: &Loaded) -> Result<Rewrite, Unmade> {
    let cut = Cut { at: offset(at), reason: DeadReason::Truncation, recorded_at: time(9) };
    let mut id = 500;
    manifest.cut(&cut, loaded, &mut || {
        id += 1;
        object_uuid(id)
    })
}

fn claim(of: i32, by: i32, wanted: Vec<OffsetRange>) -> Claim {
    Claim { epoch: epoch(of), node: NodeId::new(by).unwrap(), wanted }
}

fn writer(of: Option<i32>) -> Option<Writer> {
    let incarnation = Incarnation::from_bytes([1; 16]);
    Some(Writer { node: NodeId::new(4).unwrap(), leader_epoch: of.map(epoch), incarnation })
}

#[test]
fn what_is_wanted_is_divided_where_somebody_holds_what_begins() {
    let mut head = empty(0);
    head.claim(claim(3, 1, vec![range(5, 20), range(30, 40)])).unwrap();
    let before = head.clone();
    for (of, at) in [(3, 5), (3, 20), (3, 25), (2, 10), (4, 10)] {
        assert!(!head.divide_wanted(epoch(of), offset(at)).unwrap(), "under {of} at {at}");
    }
    assert_eq!(head, before);
    assert!(head.divide_wanted(epoch(3), offset(12)).unwrap());
    assert!(head.divide_wanted(epoch(3), offset(9)).unwrap());
    assert!(!head.divide_wanted(epoch(3), offset(9)).unwrap());
    let wanted = vec![range(5, 9), range(9, 12), range(12, 20), range(30, 40)];
    assert_eq!(head.claim, Some(claim(3, 1, wanted)));
    let divided = head.claim.clone().unwrap();
    assert_eq!(divided.divisions().collect::<Vec<_>>(), [offset(9), offset(12)]);
    assert_eq!(divided.undivided(range(5, 20)), range(5, 9));
    assert_eq!(divided.undivided(range(9, 20)), range(9, 12));
    assert_eq!(divided.undivided(range(12, 35)), range(12, 35));
    assert!(divided.wants_all(range(5, 20)) && divided.wants_all(range(7, 15)));
    assert!(!divided.wants_all(range(5, 21)) && !divided.wants_all(range(4, 9)));
    // A full claim stays as it is.
    let many = (0..MAX_WANTED as u64).map(|n| range(n * 10, n * 10 + 5)).collect();
    head.claim(claim(4, 1, many)).unwrap();
    assert!(!head.divide_wanted(epoch(4), offset(2)).unwrap());
    head.encode().unwrap();
}

#[test]
fn a_claim_only_goes_forward_and_belongs_to_one_node() {
    let mut head = empty(0);
    head.claim(claim(3, 2, vec![])).unwrap();
    // Who brought something before its leader's sidecar asks for nothing; the leader does.
    head.claim(claim(3, 1, vec![range(5, 9)])).unwrap();
    let other = refused(&head, |m| m.claim(claim(3, 2, vec![])));
    assert!(matches!(other, AlgebraError::ClaimedByOther { .. }), "{other}");
    let back = refused(&head, |m| m.claim(claim(2, 1, vec![])));
    assert_eq!(back, AlgebraError::ClaimBack { known: epoch(3), given: epoch(2) });
    let nothing = refused(&head, |m| m.claim(claim(4, 1, vec![range(5, 5)])));
    assert_eq!(nothing, AlgebraError::Empty { range: range(5, 5) });
    let many = vec![range(1, 2); MAX_WANTED + 1];
    assert!(matches!(refused(&head, |m| m.claim(claim(4, 1, many))), AlgebraError::TooMany { .. }));
    // What was committed under an epoch counts like a claim, and still does after an operator's change.
    head.stamp(commit(2), writer(Some(6)));
    refused(&head, |m| m.claim(claim(5, 1, vec![])));
    head.stamp(commit(3), writer(None));
    assert_eq!((head.fence(), head.claim.clone()), (Some(epoch(6)), Some(claim(6, 4, vec![]))));
    head.stamp(commit(4), None);
    assert_eq!(head.fence(), Some(epoch(6)));
    head.claim(claim(7, 2, vec![])).unwrap();
    head.encode().unwrap();
}

#[test]
fn a_cut_moves_whole_entries_and_goes_back_to_where_the_first_of_them_began() {
    let mut head = empty(0);
    head.append(entry(1, 0, 100, 3), Vec::new()).unwrap();
    head.append(entry(2, 100, 200, 4), Vec::new()).unwrap();
    head.append(entry(3, 200, 300, 5), Vec::new()).unwrap();
    let Rewrite { head: cut, pages, dropped } = at_once(cut_at(&head, 150, &Loaded::new())).unwrap();
    assert!(pages.is_empty() && dropped.is_empty());
    assert_eq!((cut.tier_end, cut.entries.len(), cut.totals.entries), (offset(100), 1, 1));
    assert_eq!(cut.lineage.starts(), [epoch_start(3, 0)]);
    let branch = &cut.dead_branches[0];
    assert_eq!((branch.cut_at, branch.recorded_at), (offset(150), time(9)));
    assert_eq!(branch.entries, head.entries[1..]);
    // At a border nothing below it moves.
    let cut = at_once(cut_at(&head, 200, &Loaded::new())).unwrap().head;
    assert_eq!((cut.tier_end, cut.dead_branches[0].entries.len()), (offset(200), 1));
    let error = at_once(cut_at(&head, 300, &Loaded::new())).unwrap_err();
    assert_eq!(error, AlgebraError::NothingToCut { at: offset(300), tier_end: offset(300) });
}

#[test]
fn a_cut_needs_what_its_newest_segment_left_open_and_believes_only_what_fits() {
    let mut head = empty(0);
    let first = Entry { stable_end: offset(90), ..entry(1, 0, 100, 3) };
    head.append(first, vec![open(1, 90), open(2, 95)]).unwrap();
    head.append(entry(2, 100, 200, 3), Vec::new()).unwrap();
    let mut loaded = Loaded::new();
    let needs = cut_at(&head, 100, &loaded);
    assert!(matches!(needs, Err(Unmade::Needs(Need::Open(entry))) if entry.uuid == uuid(1)));
    loaded.add_open(uuid(1), vec![open(2, 95)]);
    let wrong = at_once(cut_at(&head, 100, &loaded)).unwrap_err();
    assert!(matches!(wrong, AlgebraError::StableEnd { .. }), "{wrong}");
    loaded.add_open(uuid(1), vec![open(1, 90), open(2, 95)]);
    let cut = at_once(cut_at(&head, 100, &loaded)).unwrap().head;
    assert_eq!(cut.open_transactions, [open(1, 90), open(2, 95)]);
    cut.encode().unwrap();
}

#[test]
fn gaps_at_a_cut_end_there_and_those_above_are_forgotten() {
    let mut head = empty(0);
    head.append(entry(1, 0, 100, 3), Vec::new()).unwrap();
    head.record_gap(range(100, 150), GapReason::Reserve, time(1)).unwrap();
    head.append(entry(2, 150, 200, 3), Vec::new()).unwrap();
    head.record_gap(range(200, 250), GapReason::Damage, time(1)).unwrap();
    let cut = |at| at_once(cut_at(&head, at, &Loaded::new())).unwrap().head;
    let kept = |manifest: &Manifest| manifest.gaps.iter().map(|gap| gap.range).collect::<Vec<_>>();
    let inside = cut(220);
    assert_eq!((kept(&inside), inside.serving_start), (vec![range(100, 150), range(200, 220)], offset(220)));
    assert_eq!(inside.dead_branches, [], "no entry has moved");
    let at_start = cut(200);
    assert_eq!((kept(&at_start), at_start.serving_start), (vec![range(100, 150)], offset(150)));
    let below = cut(130);
    assert_eq!((kept(&below), below.tier_end), (vec![range(100, 130)], offset(130)));
    let first = cut(100);
    assert_eq!((kept(&first), first.serving_start), (Vec::new(), offset(0)));
    for manifest in [inside, at_start, below, first] {
        assert_eq!(manifest.check(), []);
    }
}

#[test]
fn a_cut_at_a_gap_of_a_page_makes_a_sound_page_of_what_lies_behind() {
    let mut head = empty(0);
    let entries: Vec<Entry> = [(0, 100), (150, 200), (200, 250)]
        .into_iter()
        .zip(1..)
        .map(|((s, e), n)| entry(n, s, e, 3))
        .collect();
    let gaps = vec![Gap { range: range(100, 150), reason: GapReason::Damage, recorded_at: time(1) }];
    let body = PageBody::Entries { entries: EntryTable::new(&entries), gaps };
    let page = Page { range: range(0, 250), body, ..entries_page() };
    let reference = page.encode().unwrap().1;
    head.pages.push(reference);
    head.totals = reference.totals;
    (head.tier_end, head.serving_start) = (offset(250), offset(150));
    head.lineage = lineage::Lineage::new(vec![epoch_start(3, 0)]).unwrap();
    head.append(entry(9, 250, 300, 3), Vec::new()).unwrap();
    let mut loaded = Loaded::new();
    assert!(matches!(cut_at(&head, 100, &loaded), Err(Unmade::Needs(Need::Page(p))) if p == reference));
    loaded.add_page(page);
    let Rewrite { head: cut, pages, dropped } = at_once(cut_at(&head, 100, &loaded)).unwrap();
    assert_eq!((cut.entries.len(), cut.gaps.len(), cut.serving_start), (1, 0, offset(0)));
    assert_eq!((pages.len(), pages[0].page.range), (1, range(150, 250)));
    assert_eq!(dropped, Dropped { entries: Vec::new(), pages: vec![reference] });
    assert_eq!(cut.check(), []);
}

#[test]
fn a_cut_below_the_start_begins_anew_and_takes_the_floor_along() {
    let mut head = empty(50);
    head.append(entry(1, 50, 100, 3), Vec::new()).unwrap();
    head.append(entry(2, 100, 200, 3), Vec::new()).unwrap();
    let raised = at_once(head.raise_floor(offset(100), &Loaded::new())).unwrap();
    assert_eq!(raised.dropped.entries.iter().map(|e| e.uuid).collect::<Vec<_>>(), [uuid(1)]);
    let mut cut = at_once(cut_at(&raised.head, 0, &Loaded::new())).unwrap().head;
    let bounds = (cut.tier_start, cut.serving_start, cut.tier_end, cut.began(), cut.floor);
    assert_eq!(bounds, (offset(0), offset(0), offset(0), offset(0), Some(offset(0))));
    assert_eq!(cut.transaction_start(), TransactionStart::Known(Vec::new()));
    cut.append(entry(3, 0, 80, 4), Vec::new()).unwrap();
    assert_eq!((cut.tier_start, cut.check()), (offset(0), Vec::new()));
}

#[test]
fn a_dead_branch_of_more_than_the_head_holds_goes_into_pages() {
    let mut head = empty(0);
    for n in 0..900 {
        head.append(entry(n, 10 * n, 10 * n + 10, 1), Vec::new()).unwrap();
    }
    let first = at_once(cut_at(&head, 1_000, &Loaded::new())).unwrap();
    assert_eq!((first.pages.len(), first.head.dead_branches[0].entries.len()), (0, 800));
    let mut head = first.head;
    for n in 1_000..1_300 {
        let start = u64::try_from(head.tier_end.get()).unwrap();
        head.append(entry(n, start, start + 10, 2), Vec::new()).unwrap();
    }
    let second = at_once(cut_at(&head, 1_005, &Loaded::new())).unwrap();
    assert_eq!((second.pages.len(), second.pages[0].page.totals.entries), (1, 300));
    assert_eq!(second.head.dead_branches[1].pages, [second.pages[0].page]);
    second.head.encode().unwrap();
}

#[test]
fn a_manifest_with_too_many_dead_branches_waits_for_an_operator() {
    let mut head = empty(0);
    head.append(entry(1, 0, 100, 3), Vec::new()).unwrap();
    for n in 0..MAX_DEAD_BRANCHES as u64 {
        // The same offsets time and again: no two are one history.
        let dead = vec![entry(10 + n, 0, 10, 1)];
        head.add_dead(dead, DeadReason::NeverCommitted, offset(0), time(1)).unwrap();
    }
    let full = |error| matches!(error, AlgebraError::TooMany { what: "dead branches", .. });
    assert!(full(at_once(cut_at(&head, 0, &Loaded::new())).unwrap_err()));
    let one = vec![entry(99, 0, 10, 1)];
    assert!(full(refused(&head, |m| m.add_dead(one, DeadReason::Operator, offset(0), time(1)))));
}

#[test]
fn what_could_be_one_history_is_one_branch() {
    let mut head = empty(0);
    let mut add = |entries: Vec<Entry>, reason, at| {
        head.add_dead(entries, reason, offset(at), time(i64::try_from(at).unwrap())).unwrap();
        assert_eq!(head.check(), []);
        head.dead_branches.iter().map(|branch| branch.entries.len()).collect::<Vec<_>>()
    };
    let never = DeadReason::NeverCommitted;
    assert_eq!(add(vec![entry(1, 100, 200, 3)], never, 100), [1]);
    assert_eq!(add(vec![entry(2, 250, 300, 4)], never, 250), [2]);
    assert_eq!(add(vec![entry(3, 50, 100, 3)], never, 50), [3]);
    // Another reason, an epoch that goes back, and the same offsets again are other branches.
    assert_eq!(add(vec![entry(4, 300, 310, 4)], DeadReason::Truncation, 300), [3, 1]);
    assert_eq!(add(vec![entry(5, 300, 310, 3)], never, 300), [3, 1, 1]);
    assert_eq!(add(vec![entry(6, 240, 260, 4)], never, 240), [3, 1, 1, 1]);
    let first = &head.dead_branches[0];
    assert_eq!((first.cut_at, first.recorded_at), (offset(50), time(250)), "as young as its newest part");
    assert_eq!(first.entries.iter().map(|e| e.uuid).collect::<Vec<_>>(), [uuid(3), uuid(1), uuid(2)]);
}

#[test]
fn dead_branches_together_cover_what_their_epochs_agree_with() {
    let mut head = empty(0);
    head.add_dead(vec![entry(1, 100, 200, 3)], DeadReason::NeverCommitted, offset(100), time(1)).unwrap();
    head.add_dead(vec![entry(2, 150, 260, 3)], DeadReason::Truncation, offset(100), time(1)).unwrap();
    head.add_dead(vec![entry(3, 150, 300, 4)], DeadReason::Truncation, offset(100), time(1)).unwrap();
    let covers = |from, to, of: i32| {
        head.dead_covers(range(from, to), &[epoch_start(of, from)], &Loaded::new()).unwrap()
    };
    assert!(covers(100, 260, 3) && covers(120, 199, 3) && covers(150, 300, 4));
    assert!(!covers(100, 261, 3) && !covers(99, 200, 3) && !covers(100, 200, 4));
}

#[test]
fn a_dead_branch_is_refused_where_its_entries_are_not_sound_or_known() {
    let mut head = empty(0);
    head.append(entry(1, 0, 100, 3), Vec::new()).unwrap();
    let add = |entries: Vec<Entry>| {
        refused(&head, |m| m.add_dead(entries, DeadReason::NeverCommitted, offset(0), time(1)))
    };
    assert_eq!(add(vec![]), AlgebraError::NothingDead);
    assert_eq!(add(vec![entry(1, 0, 10, 1)]), AlgebraError::DuplicateUuid { uuid: uuid(1) });
    let twice = vec![entry(2, 0, 10, 1), entry(2, 10, 20, 1)];
    assert_eq!(add(twice), AlgebraError::DuplicateUuid { uuid: uuid(2) });
    assert!(matches!(add(vec![entry(2, 0, 10, 1), entry(3, 5, 20, 1)]), AlgebraError::Entry(_)));
    assert!(matches!(add(vec![entry(2, 10, 20, 1), entry(3, 0, 10, 1)]), AlgebraError::Entry(_)));
    assert!(matches!(add(vec![Entry { blocks: 0, ..entry(2, 0, 10, 1) }]), AlgebraError::Entry(_)));
}

#[test]
fn what_a_floor_beyond_the_end_reaches_is_never_live() {
    let mut head = empty(0);
    head.append(entry(1, 0, 100, 3), Vec::new()).unwrap();
    let mut head = at_once(head.raise_floor(offset(150), &Loaded::new())).unwrap().head;
    assert_eq!((head.tier_start, head.entries.len()), (offset(100), 0));
    head.append(entry(2, 100, 140, 3), Vec::new()).unwrap();
    assert_eq!((head.tier_start, head.check()), (offset(140), Vec::new()));
    head.record_gap(range(140, 145), GapReason::Operator, time(1)).unwrap();
    assert_eq!((head.tier_start, head.check()), (offset(145), Vec::new()));
    head.append(entry(3, 145, 200, 3), Vec::new()).unwrap();
    assert_eq!((head.tier_start, head.serving_start), (offset(150), offset(150)));
    assert_eq!((head.began(), head.check()), (offset(0), Vec::new()));
}

#[test]
fn the_start_of_an_earlier_builds_manifest_is_remembered_before_it_moves() {
    let mut head = Manifest { began_at: None, ..empty(20) };
    head.append(entry(1, 20, 100, 3), Vec::new()).unwrap();
    head.append(entry(2, 100, 200, 3), Vec::new()).unwrap();
    assert_eq!((head.began_at, head.began()), (None, offset(20)));
    let retired = at_once(head.retire_to(offset(100), &Loaded::new())).unwrap();
    assert_eq!(retired.head.began_at, Some(offset(20)));
    assert_eq!(retired.dropped.entries.iter().map(|e| e.uuid).collect::<Vec<_>>(), [uuid(1)]);
    for (to, expected) in [
        (20, AlgebraError::StartBack { tier_start: offset(20), to: offset(20) }),
        (150, AlgebraError::NotABorder { to: offset(150) }),
        (201, AlgebraError::StartBeyondEnd { to: offset(201), tier_end: offset(200) }),
    ] {
        assert_eq!(at_once(head.retire_to(offset(to), &Loaded::new())).unwrap_err(), expected);
    }
    let all = at_once(head.retire_to(offset(200), &Loaded::new())).unwrap();
    assert_eq!((all.head.entries.len(), all.head.totals, all.head.check()), (0, Totals::ZERO, Vec::new()));
}

#[test]
fn marks_are_set_once() {
    let mut head = empty(0);
    let boundary = GcBoundary::from_bytes([1; 16]);
    head.set_gc_boundary(boundary).unwrap();
    assert_eq!(refused(&head, |m| m.set_gc_boundary(boundary)), AlgebraError::SameBoundary);
    let mark = |at, bound: Option<u64>| Tombstone { at: time(at), last_bound: bound.map(offset) };
    head.mark_deleted(mark(5, Some(10))).unwrap();
    for bound in [None, Some(9), Some(10)] {
        let error = refused(&head, |m| m.mark_deleted(mark(6, bound)));
        assert_eq!(error, AlgebraError::AlreadyDeleted { at: time(5) });
    }
    head.mark_deleted(mark(7, Some(11))).unwrap();
    assert_eq!(head.deleted, Some(mark(5, Some(11))));
}

#[test]
fn bytes_without_an_epoch_are_covered_only_by_bytes_without_one() {
    let mut head = empty(0);
    head.append(legacy_entry(1, 0, 100), Vec::new()).unwrap();
    head.append(Entry { epochs: vec![epoch_start(3, 120)], ..entry(2, 100, 200, 3) }, Vec::new()).unwrap();
    let covers = |from, to, epochs: &[(i32, u64)]| {
        let epochs: Vec<_> = epochs.iter().map(|(of, at)| epoch_start(*of, *at)).collect();
        head.covers(range(from, to), &epochs, &Loaded::new()).unwrap()
    };
    assert_eq!(covers(10, 90, &[]), Coverage::Whole);
    assert!(matches!(covers(10, 90, &[(3, 10)]), Coverage::Other { entry: None, .. }));
    // Before its first batch a segment says nothing.
    assert_eq!(covers(100, 200, &[(3, 100)]), Coverage::Whole);
    assert!(matches!(covers(100, 200, &[(2, 100)]), Coverage::Other { .. }));
    assert!(matches!(covers(100, 200, &[]), Coverage::Other { given: None, .. }));
    assert!(
        matches!(covers(100, 200, &[(3, 100), (4, 150)]), Coverage::Other { at, .. } if at == offset(150))
    );
}

#[test]
fn pages_behind_a_cut_stay_in_order_whatever_their_level() {
    let mut head = empty(0);
    let mut loaded = Loaded::new();
    let mut page = |range: OffsetRange, body: PageBody| {
        let uuid = object_uuid(u64::try_from(range.start().get() + range.end().get()).unwrap());
        let page = Page { range, body, uuid, ..entries_page() };
        let reference = page.encode().unwrap().1;
        loaded.add_page(page);
        reference
    };
    let leaves: Vec<PageRef> = (0..4)
        .map(|n| {
            let start = 100 * n;
            let entries = [entry(2 * n, start, start + 50, 3), entry(2 * n + 1, start + 50, start + 100, 3)];
            let body = PageBody::Entries { entries: EntryTable::new(&entries), gaps: Vec::new() };
            page(range(start, start + 100), body)
        })
        .collect();
    let folded = page(range(0, 300), PageBody::Refs(leaves[..3].to_vec()));
    head.pages = vec![folded, leaves[3]];
    head.totals = folded.totals.plus(leaves[3].totals).unwrap();
    head.tier_end = offset(400);
    head.lineage = lineage::Lineage::new(vec![epoch_start(3, 0)]).unwrap();
    head.append(entry(90, 400, 450, 3), Vec::new()).unwrap();
    let Rewrite { head: cut, pages, dropped } = at_once(cut_at(&head, 60, &loaded)).unwrap();
    assert_eq!((cut.pages.len(), cut.entries.len(), cut.check()), (0, 1, Vec::new()));
    assert_eq!(cut.dead_branches[0].pages, [pages[0].page, leaves[1], leaves[2], leaves[3]]);
    assert_eq!(dropped.pages, [folded, leaves[0]]);
}
