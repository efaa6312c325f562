//! Each way to a credential against a fake of its service on 127.0.0.1. Not run against the clouds.

mod aws_plan;
mod aws_sources;
mod azure_sources;
mod cache;
mod fake;
mod gcp_sources;
mod mid_upload;

use super::{CredentialError, CredentialInputs, Http, NamedText};
use crate::env::{Env, ManualClock, SeededRandom};
use crate::secret::Secret;
use object_store::aws::AwsCredentialProvider;
use std::path::PathBuf;
use std::sync::Arc;

/// 2026-11-23T12:00:00Z.
const NOW_MS: i64 = 1_795_435_200_000;

fn env() -> (Env, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(NOW_MS));
    (Env { clock: Arc::clone(&clock) as _, random: Arc::new(SeededRandom::new(1)) }, clock)
}

/// A time `seconds` after [`NOW_MS`], as services write it.
fn after(seconds: i64) -> String {
    let at = chrono::DateTime::from_timestamp_millis(NOW_MS + seconds * 1000).expect("in range");
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

fn text(path: &str, text: &str) -> NamedText {
    NamedText { path: PathBuf::from(path), text: Secret::from(text) }
}

fn with(variables: &[(&str, &str)]) -> CredentialInputs {
    let pairs = variables.iter().map(|(name, value)| ((*name).to_owned(), Secret::from(*value)));
    CredentialInputs { environment: pairs.collect(), ..CredentialInputs::default() }
}

/// An error with all its causes, as a person would read it.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut link = error.source();
    while let Some(cause) = link {
        text = format!("{text}: {cause}");
        link = cause.source();
    }
    text
}

/// Where requests of an S3 client get their keys.
fn aws_provider(inputs: &CredentialInputs, http: &Http, env: &Env) -> AwsCredentialProvider {
    super::aws::aws(inputs, http, env).expect("found").provider
}

/// The keys that a request would be signed with, as `KEY secret token`.
async fn aws_keys(provider: &AwsCredentialProvider) -> Result<String, String> {
    let keys = provider.get_credential().await.map_err(|error| chain(&error))?;
    Ok(format!("{} {} {}", keys.key_id, keys.secret_key, keys.token.as_deref().unwrap_or("-")))
}
