mod gone;
mod property;

use std::time::Duration;

use firnline_index::manifest::{Claim, Tombstone};
use firnline_index::{LeaderEpoch, NodeId, OffsetRange, TimestampMs};

use super::*;
use crate::host::Presence;
use crate::sidecar::held::{File, Held};
use crate::sidecar::next::Why;
use crate::sidecar::settings::TopicPolicy;
use crate::sidecar::view::Limits;

const NOW_MS: i64 = 1_700_000_000_000;
const HOUR: Duration = Duration::from_secs(3600);

fn offset(n: i64) -> Offset {
    Offset::new(n).unwrap()
}

fn epoch(n: i32) -> LeaderEpoch {
    LeaderEpoch::new(n).unwrap()
}

fn node(n: i32) -> NodeId {
    NodeId::new(n).unwrap()
}

fn range(start: i64, end: i64) -> OffsetRange {
    OffsetRange::new(offset(start), offset(end)).unwrap()
}

fn file(base: i64, end: Option<i64>, age: Duration, sole_link: bool) -> File {
    File {
        base: offset(base),
        end: end.map(offset),
        bytes: 100,
        written_at: TimestampMs::new(NOW_MS - i64::try_from(age.as_millis()).unwrap()).unwrap(),
        pinned: true,
        sole_link,
    }
}

/// The broker's log: sealed files between `borders`, and one that is written behind the last.
fn log(borders: &[i64], age: Duration) -> Chain {
    let mut files: Vec<File> =
        borders.windows(2).map(|pair| file(pair[0], Some(pair[1]), age, false)).collect();
    files.push(file(*borders.last().unwrap(), None, Duration::ZERO, false));
    let (start, sealed_end) = (offset(borders[0]), offset(*borders.last().unwrap()));
    Chain { is_log: true, start, sealed_end, verdict: None, replaces_nothing: false, hollow: None, files }
}

fn pins(borders: &[i64], age: Duration) -> Chain {
    let files = borders.windows(2).map(|pair| file(pair[0], Some(pair[1]), age, true)).collect();
    let (start, sealed_end) = (offset(borders[0]), offset(*borders.last().unwrap()));
    Chain { is_log: false, start, sealed_end, verdict: None, replaces_nothing: false, hollow: None, files }
}

fn digest(tier_end: i64) -> Digest {
    Digest {
        generation: 3,
        kind: ManifestKind::Sidecar,
        tier_start: Offset::ZERO,
        serving_start: Offset::ZERO,
        tier_end: offset(tier_end),
        claim: None,
        writer_epoch: Some(epoch(5)),
        last_epoch: Some(epoch(5)),
        deleted: None,
        pieces: None,
        gaps: 0,
        dead_branches: 0,
    }
}

fn bound(high_watermark: i64) -> Bound {
    let leader = Leader { node: node(1), epoch: epoch(5) };
    Bound { leader, high_watermark: offset(high_watermark), log_start: Offset::ZERO, epoch_end: None }
}

/// Everything that a view borrows.
#[derive(Clone)]
struct Scene {
    held: Held,
    tier: Option<Digest>,
    policy: TopicPolicy,
}

impl Scene {
    fn new(chains: Vec<Chain>, tier: Option<Digest>) -> Self {
        let policy = TopicPolicy { target_bytes: 0, ..TopicPolicy::default() };
        Self { held: Held { presence: Presence::Live, chains, unread: None }, tier, policy }
    }

    /// We lead under the epoch that the manifest was written under, all is committed, and the manifest was just read.
    fn view(&self) -> View<'_> {
        let leader = Leader { node: node(1), epoch: epoch(5) };
        View {
            now: TimestampMs::new(NOW_MS).unwrap(),
            node: node(1),
            standing: Standing::On,
            held: &self.held,
            tier: self.tier.as_ref().map_or(Known::Absent, Known::Present),
            fresh: true,
            known_for: Duration::ZERO,
            asked_for: false,
            kept: false,
            leader: Some(leader),
            bound: Some(Bound { leader, ..bound(1_000_000) }),
            comparison: None,
            policy: &self.policy,
            pressure: false,
            witness_bound: None,
            stood_still: Duration::ZERO,
            wanted_for: Duration::ZERO,
            since_commit: None,
            limits: Limits {
                takeover_after: Duration::from_secs(600),
                gap_wait: HOUR,
                early_permille: 0,
                cut_share_permille: 100,
                manifest_interval: Duration::from_secs(300),
            },
        }
    }
}

