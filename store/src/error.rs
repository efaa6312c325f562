//! The one error of store operations: what was asked, of which store, and what the caller can do next.

use crate::codes::{self, Code};
use crate::counts::RequestKind;
use crate::fault::{Cause, Fault, FaultKind};
use crate::key::KeyError;
use crate::rights;
use crate::url::StoreUrl;
use std::fmt;

/// A store operation that failed for good: every retry that makes sense was made.
#[derive(Debug)]
pub struct StoreError(Box<Details>);

#[derive(Debug)]
struct Details {
    operation: RequestKind,
    key: String,
    store: String,
    attempts: u32,
    kind: ErrorKind,
    cause: Cause,
}

/// What failed, by what the caller does next.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No object has the key: refresh what named it.
    NotFound,
    /// Transient trouble outlasted the deadline: try later.
    Unavailable,
    /// A conditional write may or may not have been applied: read back, then decide.
    Ambiguous,
    /// The store sent other bytes than asked for, again and again.
    Truncated,
    /// The object ends before the range does: damage, or a stale manifest.
    BeyondEnd {
        /// The object's length in bytes, where the store told it.
        size: Option<u64>,
    },
    /// More bytes than are read at once.
    TooLarge {
        /// The object's length in bytes.
        size: u64,
    },
    /// The store holds other bytes than were sent.
    Corrupted,
    /// A permission is missing: an operator has to act.
    Denied,
    /// The credentials are unknown, expired or unreadable: an operator has to act.
    Unauthenticated,
    /// The clock is wrong: an operator has to act.
    ClockSkew,
    /// The region is wrong: an operator has to act.
    WrongRegion {
        /// Where the bucket lives, where the store told it.
        region: Option<String>,
    },
    /// The bucket does not exist: an operator has to act.
    NoBucket,
    /// No space left: an operator has to act.
    Full,
    /// Written, but a power cut may undo it.
    NotDurable,
    /// The local file system failed: an operator has to look at the disk.
    Io,
    /// The request itself is at fault.
    Rejected,
    /// The key is not one that can be stored: a bug in the caller.
    BadKey,
}

impl StoreError {
    pub(crate) fn new(
        operation: RequestKind,
        key: &str,
        url: &StoreUrl,
        attempts: u32,
        fault: Fault,
    ) -> Self {
        let kind = match fault.kind {
            FaultKind::NotFound => ErrorKind::NotFound,
            FaultKind::Condition | FaultKind::Rejected | FaultKind::NoUpload => ErrorKind::Rejected,
            FaultKind::Busy
            | FaultKind::Conflict
            | FaultKind::Throttled
            | FaultKind::Overloaded
            | FaultKind::Server
            | FaultKind::Lost
            | FaultKind::Unsent => ErrorKind::Unavailable,
            FaultKind::Truncated { .. } | FaultKind::Malformed => ErrorKind::Truncated,
            FaultKind::BeyondEnd { size } => ErrorKind::BeyondEnd { size },
            FaultKind::TooLarge { size, .. } => ErrorKind::TooLarge { size },
            FaultKind::Corrupted => ErrorKind::Corrupted,
            FaultKind::Denied => ErrorKind::Denied,
            FaultKind::Unauthenticated => ErrorKind::Unauthenticated,
            FaultKind::ClockSkew => ErrorKind::ClockSkew,
            FaultKind::WrongRegion { ref region } => ErrorKind::WrongRegion { region: region.clone() },
            FaultKind::NoBucket => ErrorKind::NoBucket,
            FaultKind::Full => ErrorKind::Full,
            FaultKind::NotDurable => ErrorKind::NotDurable,
            FaultKind::Io => ErrorKind::Io,
        };
        let lacking = (kind == ErrorKind::Denied).then(|| rights::needed(url, operation, key)).flatten();
        Self::with_kind(operation, key, url, attempts, kind, Box::new(FaultCause { fault, lacking }))
    }

