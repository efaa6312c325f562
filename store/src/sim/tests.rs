use super::*;
use crate::counts::{RequestKind, RequestOutcome};
use crate::error::ErrorKind;
use crate::object::{CreateOutcome, UpdateOutcome};
use crate::upload::UploadOptions;
use crate::{ByteBudget, Payload};
use tokio::time::Instant;

fn world(seed: u64) -> (Simulation, Env, Store) {
    let env = Env::seeded(seed, 1_700_000_000_000);
    let simulation = Simulation::new(seed, &env);
    let store = simulation.connect(&env);
    (simulation, env, store)
}

async fn create(store: &Store, key: &str, bytes: &'static [u8]) -> crate::Version {
    match store.create(key, bytes).await.expect("create") {
        CreateOutcome::Created(version) => version,
        CreateOutcome::Exists => panic!("{key} exists"),
    }
}

/// A few hundred requests of every kind from two processes over a bad network.
async fn busy_run(seed: u64) -> (u64, Vec<TraceEvent>) {
    let (simulation, env, store) = world(seed);
    let other = simulation.connect(&env);
    simulation.latency(Duration::from_millis(5)..Duration::from_millis(80));
    for fault in [SimFault::ServerError, SimFault::LostAfter, SimFault::LostBefore, SimFault::TruncatedBody] {
        simulation.rule(Rule::new(fault, When::PerMille(60)));
    }
    let work = async |store: &Store, side: u8| {
        for n in 0..20_u8 {
            let key = format!("k/{}", n % 7);
            let _outcome = store.create(&key, vec![side, n]).await;
            if let Ok(found) = store.get(&key).await {
                let _outcome = store.update(&key, vec![side, n, 1], &found.version).await;
                let _outcome = store.get_range(&key, 0..1).await;
            }
            let _outcome = store.list("k/", None).collect_up_to(100).await;
            let _outcome = store.delete(&format!("k/{}", (n + 3) % 7)).await;
        }
    };
    futures::join!(work(&store, 1), work(&other, 2));
    (simulation.trace_hash(), simulation.trace())
}

#[tokio::test(start_paused = true)]
async fn same_seed_gives_the_same_trace() {
    let (first, trace) = busy_run(7).await;
    let (second, again) = busy_run(7).await;
    assert!(trace.len() > 200 && trace.iter().any(|event| event.fault.is_some()));
    assert_eq!(trace, again);
    assert_eq!(first, second);
    assert_ne!(first, busy_run(8).await.0);
}

#[tokio::test(start_paused = true)]
async fn create_whose_answer_is_lost_is_recognised_as_ones_own() {
    for fault in
        [SimFault::LostAfter, SimFault::LostBefore, SimFault::Busy, SimFault::ServerError, SimFault::Hang]
    {
        let (simulation, _env, store) = world(1);
        simulation.rule(Rule::new(fault.clone(), When::First(2)).on(&[RequestKind::Create]));
        let outcome = store.create("k", &b"mine"[..]).await.expect("create");
        assert!(matches!(outcome, CreateOutcome::Created(_)), "{fault:?}");
        assert_eq!(simulation.peek("k").expect("there"), &b"mine"[..]);
    }
}

#[tokio::test(start_paused = true)]
async fn create_that_lost_to_another_is_told_so_even_in_doubt() {
    let (simulation, _env, store) = world(1);
    simulation.plant("k", &b"theirs"[..]);
    simulation.rule(Rule::new(SimFault::LostBefore, When::First(1)).on(&[RequestKind::Create]));
    assert_eq!(store.create("k", &b"mine"[..]).await.expect("create"), CreateOutcome::Exists);
    assert_eq!(simulation.peek("k").expect("there"), &b"theirs"[..]);
}

