//! Appending, replacing, recording gaps: what moves, and what is refused without a trace.

use firnline_index::manifest::*;
use firnline_index::transactions::TransactionStart;
use firnline_index::*;

use super::samples::*;

pub(crate) fn empty(start: u64) -> Manifest {
    Manifest::new(ManifestKind::Sidecar, cluster(), tip(), offset(start), commit(1))
}

fn piece(n: u64, start: u64, end: u64, of: i32) -> Entry {
    Entry { kind: EntryKind::TailPiece, ..entry(n, start, end, of) }
}

/// Applies a change that must be refused, and sees that nothing moved.
pub(crate) fn refused<T>(
    manifest: &Manifest,
    change: impl FnOnce(&mut Manifest) -> Result<T, AlgebraError>,
) -> AlgebraError {
    let mut copy = manifest.clone();
    let error = change(&mut copy).err().expect("must be refused");
    assert_eq!(&copy, manifest, "{error}");
    error
}

#[test]
fn append_moves_end_lineage_open_transactions_and_totals() {
    let mut head = empty(50);
    head.append(entry(1, 50, 100, 3), Vec::new()).unwrap();
    let second = Entry {
        epochs: vec![epoch_start(3, 100), epoch_start(5, 120)],
        stable_end: offset(130),
        ..entry(2, 100, 150, 3)
    };
    head.append(second.clone(), vec![open(1, 140), open(2, 130)]).unwrap();
    assert_eq!((head.tier_start, head.serving_start, head.tier_end), (offset(50), offset(50), offset(150)));
    assert_eq!(head.lineage.starts(), [epoch_start(3, 50), epoch_start(5, 120)]);
    assert_eq!(head.open_transactions, [open(1, 140), open(2, 130)]);
    assert_eq!(head.totals, Totals::of(&entry(1, 50, 100, 3)).plus(Totals::of(&second)).unwrap());
    assert_eq!(head.check(), []);
}

#[test]
fn append_refuses_what_does_not_begin_at_the_end() {
    let mut head = empty(0);
    head.append(entry(1, 0, 100, 3), Vec::new()).unwrap();
    for start in [99, 101] {
        let error = refused(&head, |m| m.append(entry(2, start, 200, 3), Vec::new()));
        assert_eq!(error, AlgebraError::NotAtTierEnd { range: range(start, 200), tier_end: offset(100) });
    }
}

#[test]
fn append_refuses_epochs_that_go_back_naming_both() {
    let mut head = empty(0);
    head.append(entry(1, 0, 100, 3), Vec::new()).unwrap();
    let error = refused(&head, |m| m.append(entry(2, 100, 200, 2), Vec::new()));
    let text = std::error::Error::source(&error).expect("a cause").to_string();
    assert_eq!(text, "leader epoch 2 at offset 100 does not lie above epoch 3, which starts at offset 0");
}

#[test]
fn append_refuses_what_is_wrong_in_itself_or_twice() {
    let mut head = empty(0);
    head.append(entry(1, 0, 100, 3), Vec::new()).unwrap();
    let next = entry(2, 100, 200, 3);
    let twice = refused(&head, |m| m.append(Entry { uuid: uuid(1), ..next.clone() }, Vec::new()));
    assert_eq!(twice, AlgebraError::DuplicateUuid { uuid: uuid(1) });
    let empty = Entry { range: range(100, 100), epochs: Vec::new(), stable_end: offset(100), ..next.clone() };
    let error = refused(&head, |m| m.append(empty, Vec::new()));
    assert!(matches!(&error, AlgebraError::Entry(a) if a.name() == "empty"), "{error}");
    let error = refused(&head, |m| m.append(next.clone(), vec![open(1, 150)]));
    assert!(matches!(error, AlgebraError::StableEnd { expected, .. } if expected == offset(150)), "{error}");
    let error = refused(&head, |m| m.append(next.clone(), vec![open(1, 200)]));
    assert!(matches!(error, AlgebraError::OpenBeyondEnd { .. }), "{error}");
    let mut other = head.clone();
    other.kind = ManifestKind::Kip405;
    assert_eq!(refused(&other, |m| m.append(next, Vec::new())), AlgebraError::WrongKind);
}

#[test]
fn a_lost_range_is_passed_only_by_a_recorded_gap() {
    let mut head = empty(0);
    let first = Entry { stable_end: offset(90), ..entry(1, 0, 100, 3) };
    head.append(first, vec![open(1, 90)]).unwrap();
    refused(&head, |m| m.append(entry(2, 150, 200, 3), Vec::new()));
    refused(&head, |m| m.record_gap(range(101, 150), GapReason::Operator, time(1)));
    refused(&head, |m| m.record_gap(range(99, 150), GapReason::Operator, time(1)));
    refused(&head, |m| m.record_gap(range(100, 100), GapReason::Operator, time(1)));
    head.record_gap(range(100, 120), GapReason::LocalRetention, time(1)).unwrap();
    head.record_gap(range(120, 150), GapReason::LocalRetention, time(2)).unwrap();
    assert_eq!(
        head.gaps,
        [Gap { range: range(100, 150), reason: GapReason::LocalRetention, recorded_at: time(1) }]
    );
    assert_eq!(head.serving_start, offset(150));
    // What was open before the gap is undecided for ever: the next segment starts from nothing known.
    assert_eq!(head.open_transactions, []);
    assert_eq!(head.transaction_start(), TransactionStart::Unknown { span_start: offset(150) });
    head.append(entry(2, 150, 200, 3), Vec::new()).unwrap();
    assert_eq!(head.transaction_start(), TransactionStart::Known(Vec::new()));
    assert_eq!((head.tier_start, head.check()), (offset(0), Vec::new()));
}

