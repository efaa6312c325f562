//! The conformance suite on a local directory.

use firnline_store::credentials::CredentialInputs;
use firnline_store::{Env, Store, StoreSettings, StoreUrl};
use std::sync::LazyLock;
use tempfile::TempDir;

/// One directory for all behaviours, each with a handle of its own, as several processes would have.
static DIRECTORY: LazyLock<TempDir> = LazyLock::new(|| TempDir::new().expect("temporary directory"));

fn store() -> Store {
    let mut settings = StoreSettings::new(StoreUrl::directory(DIRECTORY.path().join("tier")));
    settings.part_size = 5 << 20;
    Store::open(settings, &CredentialInputs::default(), Env::system()).expect("open")
}

firnline_store::conformance_suite!(store());
