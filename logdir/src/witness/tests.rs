#![allow(clippy::unwrap_used, reason = "tests may panic")]

use std::fs;

use firnline_index::lineage::{EpochStart, Lineage};
use firnline_index::{LeaderEpoch, Offset};
use proptest::prelude::*;

use super::*;

fn id(n: u8) -> TopicId {
    TopicId::from_bytes([n; 16])
}

fn entry(topic: u8, partition: i32, bound: i64, epoch: i32, starts: &[(i32, i64)]) -> WitnessEntry {
    let start = |&(epoch, start): &(i32, i64)| EpochStart {
        epoch: LeaderEpoch::new(epoch).unwrap(),
        start: Offset::new(start).unwrap(),
    };
    WitnessEntry {
        topic_id: id(topic),
        partition: PartitionIndex::new(partition).unwrap(),
        newest: Stretch {
            bound: Offset::new(bound).unwrap(),
            epoch: LeaderEpoch::new(epoch).unwrap(),
            lineage: Lineage::new(starts.iter().map(start).collect()).unwrap(),
        },
        older: Vec::new(),
    }
}

/// Bound, epoch, epochs.
type Older<'a> = (i64, i32, &'a [(i32, i64)]);

fn with_older(mut entry: WitnessEntry, older: &[Older<'_>]) -> WitnessEntry {
    let stretch = |(bound, epoch, starts): &Older<'_>| self::entry(0, 0, *bound, *epoch, starts).newest;
    entry.older = older.iter().map(stretch).collect();
    entry
}

fn all(journal: &WitnessJournal) -> Vec<WitnessEntry> {
    let mut entries: Vec<_> = journal.entries().collect();
    entries.sort_by_key(|entry| (entry.topic_id, entry.partition));
    entries
}

#[test]
fn what_is_remembered_outlives_the_process() {
    let temp = tempfile::tempdir().unwrap();
    let mut journal = WitnessJournal::open(temp.path()).unwrap();
    let name = TopicName::new("orders").unwrap();
    journal.name([(id(1), &name)]).unwrap();
    journal.remember(&[entry(1, 0, 100, 3, &[(2, 0), (3, 50)]), entry(2, 7, 9, 0, &[])]).unwrap();
    journal.remember(&[entry(1, 0, 150, 3, &[(2, 0), (3, 50)])]).unwrap();
    drop(journal);
    let journal = WitnessJournal::open(temp.path()).unwrap();
    assert_eq!(all(&journal), [entry(1, 0, 150, 3, &[(2, 0), (3, 50)]), entry(2, 7, 9, 0, &[])]);
    assert_eq!(journal.names().get(&id(1)), Some(&name));
    assert_eq!(journal.damaged, 0);
}

#[test]
fn it_only_ever_goes_forward() {
    let temp = tempfile::tempdir().unwrap();
    let mut journal = WitnessJournal::open(temp.path()).unwrap();
    let high = entry(1, 0, 100, 3, &[(3, 50)]);
    for lower in [entry(1, 0, 99, 3, &[(3, 40)]), entry(1, 0, 500, 2, &[(2, 0)])] {
        journal.remember([&high, &lower]).unwrap();
        assert_eq!(all(&journal), std::slice::from_ref(&high));
        assert_eq!(all(&WitnessJournal::open(temp.path()).unwrap()), std::slice::from_ref(&high));
    }
    let higher_epoch = entry(1, 0, 80, 4, &[(4, 60)]);
    journal.remember([&higher_epoch]).unwrap();
    assert_eq!(all(&journal), [higher_epoch]);
}

#[test]
fn stretches_that_do_not_join_are_kept_beside_each_other() {
    let temp = tempfile::tempdir().unwrap();
    let mut journal = WitnessJournal::open(temp.path()).unwrap();
    journal.remember([&entry(1, 0, 100, 3, &[(3, 50)])]).unwrap();
    let two = with_older(entry(1, 0, 300, 7, &[(7, 200)]), &[(100, 3, &[(3, 50)])]);
    journal.remember([&two]).unwrap();
    assert_eq!(all(&WitnessJournal::open(temp.path()).unwrap()), std::slice::from_ref(&two));
    let further = with_older(entry(1, 0, 400, 7, &[(7, 200)]), &[(100, 3, &[(3, 50)])]);
    let before = fs::metadata(temp.path().join(FILE)).unwrap().len();
    journal.remember([&further]).unwrap();
    let grown = fs::metadata(temp.path().join(FILE)).unwrap().len() - before;
    assert!(grown < 80, "a bound over the same epochs says only itself: {grown} bytes");
    assert_eq!(all(&WitnessJournal::open(temp.path()).unwrap()), [further]);
    let alone = entry(1, 0, 400, 7, &[(7, 200)]);
    journal.remember([&alone]).unwrap();
    assert_eq!(all(&WitnessJournal::open(temp.path()).unwrap()), [alone], "what is needed no more goes");
}

#[test]
fn older_stretches_are_bounded() {
    let temp = tempfile::tempdir().unwrap();
    let mut journal = WitnessJournal::open(temp.path()).unwrap();
    let (many, starts): (Vec<_>, &[(i32, i64)]) = ((0..20_i64).collect(), &[(1, 0)]);
    let many: Vec<_> = many.iter().map(|n| (10 + n, 1, starts)).collect();
    let entry = with_older(entry(1, 0, 300, 7, &[(7, 200)]), &many);
    journal.remember([&entry]).unwrap();
    let kept = with_older(entry.clone(), &many[..MAX_OLDER]);
    assert_eq!(all(&journal), std::slice::from_ref(&kept));
    assert_eq!(all(&WitnessJournal::open(temp.path()).unwrap()), [kept]);
}

#[test]
fn of_two_in_one_call_the_furthest_is_kept_over_its_own_epochs() {
    let temp = tempfile::tempdir().unwrap();
    let mut journal = WitnessJournal::open(temp.path()).unwrap();
    journal.remember([&entry(1, 0, 10, 0, &[])]).unwrap();
    let high = entry(1, 0, 30, 1, &[]);
    journal.remember([&entry(1, 0, 20, 0, &[(0, 5)]), &high]).unwrap();
    assert_eq!(all(&journal), std::slice::from_ref(&high));
    assert_eq!(all(&WitnessJournal::open(temp.path()).unwrap()), [high]);
}

#[test]
fn a_bound_whose_lineage_was_lost_to_damage_vouches_for_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let mut journal = WitnessJournal::open(temp.path()).unwrap();
    let old = entry(1, 0, 100, 3, &[(3, 50)]);
    journal.remember([&old]).unwrap();
    journal.remember([&entry(1, 0, 200, 5, &[(3, 50), (5, 150)])]).unwrap();
    journal.remember([&entry(1, 0, 300, 5, &[(3, 50), (5, 150)])]).unwrap();
    let path = temp.path().join(FILE);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace(" 200 5 ", " 201 5 ")).unwrap();
    let journal = WitnessJournal::open(temp.path()).unwrap();
    assert_eq!((all(&journal), journal.damaged), (vec![old], 1));
}

