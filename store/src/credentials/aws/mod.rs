//! AWS: which source to use, in the order of Amazon's own SDKs.
//!
//! Keys from Firnline's configuration → its profile → keys in the environment → `AWS_PROFILE` or the default profile,
//! where there is one → web identity → container → instance metadata (version 2 only). The first one found is used;
//! one that is found but broken is an error, never passed over.

mod chain;
mod container;
mod plan;
mod process;
mod profiles;
mod sts;

use super::cache::Refreshing;
use super::{AwsKeys, CredentialError, CredentialInputs, Http};
use crate::env::Env;
use container::ContainerSource;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, AwsCredential, AwsCredentialProvider};
use object_store::{BackoffConfig, RetryConfig, StaticCredentialProvider};
use plan::{Base, Plan};
use process::ProcessSource;
use std::sync::Arc;
use std::time::Duration;
use sts::AssumeRole;

pub use chain::AwsChain;

#[cfg(test)]
pub(super) use plan::describe;

const STORE: &str = "S3";

/// Credentials for S3, with what else the same place said.
#[derive(Debug)]
pub(crate) struct Aws {
    /// Asked before each request.
    pub(crate) provider: AwsCredentialProvider,
    /// Where the credentials come from, in words, for the log and `config show`.
    pub(crate) origin: String,
    /// The region of the environment or profile.
    pub(crate) region: Option<String>,
    /// The endpoint of the environment or profile.
    pub(crate) endpoint: Option<String>,
}

/// Finds where credentials come from. Makes no request and starts no process: the first signed request does.
pub(crate) fn aws(inputs: &CredentialInputs, http: &Http, env: &Env) -> Result<Aws, CredentialError> {
    let Plan { base, roles, region, endpoint, sts_endpoint, origin } = plan::plan(inputs)?;
    let sts_region = region.as_deref().unwrap_or("us-east-1");
    let sts_endpoint = sts_endpoint.unwrap_or_else(|| sts::endpoint(sts_region));
    let mut provider = provider_of(base, http, env, sts_region, &sts_endpoint)?;
    for role in roles {
        let client = http.client(sts_endpoint.starts_with("http://"))?;
        let source = AssumeRole::new(client, sts_endpoint.clone(), sts_region.to_owned(), role, provider);
        provider = Arc::new(Refreshing::new(source, STORE, Arc::clone(&env.clock)));
    }
    Ok(Aws { provider, origin, region, endpoint })
}

fn provider_of(
    base: Base,
    http: &Http,
    env: &Env,
    region: &str,
    sts_endpoint: &str,
) -> Result<AwsCredentialProvider, CredentialError> {
    let clock = || Arc::clone(&env.clock);
    Ok(match base {
        Base::Keys(keys) => Arc::new(StaticCredentialProvider::new(credential(&keys))),
        Base::Process { profile, command } => {
            Arc::new(Refreshing::new(ProcessSource::new(profile, command), STORE, clock()))
        }
        Base::Container(endpoint) => {
            Arc::new(Refreshing::new(ContainerSource::new(http.client(true)?, endpoint), STORE, clock()))
        }
        Base::WebIdentity { token_file, role_arn, session_name } => {
            let mut keys = vec![
                (AmazonS3ConfigKey::WebIdentityTokenFile, token_file),
                (AmazonS3ConfigKey::RoleArn, role_arn),
                (AmazonS3ConfigKey::StsEndpoint, sts_endpoint.to_owned()),
                (AmazonS3ConfigKey::Region, region.to_owned()),
            ];
            keys.extend(session_name.map(|name| (AmazonS3ConfigKey::RoleSessionName, name)));
            borrowed(keys, http)?
        }
        Base::Instance { endpoint } => borrowed(
            endpoint.map(|url| (AmazonS3ConfigKey::MetadataEndpoint, url)).into_iter().collect(),
            http,
        )?,
    })
}

/// object_store's own provider. It is not public by itself, so it is taken out of a client that is never used.
fn borrowed(
    keys: Vec<(AmazonS3ConfigKey, String)>,
    http: &Http,
) -> Result<AwsCredentialProvider, CredentialError> {
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name("unused")
        .with_client_options(http.options.clone().with_timeout(SERVICE_TIME_LIMIT))
        .with_retry(few_retries())
        .with_http_connector(http.connector());
    for (key, value) in keys {
        builder = builder.with_config(key, value);
    }
    let client = builder.build().map_err(|error| CredentialError::Setting {
        what: "the AWS credential source".to_owned(),
        why: error.to_string(),
    })?;
    Ok(Arc::clone(client.credentials()))
}

/// How long object_store's sources wait for one answer.
const SERVICE_TIME_LIMIT: Duration = Duration::from_secs(5);

/// object_store's sources drop credentials for their last five minutes even where renewing fails, so a lost request is
/// made again at once; anything longer is for the store's own retries.
fn few_retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(50),
            max_backoff: Duration::from_secs(1),
            base: 2.0,
        },
        max_retries: 2,
        retry_timeout: Duration::from_secs(10),
    }
}

fn credential(keys: &AwsKeys) -> AwsCredential {
    AwsCredential {
        key_id: keys.access_key_id.clone(),
        secret_key: keys.secret_access_key.expose().to_owned(),
        token: keys.session_token.as_ref().map(|token| token.expose().to_owned()),
    }
}
