//! Any log, any cuts, any read: the answer is the model's.

use firnline_index::{Offset, OffsetRange};
use firnline_reader::{Isolation, ReadOutcome, ScanItem};
use proptest::prelude::*;

use crate::log::{Log, at, joined};
use crate::reads::ALL;
use crate::rest::{Broker, disks};
use crate::tier::{TestTier, tip};

#[derive(Debug, Clone)]
enum Step {
    Data { records: i64, bytes: usize },
    Transaction { producer: i64, records: i64 },
    End { producer: i64, committed: bool },
    Hole(i64),
    Cut,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..20_i64, 1..5_000_usize).prop_map(|(records, bytes)| Step::Data { records, bytes }),
        2 => (0..4_i64, 1..5_i64).prop_map(|(producer, records)| Step::Transaction { producer, records }),
        2 => (0..4_i64, any::<bool>()).prop_map(|(producer, committed)| Step::End { producer, committed }),
        1 => (1..50_i64).prop_map(Step::Hole),
        1 => Just(Step::Cut),
    ]
}

/// What happened to a transaction in the whole log: first data, marker, whether it was aborted.
struct Truth {
    aborted: Vec<(i64, Offset, Offset)>,
    first_undecided: Option<Offset>,
}

/// A log of which the first segments are in the tier, and the others on a broker's disk, if not all are uploaded.
fn build(steps: &[Step], uploaded: usize) -> (Log, TestTier, Truth, Option<Broker>) {
    let mut log = Log::from(0);
    let mut cuts = Vec::new();
    let mut open: [Option<Offset>; 4] = [None; 4];
    let mut aborted = Vec::new();
    log.data(1, 1);
    for step in steps {
        match *step {
            Step::Data { records, bytes } => {
                log.data(records, bytes);
            }
            Step::Transaction { producer, records } => {
                let first = log.end();
                log.in_transaction(producer, records);
                open[usize::try_from(producer).expect("small")].get_or_insert(first);
            }
            Step::End { producer, committed } => {
                let marker = log.end();
                log.end_transaction(producer, committed);
                let began = open[usize::try_from(producer).expect("small")].take();
                if let (Some(first), false) = (began, committed) {
                    aborted.push((producer, first, marker));
                }
            }
            Step::Hole(offsets) => log.hole(offsets),
            Step::Cut => cuts.push(log.batches.last().expect("some").next),
        }
    }
    log.data(1, 1);
    let end = log.end();
    cuts.dedup();
    cuts.retain(|cut| *cut < log.batches.last().expect("some").base);
    let mut tier = TestTier::starting_at(at(0));
    cuts.push(end);
    for cut in &cuts[..uploaded.min(cuts.len())] {
        tier.upload(&log, *cut);
    }
    if uploaded > 0 {
        tier.commit();
    }
    // A file begins where the first batch behind the cut does.
    let rolls: Vec<_> = cuts.iter().filter_map(|cut| Some(log.between(*cut, end).first()?.base)).collect();
    let on_disk = (uploaded < cuts.len()).then(|| {
        let broker = Broker::new(1, &log, at(0), &rolls, Some(end));
        broker.checkpoint("cleaner-offset-checkpoint", end);
        broker
    });
    let first_undecided = open.into_iter().flatten().min();
    (log, tier, Truth { aborted, first_undecided }, on_disk)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn reads_and_scans_equal_the_model(
        steps in prop::collection::vec(step(), 1..60),
        uploaded in 0..12_usize,
        asked in prop::collection::vec((0..1200_i64, 0..20_000_usize, any::<bool>()), 1..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.expect("a runtime").block_on(async {
            let (log, tier, truth, on_disk) = build(&steps, uploaded);
            let (reader, _) = tier.reader();
            if let Some(broker) = &on_disk {
                disks(&[broker], false).expect("opened").lay(&reader).await.expect("laid");
            }
            for (offset, max_bytes, committed) in asked {
                let isolation = if committed { Isolation::ReadCommitted } else { ALL };
                let outcome = reader.read(&tip(), at(offset), max_bytes, isolation).await.expect("an answer");
                check(&log, &truth, at(offset), max_bytes, isolation, &outcome);
                let until = at(offset + i64::try_from(max_bytes).expect("small") % 97 + 1);
                let wanted = OffsetRange::new(at(offset), until).expect("forward");
                let mut scan = reader.scan(&tip(), wanted, isolation);
                let mut all = Vec::new();
                while let Some(item) = scan.next().await.expect("reads") {
                    if let ScanItem::Batches(batches) = item {
                        all.extend_from_slice(&batches.chain.to_bytes());
                    }
                }
                let limit = truth.first_undecided.filter(|_| committed).unwrap_or(Offset::MAX).min(until);
                let expected = if limit <= at(offset) { Vec::new() } else { joined(log.between(at(offset), limit)) };
                assert!(all == expected, "scan {wanted} {isolation:?}");
            }
        });
    }
}

fn check(
    log: &Log,
    truth: &Truth,
    offset: Offset,
    max_bytes: usize,
    isolation: Isolation,
    outcome: &ReadOutcome,
) {
    let committed = isolation == Isolation::ReadCommitted;
    let undecided = truth.first_undecided.filter(|_| committed);
    match outcome {
        ReadOutcome::BelowStart { .. } => panic!("it starts at 0"),
        ReadOutcome::AtEnd { bounds } => assert!(offset >= bounds.end && bounds.end == log.end()),
        ReadOutcome::Gap { .. } => panic!("there is no gap"),
        ReadOutcome::Undecided { from, .. } => {
            assert_eq!(Some(*from), undecided);
            let next = log.between(offset, Offset::MAX)[0].base;
            assert!(offset >= *from || next >= *from, "{offset} is decided");
        }
        ReadOutcome::Batches(read) => {
            let model = log.between(offset, read.range.end());
            assert_eq!(read.range.start(), model[0].base);
            assert!(read.chain.to_bytes() == joined(model), "{offset}");
            assert!(model.len() == 1 || read.chain.len() <= max_bytes);
            assert!(undecided.is_none_or(|from| read.range.end() <= from));
            let mut found: Vec<_> =
                read.aborted.iter().map(|a| (a.producer.get(), a.first_offset, a.marker_offset)).collect();
            found.sort_unstable();
            let reaches = |(_, first, marker): &&(i64, Offset, Offset)| {
                committed && *first < read.range.end() && *marker >= read.range.start()
            };
            let mut expected: Vec<_> = truth.aborted.iter().filter(reaches).copied().collect();
            expected.sort_unstable();
            assert_eq!(found, expected);
        }
    }
}