    pub(crate) fn ambiguous(
        operation: RequestKind,
        key: &str,
        url: &StoreUrl,
        attempts: u32,
        fault: Fault,
    ) -> Self {
        let cause = FaultCause { fault, lacking: None };
        Self::with_kind(operation, key, url, attempts, ErrorKind::Ambiguous, Box::new(cause))
    }

    pub(crate) fn bad_key(operation: RequestKind, key: &str, url: &StoreUrl, error: KeyError) -> Self {
        Self::with_kind(operation, key, url, 0, ErrorKind::BadKey, Box::new(error))
    }

    fn with_kind(
        operation: RequestKind,
        key: &str,
        url: &StoreUrl,
        attempts: u32,
        kind: ErrorKind,
        cause: Cause,
    ) -> Self {
        Self(Box::new(Details {
            operation,
            key: key.to_owned(),
            store: url.to_string(),
            attempts,
            kind,
            cause,
        }))
    }

    /// What the caller can do next.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The operation that failed.
    #[must_use]
    pub fn operation(&self) -> RequestKind {
        self.0.operation
    }

    /// The key, relative to the store's prefix (a prefix for a listing).
    #[must_use]
    pub fn key(&self) -> &str {
        &self.0.key
    }

    /// The store, as its address.
    #[must_use]
    pub fn store(&self) -> &str {
        &self.0.store
    }

    /// Requests made before giving up.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// The object is not there: a manifest or listing that names it is older than its deletion.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.0.kind == ErrorKind::NotFound
    }

    /// The same call may succeed later without anybody doing anything.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Unavailable | ErrorKind::Ambiguous | ErrorKind::Truncated)
    }

    /// A write may have been applied: read back before deciding anything.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Ambiguous | ErrorKind::NotDurable)
    }

    /// An operator has to give a right or mend the credentials.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Denied | ErrorKind::Unauthenticated)
    }

    /// The stable code for the error page.
    #[must_use]
    pub fn code(&self) -> Code {
        match self.0.kind {
            ErrorKind::NotFound => codes::NOT_FOUND,
            ErrorKind::Unavailable => codes::UNAVAILABLE,
            ErrorKind::Ambiguous => codes::AMBIGUOUS,
            ErrorKind::Truncated => codes::TRUNCATED,
            ErrorKind::BeyondEnd { .. } => codes::BEYOND_END,
            ErrorKind::TooLarge { .. } => codes::TOO_LARGE,
            ErrorKind::Corrupted => codes::CORRUPTED,
            ErrorKind::Denied => codes::DENIED,
            ErrorKind::Unauthenticated => codes::UNAUTHENTICATED,
            ErrorKind::ClockSkew => codes::CLOCK_SKEW,
            ErrorKind::WrongRegion { .. } => codes::WRONG_REGION,
            ErrorKind::NoBucket => codes::NO_BUCKET,
            ErrorKind::Full => codes::FULL,
            ErrorKind::NotDurable => codes::NOT_DURABLE,
            ErrorKind::Io => codes::IO,
            ErrorKind::Rejected => codes::REJECTED,
            ErrorKind::BadKey => codes::BAD_KEY,
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Details { operation, key, store, attempts, .. } = &*self.0;
        write!(f, "{} `{key}` in {store}", operation.verb())?;
        if *attempts > 1 {
            write!(f, " ({attempts} attempts)")?;
        }
        Ok(())
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.0.cause)
    }
}

/// A fault as a link in the chain of causes.
#[derive(Debug)]
struct FaultCause {
    fault: Fault,
    /// The right that was missing, where that is the fault.
    lacking: Option<String>,
}

impl fmt::Display for FaultCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.fault, f)?;
        match &self.lacking {
            Some(right) => write!(f, ", this takes {right}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for FaultCause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.fault.cause.as_deref().map(|cause| cause as &(dyn std::error::Error + 'static))
    }
}
