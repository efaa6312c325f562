//! The address of a store. The prefix is part of the store: every key given to it is relative to the prefix.

use crate::codes::{self, Code};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where a tier lives. A slash at the end says nothing: `s3://archive/kafka/prod/` is told as `s3://archive/kafka/prod`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StoreUrl {
    /// `s3://BUCKET/PREFIX`: Amazon S3 or anything that speaks its protocol.
    S3 {
        /// The bucket.
        bucket: String,
        /// Without slashes at its ends; empty = the whole bucket.
        prefix: String,
    },
    /// `gs://BUCKET/PREFIX`: Google Cloud Storage.
    Gcs {
        /// The bucket.
        bucket: String,
        /// Without slashes at its ends; empty = the whole bucket.
        prefix: String,
    },
    /// `az://CONTAINER/PREFIX`: Azure Blob Storage; the account is a setting.
    Azure {
        /// The container.
        container: String,
        /// Without slashes at its ends; empty = the whole container.
        prefix: String,
    },
    /// `file:///DIR` or a plain path: a local directory.
    Directory {
        /// As given; a relative one is relative to the process's directory.
        path: PathBuf,
    },
    /// `memory:`: gone with the process, for tests.
    Memory,
}

/// Why an address is not understood; each shows the right form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Nothing was given.
    #[error("store address is empty; write {FORMS}")]
    Empty,
    /// A scheme that is not one of ours.
    #[error("store address `{url}` has the unknown scheme `{scheme}`; write {hint}")]
    Scheme {
        /// The address.
        url: String,
        /// What stands before `:`.
        scheme: String,
        /// The form that was probably meant.
        hint: String,
    },
    /// No bucket or container after the slashes.
    #[error("store address `{url}` names no {what}; write {scheme}://{what_upper}/PREFIX", what_upper = .what.to_uppercase())]
    NoBucket {
        /// The address.
        url: String,
        /// The scheme.
        scheme: &'static str,
        /// `bucket` or `container`.
        what: &'static str,
    },
    /// A bucket or container with a character that no store allows.
    #[error(
        "store address `{url}` has the {what} `{name}` with {bad:?} in it; only letters, digits, `.`, `-` and `_` can stand there"
    )]
    BucketName {
        /// The address.
        url: String,
        /// `bucket` or `container`.
        what: &'static str,
        /// The name.
        name: String,
        /// The character.
        bad: char,
    },
    /// A prefix that cannot be the beginning of keys.
    #[error("store address `{url}` has a prefix that cannot be used: {why}; write it like `kafka/prod`")]
    Prefix {
        /// The address.
        url: String,
        /// What is wrong.
        why: &'static str,
    },
    /// `file:` with a host, or without a path.
    #[error(
        "store address `{url}` is no local directory; write file:///DIR with three slashes, or just the directory"
    )]
    File {
        /// The address.
        url: String,
    },
}

const FORMS: &str =
    "s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX, file:///DIR or a directory";

impl UrlError {
    /// The stable code for the error page.
    #[must_use]
    pub fn code(&self) -> Code {
        codes::BAD_URL
    }
}

impl StoreUrl {
    /// The prefix within the bucket, without slashes at its ends; empty for none and for local stores.
    #[must_use]
    pub fn prefix(&self) -> &str {
        match self {
            Self::S3 { prefix, .. } | Self::Gcs { prefix, .. } | Self::Azure { prefix, .. } => prefix,
            Self::Directory { .. } | Self::Memory => "",
        }
    }

    /// Whether the bytes stay on this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        matches!(self, Self::Directory { .. } | Self::Memory)
    }

    /// The cargo feature that a build needs for this kind of store.
    pub(crate) fn feature(&self) -> &'static str {
        match self {
            Self::S3 { .. } => "s3",
            Self::Gcs { .. } => "gcs",
            Self::Azure { .. } => "azure",
            Self::Directory { .. } | Self::Memory => "default",
        }
    }

    /// The store in a local directory.
    #[must_use]
    pub fn directory(path: impl Into<PathBuf>) -> Self {
        Self::Directory { path: path.into() }
    }
}

