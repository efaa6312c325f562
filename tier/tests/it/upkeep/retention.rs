use std::time::Duration;

use firnline_index::ids::{ObjectUuid, SegmentUuid, TimestampMs};
use firnline_index::keys::ObjectKey;
use firnline_index::manifest::{DeadBranch, DeadReason, Entry, EntryTable, MAX_ENTRIES, Page, PageBody};
use firnline_store::RequestKind;
use firnline_tier::cluster::Clocks;
use firnline_tier::gc::{DeleteError, GcMemory};
use firnline_tier::retention::{
    Limits, NotAsPlanned, RetentionDecision, RetentionRefusal, RetentionRequest, RetentionSettings,
    RetireOutcome, Share,
};
use firnline_tier::{Basis, CommitOutcome};

use super::*;
use crate::committing::made_up;

#[tokio::test(start_paused = true)]
async fn what_is_older_than_the_limit_goes_and_everything_else_stays() {
    let world = World::new(1);
    let tier = world.tier().await;
    let before = daily(&tier, 6, 2).await;
    let plan = plan_with(&tier, by_age(3), &all()).await;
    // Committed on days 0 to 5, and it is day 5: 0 and 1 are older than three days.
    assert_eq!(planned(&plan), 2);
    let condemned = retired(&tier, &plan).await;
    let now = manifest(&tier).await;
    assert_eq!(now.tier_start, before.entries[2].range.start());
    assert_eq!((now.tier_end, now.entries.len()), (before.tier_end, 4));
    // Until it is due, readers with an older manifest find all of it.
    assert_eq!(objects(&world), named(&tier, &before).await);
    assert_eq!(condemned.wait(), tier.marker().max_manifest_age * 2);
    let deleted = tier.delete_condemned(&condemned, &mut GcMemory::new()).await.unwrap();
    assert_eq!(deleted.objects, 2);
    assert!(deleted.refused.is_empty() && deleted.named_again.is_empty());
    assert_eq!(objects(&world), named(&tier, &now).await);
    sound(&tier).await;
}

#[tokio::test(start_paused = true)]
async fn a_run_that_finds_nothing_costs_one_read() {
    let world = World::new(2);
    let tier = world.tier().await;
    daily(&tier, 3, 1).await;
    let clocks = tier.clocks().await.unwrap();
    let before = tier.store().counters();
    let tip = tip(0);
    for limits in [by_age(9), Limits::default()] {
        let request = RetentionRequest { tip: &tip, limits, paused: false, clocks };
        let plan = tier.plan_retention(&request, &all()).await.unwrap().unwrap();
        assert_eq!(plan.decision, RetentionDecision::Keep);
    }
    assert_eq!(tier.store().counters().since(&before).total(), 1, "no limits, no request");
}

#[tokio::test(start_paused = true)]
async fn by_size_what_is_left_has_at_least_the_bytes_of_the_limit() {
    let world = World::new(3);
    let tier = world.tier().await;
    let head = daily(&tier, 5, 2).await;
    let one = head.entries[0].log_bytes.get();
    for (limit, expected) in
        [(5 * one, 0), (5 * one - 1, 0), (4 * one, 1), (4 * one - 1, 1), (one, 4), (0, 5)]
    {
        let limits = Limits { ms: None, bytes: Some(limit) };
        assert_eq!(planned(&plan_with(&tier, limits, &all()).await), expected, "{limit}");
    }
    let deleted = retire_and_delete(&tier, Limits { ms: None, bytes: Some(2 * one) }).await;
    assert_eq!(deleted.objects, 3);
    assert_eq!(manifest(&tier).await.totals.log_bytes.get(), 2 * one);
}

