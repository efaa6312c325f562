//! What the argument of `inspect` names.

use std::path::PathBuf;

use firnline_index::keys::ObjectKey;

use crate::commands::context::names_a_tier;
use crate::commands::selection::{one_partition, usage};
use crate::failure::Result;
use crate::selector::Selector;

/// A thing to inspect.
#[derive(Debug, PartialEq, Eq)]
pub enum Thing {
    /// A segment file of a broker, on this machine.
    LogFile(PathBuf),
    /// A partition, by its manifest.
    Partition(Selector),
    /// An object of a tier.
    Object(ObjectKey),
}

/// The parts of a key at most: a long topic's name takes two.
const KEY_PARTS: usize = 4;

/// Tells the tier (where it is part of what was typed) and the thing apart.
pub fn understand(tier: Option<String>, text: &str) -> Result<(Option<String>, Thing)> {
    if tier.is_none() && names_a_tier(text) {
        if text.ends_with(".log") && !text.contains("://") {
            return Ok((None, Thing::LogFile(text.into())));
        }
        let Some((tier, key)) = split(text) else {
            let what = format!("{text:?} is an address, but not that of an object, nor a .log file");
            return Err(usage(what).into());
        };
        return Ok((Some(tier), Thing::Object(key)));
    }
    if let Ok(key) = text.parse() {
        return Ok((tier, Thing::Object(key)));
    }
    if tier.is_none() && text.ends_with(".log") {
        return Ok((None, Thing::LogFile(text.into())));
    }
    Ok((tier, Thing::Partition(one_partition(text)?)))
}

/// The address of an object as the tier's address and the key in it: the longest end that is a key.
fn split(address: &str) -> Option<(String, ObjectKey)> {
    let slashes: Vec<usize> = address.rmatch_indices('/').map(|(at, _)| at).take(KEY_PARTS).collect();
    slashes.iter().rev().find_map(|at| {
        let (tier, key) = (&address[..*at], &address[at + 1..]);
        let tier = if tier.is_empty() { "/" } else { tier };
        key.parse().ok().map(|key| (tier.to_owned(), key))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "orders.J8nB1x9RTGqN3oGQx5Lk2A/3/00000000000000170045-12-6f9619ff-8b86-d011-b42d-00c04fc964ff.seg";

    #[test]
    fn an_address_is_split_before_the_key() {
        for tier in ["s3://bucket/kafka/prod", "s3://bucket", "/srv/tier", "./tier", "../t"] {
            let (found, thing) = understand(None, &format!("{tier}/{KEY}")).unwrap();
            assert_eq!(found.as_deref(), Some(tier));
            assert_eq!(thing, Thing::Object(KEY.parse().unwrap()));
        }
        let (tier, thing) = understand(None, "s3://b/firnline.json").unwrap();
        assert_eq!((tier.as_deref(), thing), (Some("s3://b"), Thing::Object(ObjectKey::Marker)));
    }

    #[test]
    fn a_key_a_partition_and_a_file_are_told_apart() {
        assert_eq!(understand(None, KEY).unwrap(), (None, Thing::Object(KEY.parse().unwrap())));
        assert_eq!(understand(Some("t".into()), "a/3").unwrap().1, Thing::Partition("a/3".parse().unwrap()));
        for file in ["/var/kafka/a-0/00000000000000000000.log", "./0.log", "0.log"] {
            assert_eq!(understand(None, file).unwrap(), (None, Thing::LogFile(file.into())));
        }
        for bad in ["orders", "s3://bucket/", "/srv/tier", ""] {
            assert!(understand(None, bad).is_err(), "{bad:?}");
        }
    }
}
