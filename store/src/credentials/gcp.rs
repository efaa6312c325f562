//! Google Cloud: default credentials through object_store, federation by ourselves.
//!
//! A service account's key, a user's `gcloud auth application-default login` and the metadata server (Compute Engine,
//! Cloud Run, GKE's workload identity) are object_store's. What it lacks is `external_account`: workload identity
//! federation for a workload outside Google Cloud, whose own token is exchanged for Google's.

mod federation;

use super::cache::Refreshing;
use super::{CredentialError, CredentialInputs, Http, NamedText};
use crate::env::Env;
use federation::{ExternalAccount, Federation};
use object_store::gcp::GoogleCloudStorageBuilder;
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
        return Ok((builder.with_skip_signature(true), "unsigned requests".to_owned()));
    }
    let Some(file) = inputs.gcp_service_account.as_ref().or(inputs.gcp_default.as_ref()) else {
        return Ok((builder, "the metadata server".to_owned()));
    };
    let path = file.path.display().to_string();
    let kind = kind_of(file)?;
    match kind.as_str() {
        "service_account" => {
            Ok((builder.with_service_account_key(file.text.expose()), format!("service account key {path}")))
        }
        "authorized_user" => {
            // object_store takes this kind only as a path, and reads it once.
            Ok((builder.with_application_credentials(path.as_str()), format!("user credentials {path}")))
        }
        "external_account" => {
            let account: ExternalAccount = super::http::json(&path, file.text.expose().as_bytes())?;
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

fn kind_of(file: &NamedText) -> Result<String, CredentialError> {
    let kind: Kind = super::http::json(file.path.display(), file.text.expose().as_bytes())?;
    Ok(kind.r#type)
}
