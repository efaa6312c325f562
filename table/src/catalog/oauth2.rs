//! Tokens by OAuth 2 client credentials (RFC 6749 §4.4).
//!
//! One caller at a time asks for a token; it is held until shortly before its end. A renewal that fails while the old token
//! is valid leaves the old one in use. A token that the catalog refuses is forgotten, once, by whoever was refused with it.
//! A failed request for a token is not repeated here: [`super::caller`] repeats what it belongs to.

use super::auth::AuthError;
use super::http::{Answer, Http, HttpError, HttpSettings, Request, address};
use bytes::Bytes;
use firnline_store::Secret;
use firnline_store::env::Clock;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

#[cfg(test)]
mod tests;

/// How long before its end a token is renewed; a quarter of its life where that is shorter.
const EARLY_MS: i64 = 60_000;

/// The pause after a failed renewal while the old token is still valid.
const RETRY_AFTER_MS: i64 = 10_000;

/// How long a token is used whose end was not told.
const UNTOLD_LIFE_MS: i64 = 3_600_000;

/// Who asks for tokens, and where.
#[derive(Clone, Debug)]
pub struct OAuth2 {
    /// The token endpoint; `None` = the catalog's own `v1/oauth/tokens`.
    pub endpoint: Option<String>,
    /// The client's id; some catalogs know none.
    pub client_id: Option<String>,
    /// The client's secret.
    pub client_secret: Secret,
    /// What the token is for; `None` = `catalog`, which Iceberg's own clients ask for.
    pub scope: Option<String>,
    /// Further parameters of the request, such as `audience` or `resource`.
    pub parameters: Vec<(String, String)>,
}

/// The token in use, renewed in time.
#[derive(Debug)]
pub(crate) struct Tokens {
    client: OAuth2,
    endpoint: String,
    limit: Duration,
    http: Http,
    clock: Arc<dyn Clock>,
    held: Mutex<Option<Held>>,
}

#[derive(Debug)]
struct Held {
    token: Arc<Secret>,
    renew_at_ms: i64,
    ends_ms: i64,
}

impl Tokens {
    pub(crate) fn new(
        client: OAuth2,
        catalog: &str,
        settings: &HttpSettings,
        http: Http,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, HttpError> {
        let own = format!("{catalog}/v1/oauth/tokens");
        let endpoint = address("token endpoint", client.endpoint.as_deref().unwrap_or(&own), settings)?;
        Ok(Self { client, endpoint, limit: settings.attempt, http, clock, held: Mutex::default() })
    }

    /// The token to show now. Cancel safe: the next caller asks instead.
    pub(crate) async fn get(&self) -> Result<Arc<Secret>, AuthError> {
        let mut held = self.held.lock().await;
        let now = self.clock.now_ms();
        if let Some(fresh) = held.as_ref().filter(|held| now < held.renew_at_ms) {
            return Ok(Arc::clone(&fresh.token));
        }
        match (self.fetch().await, held.as_mut().filter(|held| now < held.ends_ms)) {
            (Ok(fresh), _) => {
                let token = Arc::clone(&fresh.token);
                *held = Some(fresh);
                Ok(token)
            }
            (Err(error), Some(old)) => {
                let error: &(dyn std::error::Error + 'static) = &error;
                tracing::warn!(
                    error,
                    "could not renew the catalog's token; the old one is still valid and stays in use"
                );
                old.renew_at_ms = now.saturating_add(RETRY_AFTER_MS).min(old.ends_ms);
                Ok(Arc::clone(&old.token))
            }
            (Err(error), None) => Err(error),
        }
    }

    /// Drops the token if it still is this one: whoever was refused with an older one finds the new one here already.
    pub(crate) async fn forget(&self, token: &str) {
        let mut held = self.held.lock().await;
        if held.as_ref().is_some_and(|held| held.token.expose() == token) {
            *held = None;
        }
    }

    async fn fetch(&self) -> Result<Held, AuthError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let request =
            Request { method: Method::POST, url: self.endpoint.clone(), headers, body: self.form() };
        let answer = self
            .http
            .once(request, self.limit)
            .await
            .map_err(|source| AuthError::Unavailable { what: "a token", source: Box::new(source) })?;
        let Told { access_token, token_type, expires_in } = told(&answer)?;
        if !token_type.eq_ignore_ascii_case("bearer") {
            let why = format!("it gives tokens of the type {token_type:?}, and only `bearer` can be used");
            return Err(AuthError::Refused { what: "the token endpoint", why });
        }
        let now = self.clock.now_ms();
        let life = expires_in.map_or(UNTOLD_LIFE_MS, |seconds| seconds.saturating_mul(1000)).max(0);
        Ok(Held {
            token: Arc::new(Secret::from(access_token)),
            renew_at_ms: now.saturating_add(life - EARLY_MS.min(life / 4)),
            ends_ms: now.saturating_add(life),
        })
    }

    fn form(&self) -> Bytes {
        let OAuth2 { client_id, client_secret, scope, parameters, .. } = &self.client;
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        if let Some(id) = client_id {
            form.append_pair("client_id", id);
        }
        form.append_pair("client_secret", client_secret.expose());
        form.append_pair("scope", scope.as_deref().unwrap_or("catalog"));
        for (name, value) in parameters {
            form.append_pair(name, value);
        }
        Bytes::from(form.finish())
    }
}

#[derive(Deserialize)]
struct Told {
    access_token: String,
    #[serde(default = "bearer")]
    token_type: String,
    expires_in: Option<i64>,
}

fn bearer() -> String {
    "bearer".to_owned()
}

/// RFC 6749 §5.2.
#[derive(Deserialize)]
struct Refusal {
    error: String,
    #[serde(default)]
    error_description: String,
}

fn told(answer: &Answer) -> Result<Told, AuthError> {
    let unavailable = |why: String| AuthError::Unavailable { what: "a token", source: why.into() };
    if answer.status.is_success() {
        // The parser's own message could show part of the token.
        return serde_json::from_slice(&answer.body)
            .map_err(|_| unavailable("the token endpoint's answer holds no access_token".to_owned()));
    }
    let why = match serde_json::from_slice::<Refusal>(&answer.body) {
        Ok(Refusal { error, error_description }) if error_description.is_empty() => error,
        Ok(Refusal { error, error_description }) => format!("{error}: {error_description}"),
        Err(_) => format!("HTTP {}", answer.status.as_u16()),
    };
    let later = answer.status.is_server_error() || answer.status == StatusCode::TOO_MANY_REQUESTS;
    if later {
        return Err(unavailable(format!(
            "the token endpoint answered HTTP {}: {why}",
            answer.status.as_u16()
        )));
    }
    Err(AuthError::Refused { what: "the token endpoint", why })
}
