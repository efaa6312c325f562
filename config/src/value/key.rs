//! Keys of a ring, by name.

use std::borrow::Cow;

use super::{Value, quoted};
use crate::secret::SecretRef;

/// The name of a ring key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RingKeyName(pub String);

impl Value for RingKeyName {
    fn kind() -> Cow<'static, str> {
        "1 to 200 visible ASCII characters".into()
    }

    fn parse(text: &str) -> Result<Self, String> {
        firnline_index::topic_key::ring_key_name(text)
            .map(|name| Self(name.to_owned()))
            .map_err(|error| error.to_string())
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&self.0))
    }
}

/// A key of the ring, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedKey {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub secret: SecretRef,
}

impl Value for NamedKey {
    fn kind() -> Cow<'static, str> {
        "`NAME=file:/PATH` or `NAME=env:VARIABLE`".into()
    }

    fn parse(text: &str) -> Result<Self, String> {
        // The text is not repeated: it may hold the secret itself.
        let parts =
            text.split_once('=').filter(|(name, _)| firnline_index::topic_key::ring_key_name(name).is_ok());
        let (name, secret) =
            parts.ok_or("expected NAME=file:/PATH or NAME=env:VARIABLE, the name in visible ASCII")?;
        Ok(Self { name: name.to_owned(), secret: SecretRef::parse(secret)? })
    }

    fn show(&self) -> Option<String> {
        Some(quoted(&format!("{}={}", self.name, self.secret)))
    }
}
