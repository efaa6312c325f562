//! Where a log would have ended.

use crate::log::{Log, at};
use crate::tier::{TestTier, tip};

#[tokio::test]
async fn behind_a_hole_it_ends_with_the_last_batch_before() {
    let mut log = Log::from(0);
    log.data(10, 4 << 10).data(10, 4 << 10);
    log.hole(12);
    log.data(10, 4 << 10).data(10, 4 << 10);
    let (reader, _) = TestTier::of(&log, &[]).reader();
    for (offset, end) in
        [(52, 52), (51, 42), (45, 42), (42, 42), (41, 20), (32, 20), (30, 20), (20, 20), (15, 10), (5, 0)]
    {
        let ended = reader.ended_at(&tip(), at(offset)).await.expect("found");
        assert_eq!((ended.end.get(), ended.last_stable.get()), (end, end), "as of {offset}");
    }
    // The same where transactions are followed.
    let mut log = Log::from(0);
    log.data(10, 4 << 10).in_transaction(1, 10).commit(1);
    log.hole(11);
    log.data(10, 4 << 10);
    let (reader, _) = TestTier::of(&log, &[]).reader();
    for (offset, end, stable) in [(32, 21, 21), (30, 21, 21), (21, 21, 21), (20, 20, 10), (10, 10, 10)] {
        let ended = reader.ended_at(&tip(), at(offset)).await.expect("found");
        assert_eq!((ended.end.get(), ended.last_stable.get()), (end, stable), "as of {offset}");
    }
}
