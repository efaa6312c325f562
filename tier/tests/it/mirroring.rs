//! Partitions that brokers tier: mirrors made anew, and objects that no broker owns.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use firnline_index::keys::ObjectKey;
use firnline_index::manifest::{Entry, Manifest, ManifestKind, Projected};
use firnline_index::{OffsetRange, SegmentUuid, TimestampMs};
use firnline_tier::change::Project;
use firnline_tier::check::{CheckDepth, Finding};
use firnline_tier::gc::TooMuch;
use firnline_tier::mirror::{
    BrokerWord, BrokersSay, MirrorError, Owned, SweepRefusal, SweepSettings, Swept, Unowned, Unread,
};
use firnline_tier::retention::Share;
use firnline_tier::{Basis, BrokerSegment, EditOutcome, Tier, Unpaced, UploadOutcome};

use crate::support::*;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A segment of `batches` batches of three records from `base` on, as a broker copies it.
async fn copied(tier: &Tier, base: i64, batches: usize, id: u8) -> Entry {
    let mut log = Log::starting_at(base);
    for _ in 0..batches {
        log.append(3, 200, None);
    }
    log.append(1, 20, Some(7)).end(7, false);
    let named = BrokerSegment {
        uuid: SegmentUuid::from_bytes([id; 16]),
        leader_epoch: Some(epoch(4)),
        epochs: vec![firnline_index::lineage::EpochStart { epoch: epoch(4), start: offset(base) }],
        files: Default::default(),
        open: Some(Vec::new()),
    };
    let plan = plan(&tip(0), offset(base), &Basis::of(None, offset(base)), 1 << 16);
    let outcome = tier.upload_broker_segment(log.source(), plan, named, &Unpaced).await;
    let UploadOutcome::Uploaded(uploaded) = outcome.unwrap() else { panic!("there are batches") };
    uploaded.entry
}

async fn project(tier: &Tier, done: Projected) -> Manifest {
    let change = Project { done, topic_partitions: 1 };
    match tier.edit(&tip(0), None, &change).await.unwrap() {
        EditOutcome::Changed { now, .. } => now.manifest,
        other => panic!("{other:?}"),
    }
}

fn added(entries: &[Entry]) -> Projected {
    Projected { added: entries.to_vec(), removed: BTreeMap::new() }
}

/// Without what only the time of writing tells.
fn timeless(mut entries: Vec<Entry>) -> Vec<Entry> {
    for entry in &mut entries {
        entry.committed_at = TimestampMs::ZERO;
    }
    entries
}

async fn is_sound(tier: &Tier) -> bool {
    let tell = |finding: Finding| assert!(matches!(finding, Finding::Unnamed { .. }), "{finding:?}");
    tier.check(vec![tip(0)], CheckDepth::Content, 1, &tell).await.is_clean()
}

#[tokio::test(start_paused = true)]
async fn a_mirror_that_is_lost_is_made_anew_by_the_segments_alone() {
    let world = World::new(70);
    let tier = world.tier().await;
    // Two leaders' segments overlap.
    let entries = [copied(&tier, 0, 3, 1).await, copied(&tier, 6, 3, 2).await, copied(&tier, 17, 2, 3).await];
    let before = project(&tier, added(&entries)).await;
    world.sim.lose(&ObjectKey::Manifest { tip: tip(0) }.to_string());
    let rebuild = tier.plan_rebuild(&tip(0), &|_| true).await.unwrap();
    assert_eq!((rebuild.segments, rebuild.unread.len(), rebuild.done.removed.len()), (3, 0, 0));
    let after = project(&tier, rebuild.done).await;
    assert_eq!(after.kind, ManifestKind::Kip405);
    assert_eq!(timeless(after.entries), timeless(before.entries));
    assert_eq!((after.tier_start, after.tier_end), (before.tier_start, before.tier_end));
    assert!(is_sound(&tier).await);
    let again = tier.plan_rebuild(&tip(0), &|_| true).await.unwrap();
    assert!(again.done.is_empty(), "there is nothing left to do");
}

