//! What a store's answer means, from its status, headers and error code.

use crate::backend::StoreChecksum;
use crate::fault::{Fault, FaultKind};
use ::http::response::Parts;
use ::http::{HeaderMap, StatusCode};
use std::fmt;
use std::time::Duration;

/// The longest pause that a store's `Retry-After` can impose.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);

/// What the last answer of a call said.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    status: Option<StatusCode>,
    /// `<Code>` of an error body, or Azure's header.
    code: Option<String>,
    message: Option<String>,
    region: Option<String>,
    /// The object's length, from `Content-Range`.
    pub(super) size: Option<u64>,
    retry_after: Option<Duration>,
    pub(super) checksum: Option<StoreChecksum>,
    pub(super) transport: Option<Transport>,
    /// A token or metadata service was asked on the way.
    pub(super) asked_elsewhere: bool,
}

/// How a request ended without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// Before it left this machine.
    Unsent,
    /// It may have arrived.
    Lost,
}

impl Answer {
    /// Takes note of status and headers.
    pub(super) fn head(&mut self, parts: &Parts) {
        let text = |name: &str| header(&parts.headers, name);
        self.status = Some(parts.status);
        self.code = text("x-ms-error-code").map(str::to_owned);
        self.region = text("x-amz-bucket-region").map(str::to_owned);
        self.retry_after = text("retry-after")
            .and_then(|s| s.parse().ok())
            .map(|s| Duration::from_secs(s).min(RETRY_AFTER_MAX));
        self.size = text("content-range").and_then(|range| range.rsplit_once('/')?.1.parse().ok());
        self.checksum = s3_checksum(&parts.headers).or_else(|| gcs_checksum(&parts.headers));
    }

    /// Takes note of an XML body: an error, or the end of an upload.
    pub(super) fn body(&mut self, body: &[u8]) {
        let text = String::from_utf8_lossy(body);
        let element = |name| element(&text, name).map(str::to_owned);
        self.code = self.code.take().or_else(|| element("Code"));
        // Azure tells the reason of a refused signature, such as its expiry, in an element of its own, and appends lines
        // with the request's id and time to the message.
        let words = ["Message", "AuthenticationErrorDetail"].into_iter().filter_map(element);
        let words: Vec<_> = words.filter_map(|text| text.lines().next().map(str::to_owned)).collect();
        self.message = (!words.is_empty()).then(|| words.join(" "));
        self.region = self.region.take().or_else(|| element("Region"));
        let told = element("ChecksumCRC64NVME").and_then(|value| crc64(&value));
        self.checksum = told.map(StoreChecksum::Crc64Nvme).or(self.checksum);
    }

