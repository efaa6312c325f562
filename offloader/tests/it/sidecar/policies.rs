//! What settings and operators decide of a topic: how it is stored, pauses, retention, and what comes of a deleted one.

use firnline_store::RequestKind;
use firnline_store::sim::{Rule, SimFault, When};

use super::*;

fn known_topic() -> firnline_tier::KnownTopic {
    firnline_tier::KnownTopic { topic: tip(0).topic, topic_id: tip(0).topic_id }
}

#[tokio::test(start_paused = true)]
async fn a_deleted_topic_goes_up_to_its_last_bound_and_its_pins_go() {
    let bench = Bench::new(1).await;
    let sidecar = bench.sidecar(1, each_file()).await;
    {
        let mut model = bench.model.lock().unwrap();
        (0..3).for_each(|_| model.write(&[1], 2));
    }
    bench.run(&[&sidecar], 60).await;
    assert_eq!(bench.tier_end().await, 12);
    {
        let mut model = bench.model.lock().unwrap();
        model.broker(1).retain(0);
        model.broker(1).gone = true;
        model.unknown = true;
    }
    bench.run(&[&sidecar], 300).await;
    assert!(
        bench.manifest().await.unwrap().deleted.is_none(),
        "a topic that is unknown for a moment is not deleted"
    );
    bench.run(&[&sidecar], 600).await;
    let manifest = bench.manifest().await.unwrap();
    assert_eq!(
        manifest.deleted.and_then(|deleted| deleted.last_bound),
        Some(offset(18)),
        "{:?}",
        sidecar.status()
    );
    assert_eq!(manifest.tier_end, offset(18));
    assert!(bench.model.lock().unwrap().brokers[&node(1)].sole.is_empty(), "{:?}", sidecar.status());
}

#[tokio::test(start_paused = true)]
async fn one_brokers_word_is_not_enough_to_call_a_topic_deleted() {
    let bench = Bench::new(1).await;
    let sidecar = bench.sidecar(1, each_file()).await;
    (0..3).for_each(|_| bench.model.lock().unwrap().write(&[1], 2));
    bench.run(&[&sidecar], 60).await;
    assert_eq!(bench.tier_end().await, 12);
    {
        let mut model = bench.model.lock().unwrap();
        model.broker(1).retain(0);
        model.broker(1).gone = true;
        model.unknown = true;
    }
    // A second broker knows the topic; then there is none that answers.
    for (known_elsewhere, answering) in [(true, usize::MAX), (false, 1)] {
        {
            let mut model = bench.model.lock().unwrap();
            (model.known_elsewhere, model.answering) = (known_elsewhere, answering);
        }
        bench.run(&[&sidecar], 2000).await;
        assert_eq!(bench.manifest().await.unwrap().deleted, None, "{:?}", sidecar.status());
    }
    bench.model.lock().unwrap().answering = 2;
    bench.run(&[&sidecar], 900).await;
    assert!(bench.manifest().await.unwrap().deleted.is_some(), "{:?}", sidecar.status());
}

