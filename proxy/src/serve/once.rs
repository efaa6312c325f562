//! What a request names several times is answered once: an answer would grow with each repeat, and a repeat takes a few bytes.

use std::collections::HashSet;
use std::hash::Hash;

/// Those whose key none before them has.
pub(crate) fn once<T, K: Eq + Hash>(
    named: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> K,
) -> impl Iterator<Item = T> {
    let mut known = HashSet::new();
    named.into_iter().filter(move |one| known.insert(key(one)))
}
