//! Behaviours of writes and deletes.

use super::{create, pattern, scope};
use crate::object::{CreateOutcome, Payload, UpdateOutcome};
use crate::store::Store;
use bytes::Bytes;
use futures::future::join_all;

/// The second create is told so and changes nothing.
pub async fn create_takes_a_free_key_only(store: &Store) {
    let key = scope() + "object";
    create(store, &key, &b"first"[..]).await;
    assert_eq!(store.create(&key, &b"second"[..]).await.expect("create"), CreateOutcome::Exists);
    assert_eq!(store.get(&key).await.expect("get").bytes, &b"first"[..]);
}

/// Of many creates at once exactly one is told that it won, and its bytes are there.
pub async fn racing_creates_have_one_winner(store: &Store) {
    let scope = scope();
    for round in 0..5 {
        let key = format!("{scope}{round}");
        let racers = (0..8_u8).map(|racer| {
            let key = &key;
            async move { (racer, store.create(key, vec![racer; 100]).await.expect("create")) }
        });
        let outcomes = join_all(racers).await;
        let winners: Vec<_> = outcomes.iter().filter(|(_, o)| *o != CreateOutcome::Exists).collect();
        let [(winner, CreateOutcome::Created(version))] = &winners[..] else {
            panic!("winners: {winners:?}")
        };
        let found = store.get(&key).await.expect("get");
        assert_eq!((found.bytes, &found.version), (vec![*winner; 100].into(), version));
    }
}

/// An update takes effect on the version it names and on no other.
pub async fn update_replaces_the_named_version_only(store: &Store) {
    let key = scope() + "object";
    let first = create(store, &key, &b"one"[..]).await;
    let UpdateOutcome::Updated(second) = store.update(&key, &b"two"[..], &first).await.expect("update")
    else {
        panic!("nobody else writes this object");
    };
    assert_ne!(first, second);
    assert_eq!(store.update(&key, &b"three"[..], &first).await.expect("update"), UpdateOutcome::Conflict);
    let found = store.get(&key).await.expect("get");
    assert_eq!((&found.bytes[..], &found.version), (&b"two"[..], &second));
    let again = store.update(&key, &b"three"[..], &found.version).await.expect("update");
    assert!(matches!(again, UpdateOutcome::Updated(_)), "a version read is as good as a version written");
}

/// There is nothing to update: a conflict, and nothing appears.
pub async fn update_of_an_absent_object_conflicts(store: &Store) {
    let key = scope() + "object";
    let version = create(store, &key, &b"one"[..]).await;
    store.delete(&key).await.expect("delete");
    assert_eq!(store.update(&key, &b"two"[..], &version).await.expect("update"), UpdateOutcome::Conflict);
    assert!(store.get(&key).await.expect_err("still absent").is_not_found());
}

/// A counter raised by compare and swap from many sides ends at the number of successes.
pub async fn racing_updates_lose_nothing(store: &Store) {
    const SIDES: u32 = 4;
    const RAISES: u32 = 5;
    let key = scope() + "counter";
    create(store, &key, &b"0"[..]).await;
    let raise = async |side: u32| {
        let mut done = 0;
        while done < RAISES {
            let current = store.get(&key).await.expect("get");
            let text = String::from_utf8(current.bytes.to_vec()).expect("text");
            let count: u32 = text.split(' ').next().and_then(|n| n.parse().ok()).expect("number");
            // Who wrote it is part of the bytes, so that no two writers ever write the same.
            let next = format!("{} {side}-{done}", count + 1).into_bytes();
            if let UpdateOutcome::Updated(_) =
                store.update(&key, next, &current.version).await.expect("update")
            {
                done += 1;
            }
        }
    };
    join_all((0..SIDES).map(raise)).await;
    let text = store.get(&key).await.expect("get").bytes;
    assert!(text.starts_with(format!("{} ", SIDES * RAISES).as_bytes()), "{text:?}");
}

/// Put under a unique key is idempotent, as its retries need.
pub async fn put_unique_may_be_repeated(store: &Store) {
    let key = scope() + "object";
    let first = store.put_unique(&key, pattern(5000)).await.expect("put");
    store.put_unique(&key, pattern(5000)).await.expect("put again");
    let found = store.get(&key).await.expect("get");
    assert_eq!(found.bytes, pattern(5000));
    assert_ne!(first.to_string(), "");
}

/// Deleting twice is fine, and the key is free afterwards.
pub async fn delete_is_idempotent_and_frees_the_key(store: &Store) {
    let key = scope() + "object";
    store.delete(&key).await.expect("delete of nothing");
    create(store, &key, &b"one"[..]).await;
    store.delete(&key).await.expect("delete");
    store.delete(&key).await.expect("delete again");
    assert!(store.get(&key).await.expect_err("gone").is_not_found());
    create(store, &key, &b"two"[..]).await;
    assert_eq!(store.get(&key).await.expect("get").bytes, &b"two"[..]);
}

/// A payload of many buffers, empty ones among them, is one object.
pub async fn chain_of_buffers_is_stored_in_order(store: &Store) {
    let key = scope() + "object";
    let whole = pattern(300_000);
    let mut chain: Vec<Bytes> = (0..3000).map(|at| whole.slice(at * 100..(at + 1) * 100)).collect();
    chain.insert(1500, Bytes::new());
    chain.push(Bytes::new());
    store.put_unique(&key, Payload::from(chain)).await.expect("put");
    assert_eq!(store.get(&key).await.expect("get").bytes, whole);
}
