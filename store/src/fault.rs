//! What one attempt at a request can come to, as the backends report it. [`crate::retry`] decides what follows from it.

use std::error::Error;
use std::fmt;
use std::time::Duration;

pub(crate) type Cause = Box<dyn Error + Send + Sync>;

/// One failed attempt.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) kind: FaultKind,
    /// The store's own wish for how long to wait, where it told one.
    pub(crate) retry_after: Option<Duration>,
    pub(crate) cause: Option<Cause>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(any(feature = "s3", feature = "gcs", feature = "azure")),
    expect(dead_code, reason = "only clouds meet some of these")
)]
pub(crate) enum FaultKind {
    /// No object has the key.
    NotFound,
    /// The condition did not hold: create found an object, update found another version.
    Condition,
    /// Somebody else's write to the key is under way; nothing of ours was applied (409).
    Busy,
    /// A conflict that the store does not explain (409): either [`Self::Busy`] or [`Self::Condition`].
    Conflict,
    /// Refused for load before anything was applied (429).
    Throttled,
    /// Refused for load, perhaps half-way (503).
    Overloaded,
    /// The store failed; a write may have been applied (5xx).
    Server,
    /// No answer: connection lost or time-out after the request was (or may have been) sent.
    Lost,
    /// The request did not leave this machine: no connection, no name.
    Unsent,
    /// The answer is not the bytes asked for: other length or other range.
    Truncated { expected: u64, got: u64 },
    /// The answer does not fit the request: headers missing or contradicting it.
    Malformed,
    /// The range asked for ends beyond the object's end.
    BeyondEnd { size: Option<u64> },
    /// The object is larger than whoever asked is willing to hold.
    TooLarge { size: u64, limit: u64 },
    /// The bytes that arrived at the store are not the bytes sent (checksum refused by the store or differing afterwards).
    Corrupted,
    /// Known identity, no permission.
    Denied,
    /// Unknown, expired or unreadable credentials.
    Unauthenticated,
    /// This machine's clock and the store's differ by too much.
    ClockSkew,
    /// The bucket lives elsewhere.
    WrongRegion { region: Option<String> },
    /// The bucket or container does not exist.
    NoBucket,
    /// No space left.
    Full,
    /// Applied, but not known to be durable (a failed sync of a directory).
    NotDurable,
    /// The local file system failed.
    Io,
    /// The multipart upload is unknown to the store: aborted, expired, or already completed.
    NoUpload,
    /// The store does not take this request, and will not take it later.
    Rejected,
}

impl Fault {
    pub(crate) fn new(kind: FaultKind) -> Self {
        Self { kind, retry_after: None, cause: None }
    }

    pub(crate) fn caused(kind: FaultKind, cause: impl Into<Cause>) -> Self {
        Self { kind, retry_after: None, cause: Some(cause.into()) }
    }
}

impl From<FaultKind> for Fault {
    fn from(kind: FaultKind) -> Self {
        Self::new(kind)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("no such object"),
            Self::Condition => f.write_str("the condition does not hold"),
            Self::Busy => f.write_str("another write to this key is under way"),
            Self::Conflict => f.write_str("the store reports a conflict"),
            Self::Throttled | Self::Overloaded => f.write_str("the store asks to slow down"),
            Self::Malformed => f.write_str("the store's answer does not fit the request"),
            Self::Server => f.write_str("the store failed to answer the request"),
            Self::Lost => f.write_str("the connection was lost or timed out before the answer"),
            Self::Unsent => f.write_str("the store cannot be reached"),
            Self::Truncated { expected, got } => write!(f, "{got} bytes came instead of {expected}"),
            Self::BeyondEnd { size: Some(size) } => {
                write!(f, "the range ends beyond the object's end at {size}")
            }
            Self::BeyondEnd { size: None } => f.write_str("the range begins beyond the object's end"),
            Self::TooLarge { size, limit } => {
                write!(f, "the object has {size} bytes, and {limit} is the most that is read at once")
            }
            Self::Corrupted => f.write_str("the store holds other bytes than were sent (checksums differ)"),
            Self::Denied => f.write_str("permission denied"),
            Self::Unauthenticated => f.write_str("the credentials were not accepted"),
            Self::ClockSkew => f.write_str("this machine's clock differs too much from the store's"),
            Self::WrongRegion { region: Some(region) } => write!(f, "the bucket lives in region `{region}`"),
            Self::WrongRegion { region: None } => f.write_str("the bucket lives in another region"),
            Self::NoBucket => f.write_str("no such bucket or container"),
            Self::Full => f.write_str("no space left"),
            Self::NotDurable => f.write_str("written, but not known to survive a power cut"),
            Self::Io => f.write_str("the file system failed"),
            Self::NoUpload => f.write_str("the multipart upload is unknown to the store"),
            Self::Rejected => f.write_str("the store refused the request"),
        }
    }
}

/// The answer of one attempt.
pub(crate) type Attempt<T> = Result<T, Fault>;
