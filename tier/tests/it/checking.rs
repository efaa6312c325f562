use std::collections::BTreeSet;
use std::sync::Mutex;

use firnline_index::ids::{ProducerId, SegmentUuid, TimestampMs};
use firnline_index::keys::ObjectKey;
use firnline_index::manifest::{Manifest, Projected};
use firnline_index::transactions::{OpenTransaction, TransactionStart};
use firnline_store::RequestKind;
use firnline_store::sim::{Rule, SimFault, When};
use firnline_tier::change::Project;
use firnline_tier::check::{CheckDepth, CheckReport, Finding};
use firnline_tier::{Basis, BrokerSegment, SegmentPlan, Tier, Unpaced, UploadOutcome};

use crate::support::*;

async fn check(tier: &Tier, depth: CheckDepth) -> (CheckReport, BTreeSet<String>) {
    let names = Mutex::new(BTreeSet::new());
    let note = |finding: Finding| {
        let name = match finding {
            Finding::Anomaly(anomaly) => anomaly.kind.name().to_owned(),
            Finding::Locked { .. } => "locked".to_owned(),
            Finding::Unreadable { .. } => "unreadable".to_owned(),
            Finding::Unnamed { .. } => "unnamed".to_owned(),
        };
        names.lock().unwrap().insert(name);
    };
    let report = tier.check(vec![tip(0)], depth, 2, &note).await;
    (report, names.into_inner().unwrap())
}

fn names(of: &[&str]) -> BTreeSet<String> {
    of.iter().map(|&name| name.to_owned()).collect()
}

/// A partition of three segments with transactions over their borders.
async fn some_tier(world: &World) -> (Tier, Manifest) {
    let tier = world.tier().await;
    let mut log = Log::default();
    log.append(3, 300, Some(1)).append(3, 300, Some(2)).append(3, 300, None).end(1, false);
    let mut next = Log::starting_at(log.next);
    next.append(3, 300, Some(3)).end(2, false).append(3, 300, Some(4)).end(4, true);
    let mut last = Log::starting_at(next.next);
    last.append(3, 300, None).end(3, true).append(3, 300, Some(5));
    put(&tier, &tip(0), &log).await;
    put(&tier, &tip(0), &next).await;
    let manifest = put(&tier, &tip(0), &last).await.manifest;
    (tier, manifest)
}

#[tokio::test(start_paused = true)]
async fn a_sound_tier_has_nothing_to_tell() {
    let world = World::new(1);
    let (tier, manifest) = some_tier(&world).await;
    let before = tier.store().counters();
    let (report, found) = check(&tier, CheckDepth::Existence).await;
    assert_eq!(found, names(&[]));
    assert!(report.is_clean());
    assert_eq!((report.partitions, report.segments, report.blocks), (1, 3, 0));
    let spent = tier.store().counters().since(&before);
    assert_eq!((spent.of(RequestKind::Get), spent.of(RequestKind::List), spent.total()), (1, 1, 2));

    let (report, found) = check(&tier, CheckDepth::Content).await;
    assert_eq!(found, names(&[]));
    assert_eq!(report.log_bytes, manifest.totals.log_bytes.get());
    assert_eq!(report.batches, 11);
}

/// Whoever copies for a broker has one segment's files: what was open before is known by the snapshot at its end alone.
#[tokio::test(start_paused = true)]
async fn a_brokers_segment_may_name_its_base_for_data_before_it() {
    let world = World::new(12);
    let tier = world.tier().await;
    let (mut log, mut next) = (Log::default(), Log::starting_at(3));
    log.append(3, 300, Some(1));
    next.append(3, 300, None).end(1, false).append(3, 300, Some(2)).end(2, false);
    let open = OpenTransaction {
        producer: ProducerId::new(1).unwrap(),
        first_offset: offset(0),
        last_timestamp: TimestampMs::new(START_MS + 2).ok(),
    };
    let mut done = Projected::default();
    for (number, log, open) in [(1, &log, vec![open]), (2, &next, Vec::new())] {
        let named = BrokerSegment {
            uuid: SegmentUuid::from_bytes([number; 16]),
            leader_epoch: None,
            epochs: Vec::new(),
            files: Default::default(),
            open: Some(open),
        };
        let base = range_of(&log.batches[0]).start();
        let transactions = TransactionStart::Unknown { span_start: base };
        let plan = SegmentPlan { transactions, ..plan(&tip(0), base, &Basis::of(None, base), 1 << 16) };
        let outcome = tier.upload_broker_segment(log.source(), plan, named, &Unpaced).await.unwrap();
        let UploadOutcome::Uploaded(uploaded) = outcome else { panic!("there are batches") };
        done.added.push(uploaded.entry);
    }
    tier.edit(&tip(0), None, &Project { done, topic_partitions: 1 }).await.unwrap();
    let (report, found) = check(&tier, CheckDepth::Content).await;
    assert_eq!((found, report.segments), (names(&[]), 2));
}