#[tokio::test(start_paused = true)]
async fn a_mirror_gets_what_it_lacks_and_loses_what_is_gone() {
    let world = World::new(71);
    let tier = world.tier().await;
    let known = [copied(&tier, 0, 3, 1).await, copied(&tier, 11, 3, 2).await];
    project(&tier, added(&known)).await;
    let lacking = copied(&tier, 22, 3, 3).await;
    world.sim.lose(&known[0].object_key(&tip(0)));
    // Not a broker's; damaged; one that the caller does not want.
    let basis = Basis::of(None, offset(40));
    let mut log = Log::starting_at(40);
    log.append(3, 200, None);
    let sidecars = upload(&tier, &tip(0), &basis, &log).await.unwrap().entry.object_key(&tip(0));
    let damaged = copied(&tier, 50, 2, 5).await.object_key(&tip(0));
    let mut bytes = world.sim.peek(&damaged).unwrap().to_vec();
    let last = bytes.len() - 200;
    bytes[last] ^= 1;
    world.sim.plant(&damaged, bytes);
    let unwanted = copied(&tier, 60, 2, 6).await.uuid;
    let rebuild = tier.plan_rebuild(&tip(0), &|uuid| uuid != unwanted).await.unwrap();
    assert_eq!(timeless(rebuild.done.added.clone()), timeless(vec![lacking.clone()]));
    assert_eq!(rebuild.done.removed.keys().copied().collect::<Vec<_>>(), [known[0].uuid]);
    assert!(matches!(rebuild.unread[&sidecars], Unread::OfSidecars));
    assert!(matches!(rebuild.unread[&damaged], Unread::Damaged(_)));
    assert_eq!(rebuild.unread.len(), 2);
    let now = project(&tier, rebuild.done).await;
    assert_eq!(now.entries.iter().map(|entry| entry.uuid).collect::<Vec<_>>(), [known[1].uuid, lacking.uuid]);
}

#[tokio::test(start_paused = true)]
async fn a_manifest_of_sidecars_is_no_mirror() {
    let world = World::new(72);
    let tier = world.tier().await;
    put(&tier, &tip(0), &Log::plain(3, 100)).await;
    let error = tier.plan_rebuild(&tip(0), &|_| true).await.unwrap_err();
    assert!(matches!(error, MirrorError::OfSidecars { .. }), "{error}");
    let listed = tier.list_segments(&tip(0)).await.unwrap();
    let clocks = tier.clocks().await.unwrap();
    let swept = tier.unowned(&tip(0), &listed, &BrokersSay::default(), clocks, &careful()).await;
    assert!(matches!(swept, Err(MirrorError::OfSidecars { .. })));
}

fn careful() -> SweepSettings {
    SweepSettings { min_age: DAY, share: Share::ALL, at_least: 0 }
}

async fn sweep(tier: &Tier, say: &BrokersSay<'_>, settings: &SweepSettings) -> Result<Swept, SweepRefusal> {
    let listed = tier.list_segments(&tip(0)).await.unwrap();
    let clocks = tier.clocks().await.unwrap();
    tier.unowned(&tip(0), &listed, say, clocks, settings).await.unwrap()
}

fn say(said: &[(&Entry, BrokerWord)]) -> BrokersSay<'static> {
    let segments = said.iter().map(|(entry, word)| (entry.uuid, (entry.range, *word))).collect();
    BrokersSay { segments, ..BrokersSay::default() }
}