#[test]
fn what_is_known_already_is_not_written_again() {
    let temp = tempfile::tempdir().unwrap();
    let mut journal = WitnessJournal::open(temp.path()).unwrap();
    let name = TopicName::new("orders").unwrap();
    let write = |journal: &mut WitnessJournal| {
        journal.name([(id(1), &name)]).unwrap();
        journal.remember(&[entry(1, 0, 100, 3, &[(3, 50)])]).unwrap();
    };
    write(&mut journal);
    let len = fs::metadata(temp.path().join(FILE)).unwrap().len();
    write(&mut journal);
    assert_eq!(fs::metadata(temp.path().join(FILE)).unwrap().len(), len);
}

#[test]
fn ten_thousand_partitions_take_a_few_mebibytes_however_long_it_runs() {
    let temp = tempfile::tempdir().unwrap();
    let mut journal = WitnessJournal::open(temp.path()).unwrap();
    let mut largest = 0;
    for round in 0..12_i64 {
        let entries: Vec<_> = (0..10_000)
            .map(|n| entry(1, n, 1000 * round + i64::from(n), 7, &[(2, 0), (5, 10), (7, 100)]))
            .collect();
        journal.remember(&entries).unwrap();
        largest = largest.max(fs::metadata(temp.path().join(FILE)).unwrap().len());
    }
    assert!(largest < 5 << 20, "{largest}");
    assert_eq!(all(&WitnessJournal::open(temp.path()).unwrap()), all(&journal));
}

#[test]
fn forgotten_partitions_and_names_stay_forgotten() {
    let temp = tempfile::tempdir().unwrap();
    let mut journal = WitnessJournal::open(temp.path()).unwrap();
    let name = TopicName::new("orders").unwrap();
    journal.name([(id(1), &name), (id(2), &name)]).unwrap();
    let (gone, left) = (entry(1, 0, 100, 3, &[]), entry(2, 0, 100, 3, &[]));
    journal.remember([&gone, &left]).unwrap();
    journal.forget(&[(gone.topic_id, gone.partition)], |_| false).unwrap();
    assert_eq!(all(&WitnessJournal::open(temp.path()).unwrap()), [left]);
    assert_eq!(journal.names().keys().collect::<Vec<_>>(), [&id(2)]);
}

fn entries() -> impl Strategy<Value = Vec<WitnessEntry>> {
    let starts = prop::collection::btree_map(0..20_i32, 1..9_i64, 0..4).prop_map(|steps| {
        let mut at = 0;
        steps
            .into_iter()
            .map(|(epoch, step)| {
                (epoch, {
                    at += step;
                    at
                })
            })
            .collect::<Vec<_>>()
    });
    let older = prop::collection::vec((0..50_i64, 0..4_i32), 0..3);
    let one = (0..3_u8, 0..3_i32, 0..50_i64, 0..4_i32, starts, older).prop_map(
        |(topic, partition, bound, epoch, starts, older)| {
            let older: Vec<_> = older.iter().map(|&(bound, epoch)| (bound, epoch, &starts[..])).collect();
            with_older(entry(topic, partition, bound, epoch, &starts), &older)
        },
    );
    prop::collection::vec(one, 0..20)
}

proptest! {
    // Each case syncs files.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn memory_and_journal_agree_and_never_go_back(entries in entries(), batch in 1..5_usize) {
        let temp = tempfile::tempdir().unwrap();
        let mut journal = WitnessJournal::open(temp.path()).unwrap();
        let mut highest: HashMap<Key, Told> = HashMap::new();
        for batch in entries.chunks(batch) {
            journal.remember(batch).unwrap();
            for entry in batch {
                let told = entry.told();
                let key = (entry.topic_id, entry.partition);
                highest.entry(key).and_modify(|known| *known = told.max(*known)).or_insert(told);
            }
        }
        let found: HashMap<Key, Told> =
            journal.memory.told.iter().map(|(key, known)| (*key, known.told())).collect();
        prop_assert_eq!(found, highest);
        prop_assert_eq!(&WitnessJournal::open(temp.path()).unwrap().memory, &journal.memory);
    }

    #[test]
    fn a_line_is_read_as_it_was_written(text in "(name|log|bound|forget)( [A-Za-z0-9_:,-]{1,24}){1,9}") {
        if let Some(line) = Line::parse(&text) {
            prop_assert_eq!(Line::parse(&line.text()), Some(line));
        }
    }
}