fn upload_of(next: &Next) -> Option<(usize, Offset, Offset, Why)> {
    match next {
        Next::Upload { chain, segments, why } => {
            Some((*chain, segments.first().unwrap().start, segments.last().unwrap().stop, *why))
        }
        _ => None,
    }
}

fn waits(next: &Next, name: &str) {
    match next {
        Next::Wait(reason) => assert_eq!(reason.name(), name),
        other => panic!("{other:?} is no wait for {name}"),
    }
}

#[test]
fn what_is_off_or_paused_or_has_no_leader_waits_whatever_is_held() {
    let scene = Scene::new(vec![log(&[0, 10, 20], HOUR)], Some(digest(0)));
    let at = |standing| decide(&View { standing, ..scene.view() });
    waits(&at(Standing::Off(OffReason::Policy)), "off");
    waits(&at(Standing::Off(OffReason::Plugin)), "off-plugin");
    waits(&at(Standing::Paused), "paused");
    waits(&decide(&View { leader: None, ..scene.view() }), "leader");
    let plugin =
        Scene::new(vec![log(&[0, 10], HOUR)], Some(Digest { kind: ManifestKind::Kip405, ..digest(0) }));
    waits(&decide(&plugin.view()), "off-plugin");
}

#[test]
fn a_later_leaders_claim_fences() {
    let scene =
        Scene::new(vec![log(&[0, 10, 20], HOUR)], Some(Digest { writer_epoch: Some(epoch(6)), ..digest(0) }));
    waits(&decide(&scene.view()), "fenced");
}

#[test]
fn nothing_is_changed_on_remembered_knowledge() {
    let scene = Scene::new(vec![log(&[0, 10, 20], HOUR)], Some(digest(0)));
    assert_eq!(decide(&View { fresh: false, ..scene.view() }), Next::Read);
    assert_eq!(upload_of(&decide(&scene.view())), Some((0, offset(0), offset(20), Why::Leads)));
}

#[test]
fn what_is_not_known_is_read_only_where_it_may_lead_to_something() {
    let at = |scene: &Scene, leads: bool| {
        let leader = Leader { node: node(if leads { 1 } else { 2 }), epoch: epoch(5) };
        decide(&View { tier: Known::Nothing, fresh: false, leader: Some(leader), ..scene.view() })
    };
    let sealed = Scene::new(vec![log(&[0, 10], HOUR)], None);
    assert_eq!(at(&sealed, true), Next::Read);
    waits(&at(&sealed, false), "uploader");
    let unsealed = Scene::new(vec![log(&[0], HOUR)], None);
    waits(&at(&unsealed, true), "idle");
    let sole = Scene::new(vec![pins(&[0, 10], HOUR)], None);
    assert_eq!(at(&sole, false), Next::Read);
}

#[test]
fn a_new_leader_compares_before_it_adds() {
    let scene =
        Scene::new(vec![log(&[0, 10, 20], HOUR)], Some(Digest { writer_epoch: Some(epoch(4)), ..digest(0) }));
    assert_eq!(decide(&scene.view()), Next::Compare);
    for comparison in [Comparison::Agrees, Comparison::Undecided] {
        let next = decide(&View { comparison: Some(comparison), ..scene.view() });
        assert!(upload_of(&next).is_some(), "{next:?}");
    }
}

