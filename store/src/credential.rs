//! Where credentials come from, as the cloud backends see it: a source that is asked before each request and keeps its own
//! cache. What sources there are stands in [`crate::credentials`].

use crate::secret::Secret;
use async_trait::async_trait;
use std::fmt;
use std::sync::Arc;

/// What a request is signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credential {
    /// Nothing: requests are not signed.
    Anonymous,
    /// For S3: keys, with a session token where they are temporary.
    AwsKeys {
        /// The public half.
        access_key_id: String,
        /// The secret half.
        secret_access_key: Secret,
        /// Present with temporary keys.
        session_token: Option<Secret>,
    },
    /// An OAuth token: GCS and Azure.
    Bearer(Secret),
    /// The storage account's shared key, base64 as Azure shows it.
    AzureSharedKey(Secret),
    /// The pairs of an Azure shared access signature, decoded.
    AzureSas(Vec<(String, Secret)>),
}

/// Credentials could not be had.
#[derive(Debug, thiserror::Error)]
#[error("get credentials from {source_name}")]
pub struct CredentialError {
    /// Which source failed, as an operator knows it (`environment`, `profile "x"`, `instance metadata`).
    pub source_name: String,
    /// Why.
    #[source]
    pub cause: Box<dyn std::error::Error + Send + Sync>,
}

/// A source of credentials, asked before every request.
#[async_trait]
pub trait CredentialSource: fmt::Debug + Send + Sync {
    /// What to sign with now. Keeps what it got until shortly before it expires, so that this is cheap; the same `Arc` while
    /// nothing has changed. Cancel safe.
    async fn credential(&self) -> Result<Arc<Credential>, CredentialError>;

    /// The store refused what was given last: do not give the same again from a cache.
    fn refused(&self);
}

/// The same credential for ever.
#[derive(Debug)]
pub struct StaticCredential(Arc<Credential>);

impl StaticCredential {
    /// A source that always gives `credential`.
    #[must_use]
    pub fn new(credential: Credential) -> Self {
        Self(Arc::new(credential))
    }
}

#[async_trait]
impl CredentialSource for StaticCredential {
    async fn credential(&self) -> Result<Arc<Credential>, CredentialError> {
        Ok(Arc::clone(&self.0))
    }

    fn refused(&self) {}
}
