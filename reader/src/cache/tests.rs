use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

fn cache() -> Arc<Cache<u32, u32>> {
    Arc::new(Cache::new(1000, |_| 10))
}

fn failure() -> ReadError {
    ReadError::Missing { object: "o".to_owned() }
}

#[tokio::test]
async fn equal_requests_share_one_flight() {
    let (cache, tasks, loads) = (cache(), Tasks::default(), Arc::new(AtomicUsize::new(0)));
    let gate = Arc::new(Notify::new());
    let get = || {
        let (loads, gate) = (Arc::clone(&loads), Arc::clone(&gate));
        cache.get_or_load(&tasks, &1, move || async move {
            loads.fetch_add(1, Ordering::SeqCst);
            gate.notified().await;
            Ok(7)
        })
    };
    let all = futures::future::join_all((0..128).map(|_| get()));
    let (values, ()) = tokio::join!(all, async {
        tokio::task::yield_now().await;
        gate.notify_one();
    });
    assert!(values.into_iter().all(|value| value.is_ok_and(|value| value == 7)));
    assert_eq!(loads.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn failures_are_told_to_all_and_not_kept() {
    let (cache, tasks) = (cache(), Tasks::default());
    let (first, second) = tokio::join!(
        cache.get_or_load(&tasks, &1, || async { Err(failure()) }),
        cache.get_or_load(&tasks, &1, || async { unreachable!("it follows the first") }),
    );
    assert!(first.is_err() && second.is_err());
    assert_eq!(cache.get_or_load(&tasks, &1, || async { Ok(2) }).await.expect("loaded"), 2);
}

#[tokio::test]
async fn a_caller_who_leaves_still_fills_the_cache() {
    let (cache, tasks, gate) = (cache(), Tasks::default(), Arc::new(Notify::new()));
    {
        let gate = Arc::clone(&gate);
        let leaving = cache.get_or_load(&tasks, &1, move || async move {
            gate.notified().await;
            Ok(9)
        });
        tokio::pin!(leaving);
        assert!(futures::poll!(&mut leaving).is_pending());
    }
    gate.notify_one();
    while cache.get(&1).is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(cache.get(&1), Some(9));
}

#[tokio::test]
async fn stopping_ends_flights_and_frees_their_keys() {
    let (cache, tasks) = (cache(), Tasks::default());
    let waiting = cache.get_or_load(&tasks, &1, std::future::pending);
    tokio::pin!(waiting);
    assert!(futures::poll!(&mut waiting).is_pending());
    tasks.stop().await;
    assert!(matches!(waiting.await, Err(ReadError::Closed)));
    assert_eq!(cache.get_or_load(&tasks, &1, || async { Ok(2) }).await.expect("loaded"), 2);
}

#[test]
fn memory_stays_within_the_limit() {
    let cache: Cache<u32, u32> = Cache::new(1000, |_| 10);
    for key in 0..10_000 {
        cache.insert(key, key);
    }
    cache.held.run_pending_tasks();
    assert!(cache.held.weighted_size() <= 1000, "{}", cache.held.weighted_size());
    assert_eq!(cache.get(&9999), Some(9999), "the newest stays");
}