#[test]
fn a_high_watermark_below_the_tiers_end_is_looked_into_once() {
    let scene = Scene::new(vec![log(&[0, 10, 20], HOUR)], Some(digest(20)));
    let short = Some(Bound { leader: Leader { node: node(1), epoch: epoch(5) }, ..bound(15) });
    assert_eq!(decide(&View { bound: short, ..scene.view() }), Next::Compare);
    let next = decide(&View { bound: short, comparison: Some(Comparison::Agrees), ..scene.view() });
    waits(&next, "idle");
}

#[test]
fn a_log_that_ends_where_the_tier_does_is_compared_whoever_stamped_the_manifest() {
    let scene = Scene::new(vec![log(&[0, 10, 20], HOUR)], Some(digest(20)));
    let level = Some(bound(20));
    assert_eq!(decide(&View { bound: level, ..scene.view() }), Next::Compare);
    waits(&decide(&View { bound: level, comparison: Some(Comparison::Undecided), ..scene.view() }), "idle");
}

#[test]
fn a_small_cut_is_made_and_any_other_is_for_an_operator() {
    let scene = Scene::new(vec![log(&[0, 10, 20], HOUR)], Some(digest(20)));
    let at = |comparison| decide(&View { comparison: Some(comparison), ..scene.view() });
    let cut =
        |at, log_start, permille| Comparison::Cut { at: offset(at), log_start: offset(log_start), permille };
    assert_eq!(at(cut(15, 0, 100)), Next::Cut { at: offset(15) });
    waits(&at(cut(15, 0, 101)), "operator-cut-too-large");
    waits(&at(cut(15, 15, 1)), "operator-cut-below-log-start");
    let below = Comparison::CutBelowLogStart { at: offset(15), log_start: offset(15) };
    waits(&at(below), "operator-cut-below-log-start");
    waits(&at(Comparison::Unknown), "operator-parts-unknown");
}

#[test]
fn what_lies_below_all_that_is_held_is_claimed_then_waited_for_then_a_gap() {
    let mut scene = Scene::new(vec![log(&[50, 60, 70], HOUR)], Some(digest(20)));
    assert_eq!(decide(&scene.view()), Next::Claim { wanted: vec![range(20, 50)] });
    let claim = |node_id, of| Claim { epoch: epoch(of), node: node(node_id), wanted: vec![range(20, 50)] };
    scene.tier = Some(Digest { claim: Some(claim(1, 5)), ..digest(20) });
    waits(&decide(&View { wanted_for: HOUR - Duration::from_secs(1), ..scene.view() }), "pending");
    let late = View { wanted_for: HOUR, ..scene.view() };
    assert_eq!(decide(&late), Next::RecordGap { range: range(20, 50) });
    // Not while a pin that may hold just these records cannot be read.
    let unread = Held { unread: Some("read pin: EIO".into()), ..scene.held.clone() };
    waits(&decide(&View { held: &unread, ..late.clone() }), "disk");
    // Not what is not known to be committed.
    let low = Some(Bound { leader: Leader { node: node(1), epoch: epoch(5) }, ..bound(49) });
    waits(&decide(&View { bound: low, comparison: Some(Comparison::Agrees), ..late.clone() }), "bound-above");
    assert_eq!(decide(&View { bound: None, ..late }), Next::AskBound);
    // The claim of the leader before wants nothing of us.
    scene.tier = Some(Digest { claim: Some(claim(2, 4)), writer_epoch: Some(epoch(5)), ..digest(20) });
    assert!(matches!(decide(&scene.view()), Next::Claim { .. }));
}

#[test]
fn what_can_be_proven_from_further_up_on_is_in_no_gap() {
    let unproven =
        Chain { verdict: Some(Unproven::WitnessAbove { from: offset(30) }), ..pins(&[10, 40, 50], HOUR) };
    let scene = Scene::new(vec![log(&[50, 60, 70], HOUR), unproven], Some(digest(20)));
    assert_eq!(decide(&scene.view()), Next::Claim { wanted: vec![range(20, 30)] });
}

