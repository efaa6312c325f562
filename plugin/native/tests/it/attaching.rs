//! Segments of an attached bucket: the broker has another topic id for them, and leader epochs of its own.

use firnline_index::batch::BatchLimits;
use firnline_index::{LeaderEpoch, PartitionIndex, SegmentUuid, TopicId};
use firnline_logdir::files::open_transactions;
use firnline_logdir::lower_epochs;
use firnline_plugin::engine::{CustomMetadata, IndexType, Origin, Segment};

use crate::support::*;

/// The segment as the brokers of another cluster are told of it.
fn attached(world: &World, local: &Local) -> Segment {
    let engine = world.engine();
    let segment = local.known(copy(&engine, local).unwrap());
    engine.close();
    let known = CustomMetadata::decode(segment.custom.as_ref().unwrap()).unwrap();
    let origin = Origin {
        topic_id: segment.tip.topic_id,
        partition: segment.tip.partition,
        uuid: segment.uuid,
        leader_epoch: LeaderEpoch::new(4).ok(),
    };
    let mut attached = local.known(CustomMetadata { origin: Some(origin), ..known }.encode());
    attached.tip.topic_id = TopicId::from_bytes([0x77; 16]);
    attached.tip.partition = PartitionIndex::new(0).unwrap();
    attached.uuid = SegmentUuid::from_bytes([0x78; 16]);
    attached
}

#[test]
fn it_is_read_by_what_it_was_written_as_and_deleted_there() {
    let world = World::new();
    let local = Local::new(50, 1_000);
    let segment = attached(&world, &local);
    let engine = world.engine();
    assert_eq!(read_all(&engine, &segment, 0, None, 9_999).unwrap().len(), local.log.len());
    assert!(engine.delete(&segment).unwrap());
    assert_eq!(world.sim.peek(&local.key()), None);
}

#[test]
fn wherever_a_fetch_begins_its_batches_are_of_epoch_zero() {
    let world = World::new();
    let local = Local::new(300, 700);
    let segment = attached(&world, &local);
    let mut lowered = local.log.clone();
    assert_eq!(lower_epochs(&mut lowered, &BatchLimits::default()).unwrap(), 300);
    let engine = world.engine();
    let mut numbers = Numbers(11);
    for round in 0..60 {
        let from = if round == 0 { 0 } else { numbers.below(u64::from(segment.size)) };
        let max = 1 + usize::try_from(numbers.below(9_000)).unwrap();
        let read = read_all(&engine, &segment, u32::try_from(from).unwrap(), None, max).unwrap();
        assert!(read == lowered[usize::try_from(from).unwrap()..], "from {from} in pieces of {max}");
    }
    // And up to a place in the middle of a batch's head.
    let read = read_all(&engine, &segment, 0, Some(5), 9).unwrap();
    assert_eq!(read, lowered[..6]);
}

/// So many batches, so small, that what is read at a time ends in the head of one now and then.
#[test]
fn whatever_a_stream_reads_at_a_time_its_batches_are_of_epoch_zero() {
    let world = World::new();
    let local = Local::new(40_000, 1);
    let segment = attached(&world, &local);
    let mut lowered = local.log.clone();
    lower_epochs(&mut lowered, &BatchLimits::default()).unwrap();
    assert!(lowered.len() > 2 << 20 && lowered.len() / 40_000 < 80);
    let engine = world.engine();
    for from in (0..80).map(|at| at * 37) {
        let read = read_all(&engine, &segment, from, None, 1 << 20).unwrap();
        assert!(read == lowered[usize::try_from(from).unwrap()..], "from {from}");
    }
}

#[test]
fn what_says_something_of_the_other_cluster_is_made_anew() {
    let world = World::new();
    let mut local = Local::of(log(1_000, 40, 300, Some(9)), 40, 7);
    let snapshot_path = local.path().join("other.snapshot");
    std::fs::write(&snapshot_path, snapshot(&[(9, 1_000), (3, 700)])).unwrap();
    local.files.snapshot = Some(snapshot_path);
    let segment = attached(&world, &local);
    let engine = world.engine();
    let index = |of_type| engine.index(&segment, of_type).unwrap().unwrap();
    assert_eq!(index(IndexType::LeaderEpoch), "0\n1\n0 0\n");
    // Nothing but what is open: no sequences, no epochs, no producers that are at rest.
    let told = index(IndexType::ProducerSnapshot);
    let open: Vec<_> = open_transactions(&told).unwrap();
    let open: Vec<_> = open.iter().map(|open| (open.producer.get(), open.first_offset.get())).collect();
    assert_eq!(open, [(3, 700), (9, 1_000)]);
    assert_eq!(
        told[10 + 8..10 + 8 + 2 + 4 + 8],
        [0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255]
    );
    // What the broker that wrote it had made of the batches holds for any broker.
    assert_eq!(index(IndexType::Offset), std::fs::read(&local.files.offset_index).unwrap());
    assert_eq!(index(IndexType::Timestamp), std::fs::read(&local.files.time_index).unwrap());
}

/// A transaction was open at the end: the brokers were told of less than there is.
#[test]
fn of_a_segment_that_was_cut_nothing_is_given_from_beyond() {
    let world = World::new();
    let local = Local::new(40, 3_000);
    let whole = attached(&world, &local);
    // In the middle of the fourth block, at a batch's beginning.
    let batch = u32::try_from(local.log.len() / 40).unwrap();
    let range = firnline_index::OffsetRange::new(offset(1_000), offset(1_007)).unwrap();
    let cut = Segment { range, size: 7 * batch, ..whole.clone() };
    let mut lowered = local.log.clone();
    lower_epochs(&mut lowered, &BatchLimits::default()).unwrap();
    let engine = world.engine();
    let size = usize::try_from(cut.size).unwrap();
    assert_eq!(read_all(&engine, &cut, 0, None, 9_999).unwrap(), lowered[..size]);
    let index = |of_type| engine.index(&cut, of_type).unwrap().unwrap();
    let lines = index(IndexType::Offset);
    assert!(!lines.is_empty() && lines.len() % 8 == 0);
    for line in lines.chunks(8) {
        assert!(u32::from_be_bytes(line[4..].try_into().unwrap()) < cut.size);
    }
    assert!(index(IndexType::Timestamp).len() % 12 == 0);
    assert_eq!(index(IndexType::Transaction), "");
    assert_eq!(open_transactions(&index(IndexType::ProducerSnapshot)).unwrap(), []);
    // More than there is can be nothing but a mistake.
    let more = Segment { size: whole.size + 1, ..whole };
    assert!(engine.fetch(&more, 0, None).is_err());
}
