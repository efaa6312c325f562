//! Names most like one that is not there.

use firnline_index::TopicName;

/// How many names are suggested.
const SUGGESTED: usize = 3;

/// The names most like `wanted`, nearest first, at most three. A name further away than a third of its letters (and
/// two letters) helps nobody, unless one contains the other.
pub(super) fn nearest<'a>(wanted: &TopicName, names: impl Iterator<Item = &'a TopicName>) -> Vec<TopicName> {
    let want = wanted.as_str();
    let mut near: Vec<(usize, &TopicName)> = names
        .filter_map(|name| {
            let have = name.as_str();
            let reach = (want.len().max(have.len()) / 3).max(2);
            let steps = strsim::osa_distance(&want.to_ascii_lowercase(), &have.to_ascii_lowercase());
            let inside = want.len() >= 3 && (have.contains(want) || want.contains(have));
            (steps <= reach || inside).then_some((steps, name))
        })
        .collect();
    near.sort();
    near.dedup();
    near.into_iter().take(SUGGESTED).map(|(_, name)| name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_the_name_and_nothing_far() {
        let names: Vec<TopicName> =
            ["orders", "payments", "orders-eu", "x"].iter().map(|n| TopicName::new(n).unwrap()).collect();
        let found = nearest(&TopicName::new("ordres").unwrap(), names.iter());
        assert_eq!(found, [names[0].clone()]);
        let found = nearest(&TopicName::new("order").unwrap(), names.iter());
        assert_eq!(found, [names[0].clone(), names[2].clone()]);
        assert!(nearest(&TopicName::new("inventory").unwrap(), names.iter()).is_empty());
    }
}