#[test]
fn a_batch_that_reaches_over_the_tiers_end_is_missing() {
    let why = Unproven::InsideBatch { next: offset(23) };
    let hole = Chain { verdict: Some(Unproven::Hole { next: offset(23) }), ..log(&[0, 40, 50], HOUR) };
    let scene = Scene::new(vec![hole], Some(digest(20)));
    assert_eq!(decide(&scene.view()), Next::Claim { wanted: vec![range(20, 23)] });
    let inside = Chain { verdict: Some(why), ..log(&[0, 40, 50], HOUR) };
    let mut scene = Scene::new(vec![inside], Some(digest(20)));
    assert_eq!(decide(&scene.view()), Next::Claim { wanted: vec![range(20, 23)] });
    let claim = Claim { epoch: epoch(5), node: node(1), wanted: vec![range(20, 23)] };
    scene.tier = Some(Digest { claim: Some(claim), ..digest(20) });
    assert_eq!(decide(&View { wanted_for: HOUR, ..scene.view() }), Next::RecordGap { range: range(20, 23) });
}

#[test]
fn what_is_lost_ends_where_a_followers_proof_begins() {
    let why = Unproven::Beneath { vouched_from: offset(30), witnessed_to: None };
    let unproven = Chain { verdict: Some(why), ..pins(&[10, 40, 50], HOUR) };
    let claim = Claim { epoch: epoch(5), node: node(2), wanted: vec![range(20, 35)] };
    let mut scene = Scene::new(vec![unproven], Some(Digest { claim: Some(claim), ..digest(20) }));
    let leader = Some(Leader { node: node(2), epoch: epoch(5) });
    let next = |scene: &Scene| decide(&View { leader, ..scene.view() });
    assert_eq!(next(&scene), Next::DivideWanted { at: offset(30) });
    let divided = Claim { epoch: epoch(5), node: node(2), wanted: vec![range(20, 30), range(30, 35)] };
    scene.tier = Some(Digest { claim: Some(divided), ..digest(20) });
    assert_ne!(next(&scene), Next::DivideWanted { at: offset(30) });
}

#[test]
fn no_gap_reaches_over_what_another_sidecar_holds() {
    let leader = Leader { node: node(2), epoch: epoch(5) };
    let wanted = |of, wanted| Some(Claim { epoch: epoch(of), node: node(2), wanted });
    let mut scene = Scene::new(vec![log(&[50, 60, 70], HOUR)], None);
    let next = |scene: &Scene| decide(&View { leader: Some(leader), ..scene.view() });
    scene.tier = Some(Digest { claim: wanted(5, vec![range(20, 90)]), ..digest(20) });
    assert_eq!(next(&scene), Next::DivideWanted { at: offset(50) });
    for known in [
        wanted(5, vec![range(20, 50), range(50, 90)]),
        wanted(5, vec![range(20, 40)]),
        wanted(4, vec![range(20, 90)]),
        None,
    ] {
        scene.tier = Some(Digest { claim: known, ..digest(20) });
        waits(&next(&scene), "pending");
    }
    // And on the other side.
    scene.tier = Some(Digest {
        claim: Some(Claim { epoch: epoch(5), node: node(1), wanted: vec![range(20, 30), range(30, 50)] }),
        ..digest(20)
    });
    let late = View { wanted_for: HOUR, ..scene.view() };
    assert_eq!(decide(&late), Next::RecordGap { range: range(20, 30) });
}

#[test]
fn only_the_leader_claims() {
    let scene = Scene::new(vec![log(&[50, 60, 70], HOUR)], Some(digest(20)));
    let leader = Leader { node: node(2), epoch: epoch(5) };
    let next =
        decide(&View { leader: Some(leader), wanted_for: 9 * HOUR, stood_still: 9 * HOUR, ..scene.view() });
    waits(&next, "pending");
}

#[test]
fn no_gap_while_a_chain_holds_the_tiers_end() {
    let chains = vec![log(&[50, 60, 70], HOUR), pins(&[10, 30, 40], HOUR)];
    let scene = Scene::new(chains, Some(digest(20)));
    let next = decide(&View { wanted_for: 9 * HOUR, ..scene.view() });
    assert_eq!(upload_of(&next), Some((1, offset(20), offset(40), Why::Leads)));
}

