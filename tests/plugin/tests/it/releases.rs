//! Copy, fetch and delete, and taking a bucket over, by brokers of other releases, which `scripts/plugin releases VERSION…` names and installs.

use std::process::Command;

use firnline_tests::tier::Tier;

use crate::attached::{takes_over, tiered};
use crate::reading::copies_fetches_and_deletes;
use crate::rig::Directory;

/// A cluster's release is a constant everywhere else.
fn named() -> Vec<&'static str> {
    let named = std::env::var("FIRNLINE_PLUGIN_RELEASES").expect("scripts/plugin releases VERSION…");
    let versions: Vec<&str> = named.leak().split_whitespace().collect();
    assert!(!versions.is_empty(), "name at least one release");
    versions
}

#[test]
#[ignore = "scripts/plugin releases VERSION… names them"]
fn brokers_of_other_releases_copy_fetch_and_delete() {
    for version in named() {
        copies_fetches_and_deletes(version, &Directory::new());
        println!("{version}: copied, fetched, deleted");
    }
}

#[test]
#[ignore = "scripts/plugin releases VERSION… names them"]
fn a_bucket_belongs_to_brokers_of_other_releases() {
    let lost = Tier::directory();
    let ledger = tiered(&lost);
    for version in named() {
        // Each of them deletes what it was given.
        let tier = Tier::directory();
        let copied = Command::new("cp").arg("-r").args([lost.path(), tier.path()]).status();
        assert!(copied.is_ok_and(|status| status.success()), "copy the bucket");
        takes_over(version, &tier, &mut ledger.clone());
        println!("{version}: taken over");
    }
}
