//! What can go wrong on the way to a credential. No message ever holds a secret.

use std::fmt;
use std::sync::Arc;

/// Why there is no credential, naming the file, profile or service to look at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// A line that is no section, no key with a value and no comment.
    #[error("{file}, line {line}: expected `[section]`, `key = value` or a comment")]
    Syntax {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
    },
    /// A profile that no file holds.
    #[error("there is no AWS profile {name:?} in {files} (there: {known})")]
    NoProfile {
        /// The profile asked for.
        name: String,
        /// The files looked into.
        files: String,
        /// The profiles there are.
        known: String,
    },
    /// A profile that cannot be used.
    #[error("AWS profile {name:?} cannot be used: {why}")]
    Profile {
        /// The profile.
        name: String,
        /// What is wrong and what to do.
        why: String,
    },
    /// A setting outside the profiles that cannot be used.
    #[error("{what} cannot be used: {why}")]
    Setting {
        /// The variable or file.
        what: String,
        /// What is wrong and what to do.
        why: String,
    },
    /// Nothing was found anywhere.
    #[error(
        "no AWS credentials found: looked at the environment, {files}, web identity and container variables, and instance metadata is disabled by AWS_EC2_METADATA_DISABLED"
    )]
    NoneFound {
        /// The files looked into.
        files: String,
    },
    /// A token file that cannot be read.
    #[error("read token file {path}")]
    TokenFile {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A service that gave no answer.
    #[error("ask {service} at {url}")]
    NoAnswer {
        /// What the service is.
        service: &'static str,
        /// Where it was asked.
        url: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A service that refused.
    #[error("{service} at {url} answered {status}{}", detail.as_ref().map(|d| format!(": {d}")).unwrap_or_default())]
    Refused {
        /// What the service is.
        service: &'static str,
        /// Where it was asked.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The service's own words, where it has some.
        detail: Option<String>,
    },
    /// An answer that is not what the service is documented to send.
    #[error("{service} sent an answer that cannot be read: {why}")]
    Answer {
        /// What the service is.
        service: String,
        /// What is wrong with it; never its content.
        why: String,
    },
    /// A role could not be assumed: the service refused, or there are no credentials to assume it with.
    #[error("assume {role}")]
    Role {
        /// The role.
        role: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A `credential_process` that did not do its work.
    #[error("credential_process of AWS profile {profile:?} (`{program}`) {why}")]
    Process {
        /// The profile.
        profile: String,
        /// The program, without its arguments.
        program: String,
        /// What happened.
        why: String,
        /// Why, where the system told.
        #[source]
        source: Option<std::io::Error>,
    },
    /// Credentials that are over already when they come.
    #[error(
        "{service} sent credentials that expired {seconds} s ago by this machine's clock; check the clock"
    )]
    Expired {
        /// Where they came from.
        service: String,
        /// For how long.
        seconds: i64,
    },
}

impl CredentialError {
    /// Whether trying again soon may help: the service was not reached, or failed inside. False where someone has to act.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::NoAnswer { .. } => true,
            Self::Role { source, .. } => Self::behind(&**source).is_some_and(Self::is_transient),
            Self::Refused { status, .. } => *status == 429 || *status >= 500,
            _ => false,
        }
    }

    /// Finds the credential error behind a failed request, if one is to blame.
    #[must_use]
    pub fn behind<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Self> {
        let mut link = Some(error);
        while let Some(error) = link {
            if let Some(found) = error.downcast_ref::<Self>() {
                return Some(found);
            }
            if let Some(SharedError(found)) = error.downcast_ref() {
                return Some(found);
            }
            link = error.source();
        }
        None
    }
}

/// One failure told to all who waited for the same fetch.
#[derive(Clone, Debug)]
pub(super) struct SharedError(pub(super) Arc<CredentialError>);

impl fmt::Display for SharedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for SharedError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}