#[test]
fn whoever_does_not_lead_uploads_what_is_wanted_or_what_stands_still() {
    let leader = Leader { node: node(2), epoch: epoch(5) };
    let bound = Some(Bound { leader, ..bound(1_000_000) });
    let mut scene = Scene::new(vec![pins(&[10, 20, 30], HOUR)], Some(digest(20)));
    let view = |scene: &Scene, stood_still| {
        decide(&View { leader: Some(leader), bound, stood_still, ..scene.view() })
    };
    // Its pin below the tier's end may go meanwhile.
    assert_eq!(view(&scene, Duration::ZERO), Next::Release { below: offset(20) });
    assert_eq!(upload_of(&view(&scene, HOUR)), Some((0, offset(20), offset(30), Why::Takeover)));
    let claim = Claim { epoch: epoch(5), node: node(2), wanted: vec![range(20, 25)] };
    scene.tier = Some(Digest { claim: Some(claim), ..digest(20) });
    assert_eq!(upload_of(&view(&scene, Duration::ZERO)), Some((0, offset(20), offset(30), Why::Wanted)));
    // What has just been written is not standing still, however long the tier's end has been where it is.
    let fresh = Scene::new(vec![pins(&[20, 30], Duration::from_secs(1))], Some(digest(20)));
    waits(&view(&fresh, HOUR), "uploader");
}

#[test]
fn pins_that_reach_above_the_high_watermark_are_taken_as_far_as_that() {
    let leader = Leader { node: node(2), epoch: epoch(5) };
    let claim = Claim { epoch: epoch(5), node: node(2), wanted: vec![range(20, 30)] };
    let tier = Some(Digest { claim: Some(claim), ..digest(20) });
    let low = Some(Bound { leader, ..bound(30) });
    let next = |chain: Chain| {
        let scene = Scene::new(vec![chain], tier.clone());
        decide(&View { leader: Some(leader), bound: low, ..scene.view() })
    };
    // They went another way, and what is shared lies below.
    assert_eq!(upload_of(&next(pins(&[20, 40], HOUR))), Some((0, offset(20), offset(30), Why::Wanted)));
    // What the broker still has is committed sooner or later.
    waits(&next(log(&[20, 40], HOUR)), "bound-above");
}

#[test]
fn joined_files_are_due_by_size_or_age_or_pressure() {
    let minute = Duration::from_secs(60);
    let mut scene = Scene::new(vec![log(&[0, 10, 20, 30], minute)], Some(digest(0)));
    scene.policy = TopicPolicy { target_bytes: 1000, max_lag: HOUR, ..TopicPolicy::default() };
    waits(&decide(&scene.view()), "not-due");
    assert!(upload_of(&decide(&View { pressure: true, ..scene.view() })).is_some());
    scene.policy.max_lag = minute;
    assert_eq!(upload_of(&decide(&scene.view())), Some((0, offset(0), offset(30), Why::Leads)));
    scene.policy.max_lag = HOUR;
    // A clock that went back says nothing about how old a file is: it is due.
    let before_all = TimestampMs::new(1).unwrap();
    assert!(upload_of(&decide(&View { now: before_all, ..scene.view() })).is_some());
    // Two files fill one segment; the third waits for its fellow.
    scene.policy.target_bytes = 200;
    assert_eq!(upload_of(&decide(&scene.view())), Some((0, offset(0), offset(20), Why::Leads)));
}

