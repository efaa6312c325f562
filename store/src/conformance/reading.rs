//! Behaviours of reads.

use super::{create, pattern, scope};
use crate::counts::RequestKind;
use crate::error::ErrorKind;
use crate::object::{CreateOutcome, UpdateOutcome};
use crate::store::Store;
use std::collections::BTreeSet;

/// What was put comes back, with the version that the put told.
pub async fn get_returns_what_was_put(store: &Store) {
    let key = scope() + "object";
    let version = create(store, &key, &b"hello"[..]).await;
    let fetched = store.get(&key).await.expect("get");
    assert_eq!(fetched.bytes, &b"hello"[..]);
    assert_eq!(fetched.version, version);
}

/// Every kind of read tells absence apart from trouble.
pub async fn get_of_absent_object_is_not_found(store: &Store) {
    let key = scope() + "nothing";
    let error = store.get(&key).await.expect_err("absent");
    assert!(error.is_not_found() && !error.is_retriable(), "{error:?}");
    assert_eq!((error.key(), error.attempts()), (key.as_str(), 1));
    assert!(store.get_range(&key, 0..1).await.expect_err("absent").is_not_found());
    assert!(store.get_suffix(&key, 1).await.expect_err("absent").is_not_found());
    assert!(store.head(&key).await.expect_err("absent").is_not_found());
}

/// A conditional read moves bytes only when there are new ones.
pub async fn get_if_changed_is_none_until_changed(store: &Store) {
    let key = scope() + "object";
    let first = create(store, &key, &b"one"[..]).await;
    assert_eq!(store.get_if_changed(&key, &first).await.expect("get"), None);
    let UpdateOutcome::Updated(second) = store.update(&key, &b"two"[..], &first).await.expect("update")
    else {
        panic!("nobody else writes this object");
    };
    let changed = store.get_if_changed(&key, &first).await.expect("get").expect("changed");
    assert_eq!((&changed.bytes[..], &changed.version), (&b"two"[..], &second));
    assert_eq!(store.get_if_changed(&key, &second).await.expect("get"), None);
    store.delete(&key).await.expect("delete");
    assert!(store.get_if_changed(&key, &second).await.expect_err("gone").is_not_found());
}

/// HEAD tells length, time, and (where it tells one) the version that a read tells.
pub async fn head_tells_length_and_time(store: &Store) {
    let key = scope() + "object";
    let version = create(store, &key, pattern(12_345)).await;
    let meta = store.head(&key).await.expect("head");
    assert_eq!(meta.size, 12_345);
    assert!(meta.version.is_none_or(|told| told == version));
    assert!(meta.last_modified_ms > 1_577_836_800_000, "later than 2020: {}", meta.last_modified_ms);
}

/// Ranges are exact wherever they lie.
pub async fn range_is_exact(store: &Store) {
    let key = scope() + "object";
    let bytes = pattern(100_000);
    create(store, &key, bytes.clone()).await;
    for range in [0..1, 0..100_000, 1..2, 65_535..65_537, 99_999..100_000, 500..50_000] {
        let got = store.get_range(&key, range.start as u64..range.end as u64).await.expect("range");
        assert_eq!(got, bytes[range.clone()], "{range:?}");
    }
}

/// A range that the object cannot fill gives an error, never fewer bytes.
pub async fn range_beyond_the_end_is_an_error(store: &Store) {
    let key = scope() + "object";
    create(store, &key, pattern(10)).await;
    for range in [0..11, 5..100, 10..11, 1000..1001] {
        let error = store.get_range(&key, range.clone()).await.expect_err("too far");
        assert!(matches!(error.kind(), ErrorKind::BeyondEnd { .. }), "{range:?}: {error:?}");
        assert!(!error.is_retriable());
    }
}

/// Nothing asked for costs nothing.
pub async fn empty_range_makes_no_request(store: &Store) {
    let before = store.counters();
    let got = store.get_range(&(scope() + "nothing"), 7..7).await.expect("empty");
    assert!(got.is_empty());
    // Other behaviours may use the same store at the same time, so only a store of one's own can be asked for its count.
    if before.total() == 0 {
        assert_eq!(store.counters().of(RequestKind::Get), 0);
    }
}

/// The tail comes with the object's length; asking for more than there is gives all.
pub async fn suffix_is_the_tail_and_tells_the_length(store: &Store) {
    let key = scope() + "object";
    let bytes = pattern(1000);
    create(store, &key, bytes.clone()).await;
    assert_eq!(store.get_suffix(&key, 10).await.expect("suffix"), (bytes.slice(990..), 1000));
    assert_eq!(store.get_suffix(&key, 1000).await.expect("suffix"), (bytes.clone(), 1000));
    assert_eq!(store.get_suffix(&key, 5000).await.expect("suffix"), (bytes, 1000));
    let (none, length) = store.get_suffix(&key, 0).await.expect("suffix");
    assert_eq!((none.len(), length), (0, 1000));
}

/// An object of no bytes is an object.
pub async fn empty_object_round_trips(store: &Store) {
    let key = scope() + "empty";
    create(store, &key, &b""[..]).await;
    assert!(store.get(&key).await.expect("get").bytes.is_empty());
    assert_eq!(store.head(&key).await.expect("head").size, 0);
    assert_eq!(store.create(&key, &b"x"[..]).await.expect("create"), CreateOutcome::Exists);
}

/// Keys are taken literally: nothing in them is decoded, folded or normalised.
pub async fn awkward_keys_round_trip(store: &Store) {
    let scope = scope();
    let names = [
        "a b",
        "a+b",
        "a%20b",
        "a%2Fb",
        "a=b&c",
        "ä/ö",
        "~tilde",
        "A",
        "a",
        "x..y",
        "[0]",
        "q'\"",
        "00000000000000000000-5",
    ];
    for name in names {
        create(store, &format!("{scope}{name}"), name.as_bytes()).await;
    }
    for name in names {
        let fetched = store.get(&format!("{scope}{name}")).await.unwrap_or_else(|e| panic!("{name}: {e:?}"));
        assert_eq!(fetched.bytes, name.as_bytes());
    }
    let (listed, more) = store.list(&scope, None).collect_up_to(100).await.expect("list");
    let expected: BTreeSet<_> = names.iter().map(|name| format!("{scope}{name}")).collect();
    assert_eq!(listed.len(), expected.len());
    assert_eq!(listed.into_iter().map(|object| object.key).collect::<BTreeSet<_>>(), expected);
    assert!(!more);
}

/// Keys that are no keys are refused before any request, by every operation.
pub async fn keys_that_leave_the_store_are_refused(store: &Store) {
    for key in
        ["../outside", "/etc/passwd", "a/../../b", "a\0b", "..\\b", "", "a//b", ".firnline-store/tmp/x"]
    {
        let refused = [
            store.get(key).await.expect_err(key),
            store.create(key, &b"x"[..]).await.expect_err(key),
            store.put_unique(key, &b"x"[..]).await.expect_err(key),
            store.delete(key).await.expect_err(key),
        ];
        for error in refused {
            assert_eq!((error.kind(), error.attempts()), (&ErrorKind::BadKey, 0), "{key:?}");
        }
    }
}
