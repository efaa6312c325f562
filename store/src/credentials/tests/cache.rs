use super::*;
use crate::credentials::cache::{Expires, Fetched, Refreshing, Source};
use async_trait::async_trait;
use object_store::CredentialProvider;
use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// A credential and its life in seconds, or a refusal's status.
type Step = Result<(u32, Option<i64>), u16>;

/// Gives what the script says; a fetch waits for `gate` where the script holds one.
#[derive(Debug, Default)]
struct Script {
    steps: Mutex<VecDeque<Step>>,
    fetches: AtomicUsize,
    gate: Mutex<Option<Arc<Notify>>>,
}

#[derive(Clone, Debug)]
struct Scripted(Arc<Script>);

#[async_trait]
impl Source for Scripted {
    type Credential = u32;

    async fn fetch(&self) -> Result<Fetched<u32>, CredentialError> {
        self.0.fetches.fetch_add(1, Ordering::SeqCst);
        let gate = self.0.gate.lock().expect("not poisoned").clone();
        if let Some(gate) = gate {
            gate.notified().await;
        }
        let step =
            self.0.steps.lock().expect("not poisoned").pop_front().expect("the script has another step");
        match step {
            Ok((credential, life_s)) => Ok(Fetched {
                credential,
                expires: life_s.map_or(Expires::Never, |s| Expires::At(NOW_MS + s * 1000)),
            }),
            Err(status) => Err(CredentialError::Refused {
                service: "script",
                url: "here".to_owned(),
                status,
                detail: None,
            }),
        }
    }

    fn name(&self) -> String {
        "script".to_owned()
    }
}

struct Bench {
    script: Arc<Script>,
    cache: Refreshing<Scripted>,
    clock: Arc<ManualClock>,
}

impl Bench {
    fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        let script = Arc::new(Script { steps: Mutex::new(steps.into_iter().collect()), ..Script::default() });
        let (env, clock) = env();
        let cache = Refreshing::new(Scripted(Arc::clone(&script)), "test", env.clock);
        Self { script, cache, clock }
    }

    async fn get(&self) -> Result<u32, String> {
        self.cache.get_credential().await.map(|credential| *credential).map_err(|error| chain(&error))
    }

    fn fetches(&self) -> usize {
        self.script.fetches.load(Ordering::SeqCst)
    }

    fn at(&self, seconds: i64) {
        self.clock.set(NOW_MS + seconds * 1000);
    }

    fn close_gate(&self) -> Arc<Notify> {
        let gate = Arc::new(Notify::new());
        *self.script.gate.lock().expect("not poisoned") = Some(Arc::clone(&gate));
        gate
    }
}

#[tokio::test]
async fn credentials_without_an_end_are_fetched_once() {
    let bench = Bench::new([Ok((7, None))]);
    for day in 0..3 {
        bench.at(day * 86_400);
        assert_eq!(bench.get().await, Ok(7));
    }
    assert_eq!(bench.fetches(), 1);
}

#[tokio::test]
async fn credentials_are_renewed_five_minutes_before_their_end() {
    let bench = Bench::new([Ok((1, Some(3600))), Ok((2, Some(7200)))]);
    assert_eq!(bench.get().await, Ok(1));
    bench.at(3299);
    assert_eq!((bench.get().await, bench.fetches()), (Ok(1), 1));
    bench.at(3300);
    assert_eq!((bench.get().await, bench.fetches()), (Ok(2), 2));
}

#[tokio::test]
async fn short_credentials_are_renewed_in_their_last_quarter() {
    let bench = Bench::new([Ok((1, Some(100))), Ok((2, Some(300)))]);
    assert_eq!(bench.get().await, Ok(1));
    bench.at(74);
    assert_eq!((bench.get().await, bench.fetches()), (Ok(1), 1));
    bench.at(75);
    assert_eq!((bench.get().await, bench.fetches()), (Ok(2), 2));
}