#[tokio::test(start_paused = true)]
async fn any_flipped_bit_of_any_object_is_damage() {
    let world = World::new(2);
    let (tier, manifest) = some_tier(&world).await;
    let mut keys: Vec<String> = manifest.entries.iter().map(|entry| entry.object_key(&tip(0))).collect();
    keys.push(ObjectKey::Manifest { tip: tip(0) }.to_string());
    for key in keys {
        let good = world.sim.peek(&key).unwrap();
        for at in 0..good.len() {
            // Every byte, each with another of its bits.
            let mut bad = good.to_vec();
            bad[at] ^= 1 << (at % 8);
            world.sim.plant(&key, bad);
            let (report, found) = check(&tier, CheckDepth::Content).await;
            assert!(report.anomalies > 0, "{key}, byte {at}: {found:?}");
            assert_eq!(report.unreadable, 0, "{key}, byte {at}");
        }
        world.sim.plant(&key, good);
    }
    assert!(check(&tier, CheckDepth::Content).await.0.is_clean());
}

#[tokio::test(start_paused = true)]
async fn a_missing_a_short_and_a_long_object_are_told_apart() {
    for depth in [CheckDepth::Existence, CheckDepth::Content] {
        let world = World::new(3);
        let (tier, manifest) = some_tier(&world).await;
        let key = manifest.entries[1].object_key(&tip(0));
        let good = world.sim.peek(&key).unwrap();
        world.sim.lose(&key);
        assert_eq!(check(&tier, depth).await.1, names(&["object-missing"]));
        world.sim.plant(&key, good.slice(..good.len() - 1));
        assert_eq!(check(&tier, depth).await.1, names(&["object-length"]));
        world.sim.plant(&key, [good.as_ref(), b"x"].concat());
        assert_eq!(check(&tier, depth).await.1, names(&["object-length"]));
        world.sim.plant(&key, good);
        assert!(check(&tier, depth).await.0.is_clean());
    }
}

#[tokio::test(start_paused = true)]
async fn a_segment_in_anothers_place_is_damage() {
    let world = World::new(4);
    let (tier, manifest) = some_tier(&world).await;
    let keys: Vec<String> = manifest.entries.iter().map(|entry| entry.object_key(&tip(0))).collect();
    let other = world.sim.peek(&keys[2]).unwrap();
    let mut planted = other.to_vec();
    planted.resize(world.sim.peek(&keys[1]).unwrap().len(), 0);
    world.sim.plant(&keys[1], planted);
    assert_eq!(check(&tier, CheckDepth::Content).await.1, names(&["segment-tail"]));
}

#[tokio::test(start_paused = true)]
async fn what_the_store_does_not_let_us_read_is_not_damage() {
    let world = World::new(5);
    let (tier, manifest) = some_tier(&world).await;
    let key = manifest.entries[1].object_key(&tip(0));
    world.sim.rule(Rule::new(SimFault::Denied, When::Always).on(&[RequestKind::Get]).key_contains(&key));
    let (report, found) = check(&tier, CheckDepth::Content).await;
    assert_eq!(found, names(&["unreadable"]));
    assert_eq!((report.anomalies, report.segments), (0, 3), "the others were looked at all the same");
    world.sim.heal();
    world.sim.rule(Rule::new(SimFault::Denied, When::Always).on(&[RequestKind::List]));
    let (report, _) = check(&tier, CheckDepth::Existence).await;
    assert_eq!(report.anomalies, 0);
    assert!(report.unreadable > 0);
}

