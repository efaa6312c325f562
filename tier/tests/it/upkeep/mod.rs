//! What a sidecar and an operator do besides offloading: retention, gc, floors, policy, scrub, what nodes tell each other.

mod cluster;
mod crashes;
mod deciding;
mod directory;
mod floors;
mod gc;
mod policy;
mod races;
mod retention;
mod scrub;

use std::collections::BTreeSet;
use std::time::Duration;

use firnline_index::keys::ObjectKey;
use firnline_index::manifest::Manifest;
use firnline_index::{Offset, OffsetRange, SegmentUuid};
use firnline_tier::cluster::Clocks;
use firnline_tier::gc::{Condemned, Deleted, GcMemory, GcOutcome, GcRequest, GcSettings};
use firnline_tier::retention::{
    Limits, RetentionDecision, RetentionPlan, RetentionRequest, RetentionSettings, RetireOutcome, Share,
};
use firnline_tier::{Basis, Tier};

use crate::support::*;

pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);

pub(crate) fn days(n: u64) -> u64 {
    n * 24 * 3600 * 1000
}

/// A partition of `count` segments, each of `batches` batches and committed a day after the one before.
pub(crate) async fn daily(tier: &Tier, count: usize, batches: usize) -> Manifest {
    let mut log = Log::default();
    let mut last = None;
    for n in 0..count {
        if n > 0 {
            tokio::time::sleep(DAY).await;
        }
        let mut next = Log::starting_at(log.next);
        for _ in 0..batches {
            next.append(3, 200, None);
        }
        last = Some(put(tier, &tip(0), &next).await);
        log.next = next.next;
    }
    last.unwrap().manifest
}

pub(crate) async fn manifest(tier: &Tier) -> Manifest {
    tier.manifest(&tip(0)).await.unwrap().unwrap().manifest
}

pub(crate) fn by_age(days_: u64) -> Limits {
    Limits { ms: Some(days(days_)), bytes: None }
}

pub(crate) fn all() -> RetentionSettings {
    RetentionSettings { share: Share::ALL, ..RetentionSettings::default() }
}

pub(crate) async fn plan_with(tier: &Tier, limits: Limits, settings: &RetentionSettings) -> RetentionPlan {
    let clocks = tier.clocks().await.unwrap();
    let tip = tip(0);
    let request = RetentionRequest { tip: &tip, limits, paused: false, clocks };
    tier.plan_retention(&request, settings).await.unwrap().unwrap()
}

/// How many segments the plan retires.
pub(crate) fn planned(plan: &RetentionPlan) -> u64 {
    match &plan.decision {
        RetentionDecision::Retire { segments, .. } => *segments,
        RetentionDecision::Keep => 0,
        RetentionDecision::Refuse(refusal) => panic!("{refusal}"),
    }
}

pub(crate) async fn retired(tier: &Tier, plan: &RetentionPlan) -> Condemned {
    match tier.retire(plan, None).await.unwrap() {
        RetireOutcome::Retired(condemned) => condemned,
        other => panic!("{other:?}"),
    }
}

/// Carries out what retention by `limits` takes, to the last DELETE.
pub(crate) async fn retire_and_delete(tier: &Tier, limits: Limits) -> Deleted {
    let plan = plan_with(tier, limits, &all()).await;
    let condemned = retired(tier, &plan).await;
    tier.delete_condemned(&condemned, &mut GcMemory::new()).await.unwrap()
}

pub(crate) fn gc_settings() -> GcSettings {
    GcSettings { min_age: Duration::from_secs(3600), ..GcSettings::default() }
}

pub(crate) async fn gc(tier: &Tier, settings: &GcSettings, memory: &mut GcMemory) -> GcOutcome {
    let clocks = tier.clocks().await.unwrap();
    let tip = tip(0);
    tier.gc(&gc_request(&tip, clocks), settings, memory).await.unwrap()
}

pub(crate) fn gc_request(tip: &firnline_index::TopicIdPartition, clocks: Clocks) -> GcRequest<'_> {
    GcRequest { tip, writer: None, paused: false, clocks, known_generation: None, after: None }
}

/// Collects to the last DELETE; `None` where there was nothing.
pub(crate) async fn collect(tier: &Tier) -> Option<Deleted> {
    let mut memory = GcMemory::new();
    match gc(tier, &gc_settings(), &mut memory).await {
        GcOutcome::Clean(_) => None,
        GcOutcome::Condemned(condemned, _) => {
            Some(tier.delete_condemned(&condemned, &mut memory).await.unwrap())
        }
        other => panic!("{other:?}"),
    }
}

/// The partition's segments and pages that are there.
pub(crate) fn objects(world: &World) -> BTreeSet<String> {
    let ours = |key: &String| {
        matches!(
            key.parse(),
            Ok(ObjectKey::Segment { .. } | ObjectKey::Page { .. } | ObjectKey::Floor { .. })
        )
    };
    world.sim.keys().into_iter().filter(ours).collect()
}

/// What the manifest names, with what lies in pages.
pub(crate) async fn named(tier: &Tier, head: &Manifest) -> BTreeSet<String> {
    let mut names: BTreeSet<String> =
        head.pages.iter().map(|page| page.object_key(&head.tip).to_string()).collect();
    let live = OffsetRange::new(head.tier_start, Offset::MAX).unwrap();
    let mut entries = tier.entries(head, live);
    while let Some(chunk) = entries.next_chunk().await.unwrap() {
        names.extend(chunk.iter().map(|entry| entry.object_key(&head.tip)));
    }
    let dead = head.dead_branches.iter().flat_map(|branch| &branch.entries);
    names.extend(dead.map(|entry| entry.object_key(&head.tip)));
    names
}

/// Uploads a log that continues the tier, and commits nothing.
pub(crate) async fn orphan(tier: &Tier, log: &Log) -> (Basis, firnline_tier::UploadedSegment) {
    let head = manifest(tier).await;
    let basis = Basis::of(Some(&head), Offset::ZERO);
    let segment = upload(tier, &tip(0), &basis, log).await.unwrap();
    (basis, segment)
}

/// A key of a segment that nobody has written.
pub(crate) fn segment_key(base: i64, id: u8) -> String {
    ObjectKey::Segment {
        tip: tip(0),
        base: offset(base),
        leader_epoch: None,
        uuid: SegmentUuid::from_bytes([id; 16]),
    }
    .to_string()
}

/// Everything that is named is there, and reads as it was written.
pub(crate) async fn sound(tier: &Tier) {
    use firnline_tier::check::{CheckDepth, Finding};
    let tell = |finding: Finding| match finding {
        Finding::Unnamed { .. } => {}
        other => panic!("{other:?}"),
    };
    let report = tier.check(vec![tip(0)], CheckDepth::Content, 1, &tell).await;
    assert!(report.is_clean(), "{report:?}");
}
