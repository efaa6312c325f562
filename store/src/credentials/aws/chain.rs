//! The same chain of credentials for AWS's other services, whose requests are signed elsewhere.

use super::{Aws, aws};
use crate::credentials::{AwsKeys, CredentialError, CredentialInputs, Http};
use crate::env::Env;
use crate::secret::Secret;
use object_store::ClientOptions;
use object_store::aws::AwsCredentialProvider;
use object_store::client::ReqwestConnector;
use std::sync::Arc;

/// Where AWS credentials come from; held and renewed as for S3.
#[derive(Clone, Debug)]
pub struct AwsChain {
    provider: AwsCredentialProvider,
    origin: String,
    region: Option<String>,
}

impl AwsChain {
    /// Finds the source. Makes no request and starts no process: the first [`AwsChain::keys`] does.
    ///
    /// # Errors
    /// Where a source is found and is broken, or there is none.
    pub fn find(inputs: &CredentialInputs, env: &Env) -> Result<Self, CredentialError> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Http { connector: Arc::new(ReqwestConnector::default()), options: ClientOptions::new() };
        let Aws { provider, origin, region, .. } = aws(inputs, &http, env)?;
        Ok(Self { provider, origin, region })
    }

    /// In words, for the log.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The region of the environment or profile.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// The keys to sign with now, renewed where they end soon.
    ///
    /// # Errors
    /// Where whoever gives them does not.
    pub async fn keys(&self) -> Result<AwsKeys, Box<dyn std::error::Error + Send + Sync>> {
        let credential = self.provider.get_credential().await?;
        Ok(AwsKeys {
            access_key_id: credential.key_id.clone(),
            secret_access_key: Secret::from(credential.secret_key.as_str()),
            session_token: credential.token.as_deref().map(Secret::from),
        })
    }
}