#[tokio::test(start_paused = true)]
async fn objects_that_nothing_names_are_mentioned_and_are_no_damage() {
    let world = World::new(6);
    let (tier, manifest) = some_tier(&world).await;
    for base in [0, 11, 1_000] {
        let key = ObjectKey::Segment {
            tip: tip(0),
            base: offset(base),
            leader_epoch: Some(epoch(0)),
            uuid: SegmentUuid::from_bytes([0xee; 16]),
        };
        world.sim.plant(&key.to_string(), "left behind");
    }
    let (report, found) = check(&tier, CheckDepth::Existence).await;
    assert_eq!(found, names(&["unnamed"]));
    assert_eq!((report.unnamed, report.segments), (3, manifest.entries.len() as u64));
    assert!(report.is_clean());
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_was_retired_meanwhile_is_not_missing() {
    let world = World::new(7);
    let (tier, _) = some_tier(&world).await;
    // Tier start moves over the first segment after the check has read the manifest, and the object goes.
    let mut head = tier.manifest(&tip(0)).await.unwrap().unwrap();
    let first = head.manifest.entries[0].clone();
    let old = world.sim.peek(&ObjectKey::Manifest { tip: tip(0) }.to_string()).unwrap();
    head.manifest.tier_start = first.range.end();
    head.manifest.serving_start = first.range.end();
    let key = ObjectKey::Manifest { tip: tip(0) }.to_string();
    world.sim.lose(&first.object_key(&tip(0)));
    let names = Mutex::new(Vec::new());
    // The first read sees the old manifest, all later ones the new.
    world.sim.plant(&key, old);
    let new = head.manifest.encode().unwrap();
    let swapped = std::sync::atomic::AtomicBool::new(false);
    let note = |finding: Finding| names.lock().unwrap().push(format!("{finding:?}"));
    let checking = tier.check(vec![tip(0)], CheckDepth::Existence, 1, &note);
    world.sim.latency(std::time::Duration::from_millis(10)..std::time::Duration::from_millis(11));
    let swap = async {
        tokio::time::sleep(std::time::Duration::from_millis(15)).await;
        world.sim.plant(&key, new);
        swapped.store(true, std::sync::atomic::Ordering::SeqCst);
    };
    let (report, ()) = futures::future::join(checking, swap).await;
    assert!(report.is_clean(), "{:?}", names.lock().unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_manifest_whose_transactions_were_tampered_with_is_found_by_the_batches() {
    let world = World::new(8);
    let (tier, _) = some_tier(&world).await;
    let mut head = tier.manifest(&tip(0)).await.unwrap().unwrap();
    // Sound in itself: another producer is said to be open.
    head.manifest.open_transactions[0].producer = ProducerId::new(99).unwrap();
    let key = ObjectKey::Manifest { tip: tip(0) }.to_string();
    tier.store().update(&key, head.manifest.encode().unwrap(), &head.version).await.unwrap();
    assert_eq!(check(&tier, CheckDepth::Existence).await.1, names(&[]));
    assert_eq!(check(&tier, CheckDepth::Content).await.1, names(&["transactions-mismatch"]));
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_differs_from_its_footer_is_found() {
    let world = World::new(9);
    let (tier, _) = some_tier(&world).await;
    let mut head = tier.manifest(&tip(0)).await.unwrap().unwrap();
    head.manifest.entries[1].max_timestamp = TimestampMs::new(START_MS + 999_999).ok();
    head.manifest.entries[1].object_crc = firnline_index::Crc32c::new(0);
    let key = ObjectKey::Manifest { tip: tip(0) }.to_string();
    tier.store().update(&key, head.manifest.encode().unwrap(), &head.version).await.unwrap();
    assert_eq!(check(&tier, CheckDepth::Content).await.1, names(&["footer-mismatch", "object-crc"]));
}

#[tokio::test(start_paused = true)]
async fn a_hole_that_a_cleaner_left_before_a_segments_first_batch_is_no_damage() {
    let world = World::new(10);
    let tier = world.tier().await;
    put(&tier, &tip(0), &Log::plain(2, 300)).await; // 0..6
    let head = tier.manifest(&tip(0)).await.unwrap();
    let basis = Basis::of(head.as_ref().map(|head| &head.manifest), offset(0));
    // The next segment begins where the tier ends, its first batch at 9.
    let segment = upload(&tier, &tip(0), &basis, Log::starting_at(9).append(3, 300, None)).await.unwrap();
    assert_eq!(segment.entry.range, range(6, 12));
    tier.commit(&request(&tip(0), &basis, vec![segment])).await.unwrap();
    assert_eq!(check(&tier, CheckDepth::Content).await.1, names(&[]));
}

#[tokio::test(start_paused = true)]
async fn objects_of_a_dead_branch_are_named_wherever_they_sort() {
    let world = World::new(11);
    let (tier, _) = some_tier(&world).await;
    let mut head = tier.manifest(&tip(0)).await.unwrap().unwrap();
    // A branch that was cut off between the second segment's base and the third's: its object lies among the live ones.
    let dead_log = Log { next: 12, epoch: 7, ..Log::default() }.append(3, 300, None).clone();
    let basis = Basis::of(None, offset(12));
    let dead = upload(&tier, &tip(0), &basis, &dead_log).await.unwrap().entry;
    let dead_key = dead.object_key(&tip(0));
    head.manifest.dead_branches.push(firnline_index::manifest::DeadBranch {
        cut_at: offset(12),
        reason: firnline_index::manifest::DeadReason::Truncation,
        recorded_at: TimestampMs::ZERO,
        entries: vec![dead],
        pages: Vec::new(),
    });
    let key = ObjectKey::Manifest { tip: tip(0) }.to_string();
    tier.store().update(&key, head.manifest.encode().unwrap(), &head.version).await.unwrap();
    for depth in [CheckDepth::Existence, CheckDepth::Content] {
        let (report, found) = check(&tier, depth).await;
        assert_eq!((found, report.segments, report.unnamed), (names(&[]), 4, 0), "{depth:?}");
    }
    world.sim.lose(&dead_key);
    assert_eq!(check(&tier, CheckDepth::Existence).await.1, names(&["object-missing"]));
}

#[tokio::test(start_paused = true)]
async fn a_footer_that_differs_from_its_batches_is_found() {
    use firnline_index::Crc32c;
    let world = World::new(12);
    let tier = world.tier().await;
    put(&tier, &tip(0), &Log::plain(4, 300)).await;
    let mut head = tier.manifest(&tip(0)).await.unwrap().unwrap();
    let entry = &mut head.manifest.entries[0];
    let key = entry.object_key(&tip(0));
    let mut object = world.sim.peek(&key).unwrap().to_vec();
    let trailer = object.len() - firnline_index::segment::TRAILER_LEN;
    let word = |at: usize| u32::from_le_bytes(object[at..at + 4].try_into().unwrap()) as usize;
    let footer = trailer - word(trailer)..trailer;
    // Field 8, the number of batches, as a writer with a fault would have counted it; all checksums hold.
    let at = footer.start + object[footer.clone()].windows(2).position(|tag| tag == [0x40, 4]).unwrap();
    object[at + 1] = 5;
    let crc = Crc32c::of(&object[footer]).get().to_le_bytes();
    object[trailer + 4..trailer + 8].copy_from_slice(&crc);
    let crc = Crc32c::of(&object[trailer..trailer + 148]).get().to_le_bytes();
    object[trailer + 148..trailer + 152].copy_from_slice(&crc);
    (entry.batches, entry.object_crc) = (5, Crc32c::of(&object));
    world.sim.plant(&key, object);
    let manifest = ObjectKey::Manifest { tip: tip(0) }.to_string();
    tier.store().update(&manifest, head.manifest.encode().unwrap(), &head.version).await.unwrap();
    assert_eq!(check(&tier, CheckDepth::Content).await.1, names(&["totals-mismatch"]));
}

#[tokio::test(start_paused = true)]
async fn a_manifest_that_is_gone_is_missed_where_pages_of_it_are_left() {
    let world = World::new(13);
    let (tier, _) = some_tier(&world).await;
    world.sim.lose(&ObjectKey::Manifest { tip: tip(0) }.to_string());
    assert_eq!(check(&tier, CheckDepth::Existence).await.1, names(&["unnamed"]), "as after a first upload");
    let uuid = firnline_index::ObjectUuid::from_bytes([0xaa; 16]);
    let page = ObjectKey::Page { tip: tip(0), first_base: offset(0), uuid };
    world.sim.plant(&page.to_string(), "once named");
    assert_eq!(check(&tier, CheckDepth::Existence).await.1, names(&["manifest-missing", "unnamed"]));
}

#[tokio::test(start_paused = true)]
async fn lengths_beyond_reason_are_told_and_neither_summed_up_nor_read() {
    use firnline_index::{ByteCount, StoredPosition};
    let world = World::new(14);
    let (tier, _) = some_tier(&world).await;
    let mut head = tier.manifest(&tip(0)).await.unwrap().unwrap().manifest;
    for entry in &mut head.entries {
        entry.location.length = ByteCount::new(u64::MAX / 2);
        entry.tail_position = StoredPosition::ZERO;
    }
    let key = ObjectKey::Manifest { tip: tip(0) }.to_string();
    world.sim.plant(&key, head.encode_unchecked().unwrap());
    for depth in [CheckDepth::Existence, CheckDepth::Content] {
        let (report, found) = check(&tier, depth).await;
        assert!(found.contains("object-length") && found.contains("wrong-totals"), "{found:?}");
        assert_eq!(report.object_bytes, u64::MAX);
    }
    let error = tier.segment_tail(&tip(0), &head.entries[0]).await.unwrap_err();
    assert!(matches!(error, firnline_tier::TailError::Damaged { .. }), "{error:?}");
}
