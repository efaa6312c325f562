//! Where one way of doing things meets another: pages and pieces, a deleted topic and a later leader, retention and a cut.

use firnline_index::manifest::EntryKind;

use super::*;
use crate::world::{MemoryLog, job, run};

#[tokio::test(start_paused = true)]
async fn pieces_are_replaced_where_all_segments_before_them_have_gone_into_a_page() {
    let bench = Bench::new(1).await;
    // A page full of segments was there before the sidecar.
    let log = MemoryLog::plain(1001, 1);
    run(&job(&bench.tier, 0), &log).await;
    assert_eq!(bench.tier_end().await, 3000);
    {
        let mut model = bench.model.lock().unwrap();
        model.broker(1).files.push(log.files[999].clone());
        model.write(&[1], 1);
    }
    let policy = || TopicPolicy {
        target_bytes: 0,
        tail_interval: Some(Duration::from_secs(20)),
        ..TopicPolicy::default()
    };
    let sidecar =
        bench.sidecar(1, SidecarSettings { policy_of: Arc::new(move |_| policy()), ..each_file() }).await;
    bench.run(&[&sidecar], 120).await;
    let manifest = bench.manifest().await.unwrap();
    assert_eq!((manifest.pages.len(), manifest.entries.len()), (1, 1), "{:?}", sidecar.status());
    assert_eq!(manifest.entries[0].kind, EntryKind::TailPiece);
    bench.model.lock().unwrap().write(&[1], 1);
    bench.run(&[&sidecar], 60).await;
    let manifest = bench.manifest().await.unwrap();
    assert_eq!(manifest.entries[0].replaces.len(), 1, "{:?}", sidecar.status());
    assert_eq!(manifest.tier_end, offset(3006));
}
