//! What reads cost in requests.

use std::time::Duration;

use firnline_index::Offset;
use firnline_reader::{Reader, ReaderSettings, Workers};
use firnline_store::Store;

use crate::log::{Log, at};
use crate::reads::{ALL, batches};
use crate::tier::{TestTier, gets, tip};

/// Segments of 1 MiB in blocks of 64 KiB, long enough to be opened by their tails.
fn large(segments: i64) -> (Log, TestTier) {
    let mut log = Log::from(0);
    let mut tier = TestTier::starting_at(at(0));
    tier.block_size = 64 << 10;
    for _ in 0..segments {
        for _ in 0..64 {
            log.data(10, 16 << 10);
        }
        tier.upload(&log, log.end());
    }
    tier.commit();
    (log, tier)
}

async fn cost(reader: &Reader, store: &Store, offset: Offset, max_bytes: usize) -> u64 {
    let before = store.counters();
    batches(reader.read(&tip(), offset, max_bytes, ALL).await.expect("reads"));
    gets(&store.counters().since(&before))
}

#[tokio::test(start_paused = true)]
async fn a_cold_read_costs_three_two_one_and_no_gets() {
    let (_, tier) = large(3);
    let (reader, store) = tier.reader();
    assert_eq!(cost(&reader, &store, at(100), 16 << 10).await, 3, "empty process: manifest, tail, block");
    assert_eq!(cost(&reader, &store, at(700), 16 << 10).await, 2, "manifest held: tail, block");
    assert_eq!(cost(&reader, &store, at(300), 16 << 10).await, 1, "index held: block");
    assert_eq!(cost(&reader, &store, at(300), 16 << 10).await, 0, "all held");
    assert_eq!(cost(&reader, &store, at(1300), 900 << 10).await, 2, "a long run of blocks is one GET");
}

#[tokio::test(start_paused = true)]
async fn what_is_read_from_memory_costs_nothing_and_begins_nothing() {
    let (_, tier) = large(2);
    let (reader, store) = tier.reader();
    let held = |offset| reader.read_held(&tip(), at(offset), 16 << 10, ALL);
    assert_eq!(held(100), None, "nothing is held");
    let read = reader.read(&tip(), at(100), 16 << 10, ALL).await.expect("reads");
    let before = store.counters();
    assert_eq!(held(100), Some(read));
    assert_eq!(held(300), None, "the index is held, the block is not");
    assert_eq!(held(700), None, "another segment");
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(held(300), None, "and nobody has brought it meanwhile");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(held(100), None, "the manifest is too old");
    assert_eq!(gets(&store.counters().since(&before)), 0);
    assert_eq!(
        cost(&reader, &store, at(300), 16 << 10).await,
        2,
        "who reads is not in the way of who may not"
    );
}

#[tokio::test(start_paused = true)]
async fn blocks_that_are_kept_do_not_keep_their_neighbours_alive() {
    let (_, tier) = large(1);
    let (reader, _) = tier.reader();
    let read = batches(reader.read(&tip(), at(0), 900 << 10, ALL).await.expect("reads"));
    assert!(read.chain.parts().len() > 10);
    for pair in read.chain.parts().windows(2) {
        let end = pair[0].as_ptr().wrapping_add(pair[0].len());
        assert_ne!(end, pair[1].as_ptr(), "two blocks lie in one buffer");
    }
}

#[tokio::test(start_paused = true)]
async fn a_short_segment_costs_one_get() {
    let mut log = Log::from(0);
    for _ in 0..100 {
        log.data(3, 1000);
    }
    let tier = TestTier::of(&log, &[at(150)]);
    let (reader, store) = tier.reader();
    assert_eq!(cost(&reader, &store, at(10), 1).await, 2, "manifest, whole segment");
    assert_eq!(cost(&reader, &store, at(160), 1).await, 1);
    assert_eq!(cost(&reader, &store, at(280), 1).await, 0, "all of its blocks came along");
}

