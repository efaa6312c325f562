//! SASL logins on a fresh connection, and again on an old one before its session ends (KIP-368).

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use firnline_store::env::{Random, RandomExt};
use kafka_protocol::messages::{SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest};
use kafka_protocol::protocol::StrBytes;

use super::plain::{BEARER_END, bearer, plain};
use super::scram::{Begun, Hash, ScramError};
use super::secret::SecretSource;
use crate::connection::{Connection, ExchangeError};
use crate::wire::{Api, Code, Wiped};

/// A way to log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// User and password, in the clear but for TLS.
    Plain,
    /// A proof of the password, SHA-256.
    ScramSha256,
    /// A proof of the password, SHA-512.
    ScramSha512,
    /// A token.
    OAuthBearer,
}

impl Mechanism {
    /// Kafka's name of it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
            Self::OAuthBearer => "OAUTHBEARER",
        }
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who logs in, and how.
#[derive(Debug, Clone)]
pub enum Login {
    /// PLAIN.
    Plain {
        /// The user.
        user: String,
        /// The password.
        password: Arc<dyn SecretSource>,
    },
    /// SCRAM-SHA-256.
    ScramSha256 {
        /// The user.
        user: String,
        /// The password.
        password: Arc<dyn SecretSource>,
    },
    /// SCRAM-SHA-512.
    ScramSha512 {
        /// The user.
        user: String,
        /// The password.
        password: Arc<dyn SecretSource>,
    },
    /// OAUTHBEARER.
    OAuthBearer {
        /// The token (RFC 6750).
        token: Arc<dyn SecretSource>,
    },
}

impl Login {
    /// The way of this login.
    #[must_use]
    pub fn mechanism(&self) -> Mechanism {
        match self {
            Self::Plain { .. } => Mechanism::Plain,
            Self::ScramSha256 { .. } => Mechanism::ScramSha256,
            Self::ScramSha512 { .. } => Mechanism::ScramSha512,
            Self::OAuthBearer { .. } => Mechanism::OAuthBearer,
        }
    }
}

/// Why a login failed; the connection cannot be used then.
#[derive(Debug)]
pub(crate) enum LoginError {
    Exchange(Api, ExchangeError),
    Mechanism { offered: String },
    Refused { message: String },
    Scram { what: String },
    Secret(Box<dyn Error + Send + Sync>),
}

impl From<ScramError> for LoginError {
    fn from(error: ScramError) -> Self {
        match error {
            ScramError::Refused(message) => Self::Refused { message },
            other => Self::Scram { what: other.to_string() },
        }
    }
}

/// Logs in. Answers how long the session lasts, where the broker limits it.
pub(crate) async fn log_in(
    connection: &mut Connection,
    login: &Login,
    random: &dyn Random,
) -> Result<Option<Duration>, LoginError> {
    handshake(connection, login.mechanism()).await?;
    let last = match login {
        Login::Plain { user, password } => {
            let password = password.secret().await.map_err(LoginError::Secret)?;
            step(connection, plain(user, &password)).await?
        }
        Login::ScramSha256 { user, password } => {
            scram(connection, Hash::Sha256, user, &**password, random).await?
        }
        Login::ScramSha512 { user, password } => {
            scram(connection, Hash::Sha512, user, &**password, random).await?
        }
        Login::OAuthBearer { token } => {
            let token = token.secret().await.map_err(LoginError::Secret)?;
            let message = bearer(&token).ok_or_else(|| {
                LoginError::Secret("the token is empty or holds characters that no token has".into())
            })?;
            let answer = step(connection, message).await?;
            if !answer.auth_bytes.is_empty() {
                // The refusal, as JSON; the exchange has to be ended before the broker closes it.
                let message = String::from_utf8_lossy(&answer.auth_bytes).chars().take(300).collect();
                let mut end = Wiped::with_capacity(BEARER_END.len());
                end.bytes_mut().extend_from_slice(BEARER_END);
                return match step(connection, end).await {
                    Err(LoginError::Exchange(api, error)) => Err(LoginError::Exchange(api, error)),
                    _ => Err(LoginError::Refused { message }),
                };
            }
            answer
        }
    };
    Ok(u64::try_from(last.session_lifetime_ms).ok().filter(|ms| *ms > 0).map(Duration::from_millis))
}

async fn handshake(connection: &mut Connection, mechanism: Mechanism) -> Result<(), LoginError> {
    let request = SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str(mechanism.name()));
    let answer = connection
        .exchange(&request)
        .await
        .map_err(|error| LoginError::Exchange(Api::SaslHandshake, error))?;
    match Code::of(answer.error_code) {
        None => Ok(()),
        Some(Code::UNSUPPORTED_SASL_MECHANISM) => {
            let offered: Vec<&str> = answer.mechanisms.iter().take(20).map(StrBytes::as_str).collect();
            Err(LoginError::Mechanism { offered: offered.join(", ") })
        }
        Some(code) => Err(LoginError::Refused { message: code.to_string() }),
    }
}

async fn step(connection: &mut Connection, message: Wiped) -> Result<SaslAuthenticateResponse, LoginError> {
    // The bytes are wiped when the request is dropped.
    let request = SaslAuthenticateRequest::default().with_auth_bytes(Bytes::from_owner(message));
    let answer = connection
        .exchange(&request)
        .await
        .map_err(|error| LoginError::Exchange(Api::SaslAuthenticate, error))?;
    match Code::of(answer.error_code) {
        None => Ok(answer),
        Some(code) => {
            let words = answer.error_message.as_deref().filter(|words| !words.is_empty());
            let message = words.map_or_else(|| code.to_string(), |words| words.chars().take(300).collect());
            Err(LoginError::Refused { message })
        }
    }
}

async fn scram(
    connection: &mut Connection,
    hash: Hash,
    user: &str,
    password: &dyn SecretSource,
    random: &dyn Random,
) -> Result<SaslAuthenticateResponse, LoginError> {
    let begun = Begun::new(hash, user, random.hex_id());
    let mut first = Wiped::with_capacity(0);
    *first.bytes_mut() = begun.message();
    let challenge = step(connection, first).await?.auth_bytes;
    let password = password.secret().await.map_err(LoginError::Secret)?;
    // Thousands of hashes: off the threads that others' requests run on.
    let computed = tokio::task::spawn_blocking(move || begun.prove(&challenge, &password)).await;
    let (message, proven) = computed.map_err(|error| LoginError::Scram { what: error.to_string() })??;
    let last = step(connection, message).await?;
    proven.check(&last.auth_bytes)?;
    Ok(last)
}