#[tokio::test]
async fn a_failed_renewal_leaves_valid_credentials_in_use() {
    let bench = Bench::new([Ok((1, Some(3600))), Err(500), Err(500), Ok((2, Some(9000)))]);
    assert_eq!(bench.get().await, Ok(1));
    bench.at(3400);
    assert_eq!((bench.get().await, bench.fetches()), (Ok(1), 2));
    bench.at(3405);
    assert_eq!((bench.get().await, bench.fetches()), (Ok(1), 2), "no storm of requests after a failure");
    bench.at(3410);
    assert_eq!((bench.get().await, bench.fetches()), (Ok(1), 3));
    bench.at(3420);
    assert_eq!((bench.get().await, bench.fetches()), (Ok(2), 4));
}

#[tokio::test]
async fn expired_credentials_are_never_handed_out() {
    let bench = Bench::new([Ok((1, Some(3600))), Err(403), Ok((2, Some(9000)))]);
    assert_eq!(bench.get().await, Ok(1));
    bench.at(3600);
    let error = bench.get().await.expect_err("nothing valid is left");
    assert!(error.contains("answered 403"), "{error}");
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(bench.get().await, Ok(2));
}

#[tokio::test]
async fn credentials_that_come_expired_are_refused() {
    let bench = Bench::new([Ok((1, Some(-90)))]);
    let error = bench.get().await.expect_err("refused");
    assert!(error.contains("expired 90 s ago by this machine's clock"), "{error}");
}

#[tokio::test]
async fn all_who_wait_share_one_fetch() {
    let bench = Bench::new([Ok((5, Some(3600)))]);
    let gate = bench.close_gate();
    let all = futures::future::join_all((0..64).map(|_| bench.get()));
    let (answers, ()) = tokio::join!(all, async {
        tokio::task::yield_now().await;
        gate.notify_one();
    });
    assert!(answers.into_iter().all(|answer| answer == Ok(5)));
    assert_eq!(bench.fetches(), 1);
}

#[tokio::test]
async fn all_who_wait_share_one_failure() {
    let bench = Bench::new([Err(503)]);
    let gate = bench.close_gate();
    let all = futures::future::join_all((0..64).map(|_| bench.get()));
    let (answers, ()) = tokio::join!(all, async {
        tokio::task::yield_now().await;
        gate.notify_one();
    });
    assert!(answers.into_iter().all(|answer| answer.is_err_and(|error| error.contains("answered 503"))));
    assert_eq!(bench.fetches(), 1);
}

#[tokio::test]
async fn one_renews_while_the_rest_go_on() {
    let bench = Bench::new([Ok((1, Some(3600))), Ok((2, Some(7200)))]);
    assert_eq!(bench.get().await, Ok(1));
    bench.at(3400);
    let gate = bench.close_gate();
    let slow = bench.get();
    tokio::pin!(slow);
    assert!(futures::poll!(&mut slow).is_pending(), "the first to see it is renewing");
    for _ in 0..10 {
        assert_eq!(bench.get().await, Ok(1), "the rest are not held up");
    }
    gate.notify_one();
    assert_eq!((slow.await, bench.get().await, bench.fetches()), (Ok(2), Ok(2), 2));
}

#[tokio::test]
async fn a_dropped_fetch_is_made_by_the_next_caller() {
    let bench = Bench::new([Ok((3, None))]);
    let gate = bench.close_gate();
    {
        let dropped = bench.get();
        tokio::pin!(dropped);
        assert!(futures::poll!(&mut dropped).is_pending());
    }
    gate.notify_one();
    assert_eq!((bench.get().await, bench.fetches()), (Ok(3), 2));
}

#[tokio::test]
async fn whether_to_try_again_is_found_behind_the_error() {
    for (status, transient) in [(503, true), (429, true), (403, false)] {
        let error = Bench::new([Err(status)]).cache.get_credential().await.expect_err("fails");
        assert_eq!(
            CredentialError::behind(&error).map(CredentialError::is_transient),
            Some(transient),
            "{status}"
        );
    }
}