#[tokio::test(start_paused = true)]
async fn orphans_and_dead_branches_are_no_part_of_the_size() {
    let world = World::new(4);
    let tier = world.tier().await;
    let head = daily(&tier, 4, 2).await;
    let one = head.entries[0].log_bytes.get();
    // Failed uploads, as large as all the rest.
    let mut log = Log::starting_at(head.tier_end.get());
    for _ in 0..8 {
        log.append(3, 200, None);
    }
    orphan(&tier, &log).await;
    orphan(&tier, &log).await;
    let limits = Limits { ms: None, bytes: Some(4 * one) };
    assert_eq!(planned(&plan_with(&tier, limits, &all()).await), 0);
}

#[tokio::test(start_paused = true)]
async fn one_run_takes_a_share_and_always_may_take_one_segment() {
    let world = World::new(5);
    let tier = world.tier().await;
    daily(&tier, 20, 1).await;
    tokio::time::sleep(100 * DAY).await;
    for (share, expected) in [(0, 1), (100, 2), (149, 2), (150, 3), (1_000, 20)] {
        let settings = RetentionSettings { share: Share::per_mille(share), ..RetentionSettings::default() };
        let plan = plan_with(&tier, by_age(1), &settings).await;
        assert_eq!(planned(&plan), expected, "{share}");
        let RetentionDecision::Retire { more, .. } = plan.decision else { panic!() };
        assert_eq!(more, expected < 20, "{share}");
    }
    let settings = RetentionSettings { most_segments: 4, ..all() };
    assert_eq!(planned(&plan_with(&tier, by_age(1), &settings).await), 4);
}