#[tokio::test(start_paused = true)]
async fn update_whose_answer_is_lost_is_ambiguous_and_never_repeated() {
    for (fault, applied) in
        [(SimFault::LostAfter, true), (SimFault::LostBefore, false), (SimFault::Overloaded, false)]
    {
        let (simulation, _env, store) = world(1);
        let version = create(&store, "k", b"one").await;
        simulation.rule(Rule::new(fault, When::First(1)).on(&[RequestKind::Update]));
        let error = store.update("k", &b"two"[..], &version).await.expect_err("in doubt");
        assert!(error.is_ambiguous() && error.is_retriable());
        assert_eq!(error.attempts(), 1);
        let found = store.get("k").await.expect("get");
        assert_eq!(found.bytes == b"two"[..], applied);
        assert_eq!(store.counters().of(RequestKind::Update), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn update_that_was_refused_for_the_moment_is_tried_again() {
    let (simulation, _env, store) = world(1);
    let version = create(&store, "k", b"one").await;
    simulation.rule(Rule::new(SimFault::Busy, When::Nth(0)).on(&[RequestKind::Update]));
    simulation.rule(
        Rule::new(SimFault::Throttled(Duration::from_secs(3)), When::Nth(0)).on(&[RequestKind::Update]),
    );
    let begun = Instant::now();
    let outcome = store.update("k", &b"two"[..], &version).await.expect("update");
    assert!(matches!(outcome, UpdateOutcome::Updated(_)));
    assert!(begun.elapsed() >= Duration::from_secs(3));
    assert_eq!(store.counters().with_outcome(RequestKind::Update, RequestOutcome::Busy), 2);
}

#[tokio::test(start_paused = true)]
async fn short_range_is_never_handed_out() {
    let (simulation, _env, store) = world(1);
    create(&store, "k", b"0123456789").await;
    simulation.rule(Rule::new(SimFault::TruncatedBody, When::First(1)));
    assert_eq!(store.get_range("k", 2..6).await.expect("second attempt"), &b"2345"[..]);
    simulation.rule(Rule::new(SimFault::TruncatedBody, When::Always));
    assert_eq!(*store.get_range("k", 2..6).await.expect_err("always short").kind(), ErrorKind::Truncated);
    assert_eq!(*store.get_suffix("k", 4).await.expect_err("always short").kind(), ErrorKind::Truncated);
}

#[tokio::test(start_paused = true)]
async fn damage_that_only_content_shows_gets_through() {
    let (simulation, _env, store) = world(1);
    create(&store, "k", b"0123456789").await;
    simulation.rule(Rule::new(SimFault::FlippedBit, When::First(1)));
    let flipped = store.get_range("k", 0..10).await.expect("right length");
    let bits: u32 = flipped.iter().zip(b"0123456789").map(|(a, b)| (a ^ b).count_ones()).sum();
    assert_eq!(bits, 1);
    simulation.heal();
    simulation.rule(Rule::new(SimFault::ShiftedRange, When::First(1)));
    assert_eq!(store.get_range("k", 2..6).await.expect("right length"), &b"3456"[..]);
    assert_eq!(store.get_range("k", 2..6).await.expect("healthy"), &b"2345"[..]);
}

#[tokio::test(start_paused = true)]
async fn permission_and_space_are_told_at_once() {
    for (fault, kind) in [(SimFault::Denied, ErrorKind::Denied), (SimFault::Full, ErrorKind::Full)] {
        let (simulation, _env, store) = world(1);
        simulation.rule(Rule::new(fault, When::Always).on(&[RequestKind::Put]).key_contains("secret"));
        let error = store.put_unique("secret/x", &b"x"[..]).await.expect_err("refused");
        assert_eq!((error.kind(), error.attempts()), (&kind, 1));
        store.put_unique("open/x", &b"x"[..]).await.expect("rule names other keys");
        assert_eq!(simulation.keys(), ["open/x"]);
    }
}

#[tokio::test(start_paused = true)]
async fn stale_listing_shows_the_past() {
    let (simulation, _env, store) = world(1);
    for key in ["a", "b", "c"] {
        create(&store, key, b"x").await;
    }
    store.delete("a").await.expect("delete");
    simulation.rule(Rule::new(SimFault::StaleListing(2), When::First(1)));
    let names = async || -> Vec<String> {
        let (objects, _) = store.list("", None).collect_up_to(10).await.expect("list");
        objects.into_iter().map(|object| object.key).collect()
    };
    assert_eq!(names().await, ["a", "b"], "neither the create of c nor the delete of a");
    assert_eq!(names().await, ["b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn deleting_or_overwriting_what_is_protected_is_fatal() {
    let (simulation, _env, store) = world(1);
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let told = Arc::clone(&seen);
    simulation.on_fatal(move |fatal| told.lock().expect("no panic").push(fatal.to_string()));
    simulation.protect("keep/");
    create(&store, "keep/a", b"x").await;
    store.put_unique("keep/a", &b"x"[..]).await.expect("the same bytes again");
    store.delete("keep/absent").await.expect("delete");
    store.delete("other").await.expect("delete");
    assert_eq!(simulation.fatal(), []);
    store.put_unique("keep/a", &b"y"[..]).await.expect("put");
    store.delete("keep/a").await.expect("delete");
    let key = || "keep/a".to_owned();
    assert_eq!(simulation.fatal(), [Fatal::Overwritten { key: key() }, Fatal::Deleted { key: key() }]);
    assert_eq!(seen.lock().expect("no panic").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn process_that_dies_in_mid_upload_leaves_no_object() {
    let (simulation, env, store) = world(1);
    simulation.rule(Rule::new(SimFault::DieAfter, When::Nth(1)).on(&[RequestKind::Part]));
    let upload = async {
        let options = UploadOptions { budget: ByteBudget::new(64 << 20), size_hint: None };
        let mut upload = store.upload("segment", options).expect("valid key");
        for _ in 0..12 {
            upload.write(vec![7; 1 << 20].into()).await.expect("write");
        }
        upload.complete().await.expect("complete")
    };
    tokio::select! {
        _ = upload => panic!("it died"),
        () = simulation.died() => {}
    }
    simulation.heal();
    assert_eq!(simulation.keys(), Vec::<String>::new());
    let next = simulation.connect(&env);
    assert!(next.get("segment").await.expect_err("nothing").is_not_found());
    assert_eq!(simulation.open_uploads(), 1, "what a lifecycle rule has to remove");
}

#[tokio::test(start_paused = true)]
async fn upload_survives_a_bad_network_and_complete_is_settled_by_a_look() {
    let (simulation, _env, store) = world(3);
    simulation.rule(Rule::new(SimFault::LostAfter, When::Nth(0)).on(&[RequestKind::Complete]));
    simulation.rule(
        Rule::new(SimFault::ServerError, When::PerMille(300)).on(&[RequestKind::Part, RequestKind::Begin]),
    );
    let options = UploadOptions { budget: ByteBudget::new(64 << 20), size_hint: None };
    let mut upload = store.upload("segment", options).expect("valid key");
    for n in 0..16_u8 {
        upload.write(vec![n; 1 << 20].into()).await.expect("write");
    }
    let uploaded = upload.complete().await.expect("complete");
    let expected: Payload = (0..16_u8).map(|n| vec![n; 1 << 20].into()).collect::<Vec<Bytes>>().into();
    assert!(expected.content_equals(&simulation.peek("segment").expect("there")));
    assert_eq!((uploaded.size, uploaded.verified), (16 << 20, false), "nobody told a checksum");
    assert_eq!(store.counters().with_outcome(RequestKind::Complete, RequestOutcome::Absent), 1);
    assert_eq!(simulation.open_uploads(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_late_write_lands_after_its_sender_has_given_up_unless_its_condition_failed_meanwhile() {
    let (simulation, _env, store) = world(4);
    let hours = |hours: u64| Duration::from_secs(3600 * hours);
    store.create("manifest", b"one".as_slice()).await.expect("nobody else");
    let first = store.get("manifest").await.expect("there").version;
    simulation.rule(Rule::new(SimFault::Late(hours(1)), When::Nth(0)).on(&[RequestKind::Update]));
    let error = store.update("manifest", b"late".as_slice(), &first).await.expect_err("no answer");
    assert!(error.is_ambiguous());
    assert_eq!(simulation.peek("manifest").expect("there"), "one", "nothing has arrived");
    tokio::time::sleep(hours(1)).await;
    simulation.settle_late();
    assert_eq!(simulation.peek("manifest").expect("there"), "late");
    simulation.heal();
    let second = store.get("manifest").await.expect("there").version;
    simulation.rule(Rule::new(SimFault::Late(hours(1)), When::Nth(0)).on(&[RequestKind::Update]));
    store.update("manifest", b"too late".as_slice(), &second).await.expect_err("no answer");
    store.update("manifest", b"three".as_slice(), &second).await.expect("the version is still that");
    tokio::time::sleep(hours(1)).await;
    assert_eq!(
        store.get("manifest").await.expect("there").bytes,
        "three",
        "the condition does not hold any more"
    );
}

#[tokio::test(start_paused = true)]
async fn who_listens_hears_of_each_change_and_of_nothing_else() {
    let (simulation, _env, store) = world(5);
    let heard: Arc<std::sync::Mutex<Vec<Change>>> = Arc::default();
    let listener = Arc::clone(&heard);
    simulation.on_change(move |change| listener.lock().expect("no panic").push(change.clone()));
    store.create("manifest", b"one".as_slice()).await.expect("nobody else");
    store.create("manifest", b"two".as_slice()).await.expect("an answer");
    store.delete("manifest").await.expect("deleted");
    store.delete("manifest").await.expect("nothing to delete");
    let change = |before: Option<&'static str>, after: Option<&'static str>| Change {
        key: "manifest".to_owned(),
        before: before.map(Bytes::from),
        after: after.map(Bytes::from),
    };
    assert_eq!(*heard.lock().expect("no panic"), [change(None, Some("one")), change(Some("one"), None)]);
}
