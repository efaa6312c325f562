//! What a schema registry says: Confluent's protocol, as others speak it, too.
//!
//! A schema never changes under its id, so what was read is kept for as long as the process lives; that there is none is
//! believed for half a minute. Equal questions share one request. A registry that does not answer, or refuses the login, is
//! [`RegistryError::is_of_the_registry`]: whoever asks waits, and calls no record bad for it.

mod answer;
mod cache;
mod http;
#[cfg(test)]
mod tests;

use async_trait::async_trait;

use crate::error::SchemaError;
use crate::schema::WriterSchema;

pub use http::{HttpRegistry, RegistryAuth, RegistrySettings};

/// Where schemas come from.
#[async_trait]
pub trait SchemaSource: Send + Sync + std::fmt::Debug {
    /// The schema of this number.
    async fn by_id(&self, id: u32) -> Result<WriterSchema, RegistryError>;

    /// The schema of this id, which is the same in every registry.
    async fn by_guid(&self, guid: [u8; 16]) -> Result<WriterSchema, RegistryError>;

    /// The newest schema of a subject. Never kept.
    async fn latest(&self, subject: &str) -> Result<WriterSchema, RegistryError>;
}

/// Why there is no schema. Cheap to clone.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RegistryError {
    /// None of the registry's addresses answered. Ask again.
    #[error("no schema registry answers; the last one asked was {url}")]
    Unreachable {
        /// The address.
        url: String,
        /// Why.
        #[source]
        source: std::sync::Arc<dyn std::error::Error + Send + Sync>,
    },
    /// It answered with an error of its own, or does not let us in. Ask again.
    #[error("the schema registry at {url} answers {status}: {message}")]
    Refused {
        /// The address.
        url: String,
        /// The status of HTTP.
        status: u16,
        /// Its words.
        message: String,
    },
    /// It has no such schema.
    #[error("the schema registry has no {what}")]
    NotFound {
        /// The schema asked for.
        what: String,
    },
    /// What it has cannot be used.
    #[error("{what} in the schema registry cannot be used")]
    Invalid {
        /// The schema asked for.
        what: String,
        /// Why.
        #[source]
        source: SchemaError,
    },
}

impl RegistryError {
    /// Whether the registry is at fault, and not the schema: whoever asks waits.
    #[must_use]
    pub fn is_of_the_registry(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Refused { .. })
    }
}