    /// Takes note of the one answer within the answer to Azure's batch of one.
    pub(super) fn batch(&mut self, body: &[u8]) {
        let text = String::from_utf8_lossy(body);
        let mut lines = text.lines().skip_while(|line| !line.starts_with("HTTP/1.1 "));
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let code = lines.find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("x-ms-error-code").then(|| value.trim().to_owned())
        });
        self.status = status.or(self.status);
        self.code = code;
    }

    /// The fault that a failed call was.
    pub(super) fn into_fault(self, error: object_store::Error) -> Fault {
        if let Some(kind) = credential_fault(&error) {
            return Fault::caused(kind, error);
        }
        let kind = match (self.transport, self.status) {
            (Some(Transport::Unsent), _) => FaultKind::Unsent,
            (Some(Transport::Lost), _) => FaultKind::Lost,
            (None, Some(status)) => self.kind(status),
            (None, None) if self.asked_elsewhere => FaultKind::Unauthenticated,
            // Refused by the client library before anything was sent.
            (None, None) => FaultKind::Rejected,
        };
        let retry_after = self.retry_after;
        match self.status {
            // The client library's own error would repeat the whole body, and the URL with it.
            Some(status) if !status.is_success() && self.transport.is_none() => {
                let Self { code, message, .. } = self;
                Fault { kind, retry_after, cause: Some(Box::new(Refusal { status, code, message })) }
            }
            _ => Fault { kind, retry_after, cause: Some(Box::new(error)) },
        }
    }

    fn kind(&self, status: StatusCode) -> FaultKind {
        let code = self.code.as_deref().unwrap_or("");
        if let Some(kind) = self.kind_by_code(code) {
            return kind;
        }
        match status.as_u16() {
            // A 200 that is an error after all carries a code; without one its headers do not fit the request.
            200..=299 => FaultKind::Malformed,
            301 | 302 | 307 | 308 => FaultKind::WrongRegion { region: self.region.clone() },
            304 | 412 => FaultKind::Condition,
            401 => FaultKind::Unauthenticated,
            403 => FaultKind::Denied,
            404 => FaultKind::NotFound,
            408 => FaultKind::Lost,
            409 => FaultKind::Conflict,
            416 => FaultKind::BeyondEnd { size: self.size },
            429 => FaultKind::Throttled,
            501 => FaultKind::Rejected,
            503 => FaultKind::Overloaded,
            507 => FaultKind::Full,
            500..=599 => FaultKind::Server,
            _ => FaultKind::Rejected,
        }
    }

    /// Codes of S3, GCS (XML) and Azure that say more than the status they come with.
    fn kind_by_code(&self, code: &str) -> Option<FaultKind> {
        Some(match code {
            "NoSuchBucket" | "ContainerNotFound" | "ContainerBeingDeleted" => FaultKind::NoBucket,
            "NoSuchUpload" | "InvalidBlockList" => FaultKind::NoUpload,
            "BlobAlreadyExists" | "ObjectAlreadyExists" | "EntityAlreadyExists" => FaultKind::Condition,
            "ConditionalRequestConflict" | "OperationAborted" => FaultKind::Busy,
            "ExpiredToken"
            | "InvalidToken"
            | "TokenRefreshRequired"
            | "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "InvalidSecurity"
            | "AuthenticationRequired" => FaultKind::Unauthenticated,
            "AuthenticationFailed" if self.message_has("date header") || self.message_has("too old") => {
                FaultKind::ClockSkew
            }
            "AuthenticationFailed" | "InvalidAuthenticationInfo" => FaultKind::Unauthenticated,
            // The emulator's word for it; Azure itself means a network rule, which is a denial.
            "AuthorizationFailure" if self.message_has("failed to authenticate") => {
                FaultKind::Unauthenticated
            }
            "RequestTimeTooSkewed" | "RequestExpired" => FaultKind::ClockSkew,
            "PermanentRedirect"
            | "TemporaryRedirect"
            | "IllegalLocationConstraintException"
            | "IncorrectEndpoint" => FaultKind::WrongRegion { region: self.region.clone() },
            "AuthorizationHeaderMalformed" if self.region.is_some() || self.message_has("region") => {
                FaultKind::WrongRegion { region: self.region.clone() }
            }
            "BadDigest"
            | "InvalidDigest"
            | "Md5Mismatch"
            | "Crc64Mismatch"
            | "XAmzContentSHA256Mismatch"
            | "XAmzContentChecksumMismatch" => FaultKind::Corrupted,
            "RequestTimeout" | "IncompleteBody" | "OperationTimedOut" => FaultKind::Lost,
            "SlowDown" | "ServerBusy" | "Busy" | "TooManyRequests" => FaultKind::Overloaded,
            "InternalError" => FaultKind::Server,
            "XMinioStorageFull"
            | "InsufficientStorage"
            | "QuotaExceeded"
            | "XMinioAdminBucketQuotaExceeded" => FaultKind::Full,
            _ => return None,
        })
    }

    fn message_has(&self, words: &str) -> bool {
        self.message.as_deref().is_some_and(|message| message.to_ascii_lowercase().contains(words))
    }
}

/// A refusal in the store's own words, without URL and request ids.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    code: Option<String>,
    message: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store answered {}", self.status.as_u16())?;
        if let Some(code) = &self.code {
            write!(f, " {code}")?;
        }
        match &self.message {
            Some(message) => write!(f, ": {}", message.trim_end_matches('.')),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Refusal {}

#[cfg(any(feature = "s3", feature = "gcs"))]
fn credential_fault(error: &object_store::Error) -> Option<FaultKind> {
    let found = crate::credentials::CredentialError::behind(error)?;
    Some(if found.is_transient() { FaultKind::Unsent } else { FaultKind::Unauthenticated })
}

#[cfg(not(any(feature = "s3", feature = "gcs")))]
fn credential_fault(_error: &object_store::Error) -> Option<FaultKind> {
    None
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Only of the whole object: a composite one says nothing about the bytes as a whole.
fn s3_checksum(headers: &HeaderMap) -> Option<StoreChecksum> {
    if header(headers, "x-amz-checksum-type").is_some_and(|kind| kind != "FULL_OBJECT") {
        return None;
    }
    crc64(header(headers, "x-amz-checksum-crc64nvme")?).map(StoreChecksum::Crc64Nvme)
}

/// `x-goog-hash: crc32c=BASE64,md5=BASE64`, in one header or two.
fn gcs_checksum(headers: &HeaderMap) -> Option<StoreChecksum> {
    let told = headers.get_all("x-goog-hash").iter().filter_map(|value| value.to_str().ok());
    let crc = told.flat_map(|value| value.split(',')).find_map(|pair| pair.trim().strip_prefix("crc32c="))?;
    let bytes: [u8; 4] = base64(crc)?.try_into().ok()?;
    Some(StoreChecksum::Crc32c(u32::from_be_bytes(bytes)))
}

fn crc64(text: &str) -> Option<u64> {
    let bytes: [u8; 8] = base64(text)?.try_into().ok()?;
    Some(u64::from_be_bytes(bytes))
}

fn base64(text: &str) -> Option<Vec<u8>> {
    use ::base64::Engine;
    ::base64::prelude::BASE64_STANDARD.decode(text.trim()).ok()
}

/// The text of the first element of this name. Error bodies are flat, and nothing but messages hangs on what is found.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let begin = xml.find(&format!("<{name}>"))? + name.len() + 2;
    let length = xml[begin..].find(&format!("</{name}>"))?;
    Some(&xml[begin..begin + length])
}

#[cfg(test)]
mod tests;
