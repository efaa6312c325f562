//! Behaviours of listings.

use super::{create, scope};
use crate::store::Store;
use futures::{StreamExt, stream};

async fn listed(store: &Store, prefix: &str, after: Option<&str>) -> Vec<String> {
    let (objects, more) = store.list(prefix, after).collect_up_to(5000).await.expect("list");
    assert!(!more);
    let mut keys: Vec<_> = objects.into_iter().map(|object| object.key).collect();
    // Not every store keeps to the order of bytes; who needs it sorts.
    keys.sort();
    keys
}

/// Everything is listed once, also where a slash and a neighbour of it in ASCII meet.
pub async fn listing_is_complete(store: &Store) {
    let scope = scope();
    // No key here is another one's directory: that a directory cannot hold, and no key of ours asks it to.
    let names = ["a-b", "a.b", "a/b/c", "a0", "ab", "b", "a/a.x", "a/a/x", "B"];
    for name in &names {
        create(store, &format!("{scope}{name}"), name.as_bytes()).await;
    }
    let mut expected: Vec<_> = names.iter().map(|name| format!("{scope}{name}")).collect();
    expected.sort();
    assert_eq!(listed(store, &scope, None).await, expected);
    let (objects, _) = store.list(&scope, None).collect_up_to(100).await.expect("list");
    for object in objects {
        assert_eq!(object.size, object.key.len() as u64 - scope.len() as u64);
        assert!(object.last_modified_ms > 1_577_836_800_000);
    }
}

/// A prefix need not end at a slash.
pub async fn listing_prefix_is_text(store: &Store) {
    let scope = scope();
    for name in ["p/floor-1", "p/floor-2", "p/flo", "p/manifest", "p/floor/x", "q/floor-3"] {
        create(store, &format!("{scope}{name}"), &b"x"[..]).await;
    }
    let with = |names: &[&str]| names.iter().map(|name| format!("{scope}{name}")).collect::<Vec<_>>();
    assert_eq!(listed(store, &format!("{scope}p/floor-"), None).await, with(&["p/floor-1", "p/floor-2"]));
    assert_eq!(listed(store, &format!("{scope}p/fl"), None).await.len(), 4);
    assert_eq!(listed(store, &format!("{scope}p/manifest"), None).await, with(&["p/manifest"]));
    assert_eq!(listed(store, &format!("{scope}q"), None).await, with(&["q/floor-3"]));
}

/// The start is exclusive and need not exist.
pub async fn listing_starts_after_a_key(store: &Store) {
    let scope = scope();
    let with = |names: &[&str]| names.iter().map(|name| format!("{scope}{name}")).collect::<Vec<_>>();
    for name in ["a", "b/1", "b/2", "c"] {
        create(store, &format!("{scope}{name}"), &b"x"[..]).await;
    }
    for (after, expected) in [
        ("a", with(&["b/1", "b/2", "c"])),
        ("b/1", with(&["b/2", "c"])),
        ("b/15", with(&["b/2", "c"])),
        ("b", with(&["b/1", "b/2", "c"])),
        ("b0", with(&["c"])),
        ("c", with(&[])),
    ] {
        assert_eq!(listed(store, &scope, Some(&format!("{scope}{after}"))).await, expected, "after {after}");
    }
}

/// More objects than a page holds, each exactly once.
pub async fn listing_goes_on_over_pages(store: &Store) {
    let scope = scope();
    let expected: Vec<_> = (0..1005).map(|n| format!("{scope}{:02}/{n:04}", n / 100)).collect();
    stream::iter(&expected)
        .map(|key| async move { store.put_unique(key, &b"x"[..]).await.expect("put") })
        .buffer_unordered(32)
        .collect::<Vec<_>>()
        .await;
    assert_eq!(listed(store, &scope, None).await, expected);
    assert_eq!(listed(store, &scope, Some(&expected[2])).await, expected[3..]);
    let (some, more) = store.list(&scope, None).collect_up_to(7).await.expect("list");
    assert_eq!((some.len(), more), (7, true));
}

/// Nothing there is an empty listing, not an error.
pub async fn listing_of_nothing_is_empty(store: &Store) {
    assert_eq!(listed(store, &scope(), None).await, Vec::<String>::new());
    let mut listing = store.list(&scope(), Some("x"));
    assert_eq!(listing.next_page().await.expect("list"), None);
    assert_eq!(listing.next_page().await.expect("list"), None);
}
