//! Every request counted, by kind and outcome, with its bytes and its time: requests are money.
//!
//! One attempt = one request on the wire (the client library's own retries are off), except that a listing or a read of an
//! object's end may take two on Azure; what the local directory does is counted as the requests it stands for.

use crate::fault::FaultKind;
use crate::outage::Outage;
use crate::silence::Silence;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The kinds of request that a store bills or limits separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RequestKind {
    /// Read of an object or a range of it.
    Get,
    /// Read of an object's length and version.
    Head,
    /// Unconditional write of a whole object under a key nobody else writes.
    Put,
    /// Write on the condition that the key is free.
    Create,
    /// Write on the condition that the object is a given version.
    Update,
    /// Begin of a multipart upload.
    Begin,
    /// One part of a multipart upload.
    Part,
    /// End of a multipart upload: the object appears.
    Complete,
    /// End of a multipart upload without an object.
    Abort,
    /// One page of a listing.
    List,
    /// Delete of one object.
    Delete,
}

impl RequestKind {
    /// All kinds, in the order of the counters.
    pub const ALL: [Self; 11] = [
        Self::Get,
        Self::Head,
        Self::Put,
        Self::Create,
        Self::Update,
        Self::Begin,
        Self::Part,
        Self::Complete,
        Self::Abort,
        Self::List,
        Self::Delete,
    ];

    /// The fixed label for metrics: one lowercase word.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Head => "head",
            Self::Put => "put",
            Self::Create => "create",
            Self::Update => "update",
            Self::Begin => "begin",
            Self::Part => "part",
            Self::Complete => "complete",
            Self::Abort => "abort",
            Self::List => "list",
            Self::Delete => "delete",
        }
    }

    /// How an error message begins.
    pub(crate) fn verb(self) -> &'static str {
        match self {
            Self::Get => "read",
            Self::Head => "look up",
            Self::Put => "write",
            Self::Create => "create",
            Self::Update => "update",
            Self::Begin => "begin upload of",
            Self::Part => "upload part of",
            Self::Complete => "complete upload of",
            Self::Abort => "abort upload of",
            Self::List => "list",
            Self::Delete => "delete",
        }
    }
}

/// What one request came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RequestOutcome {
    /// Done as asked.
    Ok,
    /// No such object.
    Absent,
    /// Its condition did not hold (object exists, other version, not changed): an answer, not a failure.
    Refused,
    /// Slow down, or another write is under way.
    Busy,
    /// No permission or no valid credentials.
    Denied,
    /// Other bytes came than were asked for, or arrived than were sent.
    Damaged,
    /// No answer.
    Lost,
    /// Any other failure.
    Failed,
}

impl RequestOutcome {
    /// All outcomes, in the order of the counters.
    pub const ALL: [Self; 8] = [
        Self::Ok,
        Self::Absent,
        Self::Refused,
        Self::Busy,
        Self::Denied,
        Self::Damaged,
        Self::Lost,
        Self::Failed,
    ];

    /// The fixed label for metrics: one lowercase word.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Absent => "absent",
            Self::Refused => "refused",
            Self::Busy => "busy",
            Self::Denied => "denied",
            Self::Damaged => "damaged",
            Self::Lost => "lost",
            Self::Failed => "failed",
        }
    }

    pub(crate) fn of(fault: &FaultKind) -> Self {
        match fault {
            FaultKind::NotFound | FaultKind::NoBucket | FaultKind::NoUpload => Self::Absent,
            FaultKind::Condition => Self::Refused,
            FaultKind::Busy | FaultKind::Conflict | FaultKind::Throttled | FaultKind::Overloaded => {
                Self::Busy
            }
            FaultKind::Denied | FaultKind::Unauthenticated | FaultKind::ClockSkew => Self::Denied,
            FaultKind::Truncated { .. } | FaultKind::Malformed | FaultKind::Corrupted => Self::Damaged,
            FaultKind::Lost | FaultKind::Unsent => Self::Lost,
            FaultKind::Server
            | FaultKind::BeyondEnd { .. }
            | FaultKind::TooLarge { .. }
            | FaultKind::WrongRegion { .. }
            | FaultKind::Full
            | FaultKind::NotDurable
            | FaultKind::Io
            | FaultKind::Rejected => Self::Failed,
        }
    }
}

const KINDS: usize = RequestKind::ALL.len();
const OUTCOMES: usize = RequestOutcome::ALL.len();

