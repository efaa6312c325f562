//! What a call comes to instead of an answer: what the broker is told, and why.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use firnline_reader::{ErrorKind, ReadError};
use firnline_store::StoreError;
use firnline_tier::{OpenTierError, UploadError};

/// What the broker can do about it. The numbers cross the border.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// There is no such segment here.
    NotFound = 1,
    /// Try again: nobody need do anything.
    Retry = 2,
    /// Somebody has to look at it.
    Other = 3,
}

/// A call that failed. Cheap to clone: a copy's failure may be asked for twice.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{what}")]
pub struct Failure {
    kind: FailureKind,
    what: String,
    #[source]
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl Failure {
    pub(crate) fn new(kind: FailureKind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), source: None }
    }

    pub(crate) fn because(
        kind: FailureKind,
        what: impl Into<String>,
        source: impl Error + Send + Sync + 'static,
    ) -> Self {
        Self { kind, what: what.into(), source: Some(Arc::new(source)) }
    }

    pub(crate) fn closed(what: &str) -> Self {
        Self::new(FailureKind::Retry, format!("{what}: the plugin is being closed"))
    }

    pub(super) fn late(what: &str, limit: Duration) -> Self {
        let limit = limit.as_millis();
        Self::new(
            FailureKind::Retry,
            format!("{what} did not end within {limit} ms; the store is slow or away"),
        )
    }

    /// A bug of ours, which ends this call and nothing else.
    pub(crate) fn panic(what: &str, payload: &(dyn std::any::Any + Send)) -> Self {
        let said = payload.downcast_ref::<&str>().copied();
        let said = said.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let said = said.unwrap_or("without a word");
        Self::new(FailureKind::Other, format!("{what} panicked ({said}); this is a bug of firnline's"))
    }

    /// A read of `object`.
    pub(super) fn read(what: &str, error: ReadError) -> Self {
        let kind = match (&error, error.kind()) {
            (ReadError::Missing { object }, _) => {
                // The reader speaks of manifests, and there is none here.
                return Self::new(FailureKind::NotFound, format!("{what}: {object} is not there"));
            }
            (_, ErrorKind::Retry) => FailureKind::Retry,
            (_, ErrorKind::NotFound) => FailureKind::NotFound,
            (_, ErrorKind::Refused | ErrorKind::Damage) => FailureKind::Other,
        };
        Self::because(kind, what, error)
    }

    pub(super) fn store(what: &str, error: StoreError) -> Self {
        let kind = if error.is_not_found() {
            FailureKind::NotFound
        } else if error.is_retriable() || error.is_ambiguous() {
            FailureKind::Retry
        } else {
            FailureKind::Other
        };
        Self::because(kind, what, error)
    }

    pub(super) fn upload(what: &str, error: UploadError) -> Self {
        let kind = if error.is_passing() { FailureKind::Retry } else { FailureKind::Other };
        Self::because(kind, what, error)
    }

    pub(super) fn open(error: OpenTierError) -> Self {
        let passing = matches!(&error, OpenTierError::Store { source, .. } if source.is_retriable());
        let kind = if passing { FailureKind::Retry } else { FailureKind::Other };
        Self::because(kind, "open the tier", error)
    }

    /// What the broker can do about it.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// The failure and its causes in one line, for an exception's message.
    #[must_use]
    pub fn line(&self) -> String {
        let mut line = self.what.clone();
        let mut cause = self.source.as_ref().map(|source| &**source as &(dyn Error + 'static));
        while let Some(error) = cause {
            line.push_str(": ");
            line.push_str(&error.to_string());
            cause = error.source();
        }
        line
    }
}