#[test]
fn the_start_of_the_log_knows_that_nothing_is_open() {
    assert_eq!(empty(0).transaction_start(), TransactionStart::Known(Vec::new()));
    assert_eq!(empty(7).transaction_start(), TransactionStart::Unknown { span_start: offset(7) });
}

#[test]
fn a_sealed_segment_takes_the_place_of_its_pieces() {
    let mut head = empty(0);
    head.append(entry(1, 0, 100, 3), Vec::new()).unwrap();
    head.append(piece(2, 100, 150, 3), Vec::new()).unwrap();
    head.append(piece(3, 150, 180, 4), Vec::new()).unwrap();
    let sealed = Entry {
        epochs: vec![epoch_start(3, 100), epoch_start(4, 150), epoch_start(6, 190)],
        stable_end: offset(195),
        ..entry(4, 100, 200, 3)
    };
    let retired = head.replace(&[uuid(2), uuid(3)], sealed.clone(), vec![open(1, 195)]).unwrap();
    assert_eq!(retired.iter().map(|e| e.uuid).collect::<Vec<_>>(), [uuid(2), uuid(3)]);
    assert_eq!(head.entries[1], Entry { replaces: vec![uuid(2), uuid(3)], ..sealed });
    assert_eq!((head.tier_end, head.totals.entries), (offset(200), 2));
    assert_eq!(head.open_transactions, [open(1, 195)]);
    assert_eq!(head.lineage.starts(), [epoch_start(3, 0), epoch_start(4, 150), epoch_start(6, 190)]);
    assert_eq!(head.check(), []);
}

#[test]
fn pieces_before_the_end_are_replaced_by_exactly_their_range() {
    let mut head = empty(0);
    head.append(piece(1, 0, 50, 3), Vec::new()).unwrap();
    head.append(piece(2, 50, 100, 3), Vec::new()).unwrap();
    let last = Entry { stable_end: offset(140), ..entry(3, 100, 150, 5) };
    head.append(last, vec![open(1, 140)]).unwrap();
    let longer = refused(&head, |m| m.replace(&[uuid(1), uuid(2)], entry(4, 0, 101, 3), Vec::new()));
    assert!(matches!(longer, AlgebraError::OtherRange { .. }), "{longer}");
    head.replace(&[uuid(1), uuid(2)], entry(4, 0, 100, 3), Vec::new()).unwrap();
    assert_eq!((head.tier_end, head.entries.len()), (offset(150), 2));
    assert_eq!(
        head.open_transactions,
        [open(1, 140)],
        "what is open at the tier's end is the last entry's affair"
    );
    assert_eq!(head.lineage.starts(), [epoch_start(3, 0), epoch_start(5, 100)]);
    assert_eq!(head.check(), []);
}

#[test]
fn replacing_refuses_other_pieces_ranges_and_epochs() {
    let mut head = empty(0);
    head.append(entry(1, 0, 50, 3), Vec::new()).unwrap();
    for (n, start) in [(2, 50), (3, 100), (4, 150)] {
        head.append(piece(n, start, start + 50, 3), Vec::new()).unwrap();
    }
    let sealed = |start, end| entry(9, start, end, 3);
    let replace =
        |pieces: &[SegmentUuid], entry: Entry| refused(&head, |m| m.replace(pieces, entry, Vec::new()));
    assert_eq!(replace(&[], sealed(50, 200)), AlgebraError::PiecesScattered);
    assert_eq!(replace(&[uuid(2), uuid(4)], sealed(50, 200)), AlgebraError::PiecesScattered);
    assert_eq!(replace(&[uuid(3), uuid(2)], sealed(50, 150)), AlgebraError::PiecesScattered);
    assert_eq!(replace(&[uuid(2), uuid(8)], sealed(50, 150)), AlgebraError::NotInHead { uuid: uuid(8) });
    assert_eq!(replace(&[uuid(1), uuid(2)], sealed(0, 100)), AlgebraError::NotAPiece { uuid: uuid(1) });
    let ranges = [(51, 200), (49, 200), (50, 199)];
    for (start, end) in ranges {
        let error = replace(&[uuid(2), uuid(3), uuid(4)], sealed(start, end));
        assert!(matches!(error, AlgebraError::OtherRange { .. }), "{error}");
    }
    let other = Entry { epochs: vec![epoch_start(3, 50), epoch_start(4, 120)], ..sealed(50, 200) };
    let error = replace(&[uuid(2), uuid(3), uuid(4)], other);
    assert!(matches!(error, AlgebraError::Diverges { at, .. } if at.offset == offset(120)), "{error}");
    let back = Entry { epochs: vec![epoch_start(2, 50)], ..sealed(50, 200) };
    let error = replace(&[uuid(2), uuid(3), uuid(4)], back);
    assert!(matches!(error, AlgebraError::Lineage { .. }), "{error}");
}

#[test]
fn commits_are_remembered_newest_first_up_to_sixteen() {
    let mut head = empty(0);
    for n in 2..=20 {
        head.stamp(commit(n), None);
    }
    assert_eq!((head.generation, head.commit), (19, commit(20)));
    assert_eq!(head.recent_commits, (4..=19).rev().map(commit).collect::<Vec<_>>());
    assert!(head.has_commit(commit(20)) && head.has_commit(commit(4)));
    assert!(!head.has_commit(commit(3)));
    head.encode().unwrap();
}