#[tokio::test(start_paused = true)]
async fn the_last_segment_may_go_and_the_end_stays() {
    let world = World::new(6);
    let tier = world.tier().await;
    let before = daily(&tier, 2, 1).await;
    tokio::time::sleep(10 * DAY).await;
    assert_eq!(retire_and_delete(&tier, by_age(1)).await.objects, 2);
    let now = manifest(&tier).await;
    assert_eq!((now.tier_start, now.tier_end), (before.tier_end, before.tier_end));
    assert!(objects(&world).is_empty());
    // And the log goes on.
    let mut log = Log::starting_at(now.tier_end.get());
    log.append(3, 100, None);
    put(&tier, &tip(0), &log).await;
    sound(&tier).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_decided_where_clocks_contradict_each_other() {
    let world = World::new(7);
    let tier = world.tier().await;
    let head = daily(&tier, 3, 1).await;
    let now = tier.clocks().await.unwrap();
    let years = 10 * 365 * i64::try_from(days(1)).unwrap();
    let moved = |at: TimestampMs, by: i64| TimestampMs::new(at.get() + by).unwrap();
    let tip = tip(0);
    let decision = async |clocks| {
        let request = RetentionRequest { tip: &tip, limits: by_age(1), paused: false, clocks };
        tier.plan_retention(&request, &all()).await.unwrap().unwrap().decision
    };
    for clocks in [
        Clocks { ours: moved(now.ours, years), store: now.store },
        Clocks { ours: now.ours, store: moved(now.store, years) },
        Clocks { ours: moved(now.ours, -years), store: now.store },
    ] {
        let refused = RetentionDecision::Refuse(RetentionRefusal::ClocksApart { clocks });
        assert_eq!(decision(clocks).await, refused);
    }
    // Both went back together.
    let back = Clocks { ours: moved(now.ours, -years), store: moved(now.store, -years) };
    let newest = head.entries.last().unwrap().committed_at;
    let refused = RetentionRefusal::CommittedLater { newest, now: back.ours };
    assert_eq!(decision(back).await, RetentionDecision::Refuse(refused));
    // A few minutes are no contradiction, and the earlier clock decides: by the later one two would be old enough.
    let slack = Clocks { ours: moved(now.ours, 300_000), store: now.store };
    let RetentionDecision::Retire { segments, .. } = decision(slack).await else { panic!() };
    assert_eq!(segments, 1);
    // Both jumped ahead together, which nothing shows: then the share is what protects.
    let ahead = Clocks { ours: moved(now.ours, years), store: moved(now.store, years) };
    let request = RetentionRequest { tip: &tip, limits: by_age(1), paused: false, clocks: ahead };
    let plan = tier.plan_retention(&request, &RetentionSettings::default()).await.unwrap().unwrap();
    assert_eq!(planned(&plan), 1);
}

#[tokio::test(start_paused = true)]
async fn a_paused_topic_keeps_everything() {
    let world = World::new(8);
    let tier = world.tier().await;
    daily(&tier, 3, 1).await;
    let (tip, clocks) = (tip(0), tier.clocks().await.unwrap());
    let request = RetentionRequest { tip: &tip, limits: by_age(1), paused: true, clocks };
    let plan = tier.plan_retention(&request, &all()).await.unwrap().unwrap();
    assert_eq!(plan.decision, RetentionDecision::Refuse(RetentionRefusal::Paused));
    assert!(matches!(tier.retire(&plan, None).await.unwrap(), RetireOutcome::Nothing));
}

#[tokio::test(start_paused = true)]
async fn the_tier_start_rises_before_anything_is_deleted() {
    let world = World::new(9);
    let tier = world.tier().await;
    daily(&tier, 4, 1).await;
    let plan = plan_with(&tier, by_age(1), &all()).await;
    let begun = world.sim.trace().len();
    let condemned = retired(&tier, &plan).await;
    tier.delete_condemned(&condemned, &mut GcMemory::new()).await.unwrap();
    let trace = world.sim.trace();
    let at = |kind: RequestKind| trace[begun..].iter().position(|event| event.operation == kind).unwrap();
    assert!(at(RequestKind::Update) < at(RequestKind::Delete));
    let (put, delete) = (&trace[begun + at(RequestKind::Update)], &trace[begun + at(RequestKind::Delete)]);
    let waited = Duration::from_millis((delete.at_ms - put.at_ms).unsigned_abs());
    assert!(waited >= tier.marker().max_manifest_age * 2, "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_no_longer_fits_is_not_carried_out() {
    let world = World::new(10);
    let tier = world.tier().await;
    daily(&tier, 4, 1).await;
    let plan = plan_with(&tier, by_age(1), &all()).await;
    // The same offsets, other records: the log was cut and went on.
    let mut head = tier.manifest(&tip(0)).await.unwrap().unwrap();
    head.manifest.entries[1].uuid = SegmentUuid::from_bytes([9; 16]);
    let key = ObjectKey::Manifest { tip: tip(0) }.to_string();
    tier.store().update(&key, head.manifest.encode().unwrap(), &head.version).await.unwrap();
    let RetireOutcome::Refused(refused) = tier.retire(&plan, None).await.unwrap() else { panic!() };
    let uuid = SegmentUuid::from_bytes([9; 16]);
    assert_eq!(refused.own_reason::<NotAsPlanned>(), Some(&NotAsPlanned { uuid }));
}

#[tokio::test(start_paused = true)]
async fn what_is_named_again_or_no_longer_surely_retired_is_not_deleted() {
    let world = World::new(11);
    let tier = world.tier().await;
    let before = tier.manifest(&tip(0)).await.unwrap();
    assert!(before.is_none());
    daily(&tier, 4, 1).await;
    let old = manifest(&tier).await;
    let plan = plan_with(&tier, by_age(1), &all()).await;
    let condemned = retired(&tier, &plan).await;
    let key = ObjectKey::Manifest { tip: tip(0) }.to_string();
    let retired_bytes = world.sim.peek(&key).unwrap();
    // Somebody restored the manifest of before.
    world.sim.plant(&key, old.encode().unwrap());
    let error = tier.delete_condemned(&condemned, &mut GcMemory::new()).await.unwrap_err();
    assert!(matches!(error, DeleteError::WentBack { .. }), "{error}");
    // Or one that names one of them and has a later generation.
    let mut again = old.clone();
    again.generation += 7;
    world.sim.plant(&key, again.encode().unwrap());
    let deleted = tier.delete_condemned(&condemned, &mut GcMemory::new()).await.unwrap();
    assert_eq!((deleted.objects, deleted.named_again.len() as u64), (0, planned(&plan)));
    world.sim.lose(&key);
    let error = tier.delete_condemned(&condemned, &mut GcMemory::new()).await.unwrap_err();
    assert!(matches!(error, DeleteError::ManifestGone { .. }), "{error}");
    assert_eq!(objects(&world).len(), 4, "all of that deleted nothing");
    world.sim.plant(&key, retired_bytes);
    let deleted = tier.delete_condemned(&condemned, &mut GcMemory::new()).await.unwrap();
    assert_eq!(deleted.objects, planned(&plan));
    // Once more: what is gone counts as deleted.
    let deleted = tier.delete_condemned(&condemned, &mut GcMemory::new()).await.unwrap();
    assert_eq!(deleted.objects, planned(&plan));
}

#[tokio::test(start_paused = true)]
async fn pages_go_with_the_last_of_their_entries_and_only_live_bytes_count() {
    let world = World::new(12);
    let tier = world.tier().await;
    let basis = Basis::of(None, offset(0));
    let first = upload(&tier, &tip(0), &basis, &Log::plain(1, 10)).await.unwrap();
    let count = 2 * MAX_ENTRIES as u64 + 10;
    let mut basis = basis;
    let mut segments = made_up(&first, count);
    for segment in &segments {
        world.sim.plant(&segment.entry.object_key(&tip(0)), "a segment");
    }
    while !segments.is_empty() {
        let rest = segments.split_off(segments.len().min(500));
        let CommitOutcome::Committed(now) = tier.commit(&request(&tip(0), &basis, segments)).await.unwrap()
        else {
            panic!()
        };
        basis = Basis::of(Some(&now.manifest), offset(0));
        segments = rest;
    }
    let before = manifest(&tier).await;
    assert_eq!(before.pages.len(), 2);
    let one = first.entry.log_bytes.get();
    let keep = |entries: u64| Limits { ms: None, bytes: Some(entries * one) };
    // Into the first page: it stays, for it lists live entries.
    let deleted = retire_and_delete(&tier, keep(count - 600)).await;
    assert_eq!((deleted.objects, manifest(&tier).await.pages.len()), (600, 2));
    // 600 entries are still listed and no longer live: they do not count as size.
    assert_eq!(planned(&plan_with(&tier, keep(count - 600), &all()).await), 0);
    assert_eq!(plan_with(&tier, keep(count), &all()).await.live_bytes, (count - 600) * one);
    // Over its end: now it goes, too.
    let deleted = retire_and_delete(&tier, keep(count - 1_200)).await;
    assert_eq!((deleted.objects, manifest(&tier).await.pages.len()), (600 + 1, 1));
    let now = manifest(&tier).await;
    assert!(named(&tier, &now).await.is_subset(&objects(&world)));
    assert_eq!(
        objects(&world).len() as u64,
        count - 1_200 + 1 + 1,
        "one page, and the segment uploaded for a sample"
    );
}

/// A partition with dead branches, one of them in a page; the keys of the objects of the first two.
async fn with_dead_branch(tier: &Tier) -> (Manifest, Vec<String>) {
    let head = daily(tier, 3, 1).await;
    let mut log = Log::starting_at(3);
    log.append(3, 200, None);
    let middle = Basis { base: offset(3), ..Basis::of(Some(&head), Offset::ZERO) };
    let (first, second) = (
        upload(tier, &tip(0), &middle, &log).await.unwrap(),
        upload(tier, &tip(0), &middle, &log).await.unwrap(),
    );
    let at = tier.clocks().await.unwrap().ours;
    let entry =
        |segment: &firnline_tier::UploadedSegment| Entry { committed_at: at, ..segment.entry.clone() };
    let page = Page {
        cluster_id: head.cluster_id.clone(),
        tip: tip(0),
        kind: head.kind,
        uuid: ObjectUuid::from_bytes([3; 16]),
        range: first.entry.range,
        body: PageBody::Entries { entries: EntryTable::new(&[entry(&first)]), gaps: Vec::new() },
    };
    let (bytes, reference) = page.encode().unwrap();
    tier.store().put_unique(&reference.object_key(&tip(0)).to_string(), bytes).await.unwrap();
    let mut loaded = tier.manifest(&tip(0)).await.unwrap().unwrap();
    let branch = |entries, pages| DeadBranch {
        cut_at: offset(3),
        reason: DeadReason::Truncation,
        recorded_at: at,
        entries,
        pages,
    };
    loaded.manifest.dead_branches.push(branch(vec![], vec![reference]));
    loaded
        .manifest
        .dead_branches
        .push(DeadBranch { cut_at: offset(4), ..branch(vec![entry(&second)], vec![]) });
    // A third one was cut as long ago, and holds a younger segment.
    let later = TimestampMs::new(at.get() + i64::try_from(days(30)).unwrap()).unwrap();
    let uuid = SegmentUuid::from_bytes([6; 16]);
    let young = Entry { committed_at: later, uuid, ..entry(&second) };
    loaded.manifest.dead_branches.push(DeadBranch { cut_at: offset(5), ..branch(vec![young], vec![]) });
    let key = ObjectKey::Manifest { tip: tip(0) }.to_string();
    tier.store().update(&key, loaded.manifest.encode().unwrap(), &loaded.version).await.unwrap();
    let keys = vec![
        first.entry.object_key(&tip(0)),
        reference.object_key(&tip(0)).to_string(),
        second.entry.object_key(&tip(0)),
    ];
    (loaded.manifest, keys)
}

#[tokio::test(start_paused = true)]
async fn a_dead_branch_goes_whole_once_all_of_it_is_older_than_the_limit() {
    let world = World::new(13);
    let tier = world.tier().await;
    let (_, keys) = with_dead_branch(&tier).await;
    let tip = tip(0);
    let planned = async |days| {
        let clocks = tier.clocks().await.unwrap();
        let request = RetentionRequest { tip: &tip, limits: by_age(days), paused: false, clocks };
        tier.plan_dead_branch(&request, &all()).await.unwrap()
    };
    assert_eq!(planned(1).await, None);
    tokio::time::sleep(2 * DAY).await;
    // Neither a longer limit nor one by size ends it, nor does gc.
    assert_eq!(planned(3).await, None);
    retire_and_delete(&tier, Limits { ms: None, bytes: Some(0) }).await;
    assert!(collect(&tier).await.is_none());
    assert_eq!(objects(&world), keys.iter().cloned().collect());
    let branch = planned(1).await.unwrap();
    let RetireOutcome::Retired(condemned) = tier.drop_dead_branch(&tip, branch, None).await.unwrap() else {
        panic!()
    };
    assert_eq!(condemned.objects().keys().collect::<BTreeSet<_>>(), keys[..2].iter().collect());
    let deleted = tier.delete_condemned(&condemned, &mut GcMemory::new()).await.unwrap();
    assert_eq!(deleted.objects, 2);
    assert_eq!(objects(&world), BTreeSet::from([keys[2].clone()]));
    // Once more is nothing; the other is still there and goes by its own name.
    assert!(matches!(tier.drop_dead_branch(&tip, branch, None).await.unwrap(), RetireOutcome::Nothing));
    let other = planned(1).await.unwrap();
    assert_eq!(other.cut_at, offset(4));
    let RetireOutcome::Retired(condemned) = tier.drop_dead_branch(&tip, other, None).await.unwrap() else {
        panic!()
    };
    drop(condemned);
    assert_eq!(collect(&tier).await.unwrap().objects, 1, "what a crash forgets, gc finds");
    assert_eq!(planned(1).await, None, "one segment of the third is young");
}