#[test]
fn nothing_above_the_last_bound_is_taken() {
    let scene = Scene::new(vec![log(&[0, 10, 20, 30], HOUR)], Some(digest(0)));
    let at = |high| {
        let leader = Leader { node: node(1), epoch: epoch(5) };
        decide(&View { bound: Some(Bound { leader, ..bound(high) }), ..scene.view() })
    };
    assert_eq!(upload_of(&at(29)), Some((0, offset(0), offset(20), Why::Leads)));
    waits(&at(9), "bound-above");
    assert_eq!(decide(&View { bound: None, ..scene.view() }), Next::AskBound);
    let others = Some(Bound { leader: Leader { node: node(1), epoch: epoch(4) }, ..bound(30) });
    assert_eq!(decide(&View { bound: others, ..scene.view() }), Next::AskBound);
}

#[test]
fn a_first_segment_begins_with_the_leaders_own_log() {
    let scene = Scene::new(vec![log(&[50, 60, 70], HOUR), pins(&[10, 20], HOUR)], None);
    assert_eq!(upload_of(&decide(&scene.view())), Some((0, offset(50), offset(70), Why::Leads)));
}

#[test]
fn a_chain_with_a_verdict_is_not_taken_beyond_it() {
    let mut chain = pins(&[20, 30, 40], HOUR);
    chain.verdict = Some(Unproven::NoWitness);
    let scene = Scene::new(vec![chain.clone()], Some(digest(20)));
    waits(&decide(&scene.view()), "operator-unproven");
    chain.verdict = Some(Unproven::OffLineage { leader: None, end: Some(offset(35)) });
    let scene = Scene::new(vec![chain], Some(digest(20)));
    assert_eq!(upload_of(&decide(&scene.view())), Some((0, offset(20), offset(35), Why::Leads)));
}

#[test]
fn pieces_give_way_once_their_file_is_sealed() {
    let mut scene =
        Scene::new(vec![log(&[0, 20, 40], HOUR)], Some(Digest { pieces: Some(range(20, 33)), ..digest(33) }));
    assert_eq!(decide(&scene.view()), Next::ReplacePieces { chain: 0, range: range(20, 40) });
    scene.held.chains = vec![log(&[0, 20], HOUR)];
    waits(&decide(&scene.view()), "idle");
}

#[test]
fn the_unsealed_tail_goes_up_in_its_interval() {
    let mut scene = Scene::new(vec![log(&[0, 20], HOUR)], Some(digest(20)));
    waits(&decide(&scene.view()), "idle");
    scene.policy.tail_interval = Some(Duration::from_secs(10));
    let leader = Leader { node: node(1), epoch: epoch(5) };
    let at = |since, high| {
        let bound = Some(Bound { leader, ..bound(high) });
        decide(&View { since_commit: Some(Duration::from_secs(since)), bound, ..scene.view() })
    };
    waits(&at(9, 27), "idle");
    assert_eq!(at(10, 27), Next::UploadTail { chain: 0, range: range(20, 27) });
    assert_eq!(at(10, 20), Next::Compare, "nothing new is committed");
    // What is refused is not tried again and again, but what the leader has not committed yet is.
    let refused = |why| {
        let mut log = log(&[0, 20], HOUR);
        log.verdict = Some(why);
        let scene = Scene { held: Held { chains: vec![log], ..scene.held.clone() }, ..scene.clone() };
        let bound = Some(Bound { leader, ..bound(27) });
        decide(&View { since_commit: Some(HOUR), bound, ..scene.view() })
    };
    waits(&refused(Unproven::Beneath { vouched_from: offset(25), witnessed_to: None }), "idle");
    let above = Unproven::AboveBound { high_watermark: offset(26) };
    assert_eq!(refused(above), Next::UploadTail { chain: 0, range: range(20, 27) });
}

#[test]
fn pins_below_the_tiers_end_are_looked_at_once_a_generation() {
    let scene = Scene::new(vec![log(&[20, 30], Duration::ZERO), pins(&[0, 10], HOUR)], Some(digest(30)));
    assert_eq!(decide(&scene.view()), Next::Release { below: offset(30) });
    waits(&decide(&View { kept: true, ..scene.view() }), "idle");
    let linked = Scene::new(vec![log(&[0, 10, 30], HOUR)], Some(digest(30)));
    waits(&decide(&linked.view()), "idle");
}
