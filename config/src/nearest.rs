//! Which known names a mistyped one may have meant.

/// The names closest to `word`, closest first, at most `limit`, none that takes more edits than a third of its letters
/// (one at least).
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>, limit: usize) -> Vec<&'a str> {
    let lower = word.to_lowercase();
    let edits = |name: &'a str| {
        let distance = strsim::osa_distance(&lower, &name.to_lowercase());
        let allowed = (name.chars().count() / 3).max(1);
        // A word that was cut off or has a suffix too many is near, however long the rest is.
        let begins =
            lower.len() >= 3 && (name.starts_with(word) || word.starts_with(name) && name.len() >= 3);
        (distance <= allowed || begins).then_some((distance, name))
    };
    let mut near: Vec<_> = known.into_iter().filter_map(edits).collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(limit).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_closest_comes_first_and_strangers_not_at_all() {
        let known = ["orders", "orders-dlq", "payments", "users"];
        assert_eq!(nearest("oders", known, 3), ["orders"]);
        assert_eq!(nearest("order", known, 3), ["orders", "orders-dlq"]);
        assert_eq!(nearest("USERS", known, 3), ["users"]);
        assert!(nearest("clickstream", known, 3).is_empty());
    }
}
