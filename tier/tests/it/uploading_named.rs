//! Segments that a broker has named.

use firnline_index::ids::{LeaderEpoch, Offset, ProducerId, SegmentUuid, StoredPosition};
use firnline_index::keys::ObjectKey;
use firnline_index::lineage::EpochStart;
use firnline_index::segment::{BrokerFile, BrokerFiles, ExpectedOrigin, SegmentTail};
use firnline_index::transactions::OpenTransaction;
use firnline_tier::{Basis, BrokerSegment, Unpaced, UploadOutcome};

use crate::support::*;

fn named() -> BrokerSegment {
    let start = |epoch, start| EpochStart {
        epoch: LeaderEpoch::new(epoch).unwrap(),
        start: Offset::new(start).unwrap(),
    };
    BrokerSegment {
        uuid: SegmentUuid::from_bytes([0x5e; 16]),
        leader_epoch: Some(LeaderEpoch::new(9).unwrap()),
        epochs: vec![start(2, 0), start(9, 60)],
        files: BrokerFiles::default().with(BrokerFile::OffsetIndex, vec![1; 80]),
        open: Some(vec![OpenTransaction {
            producer: ProducerId::new(77).unwrap(),
            first_offset: offset(3),
            last_timestamp: None,
        }]),
    }
}

#[tokio::test(start_paused = true)]
async fn a_broker_names_its_segment_and_a_repeated_upload_takes_its_place() {
    let world = World::new(60);
    let tier = world.tier().await;
    let log = Log::plain(40, 200);
    let key = ObjectKey::Segment {
        tip: tip(0),
        base: offset(0),
        leader_epoch: named().leader_epoch,
        uuid: named().uuid,
    };
    for _ in 0..2 {
        let plan = plan(&tip(0), offset(0), &Basis::of(None, offset(0)), 1 << 16);
        let outcome = tier.upload_broker_segment(log.source(), plan, named(), &Unpaced).await.unwrap();
        let UploadOutcome::Uploaded(uploaded) = outcome else { panic!("there are batches") };
        let entry = uploaded.entry;
        assert_eq!(entry.object_key(&tip(0)), key.to_string());
        assert_eq!(entry.kip405.as_ref().unwrap().epochs, named().epochs);
        assert_eq!((entry.stable_end, uploaded.open.len()), (offset(3), 1));
        let object = world.sim.peek(&key.to_string()).unwrap();
        let at = usize::try_from(entry.tail_position.get()).unwrap();
        let tail_at = StoredPosition::new(entry.tail_position.get());
        let tail = SegmentTail::parse(object.slice(at..), tail_at, &ExpectedOrigin::default()).unwrap();
        assert_eq!(tail.footer().kip405, entry.kip405);
        let files = tail.broker_files(&object.slice(at..)).unwrap();
        assert_eq!(files.get(BrokerFile::OffsetIndex).unwrap().unwrap(), vec![1; 80]);
    }
    assert_eq!(world.data_keys(), [key.to_string()], "one object, whatever was repeated");
}