#[tokio::test(start_paused = true)]
async fn only_what_is_proven_to_be_nobodys_goes() {
    let world = World::new(73);
    let tier = world.tier().await;
    let began = tier.now().get();
    let old = BrokerWord::Copying { since_ms: began };
    let (first, second) = (copied(&tier, 0, 3, 1).await, copied(&tier, 11, 3, 2).await);
    let deleting = copied(&tier, 22, 3, 3).await;
    let deleted = copied(&tier, 0, 4, 4).await;
    // Begun and never ended: others have its offsets; nobody has.
    let (covered, alone) = (copied(&tier, 3, 3, 5).await, copied(&tier, 15, 9, 6).await);
    let unknown = copied(&tier, 0, 5, 7).await;
    let attached = copied(&tier, 0, 6, 8).await;
    let mut log = Log::starting_at(3);
    log.append(3, 200, None);
    let sidecars = upload(&tier, &tip(0), &Basis::of(None, offset(3)), &log).await.unwrap().entry;
    tokio::time::sleep(2 * DAY).await;
    let begun = copied(&tier, 3, 2, 9).await;
    let just = copied(&tier, 0, 7, 10).await;
    let now = BrokerWord::Copying { since_ms: tier.now().get() };
    let mut say = say(&[
        (&first, BrokerWord::Copied),
        (&second, BrokerWord::Copied),
        (&deleting, BrokerWord::Deleting),
        (&deleted, BrokerWord::Deleted),
        (&covered, old),
        (&alone, old),
        (&begun, now),
    ]);
    // An attached bucket's segment, of which the broker speaks by other ids.
    say.elsewhere = Cow::Owned(HashSet::from([attached.uuid]));
    let swept = sweep(&tier, &say, &careful()).await.unwrap();
    let key = |entry: &Entry| entry.object_key(&tip(0));
    let mut goes: Vec<_> = swept.unowned.iter().map(|(key, (why, _))| (key.clone(), *why)).collect();
    goes.sort();
    let mut expected = vec![
        (key(&deleted), Unowned::Deleted),
        (key(&covered), Unowned::Unfinished),
        (key(&unknown), Unowned::Unknown),
    ];
    expected.sort();
    assert_eq!(goes, expected);
    let odd = BTreeMap::from([(key(&alone), Owned::UnfinishedAlone), (key(&sidecars), Owned::Foreign)]);
    assert_eq!((swept.odd.clone(), swept.segments), (odd, 11));
    assert!(tier.delete_unowned(&swept).await.is_empty());
    let there = tier.list_segments(&tip(0)).await.unwrap();
    assert_eq!(there.len(), 8);
    for kept in [&first, &second, &deleting, &alone, &attached, &sidecars, &begun, &just] {
        assert!(there.contains_key(&kept.uuid), "{}", key(kept));
    }
}

#[tokio::test(start_paused = true)]
async fn metadata_that_knows_nothing_and_more_than_a_share_are_refused() {
    let world = World::new(74);
    let tier = world.tier().await;
    let kept = copied(&tier, 0, 3, 1).await;
    for id in 2..8 {
        copied(&tier, 0, 3, id).await;
    }
    tokio::time::sleep(2 * DAY).await;
    let refused = sweep(&tier, &BrokersSay::default(), &careful()).await.unwrap_err();
    assert_eq!(refused, SweepRefusal::NeverHeardOf { segments: 7 });
    let say = say(&[(&kept, BrokerWord::Copied)]);
    let tenth = SweepSettings { share: Share::TENTH, ..careful() };
    let refused = sweep(&tier, &say, &tenth).await.unwrap_err();
    assert!(matches!(refused, SweepRefusal::TooMuch(TooMuch { objects: 6, .. })), "{refused}");
    let few = SweepSettings { at_least: 16, ..tenth };
    assert_eq!(sweep(&tier, &say, &few).await.unwrap().unowned.len(), 6);
    assert_eq!(sweep(&tier, &say, &careful()).await.unwrap().unowned.len(), 6);
    // A partition that nobody has copied anything of has nothing to lose.
    let empty = tier.list_segments(&tip(5)).await.unwrap();
    let clocks = tier.clocks().await.unwrap();
    let swept = tier.unowned(&tip(5), &empty, &BrokersSay::default(), clocks, &careful()).await.unwrap();
    assert_eq!(swept, Ok(Swept::default()));
}

#[tokio::test(start_paused = true)]
async fn offsets_with_a_hole_are_not_covered() {
    let world = World::new(75);
    let tier = world.tier().await;
    let old = BrokerWord::Copying { since_ms: tier.now().get() };
    let (left, right) = (copied(&tier, 0, 2, 1).await, copied(&tier, 9, 2, 2).await);
    let over = copied(&tier, 3, 3, 3).await;
    tokio::time::sleep(2 * DAY).await;
    let said = say(&[(&left, BrokerWord::Copied), (&right, BrokerWord::Copied), (&over, old)]);
    assert!(left.range.end() < right.range.start());
    let swept = sweep(&tier, &said, &careful()).await.unwrap();
    assert!(swept.unowned.is_empty() && swept.odd.len() == 1, "{swept:?}");
    // As far as a broker counts, which may be further than the last record.
    let mut said = said;
    let wide = OffsetRange::new(left.range.start(), right.range.start()).unwrap();
    said.segments.insert(left.uuid, (wide, BrokerWord::Copied));
    assert_eq!(sweep(&tier, &said, &careful()).await.unwrap().unowned.len(), 1);
}