/// The counters of one store, shared by all clones of its handle.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    requests: [[AtomicU64; OUTCOMES]; KINDS],
    micros: [AtomicU64; KINDS],
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    abandoned: AtomicU64,
    abort_failures: AtomicU64,
    pub(crate) silence: Silence,
    pub(crate) outage: Outage,
}

impl Counters {
    pub(crate) fn request(&self, kind: RequestKind, outcome: RequestOutcome, took: Duration) {
        self.requests[kind as usize][outcome as usize].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros[kind as usize].fetch_add(micros, Ordering::Relaxed);
    }

    pub(crate) fn received(&self, bytes: u64) {
        self.bytes_in.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn sent(&self, bytes: u64) {
        self.bytes_out.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn upload_abandoned(&self) {
        self.abandoned.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn abort_failed(&self) {
        self.abort_failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self) -> RequestCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RequestCounts {
            requests: std::array::from_fn(|kind| {
                std::array::from_fn(|outcome| read(&self.requests[kind][outcome]))
            }),
            micros: std::array::from_fn(|kind| read(&self.micros[kind])),
            bytes_in: read(&self.bytes_in),
            bytes_out: read(&self.bytes_out),
            uploads_abandoned: read(&self.abandoned),
            abort_failures: read(&self.abort_failures),
        }
    }
}

/// The counters at one moment; subtract an earlier snapshot to get what happened in between.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestCounts {
    requests: [[u64; OUTCOMES]; KINDS],
    micros: [u64; KINDS],
    /// Object bytes received (bodies of GET; listings and headers are not counted).
    pub bytes_in: u64,
    /// Object bytes sent, each attempt counted.
    pub bytes_out: u64,
    /// Multipart uploads dropped without `complete` or `abort`.
    pub uploads_abandoned: u64,
    /// Aborts that failed for good: parts may be billed until a lifecycle rule removes them.
    pub abort_failures: u64,
}

impl RequestCounts {
    /// Requests of one kind, whatever came of them.
    #[must_use]
    pub fn of(&self, kind: RequestKind) -> u64 {
        self.requests[kind as usize].iter().sum()
    }

    /// Requests of one kind with one outcome.
    #[must_use]
    pub fn with_outcome(&self, kind: RequestKind, outcome: RequestOutcome) -> u64 {
        self.requests[kind as usize][outcome as usize]
    }

    /// Time spent in requests of one kind, summed over parallel ones.
    #[must_use]
    pub fn time(&self, kind: RequestKind) -> Duration {
        Duration::from_micros(self.micros[kind as usize])
    }

    /// All requests.
    #[must_use]
    pub fn total(&self) -> u64 {
        RequestKind::ALL.into_iter().map(|kind| self.of(kind)).sum()
    }

    /// What happened since an earlier snapshot of the same store.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            requests: std::array::from_fn(|kind| {
                std::array::from_fn(|outcome| {
                    self.requests[kind][outcome].saturating_sub(earlier.requests[kind][outcome])
                })
            }),
            micros: std::array::from_fn(|kind| self.micros[kind].saturating_sub(earlier.micros[kind])),
            bytes_in: self.bytes_in.saturating_sub(earlier.bytes_in),
            bytes_out: self.bytes_out.saturating_sub(earlier.bytes_out),
            uploads_abandoned: self.uploads_abandoned.saturating_sub(earlier.uploads_abandoned),
            abort_failures: self.abort_failures.saturating_sub(earlier.abort_failures),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_of_lists_is_order_of_counters() {
        for (at, kind) in RequestKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, at);
        }
        for (at, outcome) in RequestOutcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, at);
        }
    }

    #[test]
    fn since_shows_only_what_is_new() {
        let counters = Counters::default();
        counters.request(RequestKind::Get, RequestOutcome::Ok, Duration::from_millis(2));
        counters.received(10);
        let before = counters.snapshot();
        counters.request(RequestKind::Get, RequestOutcome::Lost, Duration::from_millis(3));
        counters.request(RequestKind::Part, RequestOutcome::Ok, Duration::from_millis(1));
        counters.sent(7);
        let new = counters.snapshot().since(&before);
        assert_eq!(new.of(RequestKind::Get), 1);
        assert_eq!(new.with_outcome(RequestKind::Get, RequestOutcome::Lost), 1);
        assert_eq!(new.with_outcome(RequestKind::Get, RequestOutcome::Ok), 0);
        assert_eq!(new.time(RequestKind::Get), Duration::from_millis(3));
        assert_eq!((new.total(), new.bytes_in, new.bytes_out), (2, 0, 7));
    }
}
