//! Cloud stores.

use crate::credential::CredentialSource;
use crate::env::Env;
use crate::settings::StoreSettings;
use crate::store::{OpenError, Store};
use crate::url::StoreUrl;
use std::sync::Arc;

pub(crate) fn open(
    settings: StoreSettings,
    _credentials: Option<Arc<dyn CredentialSource>>,
    _env: Env,
) -> Result<Store, OpenError> {
    let feature = match settings.url {
        StoreUrl::Gcs { .. } => "gcs",
        StoreUrl::Azure { .. } => "azure",
        _ => "s3",
    };
    Err(OpenError::NotBuiltIn { url: settings.url.to_string(), feature })
}
