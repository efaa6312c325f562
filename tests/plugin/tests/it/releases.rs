//! Copy, fetch and delete by brokers of other releases, which `scripts/plugin releases VERSION…` names and installs.

use crate::reading::copies_fetches_and_deletes;
use crate::rig::Directory;

#[test]
#[ignore = "scripts/plugin releases VERSION… names them"]
fn brokers_of_other_releases_copy_fetch_and_delete() {
    let named = std::env::var("FIRNLINE_PLUGIN_RELEASES").expect("scripts/plugin releases VERSION…");
    let versions: Vec<&str> = named.split_whitespace().collect();
    assert!(!versions.is_empty(), "name at least one release");
    for version in versions {
        // A cluster's release is a constant everywhere else.
        copies_fetches_and_deletes(version.to_owned().leak(), &Directory::new());
        println!("{version}: copied, fetched, deleted");
    }
}
