//! A process that dies before any of the named steps, and the next one that goes on from what it left.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use firnline_index::log_source::Finality;
use firnline_index::manifest::MAX_ENTRIES;
use firnline_store::{Env, Store};
use firnline_tier::{Basis, CommitOutcome, FaultPoint, Step, Tier, TierParts};
use futures::future::BoxFuture;
use tokio::sync::Notify;

use crate::support::*;

/// Stops for good before the `nth` step of one kind, counted from 0; tells how often that kind came.
#[derive(Debug)]
pub(crate) struct StopAt {
    step: Option<Step>,
    nth: usize,
    seen: [AtomicUsize; Step::COUNT],
    died: Notify,
}

impl StopAt {
    pub(crate) fn new(step: Option<Step>, nth: usize) -> Arc<Self> {
        let seen = std::array::from_fn(|_| AtomicUsize::new(0));
        Arc::new(Self { step, nth, seen, died: Notify::new() })
    }

    pub(crate) fn times(&self, step: Step) -> usize {
        self.seen[step as usize].load(Ordering::SeqCst)
    }

    pub(crate) async fn died(&self) {
        self.died.notified().await;
    }
}

impl FaultPoint for StopAt {
    fn before(&self, step: Step) -> BoxFuture<'_, ()> {
        let before = self.seen[step as usize].fetch_add(1, Ordering::SeqCst);
        if self.step == Some(step) && before == self.nth {
            self.died.notify_one();
            return Box::pin(std::future::pending());
        }
        Box::pin(std::future::ready(()))
    }
}

struct Disk {
    dir: tempfile::TempDir,
    env: Env,
}

impl Disk {
    /// A process with its own handles.
    async fn open(&self, faults: Arc<dyn FaultPoint>) -> Tier {
        let store = Store::directory(self.dir.path(), self.env.clone());
        let settings = settings(&store);
        let parts = TierParts { faults, ..parts(store, &self.env) };
        Tier::open_for_writing(parts, settings, &cluster()).await.unwrap()
    }

    fn segments(&self) -> usize {
        let dir = self.dir.path().join(tip(0).to_string());
        let entries = std::fs::read_dir(dir).map(|dir| dir.map(|entry| entry.unwrap().path()).collect());
        let paths: Vec<std::path::PathBuf> = entries.unwrap_or_default();
        paths.iter().filter(|path| path.extension().is_some_and(|ext| ext == "seg")).count()
    }
}

/// What one process does: it opens the tier, tries an upload whose source changes, and brings the log's two segments in,
/// as far as they are not there yet.
async fn work(disk: &Disk, log: &Log, faults: Arc<dyn FaultPoint>) {
    let tier = disk.open(faults).await;
    let head = tier.manifest(&tip(0)).await.unwrap();
    let start = range_of(&log.batches[0]).start();
    let basis = Basis::of(head.as_ref().map(|head| &head.manifest), start);

    let mut source = log.source();
    source.finality = Finality::Changed { what: "it shrank".into() };
    tier.upload_segment(source, plan(&tip(0), basis.base, &basis, 1 << 20)).await.unwrap_err();

    let (first, second) = log.split(log.batches.len() / 2);
    for part in [first, second] {
        let head = tier.manifest(&tip(0)).await.unwrap();
        let end = head.as_ref().map_or(start, |head| head.manifest.tier_end);
        if end != range_of(&part.batches[0]).start() {
            continue;
        }
        let basis = Basis::of(head.as_ref().map(|head| &head.manifest), start);
        let segment = upload(&tier, &tip(0), &basis, &part).await.unwrap();
        let outcome = tier.commit(&request(&tip(0), &basis, vec![segment])).await.unwrap();
        assert!(matches!(outcome, CommitOutcome::Committed(_)));
    }
}

