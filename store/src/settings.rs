//! How to talk to a store: values only. Who reads them from files and the environment is the binary.

use crate::url::StoreUrl;
use std::time::Duration;

/// Everything about a store but the credentials and the world ([`crate::Env`]), which are passed beside it.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// Where the tier lives.
    pub url: StoreUrl,
    /// `http(s)://HOST[:PORT]` instead of the cloud's own. `None` = the cloud's.
    pub endpoint: Option<String>,
    /// The bucket's region (S3 only). `None` = `us-east-1`.
    pub region: Option<String>,
    /// The storage account (Azure only; required there).
    pub account: Option<String>,
    /// `https://ENDPOINT/BUCKET/KEY` rather than `https://BUCKET.ENDPOINT/KEY` (S3 only). `None` = path style exactly
    /// when an endpoint is given, which is what S3-compatible servers expect.
    pub path_style: Option<bool>,
    /// Whether an endpoint without TLS is acceptable.
    pub allow_http: bool,
    /// Whether S3 payloads are signed (SHA-256) besides carrying a CRC-64/NVME. `None` = exactly where there is no TLS.
    /// Without both, somebody between here and the store could change what is written unnoticed.
    pub sign_payload: Option<bool>,
    /// Certificates, PEM, trusted besides the system's.
    pub ca_bundle_pem: Option<Vec<u8>>,
    /// The KMS key that S3 encrypts with. `None` = the bucket's default.
    pub sse_kms_key: Option<String>,
    /// The storage class of segment objects. `None` = the bucket's default. Small objects stay in the default class.
    pub storage_class: Option<String>,
    /// How long an operation may take, retries included.
    pub deadlines: Deadlines,
    /// When to try again.
    pub retry: RetryPolicy,
    /// Bytes per part of a multipart upload. A local directory takes parts of at most 1 MiB.
    pub part_size: u64,
    /// Parts of one upload under way at once.
    pub upload_concurrency: usize,
}

/// The smallest part that S3 takes (the last one excepted): 5 MiB.
pub const MIN_PART_SIZE: u64 = 5 << 20;

/// The most parts that S3 takes in one upload.
pub const MAX_PARTS: u64 = 10_000;

/// The largest object that [`crate::Store::get`] reads: manifests and their like, never segments.
pub const MAX_WHOLE_GET: u64 = 64 << 20;

impl StoreSettings {
    /// The defaults for an address.
    #[must_use]
    pub fn new(url: StoreUrl) -> Self {
        Self {
            url,
            endpoint: None,
            region: None,
            account: None,
            path_style: None,
            allow_http: false,
            sign_payload: None,
            ca_bundle_pem: None,
            sse_kms_key: None,
            storage_class: None,
            deadlines: Deadlines::default(),
            retry: RetryPolicy::default(),
            part_size: 16 << 20,
            upload_concurrency: 4,
        }
    }
}

/// How long one operation may take from call to answer, with all its retries and pauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// Reads, look-ups, one page of a listing.
    pub read: Duration,
    /// Writes of one object or part, and deletes.
    pub write: Duration,
    /// One attempt at a request that carries no bytes; see `min_rate`.
    pub attempt: Duration,
    /// An attempt gets one second more for this many bytes that it carries, so that a large part on a slow line is not
    /// cut off and begun again for ever.
    pub min_rate_bytes_per_second: u64,
    /// Setting up a connection, TLS included.
    pub connect: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            read: Duration::from_secs(30),
            write: Duration::from_secs(120),
            attempt: Duration::from_secs(10),
            min_rate_bytes_per_second: 512 << 10,
            connect: Duration::from_secs(5),
        }
    }
}

impl Deadlines {
    pub(crate) fn attempt_for(&self, bytes: u64) -> Duration {
        self.attempt + Duration::from_secs(bytes / self.min_rate_bytes_per_second.max(1))
    }
}

/// Capped exponential back-off with full jitter: the pause before attempt *n* + 1 is random in `0..min(cap, base · 2ⁿ)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The first limit of the random pause.
    pub base: Duration,
    /// The last limit of the random pause.
    pub cap: Duration,
    /// The most requests made for one operation; 1 = never again.
    pub max_attempts: u32,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { base: Duration::from_millis(100), cap: Duration::from_secs(10), max_attempts: 16 }
    }
}

impl RetryPolicy {
    /// The limit of the pause after `failed` attempts (1 = after the first).
    pub(crate) fn pause_limit(&self, failed: u32) -> Duration {
        let factor = 1_u32.checked_shl(failed.saturating_sub(1)).unwrap_or(u32::MAX);
        self.base.saturating_mul(factor).min(self.cap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_cap() {
        let policy = RetryPolicy::default();
        let limits: Vec<_> = [1, 2, 3, 8, 40, u32::MAX].map(|n| policy.pause_limit(n).as_millis()).into();
        assert_eq!(limits, [100, 200, 400, 10_000, 10_000, 10_000]);
    }

    #[test]
    fn an_attempt_gets_time_for_its_bytes() {
        let deadlines = Deadlines::default();
        assert_eq!(deadlines.attempt_for(0), Duration::from_secs(10));
        assert_eq!(deadlines.attempt_for(16 << 20), Duration::from_secs(42));
    }
}
