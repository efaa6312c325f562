//! What an answer means, and what follows from it.
//!
//! | answer | read | create | commit |
//! |---|---|---|---|
//! | 2xx | done | done | landed |
//! | 404 in the specification's form | missing | missing | refused: the table is gone |
//! | 409 | – | exists | conflict |
//! | 401, 403, 419 | unauthorized | unauthorized | unauthorized |
//! | 429 | unavailable | unavailable | unavailable: it was not looked at |
//! | 408, 5xx | unavailable | **unknown** | **unknown** |
//! | other 4xx, 3xx | refused | refused | refused |
//! | not sent, no token | unavailable | unavailable | unavailable |
//! | lost, time-out, too long | unavailable | **unknown** | **unknown** |
//!
//! 503 is unknown, too: the specification lets a client send a commit again after it, and proxies answer 503 for a server that
//! died in the middle of one.

use super::answers::Refusal;
use super::{Answer, CallError, Cause};
use crate::catalog::auth::AuthError;
use crate::catalog::caller::{is_transient_status, is_unauthenticated};
use crate::catalog::http::Fault;
use crate::catalog::{CatalogError, CommitError, TableName};
use bytes::Bytes;
use http::StatusCode;

/// The longest text of an answer in no known form that is shown, in characters.
const SHOWN: usize = 300;

/// An answer by what follows from it.
#[derive(Debug)]
pub(super) enum Outcome {
    Done(Bytes),
    Missing(Cause),
    Conflict(Cause),
    Unauthorized(Cause),
    /// Not looked at.
    Unavailable(Cause),
    /// Perhaps done.
    Unknown(Cause),
    Refused(Cause),
}

/// What the server said.
#[derive(Debug, thiserror::Error)]
#[error("HTTP {status}{kind}: {message}", kind = .kind.as_ref().map(|kind| format!(" {kind}")).unwrap_or_default())]
struct Said {
    status: u16,
    kind: Option<String>,
    message: String,
}

/// Whether a question may be asked again after this answer.
pub(super) fn is_transient(answer: &Answer) -> bool {
    is_transient_status(answer.status)
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
        let (said, in_form) = said(&answer);
        let said: Cause = Box::new(said);
        match answer.status {
            StatusCode::NOT_FOUND if in_form => Self::Missing(said),
            StatusCode::CONFLICT => Self::Conflict(said),
            status if is_unauthenticated(status) || status == StatusCode::FORBIDDEN => {
                Self::Unauthorized(said)
            }
            StatusCode::TOO_MANY_REQUESTS => Self::Unavailable(said),
            status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
                Self::Unknown(said)
            }
            _ => Self::Refused(said),
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
            Self::Missing(source) | Self::Conflict(source) | Self::Refused(source) => {
                CatalogError::Refused { doing, source }
            }
            Self::Unauthorized(source) => CatalogError::Unauthorized { doing, source },
            Self::Unavailable(source) => CatalogError::Unavailable { doing, source },
            Self::Unknown(source) => CatalogError::Unknown { doing, source },
        }
    }

    pub(super) fn of_commit(self, table: &TableName) -> CommitError {
        let table = table.clone();
        match self {
            Self::Done(_) => CommitError::Unknown { table, source: "its answer was not read".into() },
            Self::Conflict(source) => CommitError::Conflict { table, source },
            Self::Missing(source) | Self::Refused(source) => CommitError::Refused { table, source },
            Self::Unauthorized(source) => CommitError::Unauthorized { table, source },
            Self::Unavailable(source) => CommitError::Unavailable { table, source },
            Self::Unknown(source) => CommitError::Unknown { table, source },
        }
    }
}

/// What the server said, and whether it said it in the specification's form: a 404 of a proxy, or of a wrong address, must
/// not look like a table that is not there.
fn said(answer: &Answer) -> (Said, bool) {
    let status = answer.status.as_u16();
    if let Ok(Refusal { error }) = serde_json::from_slice::<Refusal>(&answer.body) {
        let message = error.message.unwrap_or_else(|| "no message".to_owned());
        return (Said { status, kind: error.kind, message: shown(&message) }, true);
    }
    let message = match &answer.location {
        Some(location) if answer.status.is_redirection() => {
            format!("it sends its clients to {}; set its uri to that if it is meant", shown(location))
        }
        _ => {
            let text =
                String::from_utf8_lossy(answer.body.get(..SHOWN * 4).unwrap_or(&answer.body)).into_owned();
            let hint = if answer.status == StatusCode::NOT_FOUND {
                "; this is no answer of an Iceberg catalog: is the address right?"
            } else {
                ""
            };
            format!("{}{hint}", shown(text.trim()))
        }
    };
    (Said { status, kind: None, message }, false)
}

fn shown(text: &str) -> String {
    let cleaned = |c: char| if c.is_control() { ' ' } else { c };
    if text.chars().nth(SHOWN).is_some() {
        text.chars().take(SHOWN).map(cleaned).chain(['…']).collect()
    } else {
        text.chars().map(cleaned).collect()
    }
}
