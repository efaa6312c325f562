//! Objects that are gone: the newest manifest decides.

use firnline_index::manifest::EntryKind;
use firnline_reader::{ErrorKind, ReadError, ReadOutcome};

use crate::log::{Log, at, joined};
use crate::reads::{ALL, batches};
use crate::tier::{TestTier, gets, tip};

fn three_segments() -> (Log, TestTier) {
    let mut log = Log::from(0);
    for _ in 0..30 {
        log.data(1, 100);
    }
    let tier = TestTier::of(&log, &[at(10), at(20)]);
    (log, tier)
}

#[tokio::test]
async fn an_object_that_is_named_and_not_there_is_missing_and_worth_another_try() {
    let (_, tier) = three_segments();
    let key = tier.manifest.entries[1].object_key(&tip());
    tier.sim.lose(&key);
    let (reader, store) = tier.reader();
    let error = reader.read(&tip(), at(15), 1, ALL).await.expect_err("lost");
    assert_eq!(error.to_string(), format!("{key} is not there, although the manifest names it"));
    assert_eq!((error.kind(), error.code().code), (ErrorKind::Retry, "FIRN-R010"));
    assert_eq!(gets(&store.counters()), 4, "manifest, segment, manifest again, segment again");
    batches(reader.read(&tip(), at(5), 1, ALL).await.expect("other segments are served"));
}

#[tokio::test]
async fn a_segment_that_took_the_place_of_others_is_read_by_the_newest_manifest() {
    let mut log = Log::from(0);
    for _ in 0..20 {
        log.data(1, 100);
    }
    let mut tier = TestTier::starting_at(at(0));
    for cut in [at(10), at(20)] {
        let (mut entry, summary) = tier.write(&log, tier.manifest.tier_end, cut);
        entry.kind = EntryKind::TailPiece;
        tier.manifest.append(entry, summary.transactions.open).expect("follows");
    }
    tier.commit();
    let (reader, _) = tier.reader();
    reader.manifest(&tip()).await.expect("held from now on");

    let pieces: Vec<_> = tier.manifest.entries.iter().map(|entry| entry.uuid).collect();
    let old: Vec<_> = tier.manifest.entries.iter().map(|entry| entry.object_key(&tip())).collect();
    let (whole, summary) = tier.write(&log, at(0), at(20));
    tier.manifest.replace(&pieces, whole, summary.transactions.open).expect("fits");
    tier.commit();
    for key in old {
        tier.sim.lose(&key);
    }
    let read = batches(reader.read(&tip(), at(15), usize::MAX, ALL).await.expect("planned again"));
    assert_eq!(read.chain.to_bytes(), joined(&log.batches[15..]));
}

#[tokio::test]
async fn what_retention_took_is_below_the_start_of_the_newest_manifest() {
    let (_, mut tier) = three_segments();
    let (reader, _) = tier.reader();
    reader.manifest(&tip()).await.expect("held from now on");
    let first = tier.manifest.entries.remove(0);
    tier.manifest.tier_start = at(10);
    tier.manifest.serving_start = at(10);
    tier.manifest.lineage.forget_below(at(10));
    tier.manifest.totals.entries -= 1;
    tier.manifest.totals.records -= first.records.expect("counted");
    let less = |sum: firnline_index::ByteCount, part: firnline_index::ByteCount| {
        firnline_index::ByteCount::new(sum.get() - part.get())
    };
    tier.manifest.totals.log_bytes = less(tier.manifest.totals.log_bytes, first.log_bytes);
    tier.manifest.totals.object_bytes = less(tier.manifest.totals.object_bytes, first.location.length);
    tier.commit();
    tier.sim.lose(&first.object_key(&tip()));
    match reader.read(&tip(), at(5), 1, ALL).await.expect("an answer") {
        ReadOutcome::BelowStart { bounds } => assert_eq!(bounds.start, at(10)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_manifest_that_went_away_is_not_taken_for_an_empty_one() {
    let (_, tier) = three_segments();
    let (reader, _) = tier.reader();
    reader.manifest(&tip()).await.expect("held from now on");
    tier.sim.lose(&tier.manifest.entries[0].object_key(&tip()));
    tier.sim.lose(&crate::tier::manifest_key());
    let error = reader.read(&tip(), at(5), 1, ALL).await.expect_err("nothing there");
    assert!(matches!(error, ReadError::NoManifest { .. }), "{error:?}");
}
