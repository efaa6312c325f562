//! The same over a local directory, with its own clock and real waits.

use firnline_index::cluster_state::Acls;
use firnline_index::ids::{Incarnation, NodeId};
use firnline_index::summary::PartitionSummary;
use firnline_store::{Env, Store};
use firnline_tier::cluster::{KeptState, StateOutcome, SummaryOutcome, SummaryReader, SummaryWriter};

use super::*;

#[tokio::test]
async fn a_directory_is_kept_as_any_other_store() {
    let dir = tempfile::tempdir().unwrap();
    let env = Env::system();
    let store = Store::directory(dir.path(), env.clone());
    let mut with_short_age = settings(&store);
    with_short_age.max_manifest_age = Duration::from_secs(1);
    let tier = Tier::open_for_writing(parts(store, &env), with_short_age, &cluster()).await.unwrap();
    let mut log = Log::default();
    for _ in 0..5 {
        log = Log::starting_at(log.next);
        log.append(3, 200, None);
        put(&tier, &tip(0), &log).await;
    }
    let mut lost = Log::starting_at(log.next);
    lost.append(3, 200, None);
    orphan(&tier, &lost).await;
    put(&tier, &tip(0), &lost).await;
    let clocks = tier.clocks().await.unwrap();
    assert!(clocks.apart() < Duration::from_secs(1));

    let one = manifest(&tier).await.entries[0].log_bytes.get();
    let deleted = retire_and_delete(&tier, Limits { ms: None, bytes: Some(3 * one) }).await;
    assert_eq!((deleted.objects, deleted.refused.len()), (3, 0));
    floors::written(&tier, 10).await;
    assert_eq!(tier.pending_floors().await.unwrap().partitions.len(), 1);
    let folded = floors::folded(&tier).await;
    assert_eq!((folded.floor, folded.removed), (Some(offset(10)), 1));
    assert!(tier.pending_floors().await.unwrap().partitions.is_empty());

    let (mut memory, everything) = (GcMemory::new(), GcSettings { min_age: Duration::ZERO, ..gc_settings() });
    let GcOutcome::Condemned(condemned, _) = gc(&tier, &everything, &mut memory).await else { panic!() };
    assert_eq!(tier.delete_condemned(&condemned, &mut memory).await.unwrap().objects, 1);
    assert!(matches!(gc(&tier, &everything, &mut memory).await, GcOutcome::Clean(_)));
    sound(&tier).await;

    let (node, run) = (NodeId::ZERO, Incarnation::from_bytes([1; 16]));
    let mut writer = SummaryWriter::new(node, run);
    for (tips, expected) in
        [(1, SummaryOutcome::Written), (1, SummaryOutcome::Unchanged), (2, SummaryOutcome::Written)]
    {
        let told = (0..tips).map(|n| PartitionSummary::new(tip(n))).collect();
        assert_eq!(writer.write(&tier, told).await.unwrap(), expected);
    }
    let mut reader = SummaryReader::new();
    assert!(reader.refresh(&tier, None).await.unwrap().is_empty());
    assert_eq!(reader.summaries().next().unwrap().partitions.len(), 2);
    let written = tier.write_state(node, Acls::default(), &mut KeptState::default()).await.unwrap();
    assert_eq!(written, StateOutcome::Written);
}
