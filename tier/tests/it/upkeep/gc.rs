use firnline_index::ids::ObjectUuid;
use firnline_index::manifest::{
    DeadBranch, DeadReason, EntryTable, MAX_REFS_PER_LEVEL, Page, PageBody, Totals,
};
use firnline_store::RequestKind;
use firnline_store::sim::{Rule, SimFault, When};
use firnline_tier::gc::{ClocksApart, GcRefusal, GcSurvey, TooMuch, Why};

use super::*;

/// A partition of three segments and a log that continues it.
async fn three(world: &World) -> (Tier, Log) {
    let tier = world.tier().await;
    let head = daily(&tier, 3, 1).await;
    let mut log = Log::starting_at(head.tier_end.get());
    log.append(3, 200, None);
    (tier, log)
}

fn refusal(outcome: GcOutcome) -> GcRefusal {
    match outcome {
        GcOutcome::Refused(refusal, _) => refusal,
        other => panic!("{other:?}"),
    }
}

fn survey(outcome: GcOutcome) -> GcSurvey {
    match outcome {
        GcOutcome::Clean(survey) => survey,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_orphan_goes_once_it_is_old_and_the_tier_has_gone_on() {
    let world = World::new(1);
    let (tier, log) = three(&world).await;
    let (_, lost) = orphan(&tier, &log).await;
    put(&tier, &tip(0), &log).await;
    assert!(collect(&tier).await.is_none(), "it is young");
    tokio::time::sleep(2 * Duration::from_secs(3600)).await;
    let boundary = manifest(&tier).await.gc_boundary;
    let deleted = collect(&tier).await.unwrap();
    assert_eq!(deleted.objects, 1);
    assert!(!objects(&world).contains(&lost.entry.object_key(&tip(0))));
    let now = manifest(&tier).await;
    assert_ne!(now.gc_boundary, boundary);
    assert_eq!(objects(&world), named(&tier, &now).await);
    sound(&tier).await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_run_costs_a_read_and_a_listing_and_changes_nothing() {
    let world = World::new(2);
    let (tier, _) = three(&world).await;
    tokio::time::sleep(DAY).await;
    let clocks = tier.clocks().await.unwrap();
    let generation = manifest(&tier).await.generation;
    let before = tier.store().counters();
    let tip = tip(0);
    let outcome = tier.gc(&gc_request(&tip, clocks), &gc_settings(), &mut GcMemory::new()).await.unwrap();
    let survey = survey(outcome);
    assert_eq!((survey.objects, survey.next), (4, None));
    let spent = tier.store().counters().since(&before);
    assert_eq!((spent.of(RequestKind::Get), spent.of(RequestKind::List), spent.total()), (1, 1, 2));
    assert_eq!(manifest(&tier).await.generation, generation);
}

#[tokio::test(start_paused = true)]
async fn what_retention_left_behind_goes() {
    let world = World::new(3);
    let (tier, _) = three(&world).await;
    let plan = plan_with(&tier, by_age(1), &all()).await;
    let forgotten = retired(&tier, &plan).await;
    drop(forgotten);
    let mut memory = GcMemory::new();
    let GcOutcome::Condemned(condemned, _) = gc(&tier, &gc_settings(), &mut memory).await else { panic!() };
    assert!(condemned.objects().values().all(|doomed| doomed.why == Why::Retired));
    // Readers may still hold the manifest that named them.
    assert_eq!(condemned.wait(), tier.marker().max_manifest_age * 2);
    assert_eq!(tier.delete_condemned(&condemned, &mut memory).await.unwrap().objects, planned(&plan));
    sound(&tier).await;
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_lists_all_and_touches_nothing() {
    let world = World::new(4);
    let (tier, log) = three(&world).await;
    let (_, lost) = orphan(&tier, &log).await;
    put(&tier, &tip(0), &log).await;
    tokio::time::sleep(DAY).await;
    let (tip_, clocks) = (tip(0), tier.clocks().await.unwrap());
    let (before, generation) = (world.sim.keys(), manifest(&tier).await.generation);
    let planned =
        tier.plan_gc(&gc_request(&tip_, clocks), &gc_settings(), &mut GcMemory::new()).await.unwrap();
    let GcOutcome::Planned(doomed, survey) = planned else { panic!("{planned:?}") };
    assert_eq!(doomed.keys().collect::<Vec<_>>(), [&lost.entry.object_key(&tip(0))]);
    assert_eq!(doomed.values().next().unwrap().size, lost.entry.location.length.get());
    assert_eq!(survey.objects, 6);
    assert_eq!((world.sim.keys(), manifest(&tier).await.generation), (before, generation));
}

/// A segment that a broker has named, from this offset on.
async fn brokers(tier: &Tier, base: i64, id: u8) -> String {
    let mut log = Log::starting_at(base);
    log.append(3, 200, None);
    let named = firnline_tier::BrokerSegment {
        uuid: SegmentUuid::from_bytes([id; 16]),
        leader_epoch: None,
        epochs: Vec::new(),
        files: Default::default(),
        open: None,
    };
    let plan = plan(&tip(0), offset(base), &Basis::of(None, offset(base)), 1 << 16);
    let outcome = tier.upload_broker_segment(log.source(), plan, named, &firnline_tier::Unpaced).await;
    let firnline_tier::UploadOutcome::Uploaded(uploaded) = outcome.unwrap() else {
        panic!("there are batches")
    };
    uploaded.entry.object_key(&tip(0))
}

/// A topic that sidecars and a broker have offloaded one after the other: the broker's metadata names what no manifest does,
/// before where the manifest began, below the tier's start, within the tier and behind it.
#[tokio::test(start_paused = true)]
async fn segments_that_a_broker_has_named_are_left_to_it_wherever_they_lie() {
    let world = World::new(50);
    let tier = world.tier().await;
    let mut first = Log::starting_at(100);
    first.append(3, 200, None);
    put(&tier, &tip(0), &first).await;
    for _ in 0..2 {
        tokio::time::sleep(DAY).await;
        let mut next = Log::starting_at(manifest(&tier).await.tier_end.get());
        next.append(3, 200, None);
        put(&tier, &tip(0), &next).await;
    }
    // Retention takes the first, and what it left is to be found by gc.
    let _ = retired(&tier, &plan_with(&tier, by_age(1), &all()).await).await;
    let head = manifest(&tier).await;
    assert!(head.began() == offset(100) && head.tier_start > offset(100));
    let mut theirs = Vec::new();
    for (id, base) in (1..).zip([50, 100, head.tier_start.get(), head.tier_end.get()]) {
        theirs.push(brokers(&tier, base, id).await);
    }
    tokio::time::sleep(DAY).await;
    let (settings, mut memory) = (GcSettings { share: Share::ALL, ..gc_settings() }, GcMemory::new());
    let GcOutcome::Condemned(condemned, survey) = gc(&tier, &settings, &mut memory).await else { panic!() };
    assert_eq!(survey.foreign, theirs);
    assert!(condemned.objects().values().all(|doomed| doomed.why == Why::Retired));
    assert!(tier.delete_condemned(&condemned, &mut memory).await.unwrap().objects > 0);
    for key in theirs {
        assert!(world.sim.peek(&key).is_some(), "{key}");
    }
    sound(&tier).await;
}

/// A segment that could not be read right once may be a broker's own.
#[tokio::test(start_paused = true)]
async fn what_cannot_be_looked_into_below_the_start_stays() {
    let world = World::new(51);
    let (tier, _) = three(&world).await;
    let _ = retired(&tier, &plan_with(&tier, by_age(1), &all()).await).await;
    let key = brokers(&tier, 0, 9).await;
    let mut bytes = world.sim.peek(&key).unwrap().to_vec();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    world.sim.plant(&key, bytes);
    tokio::time::sleep(DAY).await;
    let (settings, mut memory) = (GcSettings { share: Share::ALL, ..gc_settings() }, GcMemory::new());
    let GcOutcome::Condemned(condemned, survey) = gc(&tier, &settings, &mut memory).await else { panic!() };
    assert_eq!(survey.foreign, std::slice::from_ref(&key));
    assert!(!condemned.objects().contains_key(&key));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_ours_is_never_touched() {
    let world = World::new(5);
    let (tier, _) = three(&world).await;
    let inside = segment_key(3, 7);
    let directory = inside.rsplit_once('/').unwrap().0.to_owned();
    for name in ["notes.txt", "manifest.bak", "x.seg", "sub/dir"] {
        world.sim.plant(&format!("{directory}/{name}"), "theirs");
    }
    // A key like ours with other bytes behind it, in the middle of the tier.
    world.sim.plant(&inside, "no segment at all");
    // A sound segment that was copied under another id.
    let head = manifest(&tier).await;
    let copy = segment_key(3, 8);
    let original = world.sim.peek(&head.entries[1].object_key(&tip(0))).unwrap();
    world.sim.plant(&copy, original);
    tokio::time::sleep(DAY).await;
    let before = world.sim.keys();
    let survey = survey(gc(&tier, &gc_settings(), &mut GcMemory::new()).await);
    assert_eq!((survey.unknown, survey.foreign), (4, vec![inside, copy]));
    assert_eq!(world.sim.keys(), before);
}

#[tokio::test(start_paused = true)]
async fn evidence_of_a_lost_commit_or_manifest_stops_it() {
    let world = World::new(6);
    let (tier, log) = three(&world).await;
    let settings = gc_settings();
    let run = async || gc(&tier, &settings, &mut GcMemory::new()).await;
    // At the tier's end: as if its commit had been taken back.
    let (_, lost) = orphan(&tier, &log).await;
    tokio::time::sleep(DAY).await;
    let key = lost.entry.object_key(&tip(0));
    let tier_end = manifest(&tier).await.tier_end;
    assert_eq!(refusal(run().await), GcRefusal::BeyondEnd { key: key.clone(), tier_end });
    world.sim.lose(&key);
    // Below the end, and reaching over it: as if pieces had been replaced and the replacement taken back.
    let mut over = Log::starting_at(6);
    over.append(3, 200, None).append(3, 200, None);
    let basis = Basis { base: offset(6), ..Basis::of(Some(&manifest(&tier).await), Offset::ZERO) };
    let long = upload(&tier, &tip(0), &basis, &over).await.unwrap();
    tokio::time::sleep(DAY).await;
    let key = long.entry.object_key(&tip(0));
    assert_eq!(refusal(run().await), GcRefusal::BeyondEnd { key: key.clone(), tier_end });
    world.sim.lose(&key);
    // The manifest went back behind what a summary told.
    let (tip_, clocks) = (tip(0), tier.clocks().await.unwrap());
    let request = GcRequest { known_generation: Some(9), ..gc_request(&tip_, clocks) };
    let outcome = tier.gc(&request, &settings, &mut GcMemory::new()).await.unwrap();
    assert_eq!(refusal(outcome), GcRefusal::WentBack { found: 3, known: 9 });
    // No manifest at all.
    let manifest_key = ObjectKey::Manifest { tip: tip(0) }.to_string();
    let bytes = world.sim.peek(&manifest_key).unwrap();
    world.sim.lose(&manifest_key);
    assert_eq!(refusal(run().await), GcRefusal::NoManifest { objects: 3 });
    world.sim.plant(&manifest_key, bytes);
    assert_eq!(objects(&world).len(), 3);
    sound(&tier).await;
}

#[tokio::test(start_paused = true)]
async fn pages_below_the_start_stay_while_a_page_of_pages_names_them() {
    let world = World::new(14);
    let tier = world.tier().await;
    let basis = Basis::of(None, offset(0));
    let first = upload(&tier, &tip(0), &basis, &Log::plain(1, 10)).await.unwrap();
    let mut head = put(&tier, &tip(0), &Log::plain(1, 10)).await.manifest;
    world.sim.lose(&first.entry.object_key(&tip(0)));
    head.entries.clear();
    head.totals = Totals::ZERO;
    // One entry a page, and one page more than the head takes of them.
    let mut segments = Vec::new();
    let mut at = first.entry.range.start();
    for _ in 0..=MAX_REFS_PER_LEVEL {
        let mut log = Log::starting_at(at.get());
        log.append(3, 10, None);
        segments.push(upload(&tier, &tip(0), &Basis::of(None, at), &log).await.unwrap());
        at = segments.last().unwrap().entry.range.end();
    }
    for (n, segment) in segments.iter().enumerate() {
        let page = Page {
            cluster_id: head.cluster_id.clone(),
            tip: tip(0),
            kind: head.kind,
            uuid: ObjectUuid::from_bytes([u8::try_from(n).unwrap() + 1; 16]),
            range: segment.entry.range,
            body: PageBody::Entries {
                entries: EntryTable::new(std::slice::from_ref(&segment.entry)),
                gaps: vec![],
            },
        };
        let (bytes, reference) = page.encode().unwrap();
        world.sim.plant(&reference.object_key(&tip(0)).to_string(), bytes);
        head.totals = head.totals.plus(reference.totals).unwrap();
        head.pages.push(reference);
    }
    head.tier_end = segments.last().unwrap().entry.range.end();
    let spilled = head.spill(|| ObjectUuid::from_bytes([0xee; 16])).unwrap().unwrap();
    world.sim.plant(&spilled.key.to_string(), spilled.bytes);
    head = spilled.head;
    (head.began_at, head.tier_start) = (Some(offset(0)), segments[30].entry.range.start());
    head.serving_start = head.tier_start;
    world.sim.plant(&ObjectKey::Manifest { tip: tip(0) }.to_string(), head.encode().unwrap());
    // The segment of before is named by nothing, like the thirty below the start.
    tokio::time::sleep(DAY).await;
    let (settings, mut memory) = (GcSettings { share: Share::ALL, ..gc_settings() }, GcMemory::new());
    let GcOutcome::Condemned(condemned, _) = gc(&tier, &settings, &mut memory).await else { panic!() };
    assert_eq!(condemned.objects().len(), 31);
    assert!(condemned.objects().values().all(|doomed| doomed.why == Why::Retired));
    tier.delete_condemned(&condemned, &mut memory).await.unwrap();
    let missing: Vec<_> = named(&tier, &head).await.difference(&objects(&world)).cloned().collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert_eq!(objects(&world).len(), (MAX_REFS_PER_LEVEL + 1) - 30 + (MAX_REFS_PER_LEVEL + 1) + 1);
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_is_only_beginning_is_no_evidence() {
    let world = World::new(13);
    let tier = world.tier().await;
    assert_eq!(survey(gc(&tier, &gc_settings(), &mut GcMemory::new()).await).objects, 0);
    floors::written(&tier, 4).await;
    tokio::time::sleep(DAY).await;
    upload(&tier, &tip(0), &Basis::of(None, offset(0)), &Log::plain(1, 10)).await.unwrap();
    let seen = survey(gc(&tier, &gc_settings(), &mut GcMemory::new()).await);
    assert_eq!((seen.objects, seen.pending_floors), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_manifest_made_anew_does_not_take_the_old_ones_segments_for_rubbish() {
    let world = World::new(7);
    let (tier, log) = three(&world).await;
    world.sim.lose(&ObjectKey::Manifest { tip: tip(0) }.to_string());
    // A sidecar that found none began one where its local log starts.
    put(&world.tier().await, &tip(0), &log).await;
    tokio::time::sleep(DAY).await;
    let refusal = refusal(gc(&tier, &gc_settings(), &mut GcMemory::new()).await);
    assert!(
        matches!(refusal, GcRefusal::BeforeBeginning { began_at, .. } if began_at == offset(9)),
        "{refusal}"
    );
}

#[tokio::test(start_paused = true)]
async fn more_than_a_share_takes_an_operators_word() {
    let world = World::new(8);
    let (tier, log) = three(&world).await;
    for _ in 0..20 {
        orphan(&tier, &log).await;
    }
    put(&tier, &tip(0), &log).await;
    tokio::time::sleep(DAY).await;
    let refusal = refusal(gc(&tier, &gc_settings(), &mut GcMemory::new()).await);
    assert!(matches!(refusal, GcRefusal::TooMuch(TooMuch { objects: 20, .. })), "{refusal}");
    let settings = GcSettings { share: Share::ALL, ..gc_settings() };
    let mut memory = GcMemory::new();
    let GcOutcome::Condemned(condemned, _) = gc(&tier, &settings, &mut memory).await else { panic!() };
    assert_eq!(tier.delete_condemned(&condemned, &mut memory).await.unwrap().objects, 20);
    sound(&tier).await;
}

#[tokio::test(start_paused = true)]
async fn paused_topics_and_wrong_clocks_are_left_alone() {
    let world = World::new(9);
    let (tier, log) = three(&world).await;
    orphan(&tier, &log).await;
    put(&tier, &tip(0), &log).await;
    tokio::time::sleep(DAY).await;
    let (tip_, clocks) = (tip(0), tier.clocks().await.unwrap());
    let mut memory = GcMemory::new();
    let request = GcRequest { paused: true, ..gc_request(&tip_, clocks) };
    assert_eq!(refusal(tier.gc(&request, &gc_settings(), &mut memory).await.unwrap()), GcRefusal::Paused);
    let ours = firnline_index::TimestampMs::new(clocks.ours.get() + 3_600_000).unwrap();
    let request = gc_request(&tip_, Clocks { ours, ..clocks });
    let refused = refusal(tier.gc(&request, &gc_settings(), &mut memory).await.unwrap());
    assert_eq!(refused, GcRefusal::ClocksApart(ClocksApart { seconds: 3_600 }));
}

#[tokio::test(start_paused = true)]
async fn dead_branches_and_unfolded_floors_stay() {
    let world = World::new(10);
    let (tier, log) = three(&world).await;
    let (_, dead) = orphan(&tier, &log).await;
    put(&tier, &tip(0), &log).await;
    let mut head = tier.manifest(&tip(0)).await.unwrap().unwrap();
    head.manifest.dead_branches.push(DeadBranch {
        cut_at: dead.entry.range.start(),
        reason: DeadReason::NeverCommitted,
        recorded_at: dead.entry.committed_at,
        entries: vec![dead.entry.clone()],
        pages: vec![],
    });
    let key = ObjectKey::Manifest { tip: tip(0) }.to_string();
    tier.store().update(&key, head.manifest.encode().unwrap(), &head.version).await.unwrap();
    let floor = floors::written(&tier, 4).await;
    tokio::time::sleep(DAY).await;
    let survey = survey(gc(&tier, &gc_settings(), &mut GcMemory::new()).await);
    assert_eq!(survey.pending_floors, 1);
    assert!(objects(&world).contains(&dead.entry.object_key(&tip(0))));
    assert!(objects(&world).contains(&floor.object_key().to_string()));
}

#[tokio::test(start_paused = true)]
async fn what_came_below_a_floor_and_is_still_listed_stays() {
    let world = World::new(11);
    let (tier, log) = three(&world).await;
    floors::written(&tier, 1_000).await;
    floors::folded(&tier).await;
    put(&tier, &tip(0), &log).await;
    let head = manifest(&tier).await;
    let below = head.entries.last().unwrap();
    assert!(below.range.end() <= head.tier_start, "it came below the floor");
    tokio::time::sleep(DAY).await;
    collect(&tier).await;
    assert!(objects(&world).contains(&below.object_key(&tip(0))));
    sound(&tier).await;
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_keeps_everything_does_not_make_it_loop() {
    for fault in ["refuses", "does not answer"] {
        let world = World::new(11);
        let (tier, log) = three(&world).await;
        let (_, lost) = orphan(&tier, &log).await;
        put(&tier, &tip(0), &log).await;
        tokio::time::sleep(DAY).await;
        let key = lost.entry.object_key(&tip(0));
        let bytes = world.sim.peek(&key).unwrap();
        if fault == "refuses" {
            world.sim.rule(
                Rule::new(SimFault::Denied, When::Always).on(&[RequestKind::Delete]).key_contains(".seg"),
            );
        }
        let mut memory = GcMemory::new();
        // The clock of a listing tells the same object from another: plant it again with the time it had.
        let settings = GcSettings { min_age: Duration::ZERO, ..gc_settings() };
        let GcOutcome::Condemned(condemned, _) = gc(&tier, &settings, &mut memory).await else { panic!() };
        let deleted = tier.delete_condemned(&condemned, &mut memory).await.unwrap();
        if fault == "refuses" {
            assert_eq!((deleted.objects, deleted.refused.len()), (0, 1));
        } else {
            assert_eq!(deleted.objects, 1);
            world.sim.plant(&key, bytes);
            // There again, and this time no DELETE is answered.
            let GcOutcome::Condemned(condemned, _) = gc(&tier, &settings, &mut memory).await else {
                panic!()
            };
            let at = condemned.objects()[&key].last_modified_ms;
            assert!(at.is_some());
            world.sim.rule(Rule::new(SimFault::LostBefore, When::Always).on(&[RequestKind::Delete]));
            let deleted = tier.delete_condemned(&condemned, &mut memory).await.unwrap();
            assert_eq!((deleted.objects, deleted.refused.len()), (0, 1));
        }
        let before = tier.store().counters();
        for _ in 0..3 {
            let survey = survey(gc(&tier, &settings, &mut memory).await);
            assert_eq!(survey.stubborn, 1, "{fault}");
        }
        let spent = tier.store().counters().since(&before);
        assert_eq!(spent.of(RequestKind::Update), 0, "{fault}: no boundary for what will not go");
        // A day later it is tried once more.
        world.sim.heal();
        tokio::time::sleep(DAY).await;
        let GcOutcome::Condemned(condemned, _) = gc(&tier, &settings, &mut memory).await else { panic!() };
        assert_eq!(tier.delete_condemned(&condemned, &mut memory).await.unwrap().objects, 1, "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_listing_is_gone_through_in_windows() {
    let world = World::new(12);
    let (tier, log) = three(&world).await;
    put(&tier, &tip(0), &log).await;
    // Retired long ago: below the start, above the beginning.
    let mut old = Log::starting_at(1);
    old.append(1, 10, None);
    for _ in 0..2_500 {
        upload(&tier, &tip(0), &Basis::of(None, offset(1)), &old).await.unwrap();
    }
    let plan = plan_with(&tier, by_age(1), &all()).await;
    let _ = retired(&tier, &plan).await;
    tokio::time::sleep(DAY).await;
    let settings = GcSettings { most_listed: 1_000, share: Share::ALL, ..gc_settings() };
    let (mut memory, mut after, mut gone, mut runs) = (GcMemory::new(), None::<String>, 0, 0);
    loop {
        let (tip_, clocks) = (tip(0), tier.clocks().await.unwrap());
        let request = GcRequest { after: after.as_deref(), ..gc_request(&tip_, clocks) };
        let survey = match tier.gc(&request, &settings, &mut memory).await.unwrap() {
            GcOutcome::Condemned(condemned, survey) => {
                assert!(condemned.objects().len() <= 1_000);
                gone += tier.delete_condemned(&condemned, &mut memory).await.unwrap().objects;
                survey
            }
            GcOutcome::Clean(survey) => survey,
            other => panic!("{other:?}"),
        };
        runs += 1;
        match survey.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!((gone, runs), (2_500 + planned(&plan), 3));
    sound(&tier).await;
}
