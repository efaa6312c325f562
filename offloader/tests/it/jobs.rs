//! One partition at a time, over logs in memory.

use firnline_index::{LeaderEpoch, NodeId};
use firnline_offloader::{CommitBound, HoleInLog, Holes, PartitionReport, PlanRefusal, Problem};
use firnline_store::sim::{Rule, SimFault, Simulation, When};
use firnline_store::{Env, RequestKind, Store};
use firnline_tier::{Lost, Tier, UploadError};

use crate::world::*;

struct World {
    sim: Simulation,
    env: Env,
}

impl World {
    fn new() -> Self {
        let env = Env::seeded(1, START_MS);
        Self { sim: Simulation::new(1, &env), env }
    }

    async fn tier(&self) -> Tier {
        open_tier(self.sim.connect(&self.env), &self.env, no_faults()).await
    }

    fn segments(&self) -> usize {
        self.sim.keys().iter().filter(|key| key.ends_with(".seg")).count()
    }
}

async fn bytes_in(tier: &Tier) -> Vec<u8> {
    let head = tier.manifest(&tip(0)).await.unwrap().unwrap().manifest;
    read_all(tier, &head).await
}

fn ranges(report: &PartitionReport) -> Vec<(i64, i64)> {
    report.committed.iter().map(|c| (c.range.start().get(), c.range.end().get())).collect()
}

