//! The conformance suite on the store in memory.

use firnline_store::credentials::CredentialInputs;
use firnline_store::{Env, Store, StoreSettings, StoreUrl};

fn store() -> Store {
    let mut settings = StoreSettings::new(StoreUrl::Memory);
    settings.part_size = 5 << 20;
    Store::open(settings, &CredentialInputs::default(), Env::system()).expect("open")
}

firnline_store::conformance_suite!(store());