#[tokio::test(start_paused = true)]
async fn old_entries_cost_one_page_more() {
    let mut log = Log::from(0);
    let mut tier = TestTier::starting_at(at(0));
    for _ in 0..1001 {
        log.data(1, 10);
        let (entry, summary) = tier.write(&log, tier.manifest.tier_end, log.end());
        tier.manifest.append(entry, summary.transactions.open).expect("follows");
    }
    tier.commit();
    assert_eq!(tier.manifest.pages.len(), 1, "the oldest entries stand in a page");
    let (reader, store) = tier.reader();
    assert_eq!(cost(&reader, &store, at(0), 1).await, 3, "empty process: manifest, page, whole segment");
    assert_eq!(cost(&reader, &store, at(500), 1).await, 1, "page held");
    assert_eq!(cost(&reader, &store, at(1000), 1).await, 1, "the newest need no page");
}

#[tokio::test(start_paused = true)]
async fn a_manifest_is_asked_for_again_when_it_is_too_old() {
    let (mut log, mut tier) = large(1);
    let settings = ReaderSettings {
        max_manifest_age: Duration::from_secs(10),
        workers: Workers::Inline,
        ..ReaderSettings::default()
    };
    let (reader, store) = tier.reader_with(settings);
    assert_eq!(reader.manifest(&tip()).await.expect("reads").tier_end, at(640));
    log.data(1, 10);
    tier.upload(&log, log.end());
    tier.commit();
    tokio::time::advance(Duration::from_millis(9_999)).await;
    assert_eq!(reader.manifest(&tip()).await.expect("reads").tier_end, at(640));
    assert_eq!(gets(&store.counters()), 1);
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(reader.manifest(&tip()).await.expect("reads").tier_end, at(641));
    assert_eq!(gets(&store.counters()), 2);
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_manifest_moves_no_bytes() {
    let (_, tier) = large(1);
    let (reader, store) = tier.reader();
    reader.manifest(&tip()).await.expect("reads");
    let before = store.counters();
    tokio::time::advance(Duration::from_secs(60)).await;
    reader.manifest(&tip()).await.expect("reads");
    let new = store.counters().since(&before);
    assert_eq!((gets(&new), new.bytes_in), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_hundred_and_twenty_eight_equal_reads_share_their_requests() {
    let (log, tier) = large(1);
    tier.sim.latency(Duration::from_millis(20)..Duration::from_millis(40));
    let (reader, store) = tier.reader();
    let tip = tip();
    let all = futures::future::join_all((0..128).map(|_| reader.read(&tip, at(100), 100 << 10, ALL))).await;
    let first = batches(all[0].clone().expect("reads"));
    assert_eq!(first.chain.to_bytes(), crate::log::joined(log.between(at(100), first.range.end())));
    assert!(all.into_iter().all(|one| batches(one.expect("reads")) == first));
    assert_eq!(gets(&store.counters()), 3);
}

#[tokio::test(start_paused = true)]
async fn different_reads_at_once_never_fetch_a_block_twice() {
    let (log, tier) = large(2);
    tier.sim.latency(Duration::from_millis(20)..Duration::from_millis(40));
    let (reader, store) = tier.reader();
    let tip = tip();
    let offsets = (0..128).map(|n| at(n * 37 % 1280));
    let all = futures::future::join_all(offsets.map(|offset| {
        let (reader, tip) = (&reader, &tip);
        async move { (offset, reader.read(tip, offset, 200 << 10, ALL).await) }
    }))
    .await;
    for (offset, outcome) in all {
        let read = batches(outcome.expect("reads"));
        assert_eq!(
            read.chain.to_bytes(),
            crate::log::joined(log.between(offset, read.range.end())),
            "{offset}"
        );
    }
    let stored: u64 = tier.manifest.entries.iter().map(|entry| entry.location.length.get()).sum();
    let manifest = tier.manifest.encode().expect("sound").len() as u64;
    assert!(store.counters().bytes_in <= stored + manifest, "nothing was read twice");
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_leaves_has_paid_for_the_next_one() {
    let (_, tier) = large(1);
    tier.sim.latency(Duration::from_millis(100)..Duration::from_millis(101));
    let (reader, store) = tier.reader();
    reader.read(&tip(), at(0), 1, ALL).await.expect("reads");
    let gone = tokio::time::timeout(Duration::from_millis(50), reader.read(&tip(), at(600), 1, ALL)).await;
    assert!(gone.is_err(), "the caller had no time");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(cost(&reader, &store, at(600), 1).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_reads_is_served_by_few_long_requests() {
    let (log, tier) = large(4);
    let (reader, store) = tier.reader();
    let (mut offset, mut reads) = (at(0), 0);
    while offset < log.end() {
        offset = batches(reader.read(&tip(), offset, 64 << 10, ALL).await.expect("reads")).range.end();
        reads += 1;
        tokio::task::yield_now().await;
    }
    let gets = gets(&store.counters());
    assert!(reads >= 64 && gets <= 20, "{reads} reads took {gets} GETs");
}

/// As a server reads: from memory where that will do, and on as long as there is room, which ends with a look at one batch more.
#[tokio::test(start_paused = true)]
async fn a_stream_stays_one_where_reads_look_further_and_are_answered_from_memory() {
    let (log, tier) = large(4);
    let (reader, store) = tier.reader();
    let (mut offset, mut reads) = (at(0), 0);
    while offset < log.end() {
        let outcome = match reader.read_held(&tip(), offset, 64 << 10, ALL).filter(|_| reads % 2 == 0) {
            Some(outcome) => outcome,
            None => reader.read(&tip(), offset, 64 << 10, ALL).await.expect("reads"),
        };
        offset = batches(outcome).range.end();
        reader.read(&tip(), offset, 1, ALL).await.expect("reads");
        reads += 1;
        tokio::task::yield_now().await;
    }
    let gets = gets(&store.counters());
    assert!(reads >= 64 && gets <= 20, "{reads} reads took {gets} GETs");
}

/// Windows share the memory for blocks, and what it could not keep is not read ahead again.
#[tokio::test(start_paused = true)]
async fn streams_at_many_places_do_not_read_ahead_in_vain() {
    let (log, tier) = large(16);
    for streams in [2, 8] {
        let settings = ReaderSettings {
            block_cache_bytes: 2 << 20,
            workers: Workers::Inline,
            ..ReaderSettings::default()
        };
        let (reader, store) = tier.reader_with(settings);
        let step = log.end().get() / streams;
        let mut places: Vec<_> = (0..streams).map(|n| (at(n * step), at((n + 1) * step))).collect();
        while !places.is_empty() {
            for (offset, _) in &mut places {
                let outcome = reader.read(&tip(), *offset, 64 << 10, ALL).await.expect("reads");
                *offset = batches(outcome).range.end();
                tokio::task::yield_now().await;
            }
            places.retain(|(offset, end)| offset < end);
        }
        let stored: u64 = tier.manifest.entries.iter().map(|entry| entry.location.length.get()).sum();
        let read = store.counters().bytes_in;
        assert!(read * 10 <= stored * 13, "{streams} streams: {read} bytes were read for {stored}");
    }
}

#[tokio::test(start_paused = true)]
async fn reading_ahead_hides_the_latency_of_a_stream() {
    let (log, tier) = large(4);
    tier.sim.latency(Duration::from_millis(100)..Duration::from_millis(101));
    let (reader, _) = tier.reader();
    let started = tokio::time::Instant::now();
    let (mut offset, mut reads) = (at(0), 0);
    while offset < log.end() {
        offset = batches(reader.read(&tip(), offset, 64 << 10, ALL).await.expect("reads")).range.end();
        reads += 1;
        // A consumer that takes 40 ms for each answer.
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    let waited = started.elapsed() - Duration::from_millis(40) * reads;
    assert!(waited < Duration::from_millis(1000), "{waited:?} for {reads} reads");
}
