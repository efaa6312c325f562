//! Whose memory it is, and what is told where there is none.

use super::*;

/// What is taken of the memory for requests.
pub(super) fn requests_taken(stage: &Stage) -> u64 {
    let requests = stage.shared.requests.all();
    requests.total() - requests.available()
}

#[tokio::test(start_paused = true)]
async fn without_memory_not_even_one_batch_of_the_tier_is_held() {
    let mut stage = Stage::new().await;
    stage.know();
    let answers = stage.shared.answers.all().clone();
    let taken = answers.reserve(answers.total()).await;
    for _ in 0..3 {
        assert_eq!(stage.fetch([100, 200], 10 << 20).await, [(0, 0), (0, 0)]);
    }
    drop(taken);
    let entries = stage.fetch([100, 200], 10 << 20).await;
    assert!(
        entries.iter().all(|(code, bytes)| *code == 0 && *bytes > 0),
        "it was read meanwhile: {entries:?}"
    );
    for _ in 0..1000 {
        yield_now().await;
    }
    assert_eq!(answers.available(), answers.total(), "and given back");
}

#[tokio::test]
async fn answers_of_our_own_that_wait_for_their_turn_are_counted() {
    let mut stage = Stage::before(Grounds { certificates: true, trusts_all: false }).await;
    // It is not answered; what is asked behind it waits.
    stage.client.write_all(&request([1050, 1050], 1 << 20)).await.unwrap();
    for _ in 0..1000 {
        yield_now().await;
    }
    for _ in 0..9 {
        let partition = DeleteRecordsPartition { partition_index: 0, offset: At::new(-1) };
        let topics = vec![DeleteRecordsTopic { name: "orders", partitions: vec![partition].into() }].into();
        let request = DeleteRecordsRequest { topics, timeout_ms: 1000 };
        let mut frame = write_request(&request, 2, 5, Some(b"client")).unwrap();
        stage.client.write_all_buf(&mut frame).await.unwrap();
    }
    for _ in 0..1000 {
        yield_now().await;
    }
    assert_eq!(requests_taken(&stage), 8 * 4096);
}
