//! Glue's protocol (AWS JSON 1.1): one POST for everything, the action in a header, failures as names in the body.

use crate::catalog::auth::AuthError;
use crate::catalog::caller::{CallError, is_transient_status};
use crate::catalog::error::Cause;
use crate::catalog::http::{Answer, Fault, Request};
use crate::catalog::{CatalogError, CommitError, TableName};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};
use serde::Deserialize;
use serde_json::Value;

/// The longest text of a failure that is shown, in characters.
const SHOWN: usize = 300;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    GetTable,
    GetTables,
    CreateTable,
    UpdateTable,
    CreateDatabase,
}

impl Action {
    fn target(self) -> &'static str {
        match self {
            Self::GetTable => "AWSGlue.GetTable",
            Self::GetTables => "AWSGlue.GetTables",
            Self::CreateTable => "AWSGlue.CreateTable",
            Self::UpdateTable => "AWSGlue.UpdateTable",
            Self::CreateDatabase => "AWSGlue.CreateDatabase",
        }
    }
}

pub(super) fn request(endpoint: &str, action: Action, body: &Value) -> Request {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
    headers.insert("x-amz-target", HeaderValue::from_static(action.target()));
    Request {
        method: Method::POST,
        url: format!("{endpoint}/"),
        headers,
        body: Bytes::from(body.to_string()),
    }
}

/// An answer by what follows from it.
#[derive(Debug)]
pub(super) enum Outcome {
    Done(Bytes),
    Missing(Cause),
    Exists(Cause),
    /// Somebody else was first.
    Conflict(Cause),
    Unauthorized(Cause),
    /// Not looked at.
    Unavailable(Cause),
    /// Perhaps done.
    Unknown(Cause),
    Refused(Cause),
    /// An answer that makes no sense.
    Malformed(Cause),
}

/// What Glue said.
#[derive(Debug, thiserror::Error)]
#[error("HTTP {status} {kind}: {message}")]
struct Said {
    status: u16,
    kind: String,
    message: String,
}

/// The kinds of failures, by their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Missing,
    Exists,
    Conflict,
    Unauthorized,
    Throttled,
    TimedOut,
    Internal,
    Other,
}

impl Kind {
    fn of(name: &str) -> Self {
        match name {
            "EntityNotFoundException" => Self::Missing,
            "AlreadyExistsException" => Self::Exists,
            "ConcurrentModificationException" => Self::Conflict,
            "AccessDeniedException"
            | "AccessDenied"
            | "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "ExpiredTokenException"
            | "ExpiredToken"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "IncompleteSignature"
            | "IncompleteSignatureException"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException"
            | "OptInRequired" => Self::Unauthorized,
            "ThrottlingException"
            | "Throttling"
            | "ThrottledException"
            | "RequestLimitExceeded"
            | "TooManyRequestsException"
            | "ProvisionedThroughputExceededException" => Self::Throttled,
            "OperationTimeoutException" | "RequestTimeout" | "RequestTimeoutException" => Self::TimedOut,
            "InternalServiceException"
            | "InternalFailure"
            | "InternalServerError"
            | "ServiceUnavailable"
            | "ServiceUnavailableException" => Self::Internal,
            _ => Self::Other,
        }
    }
}

/// `__type` is a name with or without a namespace and a `#`; the message is written both ways.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Failure {
    #[serde(rename = "__type")]
    kind: Option<String>,
    #[serde(rename = "Message")]
    message: Option<String>,
    #[serde(rename = "message")]
    lower_message: Option<String>,
}

fn said(answer: &Answer) -> (Said, Kind) {
    let failure: Failure = serde_json::from_slice(&answer.body).unwrap_or_default();
    let name = failure.kind.unwrap_or_default();
    let name = name.rsplit(['#', ':']).next().unwrap_or_default().to_owned();
    let kind = Kind::of(&name);
    let message = failure.message.or(failure.lower_message).unwrap_or_else(|| {
        let beginning = answer.body.get(..SHOWN * 4).unwrap_or(&answer.body);
        format!("no failure in the form of Glue: {}", String::from_utf8_lossy(beginning).trim())
    });
    let message = message.chars().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let name = if name.is_empty() { "without a name".to_owned() } else { name };
    (Said { status: answer.status.as_u16(), kind: name, message }, kind)
}

