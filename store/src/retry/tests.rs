use super::*;
use crate::env::SeededRandom;
use crate::error::ErrorKind;
use std::sync::Arc;

struct Rig {
    env: Env,
    counters: Counters,
    policy: RetryPolicy,
    deadlines: Deadlines,
}

impl Rig {
    fn new() -> Self {
        let clock = Arc::new(crate::env::ManualClock::at(0));
        Self {
            env: Env { clock, random: Arc::new(SeededRandom::new(1)) },
            counters: Counters::default(),
            policy: RetryPolicy::default(),
            deadlines: Deadlines::default(),
        }
    }

    fn operation(&self, kind: RequestKind) -> Operation<'_> {
        Operation {
            env: &self.env,
            counters: &self.counters,
            policy: &self.policy,
            deadlines: &self.deadlines,
            url: &StoreUrl::Memory,
            kind,
            key: "k",
            bytes: 0,
            until: Instant::now() + Duration::from_secs(30),
        }
    }

    /// Runs an operation whose attempts meet `faults` in turn and then succeed.
    async fn meet(&self, kind: RequestKind, faults: Vec<FaultKind>) -> Result<u32, StoreError> {
        let mut made = 0;
        let mut faults = faults.into_iter();
        self.operation(kind)
            .run(|| {
                made += 1;
                std::future::ready(faults.next().map_or(Ok(made), |kind| Err(Fault::new(kind))))
            })
            .await
    }
}

#[tokio::test(start_paused = true)]
async fn transient_faults_of_a_read_are_tried_again() {
    let rig = Rig::new();
    let faults = vec![
        FaultKind::Unsent,
        FaultKind::Throttled,
        FaultKind::Server,
        FaultKind::Lost,
        FaultKind::Truncated { expected: 2, got: 1 },
    ];
    assert_eq!(rig.meet(RequestKind::Get, faults).await.expect("sixth attempt succeeds"), 6);
    let counts = rig.counters.snapshot();
    assert_eq!(counts.of(RequestKind::Get), 6);
    assert_eq!(counts.with_outcome(RequestKind::Get, RequestOutcome::Lost), 2);
    assert_eq!(counts.with_outcome(RequestKind::Get, RequestOutcome::Busy), 1);
    assert_eq!(counts.with_outcome(RequestKind::Get, RequestOutcome::Damaged), 1);
}

#[tokio::test(start_paused = true)]
async fn lost_answer_of_a_conditional_write_is_ambiguous_at_once() {
    for kind in [RequestKind::Create, RequestKind::Update] {
        for fault in [FaultKind::Lost, FaultKind::Server] {
            let error = Rig::new().meet(kind, vec![fault]).await.expect_err("not tried again");
            assert!(error.is_ambiguous());
            assert_eq!(error.attempts(), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn conditional_write_that_was_not_applied_is_tried_again() {
    let faults = vec![FaultKind::Busy, FaultKind::Throttled, FaultKind::Unsent];
    assert_eq!(Rig::new().meet(RequestKind::Update, faults).await.expect("fourth succeeds"), 4);
}

#[tokio::test(start_paused = true)]
async fn final_faults_are_not_tried_again() {
    for (fault, kind) in [
        (FaultKind::NotFound, ErrorKind::NotFound),
        (FaultKind::Denied, ErrorKind::Denied),
        (FaultKind::Full, ErrorKind::Full),
        (FaultKind::BeyondEnd { size: Some(3) }, ErrorKind::BeyondEnd { size: Some(3) }),
        (FaultKind::Rejected, ErrorKind::Rejected),
        (FaultKind::ClockSkew, ErrorKind::ClockSkew),
    ] {
        let error = Rig::new().meet(RequestKind::Get, vec![fault]).await.expect_err("final");
        assert_eq!((error.kind(), error.attempts()), (&kind, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_get_one_more_chance() {
    let made = Rig::new().meet(RequestKind::Put, vec![FaultKind::Unauthenticated]).await;
    assert_eq!(made.expect("fresh credentials"), 2);
    let twice = vec![FaultKind::Unauthenticated, FaultKind::Unauthenticated];
    let error = Rig::new().meet(RequestKind::Put, twice).await.expect_err("refused twice");
    assert!(error.is_denied());
    assert_eq!(error.attempts(), 2);
}

#[tokio::test(start_paused = true)]
async fn attempts_are_limited() {
    let error = Rig::new().meet(RequestKind::Get, vec![FaultKind::Unsent; 100]).await.expect_err("too many");
    assert!(error.is_retriable());
    assert!(error.attempts() <= RetryPolicy::default().max_attempts);
}

#[tokio::test(start_paused = true)]
async fn deadline_ends_an_operation_in_time_and_a_hanging_attempt_too() {
    let rig = Rig::new();
    let begun = Instant::now();
    let error = rig.operation(RequestKind::Get).run(std::future::pending::<Attempt<()>>).await;
    assert!(error.expect_err("hangs").is_retriable());
    assert!(begun.elapsed() <= Duration::from_secs(30));
    assert!(
        rig.counters.snapshot().of(RequestKind::Get) >= 2,
        "an attempt is cut before the operation's deadline"
    );
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_the_least_pause() {
    let rig = Rig::new();
    let begun = Instant::now();
    let mut first = true;
    let answer = rig
        .operation(RequestKind::Get)
        .run(|| {
            let wish = Some(Duration::from_secs(7));
            let throttled = Fault { kind: FaultKind::Throttled, retry_after: wish, cause: None };
            std::future::ready(if std::mem::replace(&mut first, false) { Err(throttled) } else { Ok(()) })
        })
        .await;
    answer.expect("second attempt succeeds");
    assert!(begun.elapsed() >= Duration::from_secs(7));
}