/// The innermost cause of a problem.
fn cause(problem: &Problem) -> &(dyn std::error::Error + 'static) {
    let mut at: &(dyn std::error::Error + 'static) = problem;
    while let Some(source) = at.source() {
        at = source;
    }
    at
}

#[tokio::test(start_paused = true)]
async fn sealed_files_are_brought_in_and_a_second_run_uploads_nothing() {
    let world = World::new();
    let tier = world.tier().await;
    let log = MemoryLog::plain(4, 5);
    let report = run(&job(&tier, 1), &log).await;
    assert!(report.problem.is_none());
    assert_eq!(ranges(&report), [(0, 15), (15, 30), (30, 45)]);
    assert_eq!(bytes_in(&tier).await, log.sealed_bytes());

    let before = tier.store().counters();
    let again = run(&job(&tier, 1), &log).await;
    assert!(again.problem.is_none() && again.committed.is_empty());
    let spent = tier.store().counters().since(&before);
    assert_eq!((spent.of(RequestKind::Get), spent.total()), (1, 1), "one look at the manifest");
    assert_eq!(world.segments(), 3);
}

#[tokio::test(start_paused = true)]
async fn small_files_are_joined_and_share_a_commit() {
    let world = World::new();
    let tier = world.tier().await;
    let log = MemoryLog::plain(7, 2);
    let before = tier.store().counters();
    let report = run(&job(&tier, 1 << 20), &log).await;
    assert_eq!(ranges(&report), [(0, 36)]);
    let spent = tier.store().counters().since(&before);
    assert_eq!(spent.of(RequestKind::Put) + spent.of(RequestKind::Create), 3, "segment, topic, manifest");
}

#[tokio::test(start_paused = true)]
async fn the_next_run_goes_on_where_the_tier_ends_even_inside_a_file() {
    let world = World::new();
    let tier = world.tier().await;
    let one = MemoryLog::plain(4, 5);
    run(&job(&tier, 1), &one).await;
    // The other replica has the same batches in files that begin elsewhere, and more of them by now.
    let mut writer = Writer { next: 60, epoch: 0 };
    let mut batches = one.files.concat();
    batches.extend((0..6).map(|_| writer.data(3, 50, None)));
    let other = MemoryLog::new(0, batches.chunks(7).map(<[_]>::to_vec).collect());
    let report = run(&job(&tier, 1), &other).await;
    assert!(report.problem.is_none(), "{:?}", report.problem);
    assert_eq!(ranges(&report), [(45, 63)]);
    assert_eq!(bytes_in(&tier).await, other.sealed_bytes());
}

#[tokio::test(start_paused = true)]
async fn a_tier_that_ends_inside_a_batch_has_diverged() {
    let world = World::new();
    let tier = world.tier().await;
    run(&job(&tier, 1), &MemoryLog::plain(2, 5)).await;
    let mut writer = Writer { next: 0, epoch: 0 };
    let other = MemoryLog::new(0, (0..4).map(|_| vec![writer.data(7, 10, None)]).collect());
    let report = run(&job(&tier, 1), &other).await;
    let problem = report.problem.unwrap();
    assert!(matches!(&problem, Problem::Upload { from, .. } if *from == offset(15)), "{problem:?}");
    assert!(!problem.is_passing());
    assert_eq!(world.segments(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_begins_above_the_tiers_end_is_refused_with_what_is_missing() {
    let world = World::new();
    let tier = world.tier().await;
    let log = MemoryLog::plain(6, 2);
    let head = MemoryLog { files: log.files[..2].to_vec(), ..log.clone() };
    run(&job(&tier, 1), &head).await;
    let rest = MemoryLog { files: log.files[3..].to_vec(), ..log.clone() };
    let problem = run(&job(&tier, 1), &rest).await.problem.unwrap();
    let Problem::Plan(PlanRefusal::Hole { missing }) = &problem else { panic!("{problem:?}") };
    assert_eq!((missing.start(), missing.end()), (offset(6), offset(18)));
    assert!(cause(&problem).to_string().contains("6..18"), "{}", cause(&problem));
}

#[tokio::test(start_paused = true)]
async fn a_log_that_begins_above_zero_starts_the_tier_there() {
    let world = World::new();
    let tier = world.tier().await;
    let log = MemoryLog::plain(6, 2);
    let rest = MemoryLog { files: log.files[3..].to_vec(), ..log };
    let report = run(&job(&tier, 1), &rest).await;
    assert_eq!(ranges(&report), [(18, 24), (24, 30)]);
    let head = tier.manifest(&tip(0)).await.unwrap().unwrap().manifest;
    assert_eq!((head.tier_start, head.serving_start), (offset(18), offset(18)));
}

#[tokio::test(start_paused = true)]
async fn a_missing_file_is_named_by_its_offsets_and_what_lies_before_it_is_brought_in() {
    for target in [1, 1 << 20] {
        let world = World::new();
        let tier = world.tier().await;
        let mut log = MemoryLog::plain(6, 2);
        log.files.remove(3);
        let report = run(&job(&tier, target), &log).await;
        let problem = report.problem.as_ref().unwrap();
        let hole = cause(problem).downcast_ref::<HoleInLog>().unwrap();
        assert_eq!((hole.missing.start(), hole.missing.end()), (offset(18), offset(24)));
        assert_eq!(
            report.tier_end,
            Some(offset(12)),
            "target {target}: the file before the hole is not whole"
        );
        assert_eq!(bytes_in(&tier).await, log.files[..2].concat().concat());
        // Where the topic is compacted, holes are in order.
        let compacted = firnline_offloader::PartitionJob { holes: Holes::Allow, ..job(&tier, target) };
        let report = run(&compacted, &log).await;
        assert!(report.problem.is_none(), "{:?}", report.problem);
        assert_eq!(bytes_in(&tier).await, log.sealed_bytes());
    }
}

#[tokio::test(start_paused = true)]
async fn a_damaged_file_does_not_keep_back_the_good_ones_it_was_to_be_joined_with() {
    let world = World::new();
    let tier = world.tier().await;
    let log = MemoryLog::plain(6, 2);
    let mut damaged = log.clone();
    let mut batch = damaged.files[3][1].to_vec();
    let last = batch.len() - 1;
    batch[last] ^= 1;
    damaged.files[3][1] = batch.into();
    let report = run(&job(&tier, 1 << 20), &damaged).await;
    assert!(matches!(report.problem, Some(Problem::Upload { .. })));
    assert_eq!(bytes_in(&tier).await, log.files[..3].concat().concat());
    // Mended from a good replica, the next run goes on.
    let report = run(&job(&tier, 1 << 20), &log).await;
    assert!(report.problem.is_none());
    assert_eq!(bytes_in(&tier).await, log.sealed_bytes());
}

#[tokio::test(start_paused = true)]
async fn any_flipped_bit_of_a_header_or_body_keeps_the_file_out() {
    let world = World::new();
    let tier = world.tier().await;
    let log = MemoryLog::plain(3, 2);
    let length = log.files[1][0].len();
    run(&job(&tier, 1), &MemoryLog { files: log.files[..2].to_vec(), ..log.clone() }).await;
    for byte in 0..length {
        // The leader epoch has no check of its own; a bit that raises it shows where a later batch has the true one.
        let bit = if (12..16).contains(&byte) { 0x40 } else { 1 << (byte % 8) };
        let mut damaged = log.clone();
        let mut batch = damaged.files[1][0].to_vec();
        batch[byte] ^= bit;
        damaged.files[1][0] = batch.into();
        let broken = Broken(damaged);
        let log: std::sync::Arc<dyn firnline_offloader::PartitionLog> = std::sync::Arc::new(broken);
        let report = job(&tier, 1).run(&log, &always).await;
        assert!(report.problem.is_some(), "byte {byte}");
        assert_eq!(report.tier_end, Some(offset(6)), "byte {byte}");
    }
}

/// A log whose first file is in order and whose second has a batch that may not even parse.
#[derive(Debug)]
struct Broken(MemoryLog);

impl firnline_offloader::PartitionLog for Broken {
    fn tip(&self) -> &firnline_index::TopicIdPartition {
        &self.0.tip
    }

    fn extents(&self) -> Vec<firnline_offloader::Extent> {
        MemoryLog::plain(3, 2).extents()
    }

    fn open(
        &self,
        _from: firnline_index::Offset,
        _until: Option<firnline_index::Offset>,
    ) -> Result<Box<dyn firnline_index::log_source::LogSource>, firnline_index::log_source::SourceError> {
        Ok(Box::new(Raw(Some(self.0.files[1].concat().into()))))
    }
}

/// All bytes in one run, as they are.
struct Raw(Option<bytes::Bytes>);

impl firnline_index::log_source::LogSource for Raw {
    fn next_run(
        &mut self,
        _max_bytes: usize,
    ) -> Result<Option<firnline_index::log_source::Run>, firnline_index::log_source::SourceError> {
        let range = firnline_index::OffsetRange::new(offset(0), offset(0)).unwrap();
        Ok(self.0.take().map(|bytes| firnline_index::log_source::Run {
            bytes,
            range,
            batches: 1,
            hole_before: None,
            sealed: true,
        }))
    }

    fn finish(
        &mut self,
    ) -> Result<firnline_index::log_source::Finality, firnline_index::log_source::SourceError> {
        Ok(firnline_index::log_source::Finality::Stable)
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_shorter_than_the_tier_is_told() {
    let world = World::new();
    let tier = world.tier().await;
    let log = MemoryLog::plain(5, 2);
    run(&job(&tier, 1), &log).await;
    let lagging = MemoryLog { files: log.files[..2].to_vec(), ..log.clone() };
    let problem = run(&job(&tier, 1), &lagging).await.problem.unwrap();
    assert!(
        matches!(problem, Problem::Behind { log_end, tier_end } if (log_end, tier_end) == (offset(12), offset(24))),
        "{problem:?}"
    );
    // One that reaches as far, in a file it still writes, is in order.
    let files = vec![log.files[0].clone(), log.files[1..4].concat()];
    assert!(run(&job(&tier, 1), &MemoryLog { files, ..log }).await.problem.is_none());
}

#[tokio::test(start_paused = true)]
async fn an_epoch_that_goes_back_is_damage() {
    let world = World::new();
    let tier = world.tier().await;
    let mut writer = Writer { next: 0, epoch: 5 };
    let first = vec![writer.data(3, 10, None)];
    writer.epoch = 4;
    let second = vec![writer.data(3, 10, None)];
    let third = vec![writer.data(3, 10, None)];
    for target in [1, 1 << 20] {
        let log = MemoryLog::new(0, vec![first.clone(), second.clone(), third.clone()]);
        let report = run(&job(&tier, target), &log).await;
        assert!(report.problem.is_some());
        assert_eq!(report.tier_end, Some(offset(3)), "what lies before it is in");
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_that_changes_while_it_is_read_is_taken_by_a_later_run() {
    let world = World::new();
    let tier = world.tier().await;
    let log = MemoryLog::plain(3, 4);
    for trouble in [Trouble::Changed, Trouble::Unavailable] {
        log.trouble.lock().unwrap().push_back(trouble);
        let report = run(&job(&tier, 1), &log).await;
        let problem = report.problem.unwrap();
        assert!(problem.is_passing(), "{problem:?}");
        assert_eq!(world.segments(), 0);
    }
    assert!(run(&job(&tier, 1), &log).await.problem.is_none());
    assert_eq!(bytes_in(&tier).await, log.sealed_bytes());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_committed_once_a_broker_has_started() {
    let world = World::new();
    let tier = world.tier().await;
    let log: std::sync::Arc<dyn firnline_offloader::PartitionLog> =
        std::sync::Arc::new(MemoryLog::plain(3, 4));
    let started = || Err(Problem::BrokerStarted { path: "/logs".into() });
    let report = job(&tier, 1).run(&log, &started).await;
    assert!(matches!(report.problem, Some(Problem::BrokerStarted { .. })));
    assert_eq!(report.orphans.len(), 2);
    assert!(tier.manifest(&tip(0)).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn only_what_lies_below_the_bound_is_taken() {
    let world = World::new();
    let tier = world.tier().await;
    let log = MemoryLog::plain(5, 2);
    let epoch = LeaderEpoch::ZERO;
    let bound = |at| firnline_offloader::PartitionJob {
        bound: CommitBound::At { offset: offset(at), epoch },
        ..job(&tier, 1 << 20)
    };
    assert_eq!(ranges(&run(&bound(13), &log).await), [(0, 12)]);
    assert_eq!(ranges(&run(&bound(17), &log).await), []);
    assert_eq!(ranges(&run(&bound(18), &log).await), [(12, 18)]);
}

#[tokio::test(start_paused = true)]
async fn transactions_left_open_by_one_segment_are_closed_in_the_next() {
    let world = World::new();
    let tier = world.tier().await;
    let mut writer = Writer { next: 0, epoch: 0 };
    let files = vec![
        vec![writer.data(2, 10, Some(7)), writer.data(2, 10, Some(8))],
        vec![writer.marker(7, false), writer.data(1, 10, None)],
        vec![writer.marker(8, true)],
        vec![writer.data(1, 10, None)],
    ];
    let log = MemoryLog::new(0, files);
    // Each file by a process of its own.
    for files in 2..=log.files.len() {
        let part = MemoryLog { files: log.files[..files].to_vec(), ..log.clone() };
        assert!(run(&job(&world.tier().await, 1), &part).await.problem.is_none());
    }
    let head = tier.manifest(&tip(0)).await.unwrap().unwrap().manifest;
    let stable: Vec<i64> = head.entries.iter().map(|entry| entry.stable_end.get()).collect();
    assert_eq!(stable, [0, 2, 7]);
    let second = tier.segment_tail(&tip(0), &head.entries[1]).await.unwrap();
    let aborted = &second.transactions().aborted;
    assert_eq!(aborted.len(), 1);
    assert_eq!((aborted[0].first_offset, aborted[0].marker_offset), (offset(0), offset(4)));
    assert!(head.open_transactions.is_empty());
    let clean = tier.check(vec![tip(0)], firnline_tier::check::CheckDepth::Content, 1, &|_| {}).await;
    assert!(clean.is_clean());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_for_good_leaves_a_tier_that_the_next_run_completes() {
    for (kind, key) in [
        (RequestKind::Put, ".seg"),
        (RequestKind::Create, "manifest"),
        (RequestKind::Create, "topics"),
        (RequestKind::Get, "manifest"),
    ] {
        let world = World::new();
        let tier = world.tier().await;
        let log = MemoryLog::plain(4, 3);
        world.sim.rule(Rule::new(SimFault::Denied, When::Always).on(&[kind]).key_contains(key));
        let report = run(&job(&tier, 1), &log).await;
        assert!(report.problem.is_some(), "{kind:?} {key}");
        world.sim.heal();
        assert!(run(&job(&tier, 1), &log).await.problem.is_none(), "{kind:?} {key}");
        assert_eq!(bytes_in(&tier).await, log.sealed_bytes());
    }
}

#[tokio::test(start_paused = true)]
async fn two_offloaders_at_once_bring_each_offset_in_once() {
    let world = World::new();
    let log = MemoryLog::plain(12, 3);
    let other = MemoryLog::new(0, log.files.concat().chunks(5).map(<[_]>::to_vec).collect());
    let (a, b) = (world.tier().await, world.tier().await);
    world.sim.latency(std::time::Duration::from_millis(1)..std::time::Duration::from_millis(40));
    let (job_a, job_b) = (job(&a, 1), job(&b, 1));
    let (one, two) = futures::future::join(run(&job_a, &log), run(&job_b, &other)).await;
    for report in [&one, &two] {
        assert!(
            matches!(report.problem, None | Some(Problem::Lost { .. } | Problem::Behind { .. })),
            "{:?}",
            report.problem
        );
    }
    run(&job(&a, 1), &log).await;
    let got = bytes_in(&a).await;
    let all = log.files.concat().concat();
    assert!(all.starts_with(&got) && got.len() >= log.sealed_bytes().len());
}

#[tokio::test(start_paused = true)]
async fn a_sealed_file_without_batches_is_a_hole_unless_the_topic_is_compacted() {
    let world = World::new();
    let tier = world.tier().await;
    let log = MemoryLog::plain(4, 2);
    let empty = Emptied(log.clone());
    let shared: std::sync::Arc<dyn firnline_offloader::PartitionLog> = std::sync::Arc::new(empty);
    let report = job(&tier, 1).run(&shared, &always).await;
    let problem = report.problem.unwrap();
    assert!(matches!(&problem, Problem::Upload { source, .. } if matches!(**source, UploadError::Source(_))));
    assert_eq!(report.tier_end, Some(offset(6)));
    let compacted = firnline_offloader::PartitionJob { holes: Holes::Allow, ..job(&tier, 1) };
    let report = compacted.run(&shared, &always).await;
    assert!(report.problem.is_none(), "{:?}", report.problem);
    assert_eq!(bytes_in(&tier).await, [log.files[0].concat(), log.files[2].concat()].concat());
}

/// The second file lost all its batches to a cleaner.
#[derive(Debug)]
struct Emptied(MemoryLog);

impl firnline_offloader::PartitionLog for Emptied {
    fn tip(&self) -> &firnline_index::TopicIdPartition {
        &self.0.tip
    }

    fn extents(&self) -> Vec<firnline_offloader::Extent> {
        let mut extents = self.0.extents();
        extents[1].bytes = 0;
        extents
    }

    fn open(
        &self,
        from: firnline_index::Offset,
        until: Option<firnline_index::Offset>,
    ) -> Result<Box<dyn firnline_index::log_source::LogSource>, firnline_index::log_source::SourceError> {
        let mut files = self.0.files.clone();
        files.remove(1);
        MemoryLog { files, ..self.0.clone() }.open(from, until)
    }
}

#[tokio::test(start_paused = true)]
async fn a_pass_uploads_nothing_where_a_sidecar_has_claimed_the_partition() {
    let env = Env::seeded(11, START_MS);
    let tier = open_tier(Store::memory(env.clone()), &env, no_faults()).await;
    let log = MemoryLog::plain(3, 2);
    run(&job(&tier, 0), &MemoryLog::new(0, log.files[..2].to_vec())).await;
    let claim = firnline_tier::change::ClaimPartition {
        epoch: LeaderEpoch::new(4).unwrap(),
        node: NodeId::new(2).unwrap(),
        wanted: Vec::new(),
        start: None,
        topic_partitions: 1,
    };
    let writer = tier.writer(claim.node, Some(claim.epoch));
    tier.edit(&tip(0), Some(writer), &claim).await.unwrap();
    let report = run(&job(&tier, 0), &log).await;
    assert!(matches!(report.problem, Some(Problem::Refused(Lost::Claimed { ours: None, .. }))), "{report:?}");
    assert!(report.orphans.is_empty(), "nothing was uploaded for nothing");
}