/// Whether a question may be asked again after this answer.
pub(super) fn is_transient(answer: &Answer) -> bool {
    !answer.status.is_success()
        && (is_transient_status(answer.status)
            || matches!(said(answer).1, Kind::Throttled | Kind::TimedOut | Kind::Internal))
}

impl Outcome {
    pub(super) fn of(answer: Result<Answer, CallError>) -> Self {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error @ CallError::Fault(Fault::Lost(_) | Fault::TooLong)) => {
                return Self::Unknown(Box::new(error));
            }
            Err(error @ CallError::Fault(Fault::Unsent(_))) => return Self::Unavailable(Box::new(error)),
            Err(error @ CallError::Auth(AuthError::Unavailable { .. })) => {
                return Self::Unavailable(Box::new(error));
            }
            Err(error @ CallError::Auth(_)) => return Self::Unauthorized(Box::new(error)),
        };
        if answer.status.is_success() {
            return Self::Done(answer.body);
        }
        let (said, kind) = said(&answer);
        let said: Cause = Box::new(said);
        match kind {
            Kind::Missing => Self::Missing(said),
            Kind::Exists => Self::Exists(said),
            Kind::Conflict => Self::Conflict(said),
            Kind::Unauthorized => Self::Unauthorized(said),
            Kind::Throttled => Self::Unavailable(said),
            Kind::TimedOut | Kind::Internal => Self::Unknown(said),
            Kind::Other => match answer.status.as_u16() {
                401 | 403 => Self::Unauthorized(said),
                429 => Self::Unavailable(said),
                408 | 500.. => Self::Unknown(said),
                _ => Self::Refused(said),
            },
        }
    }

    /// Of something that changes nothing, or that may be done twice.
    pub(super) fn of_read(self, doing: &str) -> CatalogError {
        match self {
            Self::Unknown(source) => CatalogError::Unavailable { doing: doing.to_owned(), source },
            other => other.of_write(doing),
        }
    }

    /// Of something that must not be done twice.
    pub(super) fn of_write(self, doing: &str) -> CatalogError {
        let doing = doing.to_owned();
        match self {
            Self::Done(_) => {
                CatalogError::Malformed { doing, source: "an answer where none was expected".into() }
            }
            Self::Malformed(source) => CatalogError::Malformed { doing, source },
            Self::Missing(source) | Self::Exists(source) | Self::Refused(source) => {
                CatalogError::Refused { doing, source }
            }
            Self::Unauthorized(source) => CatalogError::Unauthorized { doing, source },
            // Of a create: somebody changes the database. Nothing was done.
            Self::Conflict(source) | Self::Unavailable(source) => CatalogError::Unavailable { doing, source },
            Self::Unknown(source) => CatalogError::Unknown { doing, source },
        }
    }

    pub(super) fn of_commit(self, table: &TableName) -> CommitError {
        let table = table.clone();
        match self {
            Self::Done(_) => CommitError::Unknown { table, source: "its answer was not read".into() },
            Self::Conflict(source) => CommitError::Conflict { table, source },
            Self::Missing(source)
            | Self::Exists(source)
            | Self::Refused(source)
            | Self::Malformed(source) => CommitError::Refused { table, source },
            Self::Unauthorized(source) => CommitError::Unauthorized { table, source },
            Self::Unavailable(source) => CommitError::Unavailable { table, source },
            Self::Unknown(source) => CommitError::Unknown { table, source },
        }
    }

    /// Of a question before a commit, after which nothing was sent.
    pub(super) fn before_commit(self, table: &TableName) -> CommitError {
        match self {
            Self::Unknown(source) => CommitError::Unavailable { table: table.clone(), source },
            other => other.of_commit(table),
        }
    }
}
