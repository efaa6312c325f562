//! A pass that is run again, after one that came to its end and after one that did not.

use std::fs;
use std::sync::Arc;
use std::time::SystemTime;

use firnline_offloader::{PlanPolicy, run_once};
use firnline_store::RequestKind;
use firnline_tier::check::{CheckDepth, Finding};
use firnline_tier::{FaultPoint, Step};
use futures::future::BoxFuture;

use super::*;
use crate::world::Writer;

/// When each object was last written. The store's own locks are none.
fn written(disk: &Disk) -> Vec<(PathBuf, SystemTime)> {
    let at = |path: &PathBuf| fs::metadata(path).unwrap().modified().unwrap();
    let objects =
        tree(&disk.tier_path()).into_keys().filter(|path| !path.to_string_lossy().contains("/.firnline-"));
    objects.map(|path| (path.clone(), at(&path))).collect()
}

#[tokio::test]
async fn a_second_pass_reads_one_manifest_a_partition_and_writes_nothing() {
    let mut disk = Disk::new();
    let (dir, files) = disk.orders(4);
    disk.write(&named("users", 0), &files);
    let tier = disk.tier().await;
    let first = run_once(&disk.inputs(&tier)).await.unwrap();
    assert_eq!(first.committed().count(), 6);
    let (objects, before) = (written(&disk), tier.store().counters());
    assert!(writes(&before) >= 6, "the first pass does write");

    let second = run_once(&disk.inputs(&tier)).await.unwrap();
    assert!(second.is_complete() && second.committed().next().is_none());
    let spent = tier.store().counters().since(&before);
    assert_eq!((writes(&spent), spent.of(RequestKind::Get), spent.total()), (0, 2, 2));
    assert_eq!(written(&disk), objects);

    // Another process tries the store out when it opens the tier, and leaves it as it was.
    assert!(disk.pass().await.committed().next().is_none());
    assert_eq!(written(&disk), objects);

    // What was sealed since is all that the next one takes.
    let mut writer = Writer { next: 36, epoch: 0 };
    fs::write(segment(&dir, 36), writer.data(3, 10, None)).unwrap();
    let third = disk.pass().await;
    let ranges: Vec<_> = third.committed().map(|c| (c.range.start().get(), c.range.end().get())).collect();
    assert_eq!(ranges, [(27, 36)]);
    assert_eq!(disk.stored(&named("orders", 0)).await, files.concat().concat());
}

/// A process that dies before a step.
#[derive(Debug)]
struct Dies {
    before: Step,
    died: tokio::sync::Notify,
}

impl FaultPoint for Dies {
    fn before(&self, step: Step) -> BoxFuture<'_, ()> {
        if step != self.before {
            return Box::pin(std::future::ready(()));
        }
        self.died.notify_one();
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn a_pass_that_is_killed_before_any_step_is_completed_by_the_next() {
    let mut stopped = Vec::new();
    for step in Step::OFFLOAD {
        let mut disk = Disk::new();
        let (_, files) = disk.orders(4);
        let tip = named("orders", 0);
        // The tier is there already, so that the pass itself is what dies.
        disk.tier().await;
        let dies = Arc::new(Dies { before: step, died: tokio::sync::Notify::new() });
        let killed = async {
            let tier = disk.tier_with(Arc::clone(&dies) as Arc<dyn FaultPoint>).await;
            let mut inputs = disk.inputs(&tier);
            inputs.policy.plan = PlanPolicy::default();
            run_once(&inputs).await.unwrap()
        };
        tokio::select! {
            biased;
            () = dies.died.notified() => stopped.push(step),
            report = killed => assert!(report.is_complete(), "{step}"),
        }
        let mut inputs = disk.inputs(&disk.tier().await);
        inputs.policy.plan = PlanPolicy::default();
        assert!(run_once(&inputs).await.unwrap().is_complete(), "{step}");
        assert_eq!(disk.stored(&tip).await, sealed(&files), "{step}: nothing lost, nothing doubled");
        let orphans = std::sync::atomic::AtomicUsize::new(0);
        let count = |finding| {
            assert!(matches!(finding, Finding::Unnamed { .. }), "{step}: {finding:?}");
            orphans.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        };
        let report = disk.tier().await.check(vec![tip], CheckDepth::Content, 1, &count).await;
        assert!(report.is_clean(), "{step}: {report:?}");
        assert!(orphans.into_inner() <= 1, "{step}: one upload was under way");
    }
    let needed = [
        Step::CreateTopic,
        Step::UploadRead,
        Step::UploadWrite,
        Step::UploadFinality,
        Step::UploadComplete,
        Step::CommitRead,
        Step::CommitPut,
    ];
    assert!(needed.iter().all(|step| stopped.contains(step)), "{stopped:?}");
}
