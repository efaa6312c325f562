#![allow(clippy::unwrap_used, reason = "tests may panic")]

use proptest::prelude::*;

use super::*;

fn entry(number: u64) -> GaveWay {
    GaveWay {
        number,
        topic_id: TopicId::from_bytes([3; 16]),
        partition: PartitionIndex::ZERO,
        range: OffsetRange::new(Offset::new(5).unwrap(), Offset::new(9).unwrap()).unwrap(),
        bytes: 77,
    }
}

#[test]
fn the_journal_keeps_the_newest_and_goes_on_counting() {
    let temp = tempfile::tempdir().unwrap();
    let mut journal = GivenWayJournal::open(temp.path()).unwrap();
    for batch in 0..25 {
        let entries: Vec<_> = (0..1000).map(|n| entry(batch * 1000 + n)).collect();
        journal.append(&entries).unwrap();
    }
    let journal = GivenWayJournal::open(temp.path()).unwrap();
    assert_eq!(journal.next_number(), 25_000);
    assert_eq!(journal.entries().last(), Some(&entry(24_999)));
    assert!(journal.entries().len() <= 20_000);
}

#[test]
fn each_note_is_told_once_and_again_after_a_restart() {
    let temp = tempfile::tempdir().unwrap();
    let mut reserve = Reserve::new(temp.path(), 0).unwrap();
    let journal = || GivenWayJournal::open(temp.path()).unwrap();
    assert_eq!(reserve.untold().unwrap().pins, []);
    journal().append(&[entry(0)]).unwrap();
    assert_eq!(reserve.untold().unwrap().pins, [entry(0)]);
    let first = reserve.untold().unwrap();
    assert_eq!(first.pins, [entry(0)], "the same again until it was told");
    journal().append(&[entry(1)]).unwrap();
    reserve.told(&first);
    assert_eq!(reserve.untold().unwrap().pins, [entry(1)]);
    assert_eq!(Reserve::new(temp.path(), 0).unwrap().untold().unwrap().pins, [entry(0), entry(1)]);
}

proptest! {
    // Each case syncs files.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_line_makes_the_parser_fail(text in "pin( [A-Za-z0-9_-]{1,24}){4,7} ?") {
        if let Some(entry) = GaveWay::parse(&text) {
            prop_assert!(entry.range.start() <= entry.range.end());
        }
    }

    #[test]
    fn an_entry_comes_back(number in any::<u64>(), base in 0..1000_i64, span in 0..1000_i64) {
        let range = OffsetRange::new(Offset::new(base).unwrap(), Offset::new(base + span).unwrap()).unwrap();
        let wanted = GaveWay { range, ..entry(number) };
        let temp = tempfile::tempdir().unwrap();
        GivenWayJournal::open(temp.path()).unwrap().append(&[wanted]).unwrap();
        let journal = GivenWayJournal::open(temp.path()).unwrap();
        prop_assert_eq!(journal.entries(), &[wanted]);
    }
}
