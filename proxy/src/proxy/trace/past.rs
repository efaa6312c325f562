//! The same with topics as they stood.

use super::*;
use crate::proxy::travel::PastName;

/// Before the record at 500, whose time is 1,000,500.
const PAST: &str = "orders@1970-01-01T00:16:40.500Z";
const END: i64 = 500;

impl Stage {
    async fn traveling() -> (Self, [u8; 16]) {
        let stage = Self::with(Grounds { certificates: false, trusts_all: false }, true).await;
        stage.know();
        let tier = stage.shared.tier.get().unwrap();
        let known = tier.known();
        let (tiered, name) = (known.with_id(topic_id(ID)).unwrap(), PastName::read(PAST).unwrap());
        let id = tier.pasts.as_ref().unwrap().learn(PAST, &name, tiered, 0).unwrap().id;
        stage.events();
        (stage, id)
    }

    /// Asks for an offset of partition 1, and for one of partition 0 as it stood; gives of each the error, the high watermark and
    /// the number of bytes.
    async fn fetch_both(&mut self, id: [u8; 16], hot: i64, past: i64) -> [(i16, i64, usize); 2] {
        let topic = |topic_id, partition, fetch_offset| {
            let asked = FetchPartition {
                partition,
                fetch_offset,
                partition_max_bytes: 1 << 20,
                ..FetchPartition::default()
            };
            FetchTopic { topic: "", topic_id, partitions: vec![asked].into() }
        };
        let topics = vec![topic([ID; 16], 1, hot), topic(id, 0, past)].into();
        let request = FetchRequest {
            max_wait_ms: 500,
            max_bytes: At::new(10 << 20),
            topics,
            ..FetchRequest::default()
        };
        let mut frame = write_request(&request, VERSION, 5, Some(b"client")).unwrap();
        self.client.write_all_buf(&mut frame).await.unwrap();
        // The question for the broker's consent, and the rest.
        self.answer().await;
        self.answer().await;
        let answer = read(&mut self.client).await;
        let answer: FetchResponse<'_> = read_response(&answer, VERSION).unwrap();
        let entry = |of: [u8; 16]| {
            let topic = answer.responses.iter().find(|topic| topic.topic_id == of).unwrap();
            let data = topic.partitions.iter().next().unwrap();
            (data.error_code.value, data.high_watermark.value, data.records.value.len())
        };
        [entry([ID; 16]), entry(id)]
    }
}

#[tokio::test]
async fn records_of_the_broker_wait_for_no_topic_as_it_stood() {
    let (mut stage, id) = Stage::traveling().await;
    let hot = stage.log.bytes_from(1050).len();
    assert_eq!(stage.fetch_both(id, 1050, 100).await, [(0, BROKERS.1, hot), (0, -1, 0)]);
    let events = stage.events_until_the_store_was_asked().await;
    let sent = before_store(&events);
    assert!(sent > hot && sent == all_to_client(&events), "{events:?}");
    // By and by the reader has it, and it goes along without a question.
    let (mut next, mut turns) = (100, 0);
    while next < END {
        for _ in 0..1000 {
            yield_now().await;
        }
        stage.events();
        let [_, (code, high_watermark, bytes)] = stage.fetch_both(id, 1050, next).await;
        let events = stage.events();
        assert_eq!(before_store(&events), all_to_client(&events), "{events:?}");
        assert_eq!(code, 0);
        assert!(bytes == 0 || high_watermark == END);
        let mut seen = 0;
        for batch in stage.log.between(next, END) {
            seen += batch.bytes.len();
            if seen <= bytes {
                next = batch.next;
            }
        }
        turns += 1;
        assert!(turns < 1000, "nothing more comes behind {next}");
    }
    let [_, end] = stage.fetch_both(id, 1050, END).await;
    assert_eq!(end, (0, END, 0), "who has read all is told so");
}

#[tokio::test(start_paused = true)]
async fn long_answers_with_records_do_not_wait_for_who_reads_slowly() {
    let (mut stage, id) = Stage::traveling().await;
    let answers = stage.shared.answers.all().clone();
    let taken = answers.reserve(answers.total()).await;
    let hot = stage.log.bytes_from(700).len();
    assert!(hot > 64 << 10, "it is counted");
    let minute = std::time::Duration::from_secs(60);
    let both = tokio::time::timeout(minute, stage.fetch_both(id, 700, 100)).await;
    assert_eq!(both.expect("others hold the memory for what is filled")[0], (0, BROKERS.1, hot));
    drop(taken);
}