fn keeps_deleted(at_least: Duration) -> SidecarSettings {
    SidecarSettings {
        duty_interval: Duration::from_secs(3600),
        deleted_topic_retention: Some(at_least),
        tick: Duration::from_secs(30),
        leader_interval: Duration::from_secs(60),
        ..each_file()
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_on_one_machine_lets_no_archive_of_a_deleted_topic_go() {
    let bench = Bench::new(1).await;
    let day = Duration::from_secs(86_400);
    let sidecar = bench.sidecar(1, keeps_deleted(day)).await;
    (0..5).for_each(|_| bench.model.lock().unwrap().write(&[1], 2));
    bench.run(&[&sidecar], 600).await;
    {
        let mut model = bench.model.lock().unwrap();
        model.broker(1).retain(0);
        model.broker(1).gone = true;
        model.unknown = true;
    }
    bench.run(&[&sidecar], 10 * 86_400).await;
    let kept = bench.manifest().await.unwrap();
    assert!(kept.deleted.is_some() && kept.tier_start == offset(0), "{:?}", kept.tier_start);
}

#[tokio::test(start_paused = true)]
async fn the_archive_of_a_deleted_topic_goes_a_share_at_a_time_once_its_time_is_over_and_only_then() {
    let bench = Bench::new(1).await;
    let kept = Duration::from_secs(7 * 86_400);
    // The file of this machine lengthens the day that the bucket says.
    let sidecar = bench.sidecar(1, keeps_deleted(kept)).await;
    {
        let mut model = bench.model.lock().unwrap();
        (0..30).for_each(|_| model.write(&[1], 2));
    }
    bench.run(&[&sidecar], 600).await;
    bench.tier.set_deleted_retention(&known_topic(), Some(86_400_000)).await.unwrap();
    {
        let mut model = bench.model.lock().unwrap();
        model.broker(1).retain(0);
        model.broker(1).gone = true;
        model.unknown = true;
    }
    bench.run(&[&sidecar], 3 * 86_400).await;
    let before = bench.manifest().await.unwrap();
    assert!(before.deleted.is_some(), "{:?}", sidecar.status());
    assert_eq!(before.tier_start, offset(0), "its time is not over");
    bench.model.lock().unwrap().unknown = false;
    bench.run(&[&sidecar], 6 * 86_400).await;
    let back = bench.manifest().await.unwrap();
    assert_eq!(back.tier_start, offset(0), "the brokers know the id");
    {
        let mut model = bench.model.lock().unwrap();
        (model.unknown, model.known_elsewhere) = (true, true);
    }
    bench.run(&[&sidecar], 86_400).await;
    let doubted = bench.manifest().await.unwrap();
    assert_eq!(doubted.tier_start, offset(0), "one broker alone does not know it");
    bench.model.lock().unwrap().known_elsewhere = false;
    bench.run(&[&sidecar], 2 * 3600).await;
    let some = bench.manifest().await.unwrap();
    assert!(some.tier_start > offset(0) && some.entries.len() > 20, "{:?}", some.tier_start);
    bench.run(&[&sidecar], 5 * 86_400).await;
    let after = bench.manifest().await.unwrap();
    assert_eq!(after.tier_start, after.tier_end, "all of it goes in the end");
    let oldest = before.entries[0].object_key(&tip(0));
    assert!(bench.tier.store().head(&oldest).await.is_err(), "its objects are gone");
    assert!(sidecar.status().totals.counts.objects_deleted >= before.entries.len() as u64);
}

#[tokio::test(start_paused = true)]
async fn segments_are_stored_as_their_topics_policy_says() {
    let bench = Bench::new(1).await;
    let form = firnline_tier::SegmentForm {
        compression: Some(firnline_index::segment::BlockCompression::Zstd { level: 3 }),
        storage_class: Some("STANDARD_IA".to_owned()),
        ..Default::default()
    };
    let policy = TopicPolicy { target_bytes: 0, form: form.clone(), ..TopicPolicy::default() };
    let settings = SidecarSettings { policy_of: Arc::new(move |_| policy.clone()), ..each_file() };
    let sidecar = bench.sidecar(1, settings).await;
    {
        let mut model = bench.model.lock().unwrap();
        (0..3).for_each(|_| model.write(&[1], 2));
    }
    bench.run(&[&sidecar], 60).await;
    let manifest = bench.manifest().await.unwrap();
    assert!(!manifest.entries.is_empty(), "{:?}", sidecar.status());
    for entry in &manifest.entries {
        assert_eq!(entry.storage_class, form.storage_class);
    }
}

#[tokio::test(start_paused = true)]
async fn a_paused_topic_keeps_its_pins_and_goes_on_without_a_gap() {
    let bench = Bench::new(1).await;
    {
        let mut model = bench.model.lock().unwrap();
        (0..3).for_each(|_| model.write(&[1], 2));
    }
    let sidecar = bench.sidecar(1, each_file()).await;
    bench.run(&[&sidecar], 30).await;
    assert_eq!(bench.tier_end().await, 12);
    let said = firnline_index::Said {
        at: firnline_index::TimestampMs::new(START_MS).unwrap(),
        by: "ada".to_owned(),
        why: String::new(),
    };
    bench.tier.set_paused(&known_topic(), Some(said)).await.unwrap();
    bench.run(&[&sidecar], 120).await;
    {
        let mut model = bench.model.lock().unwrap();
        (0..3).for_each(|_| model.write(&[1], 2));
        model.broker(1).retain(1);
    }
    // It survives a restart.
    let sidecar = bench.sidecar(1, each_file()).await;
    bench.run(&[&sidecar], 600).await;
    assert_eq!(bench.tier_end().await, 12);
    assert_eq!(sidecar.status().partitions[0].wait.name(), "paused");
    bench.tier.set_paused(&known_topic(), None).await.unwrap();
    bench.run(&[&sidecar], 180).await;
    let manifest = bench.manifest().await.unwrap();
    assert_eq!(manifest.tier_end, offset(30), "{:?}", sidecar.status());
    assert!(manifest.gaps.is_empty());
}

#[tokio::test(start_paused = true)]
async fn retention_that_the_bucket_has_takes_the_oldest_and_deletes_them_later() {
    let bench = Bench::new(1).await;
    let settings = || SidecarSettings { duty_interval: Duration::from_secs(60), ..each_file() };
    {
        let mut model = bench.model.lock().unwrap();
        (0..30).for_each(|_| model.write(&[1], 2));
    }
    let sidecar = bench.sidecar(1, settings()).await;
    bench.run(&[&sidecar], 600).await;
    let before = bench.manifest().await.unwrap();
    assert_eq!((before.tier_start, before.entries.len()), (offset(0), 29), "nothing is retired unasked");
    let share = firnline_tier::retention::Share::ALL;
    let limits =
        firnline_tier::retention::Limits { ms: None, bytes: Some(before.totals.log_bytes.get() / 2) };
    let set = firnline_tier::policy::SetRetention { limits, share };
    let clocks = bench.tier.clocks().await.unwrap();
    bench.tier.set_retention(&known_topic(), set, clocks).await.unwrap();
    bench.run(&[&sidecar], 4000).await;
    let after = bench.manifest().await.unwrap();
    assert!(after.tier_start > offset(60), "{:?}", after.tier_start);
    let oldest = before.entries[0].object_key(&tip(0));
    assert!(bench.tier.store().head(&oldest).await.is_err(), "its object is gone");
}

#[tokio::test(start_paused = true)]
async fn a_pause_holds_from_the_first_upload_on_although_topics_cannot_be_listed() {
    let bench = Bench::new(1).await;
    (0..3).for_each(|_| bench.model.lock().unwrap().write(&[1], 2));
    let said = firnline_index::Said {
        at: firnline_index::TimestampMs::new(START_MS).unwrap(),
        by: "ada".to_owned(),
        why: String::new(),
    };
    bench.tier.set_paused(&known_topic(), Some(said)).await.unwrap();
    bench.store.rule(Rule::new(SimFault::Denied, When::Always).on(&[RequestKind::List]));
    let sidecar = bench.sidecar(1, each_file()).await;
    bench.run(&[&sidecar], 300).await;
    assert_eq!(bench.tier_end().await, -1, "{:?}", sidecar.status());
    assert_eq!(sidecar.status().partitions[0].wait.name(), "paused");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_answers_nothing_is_named_long_before_its_requests_give_up() {
    let bench = Bench::new(1).await;
    let sidecar = bench.sidecar(1, each_file()).await;
    (0..3).for_each(|_| bench.model.lock().unwrap().write(&[1], 2));
    bench.run(&[&sidecar], 60).await;
    assert_eq!(bench.tier_end().await, 12);
    assert_eq!(
        sidecar.status().partitions[0].exposed.as_secs() / 60,
        0,
        "the file still written, as told last"
    );
    bench.store.rule(Rule::new(SimFault::Hang, When::Always));
    (0..3).for_each(|_| bench.model.lock().unwrap().write(&[1], 2));
    let looked = async {
        tokio::time::sleep(Duration::from_secs(14)).await;
        sidecar.status()
    };
    let (_, status) =
        futures::future::join(sidecar.run(tokio::time::sleep(Duration::from_secs(15))), looked).await;
    let wait = &status.partitions[0].wait;
    assert_eq!(wait.code(), "FIRN-O220", "{wait}");
    assert!(wait.to_string().contains("it has answered nothing for 1"), "{wait}");
    assert!(status.totals.exposed_max >= Duration::from_secs(10), "{status:?}");
}
