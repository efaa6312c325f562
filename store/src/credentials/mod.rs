//! Credentials as people have them, from values that the binary read out of the environment and files.
//!
//! ```text
//!                    explicit keys ─┐
//!  AWS   environment keys, profile ─┼─► plan (pure) ─► source ─► Refreshing ─► one credential per request
//!        container, roles           │                 one fetch      early, one flight,
//!  GCP   federation ────────────────┘                                old one kept while it is valid
//!
//!  AWS web identity and instance metadata; GCP key file, user's login, metadata server; all of Azure ─► object_store's own
//! ```
//!
//! This module reads no environment variable and looks for no file. What it does touch at each refresh is what someone
//! else renews there: a token file whose path it was given, a token service, a `credential_process`. Each such fetch is
//! bounded in time and size. A failed fetch is not retried here: the one wrapper around the store does that.

#[cfg(any(feature = "s3", feature = "gcs"))]
mod cache;
#[cfg(any(feature = "s3", feature = "gcs"))]
mod error;
#[cfg(any(feature = "s3", feature = "gcs"))]
mod http;
mod inputs;

#[cfg(feature = "s3")]
pub(crate) mod aws;
#[cfg(feature = "azure")]
pub(crate) mod azure;
#[cfg(feature = "gcs")]
pub(crate) mod gcp;

#[cfg(all(test, feature = "s3", feature = "gcs", feature = "azure"))]
mod tests;

#[cfg(any(feature = "s3", feature = "gcs"))]
pub(crate) use self::http::Http;
#[cfg(feature = "s3")]
pub use aws::AwsChain;
#[cfg(any(feature = "s3", feature = "gcs"))]
pub use error::CredentialError;
pub use inputs::{AwsKeys, CredentialFiles, CredentialInputs, ENVIRONMENT, NamedText};