impl FromStr for StoreUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if text.is_empty() {
            return Err(UrlError::Empty);
        }
        let Some((scheme, rest)) = split_scheme(text) else {
            return Ok(Self::directory(text));
        };
        match scheme {
            "s3" => {
                let (bucket, prefix) = bucket_and_prefix(text, "s3", "bucket", rest)?;
                Ok(Self::S3 { bucket, prefix })
            }
            "gs" => {
                let (bucket, prefix) = bucket_and_prefix(text, "gs", "bucket", rest)?;
                Ok(Self::Gcs { bucket, prefix })
            }
            "az" => {
                let (container, prefix) = bucket_and_prefix(text, "az", "container", rest)?;
                Ok(Self::Azure { container, prefix })
            }
            "file" => match rest.strip_prefix("//") {
                Some(path) if path.starts_with('/') => Ok(Self::directory(path)),
                _ => Err(UrlError::File { url: text.to_owned() }),
            },
            "memory" if rest.is_empty() => Ok(Self::Memory),
            other => {
                Err(UrlError::Scheme { url: text.to_owned(), scheme: other.to_owned(), hint: hint(other) })
            }
        }
    }
}

/// The scheme and what follows its colon, or `None` for a plain path. A drive letter or a colon deep in a path is no scheme.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let plausible = scheme.len() >= 2
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let meant = rest.starts_with("//") || scheme == "memory" || scheme == "file";
    (plausible && meant).then_some((scheme, rest))
}

fn bucket_and_prefix(
    url: &str,
    scheme: &'static str,
    what: &'static str,
    rest: &str,
) -> Result<(String, String), UrlError> {
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if bucket.is_empty() {
        return Err(UrlError::NoBucket { url: url.to_owned(), scheme, what });
    }
    if let Some(bad) = bucket.chars().find(|c| !(c.is_ascii_alphanumeric() || ".-_".contains(*c))) {
        return Err(UrlError::BucketName { url: url.to_owned(), what, name: bucket.to_owned(), bad });
    }
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    let refuse = |why| Err(UrlError::Prefix { url: url.to_owned(), why });
    if prefix.is_empty() {
        return Ok((bucket.to_owned(), String::new()));
    }
    if prefix.split('/').any(str::is_empty) {
        return refuse("it has an empty segment (two slashes in a row)");
    }
    if prefix.split('/').any(|segment| segment == "." || segment == "..") {
        return refuse("it has a `.` or `..` segment");
    }
    if prefix.chars().any(|c| c.is_control() || "\\?#".contains(c)) {
        return refuse("it has a control character, `\\`, `?` or `#`");
    }
    if prefix.len() > 512 {
        return refuse("it is longer than 512 bytes");
    }
    Ok((bucket.to_owned(), prefix.to_owned()))
}

fn hint(scheme: &str) -> String {
    match scheme {
        "s3a" | "s3n" => "s3://BUCKET/PREFIX".to_owned(),
        "gcs" => "gs://BUCKET/PREFIX".to_owned(),
        "abfs" | "abfss" | "wasb" | "wasbs" | "azure" | "adl" => {
            "az://CONTAINER/PREFIX, with the account in the settings".to_owned()
        }
        "http" | "https" => "s3://BUCKET/PREFIX, with the endpoint in the settings".to_owned(),
        _ => FORMS.to_owned(),
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cloud = |f: &mut fmt::Formatter<'_>, scheme, bucket: &str, prefix: &str| {
            write!(f, "{scheme}://{bucket}")?;
            if prefix.is_empty() { Ok(()) } else { write!(f, "/{prefix}") }
        };
        match self {
            Self::S3 { bucket, prefix } => cloud(f, "s3", bucket, prefix),
            Self::Gcs { bucket, prefix } => cloud(f, "gs", bucket, prefix),
            Self::Azure { container, prefix } => cloud(f, "az", container, prefix),
            Self::Directory { path } if path.is_absolute() => write!(f, "file://{}", path.display()),
            Self::Directory { path } => write!(f, "{}", relative(path)),
            Self::Memory => f.write_str("memory:"),
        }
    }
}

/// A relative path so that it is read back as one: `a:b` alone would look like a scheme.
fn relative(path: &Path) -> String {
    let text = path.display().to_string();
    if split_scheme(&text).is_some() { format!("./{text}") } else { text }
}

#[cfg(test)]
mod tests;
