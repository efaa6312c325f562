use firnline_index::Said;
use firnline_index::floor::FloorObject;
use firnline_store::RequestKind;
use firnline_store::sim::{Rule, SimFault, When};
use firnline_tier::floors::{FloorRequest, FloorWritten, FloorsFolded, FoldOutcome};

use super::*;

fn said(tier: &Tier) -> Said {
    let _ = tier;
    Said { by: "alice".to_owned(), at: firnline_index::TimestampMs::ZERO, why: "erasure".to_owned() }
}

/// Writes a floor as a proxy does.
pub(super) async fn written(tier: &Tier, at: i64) -> FloorObject {
    let request = FloorRequest { tip: tip(0), offset: offset(at), said: said(tier), share: None };
    match tier.write_floor(&request).await.unwrap() {
        FloorWritten::Written(floor) => floor,
        FloorWritten::TooMuch(preview) => panic!("{preview:?}"),
    }
}

pub(super) async fn folded(tier: &Tier) -> FloorsFolded {
    match tier.fold_floors(&tip(0), None).await.unwrap() {
        FoldOutcome::Folded(folded) => folded,
        FoldOutcome::Refused(refused) => panic!("{refused}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_floor_is_seen_by_one_listing_folded_and_cleared_away() {
    let world = World::new(1);
    let tier = world.tier().await;
    let head = daily(&tier, 4, 1).await;
    assert!(tier.pending_floors().await.unwrap().partitions.is_empty());
    written(&tier, 4).await;
    written(&tier, 7).await;
    let before = tier.store().counters();
    let pending = tier.pending_floors().await.unwrap();
    assert_eq!(tier.store().counters().since(&before).total(), 1);
    assert_eq!((pending.partitions, pending.more), (vec![(tip(0).topic_id, tip(0).partition)], false));
    let folded = folded(&tier).await;
    assert_eq!((folded.floor, folded.removed), (Some(offset(7)), 2));
    let now = manifest(&tier).await;
    assert_eq!((now.floor, now.tier_start), (Some(offset(7)), offset(7)));
    assert!(tier.pending_floors().await.unwrap().partitions.is_empty());
    // What lies wholly below it goes after the wait; what reaches over it stays.
    let condemned = folded.condemned.unwrap();
    let gone: Vec<_> = head.entries[..2].iter().map(|entry| entry.object_key(&tip(0))).collect();
    assert_eq!(condemned.objects().keys().collect::<Vec<_>>(), gone.iter().collect::<Vec<_>>());
    tier.delete_condemned(&condemned, &mut GcMemory::new()).await.unwrap();
    assert_eq!(objects(&world), named(&tier, &now).await);
    sound(&tier).await;
}

#[tokio::test(start_paused = true)]
async fn a_lower_floor_and_one_folded_twice_change_nothing() {
    let world = World::new(2);
    let tier = world.tier().await;
    daily(&tier, 4, 1).await;
    written(&tier, 7).await;
    folded(&tier).await;
    let generation = manifest(&tier).await.generation;
    written(&tier, 3).await;
    let folded_ = folded(&tier).await;
    assert_eq!((folded_.floor, folded_.removed), (Some(offset(7)), 1));
    assert!(folded_.condemned.is_none());
    assert_eq!(manifest(&tier).await.generation, generation);
}

#[tokio::test(start_paused = true)]
async fn an_operator_is_shown_what_goes_and_stopped_at_a_share() {
    let world = World::new(3);
    let tier = world.tier().await;
    let head = daily(&tier, 4, 1).await;
    let preview = tier.preview_floor(&tip(0), offset(7)).await.unwrap().unwrap();
    assert_eq!((preview.segments, preview.share()), (2, Share::per_mille(500)));
    assert_eq!(preview.live_bytes, head.totals.log_bytes.get());
    let ask = |share| FloorRequest { tip: tip(0), offset: offset(7), said: said(&tier), share: Some(share) };
    let refused = tier.write_floor(&ask(Share::TENTH)).await.unwrap();
    assert!(matches!(refused, FloorWritten::TooMuch(shown) if shown == preview), "{refused:?}");
    assert!(tier.pending_floors().await.unwrap().partitions.is_empty());
    let written = tier.write_floor(&ask(Share::per_mille(500))).await.unwrap();
    assert!(matches!(written, FloorWritten::Written(_)));
}

#[tokio::test(start_paused = true)]
async fn a_floor_written_while_others_are_folded_is_not_forgotten() {
    for wait in 0..40 {
        let world = World::new(4);
        let tier = world.tier().await;
        daily(&tier, 4, 1).await;
        written(&tier, 4).await;
        world.sim.latency(Duration::from_millis(10)..Duration::from_millis(11));
        let other = world.tier().await;
        let late = async {
            tokio::time::sleep(Duration::from_millis(4 * wait)).await;
            written(&other, 7).await
        };
        futures::future::join(folded(&tier), late).await;
        world.sim.latency(Duration::ZERO..Duration::ZERO);
        if manifest(&tier).await.floor < Some(offset(7)) {
            let pending = tier.pending_floors().await.unwrap();
            assert_eq!(pending.partitions.len(), 1, "written {} ms later", 4 * wait);
        }
        folded(&tier).await;
        assert_eq!(manifest(&tier).await.floor, Some(offset(7)), "written {} ms later", 4 * wait);
    }
}

#[tokio::test(start_paused = true)]
async fn a_floor_that_is_damaged_or_a_copy_counts_for_nothing_and_stays() {
    let world = World::new(5);
    let tier = world.tier().await;
    daily(&tier, 4, 1).await;
    let floor = written(&tier, 4).await;
    let bytes = world.sim.peek(&floor.object_key().to_string()).unwrap();
    // Copied to a higher offset by hand.
    let copy = FloorObject { offset: offset(10), ..floor.clone() }.object_key().to_string();
    world.sim.plant(&copy, bytes.clone());
    let cut = ObjectKey::Floor { tip: tip(0), offset: offset(11), uuid: floor.uuid }.to_string();
    world.sim.plant(&cut, bytes.slice(..bytes.len() - 1));
    let folded_ = folded(&tier).await;
    assert_eq!((folded_.floor, folded_.removed, folded_.wrong.len()), (Some(offset(4)), 1, 2));
    assert!(objects(&world).contains(&copy) && objects(&world).contains(&cut));
    assert_eq!(tier.pending_floors().await.unwrap().partitions.len(), 1, "somebody has to look");
}

#[tokio::test(start_paused = true)]
async fn without_a_manifest_floors_wait() {
    let world = World::new(6);
    let tier = world.tier().await;
    written(&tier, 4).await;
    assert!(matches!(tier.fold_floors(&tip(0), None).await.unwrap(), FoldOutcome::Refused(_)));
    assert_eq!(tier.pending_floors().await.unwrap().partitions.len(), 1);
    daily(&tier, 4, 1).await;
    assert_eq!(folded(&tier).await.floor, Some(offset(4)));
}

#[tokio::test(start_paused = true)]
async fn an_answer_lost_anywhere_leaves_a_floor_that_is_folded_later() {
    for kind in [RequestKind::Put, RequestKind::Update, RequestKind::Delete] {
        for fault in [SimFault::LostAfter, SimFault::LostBefore] {
            let world = World::new(7);
            let tier = world.tier().await;
            daily(&tier, 4, 1).await;
            world.sim.rule(Rule::new(fault.clone(), When::First(1)).on(&[kind]));
            written(&tier, 7).await;
            folded(&tier).await;
            assert_eq!(manifest(&tier).await.floor, Some(offset(7)), "{kind:?} {fault:?}");
            assert!(tier.pending_floors().await.unwrap().partitions.is_empty());
        }
    }
}
