//! Google Cloud: default credentials through object_store, federation by ourselves.
//!
//! A service account's key, a user's `gcloud auth application-default login` and the metadata server (Compute Engine,
//! Cloud Run, GKE's workload identity) are object_store's. What it lacks is `external_account`: workload identity
//! federation for a workload outside Google Cloud, whose own token is exchanged for Google's.

mod federation;

use super::cache::Refreshing;
use super::http::json;
use super::{CredentialError, CredentialInputs, Http};
use crate::env::Env;
use federation::{ExternalAccount, Federation};
use object_store::StaticCredentialProvider;
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder};
use serde::Deserialize;
use std::sync::Arc;

const STORE: &str = "GCS";

#[derive(Deserialize)]
struct Kind {
    r#type: String,
}

/// Tells the builder where credentials come from, and tells the caller in words. Makes no request.
pub(crate) fn gcp(
    builder: GoogleCloudStorageBuilder,
    inputs: &CredentialInputs,
    http: &Http,
    env: &Env,
) -> Result<(GoogleCloudStorageBuilder, String), CredentialError> {
    if inputs.anonymous {
        // Writes ask for a token even where signing is skipped: give them an empty one instead of the metadata server's.
        let nobody = StaticCredentialProvider::new(GcpCredential { bearer: String::new() });
        let builder = builder.with_skip_signature(true).with_credentials(Arc::new(nobody));
        return Ok((builder, "unsigned requests".to_owned()));
    }
    let Some(file) = inputs.gcp_service_account.as_ref().or(inputs.gcp_default.as_ref()) else {
        return Ok((builder, "metadata server".to_owned()));
    };
    let path = file.path.display().to_string();
    let text = file.text.expose();
    let Kind { r#type: kind } = json(&path, text.as_bytes())?;
    match kind.as_str() {
        "service_account" => {
            Ok((builder.with_service_account_key(text), format!("service account key {path}")))
        }
        "authorized_user" => {
            // object_store takes this kind only as a path, and reads the file itself.
            Ok((builder.with_application_credentials(path.as_str()), format!("user credentials {path}")))
        }
        "external_account" => {
            let account: ExternalAccount = json(&path, text.as_bytes())?;
            let source = Federation::new(account, &path, http)?;
            let provider = Refreshing::new(source, STORE, Arc::clone(&env.clock));
            Ok((builder.with_credentials(Arc::new(provider)), format!("workload identity federation {path}")))
        }
        other => Err(CredentialError::Setting {
            what: path,
            why: format!(
                "its type is {other:?}; known are service_account, authorized_user and external_account"
            ),
        }),
    }
}