/// Fills the head to its limit, so that the next commit writes a page.
async fn fill_head(disk: &Disk) -> Log {
    let tier = disk.open(Arc::new(firnline_tier::NoFaults)).await;
    let basis = Basis::of(None, offset(0));
    let log = Log::plain(1, 10);
    let first = upload(&tier, &tip(0), &basis, &log).await.unwrap();
    let segments = super::committing::made_up(&first, MAX_ENTRIES as u64);
    let end = segments.last().unwrap().entry.range.end().get();
    let outcome = tier.commit(&request(&tip(0), &basis, segments)).await.unwrap();
    assert!(matches!(outcome, CommitOutcome::Committed(_)));
    let mut log = Log::starting_at(end);
    for _ in 0..8 {
        log.append(3, 400, None);
    }
    log
}

/// After a crash anywhere: what there is is sound, and the next process brings in what is missing, once.
async fn mended(disk: &Disk, log: &Log, before: usize, place: &str) {
    let (start, end) = (range_of(&log.batches[0]).start(), offset(log.next));
    let tier = disk.open(Arc::new(firnline_tier::NoFaults)).await;
    let head = tier.manifest(&tip(0)).await.unwrap();
    if let Some(head) = &head {
        assert!(head.manifest.tier_end >= start && head.manifest.tier_end <= end, "{place}");
    }
    work(disk, log, Arc::new(firnline_tier::NoFaults)).await;
    let head = tier.manifest(&tip(0)).await.unwrap().unwrap().manifest;
    assert_eq!(head.tier_end, end, "{place}");
    let mut at = start;
    let mut bytes = Vec::new();
    let mut entries = tier.entries(&head, firnline_index::OffsetRange::new(start, end).unwrap());
    let mut named = 0;
    while let Some(chunk) = entries.next_chunk().await.unwrap() {
        for entry in chunk {
            assert_eq!(entry.range.start(), at, "{place}: every offset once");
            at = entry.range.end();
            named += 1;
            let tail = tier.segment_tail(&tip(0), &entry).await.unwrap();
            for number in 0..tail.index().len() {
                let block = tail.index().entry(number).unwrap();
                let stored =
                    tier.store().get_range(&entry.object_key(&tip(0)), block.stored.clone()).await.unwrap();
                bytes.extend_from_slice(&firnline_index::segment::decode_block(&block, stored).unwrap());
            }
        }
    }
    assert_eq!((at, bytes == log.bytes()), (end, true), "{place}");
    let orphans = disk.segments() - before - named;
    assert!(orphans <= 1, "{place}: {orphans} orphans");
}

async fn stop_everywhere(fill: bool, must_come: &[Step]) {
    let prepare = || async {
        let env = Env::seeded(1, START_MS);
        let disk = Disk { dir: tempfile::tempdir().unwrap(), env };
        let log = if fill { fill_head(&disk).await } else { Log::plain(8, 400) };
        (disk, log)
    };
    let (disk, log) = prepare().await;
    let counter = StopAt::new(None, 0);
    work(&disk, &log, counter.clone()).await;
    for step in must_come {
        assert!(counter.times(*step) > 0, "{step} never came: the test does not cover it");
    }
    for step in Step::OFFLOAD {
        for nth in 0..counter.times(step) {
            let (disk, log) = prepare().await;
            let before = disk.segments();
            let stop = StopAt::new(Some(step), nth);
            tokio::select! {
                () = work(&disk, &log, stop.clone()) => panic!("{step} {nth}: the process was to die there"),
                () = stop.died() => {}
            }
            mended(&disk, &log, before, &format!("{step} {nth}")).await;
        }
    }
}

#[tokio::test]
async fn a_first_offload_that_dies_before_any_step_is_mended_by_the_next_run() {
    // No page is full yet, and a directory vouches for its bytes itself.
    let absent = [Step::CommitLoad, Step::CommitPage, Step::VerifyRead];
    let must_come: Vec<Step> = Step::OFFLOAD.into_iter().filter(|step| !absent.contains(step)).collect();
    stop_everywhere(false, &must_come).await;
}

#[tokio::test]
async fn a_commit_that_writes_a_page_and_dies_anywhere_is_mended_by_the_next_run() {
    stop_everywhere(true, &[Step::CommitPage, Step::CommitPut]).await;
}
