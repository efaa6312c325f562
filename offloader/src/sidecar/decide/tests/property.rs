//! Whatever is seen, nothing is done that must not be.

use proptest::prelude::*;

use super::*;

fn chains() -> impl Strategy<Value = Vec<Chain>> {
    let borders = prop::collection::vec(1..20_i64, 1..5);
    let one = (0..60_i64, borders, 0..7200_u64, 0..4_u8, any::<bool>());
    prop::collection::vec(one, 0..4).prop_map(|all| {
        let mut out = Vec::new();
        for (n, (start, steps, age, verdict, first)) in all.into_iter().enumerate() {
            let mut borders = vec![start];
            for step in steps {
                borders.push(borders.last().unwrap() + step);
            }
            let age = Duration::from_secs(age);
            let mut chain = if n == 0 && first { log(&borders, age) } else { pins(&borders, age) };
            chain.verdict = match verdict {
                0 => Some(Unproven::NoWitness),
                1 => Some(Unproven::OffLineage { leader: None, end: Some(offset(start + 7)) }),
                _ => None,
            };
            out.push(chain);
        }
        out
    })
}

prop_compose! {
    fn digests()(
        tier_end in 0..100_i64,
        writer in 3..7_i32,
        claim in prop::option::of((3..7_i32, 1..3_i32, 0..100_i64, 1..50_i64)),
        deleted in prop::option::of(prop::option::of(0..120_i64)),
    ) -> Digest {
        let claim = claim.map(|(of, node_id, start, length)| Claim {
            epoch: epoch(of), node: node(node_id), wanted: vec![range(start, start + length)],
        });
        let deleted = deleted.map(|last| Tombstone { at: TimestampMs::ZERO, last_bound: last.map(offset) });
        Digest { claim, writer_epoch: Some(epoch(writer)), deleted, ..digest(tier_end) }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]
    #[test]
    fn whatever_is_seen_nothing_wrong_is_done(
        chains in chains(),
        tier in prop::option::of(digests()),
        leads in any::<bool>(),
        high in prop::option::of(0..150_i64),
        compared in 0..4_u8,
        seconds in 0..8000_u64,
        target in prop::sample::select(vec![0, 150, 1000]),
        flags in any::<[bool; 3]>(),
    ) {
        let [fresh, deleted, pressure] = flags;
        let mut scene = Scene::new(chains, tier);
        scene.policy.target_bytes = target;
        let leader = Leader { node: node(if leads { 1 } else { 2 }), epoch: epoch(5) };
        let view = View {
            fresh,
            pressure,
            standing: if deleted { Standing::Deleted } else { Standing::On },
            leader: Some(leader),
            bound: high.map(|high| Bound { leader, ..bound(high) }),
            comparison: match compared {
                0 => Some(Comparison::Agrees),
                1 => Some(Comparison::Cut { at: offset(3), log_start: Offset::ZERO, permille: 50 }),
                2 => Some(Comparison::Unknown),
                _ => None,
            },
            stood_still: Duration::from_secs(seconds),
            wanted_for: Duration::from_secs(seconds),
            witness_bound: high.map(offset),
            ..scene.view()
        };
        let next = decide(&view);
        let tier_end = scene.tier.as_ref().map(|tier| tier.tier_end);
        if next.changes_something() {
            prop_assert!(fresh, "{next:?} on old knowledge");
        }
        let fence = scene.tier.as_ref().and_then(Digest::epoch);
        if !deleted && next.changes_something() {
            prop_assert!(fence <= Some(leader.epoch), "{next:?} under a later leader's claim");
        }
        match &next {
            Next::Upload { chain, segments, why } => {
                let chain = &scene.held.chains[*chain];
                let from = segments[0].start;
                prop_assert!(tier_end.is_none_or(|end| end == from), "begins at {from}, not at the tier's end");
                prop_assert!(chain.start <= from && segments.last().unwrap().stop <= provable_end(chain));
                prop_assert!(usable(chain));
                prop_assert!(segments.windows(2).all(|pair| pair[0].stop == pair[1].start));
                let limit = if deleted { scene.tier.as_ref().and_then(|t| t.deleted).map_or(view.witness_bound, |d| d.last_bound) } else { high.map(offset) };
                prop_assert!(segments.last().unwrap().stop <= limit.unwrap());
                prop_assert_eq!(*why == Why::Deleted, deleted);
                prop_assert_eq!(*why == Why::Leads, leads && !deleted);
                if leads && !deleted && fence.is_some_and(|fence| fence < leader.epoch) {
                    prop_assert!(view.comparison == Some(Comparison::Agrees));
                }
            }
            Next::RecordGap { range } => {
                prop_assert_eq!(Some(range.start()), tier_end);
                prop_assert!(leads || deleted);
                prop_assert!(view.wanted_for >= view.limits.gap_wait);
                let held = scene.held.chains.iter().filter(|chain| usable(chain));
                prop_assert!(!held.clone().any(|chain| chain.holds_sealed(range.start())));
                prop_assert!(!held.clone().any(|chain| chain.start > range.start() && chain.start < range.end()));
                prop_assert!(high.map(offset) >= Some(range.end()) || deleted);
            }
            Next::Claim { wanted } => {
                prop_assert!(leads && !deleted);
                prop_assert!(wanted.iter().all(|range| !range.is_empty() && Some(range.start()) == tier_end));
            }
            Next::DivideWanted { at } => {
                prop_assert!(!leads && !deleted);
                prop_assert!(scene.held.chains.iter().any(|chain| usable(chain) && provable_start(chain) == *at));
            }
            Next::Cut { .. } => {
                let cut = matches!(view.comparison, Some(Comparison::Cut { .. }));
                prop_assert!(leads && cut);
            },
            Next::Release { below } if !deleted => prop_assert_eq!(Some(*below), tier_end),
            Next::Release { below } => {
                prop_assert!(*below == Offset::MAX || Some(*below) == tier_end);
                if *below == Offset::MAX && let Some(last) = scene.tier.as_ref().and_then(|t| t.deleted).and_then(|d| d.last_bound) {
                    prop_assert!(tier_end >= Some(last), "pins go before what was committed is up");
                }
            }
            Next::Tombstone => prop_assert!(deleted),
            Next::Wait(_) | Next::Read | Next::AskBound | Next::Compare | Next::ReplacePieces { .. } | Next::UploadTail { .. } => {}
        }
    }
}
