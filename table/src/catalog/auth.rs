//! How requests to a catalog are authenticated.
//!
//! Secrets come as values or through [`AwsKeySource`]; nothing here reads the environment or files.

use super::error::Cause;
use super::http::{Http, HttpError, HttpSettings, Request};
use super::oauth2::{OAuth2, Tokens};
use super::sigv4::{self, Scope, Signable};
use async_trait::async_trait;
use firnline_store::{Env, Secret};
use http::HeaderValue;
use http::header::{AUTHORIZATION, HOST};
use std::fmt;
use std::sync::Arc;

pub use firnline_store::credentials::AwsKeys;

/// Where the keys of AWS come from; asked before each request, so it holds and renews them itself.
#[async_trait]
pub trait AwsKeySource: fmt::Debug + Send + Sync {
    /// The keys to sign with now. Bounded in time.
    async fn keys(&self) -> Result<Arc<AwsKeys>, Box<dyn std::error::Error + Send + Sync>>;
}

/// Keys that never change.
#[async_trait]
impl AwsKeySource for AwsKeys {
    async fn keys(&self) -> Result<Arc<AwsKeys>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Arc::new(self.clone()))
    }
}

/// How a REST catalog wants to be shown who asks.
#[derive(Clone, Debug)]
pub enum Auth {
    /// It does not ask.
    None,
    /// A token that somebody else renews.
    Bearer(Secret),
    /// Client credentials for a token that is renewed here.
    OAuth2(OAuth2),
    /// Requests signed for AWS.
    SigV4 {
        /// The region of the catalog.
        region: String,
        /// `glue` or `s3tables`.
        service: String,
        /// The keys.
        keys: Arc<dyn AwsKeySource>,
    },
}

/// Why a request could not be authenticated.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthError {
    /// Whoever gives tokens or keys does not answer: try later.
    #[error("get {what} to authenticate with")]
    Unavailable {
        what: &'static str,
        #[source]
        source: Cause,
    },
    /// Whoever gives tokens has said no.
    #[error("{what} refused: {why}")]
    Refused { what: &'static str, why: String },
    /// A secret that no header can hold.
    #[error("{what} has characters that no HTTP header can hold")]
    Unsendable { what: &'static str },
}

/// [`Auth`] with what it remembers between requests.
#[derive(Debug)]
pub(crate) enum Authenticator {
    None,
    Bearer(Secret),
    Tokens(Tokens),
    SigV4 { region: String, service: String, keys: Arc<dyn AwsKeySource>, env: Env },
}

impl Authenticator {
    pub(crate) fn new(
        auth: Auth,
        catalog: &str,
        settings: &HttpSettings,
        http: &Http,
        env: &Env,
    ) -> Result<Self, HttpError> {
        Ok(match auth {
            Auth::None => Self::None,
            Auth::Bearer(token) => Self::Bearer(token),
            Auth::OAuth2(client) => {
                Self::Tokens(Tokens::new(client, catalog, settings, http.clone(), Arc::clone(&env.clock))?)
            }
            Auth::SigV4 { region, service, keys } => Self::SigV4 { region, service, keys, env: env.clone() },
        })
    }

    /// Adds what shows who asks.
    pub(crate) async fn authenticate(&self, request: &mut Request) -> Result<(), AuthError> {
        match self {
            Self::None => Ok(()),
            Self::Bearer(token) => bearer(request, token),
            Self::Tokens(tokens) => bearer(request, &*tokens.get().await?),
            Self::SigV4 { region, service, keys, env } => {
                let keys = keys
                    .keys()
                    .await
                    .map_err(|source| AuthError::Unavailable { what: "AWS keys", source })?;
                let date = sigv4::amz_date(env.clock.now_ms());
                sign(request, Scope { region, service, date: &date }, &keys)
            }
        }
    }

    /// After the server did not accept it: whether another try would show something new.
    pub(crate) async fn renew(&self, refused: &Request) -> bool {
        match self {
            Self::Tokens(tokens) => {
                let shown = refused.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
                let Some(token) = shown.and_then(|value| value.strip_prefix("Bearer ")) else { return false };
                tokens.forget(token).await;
                true
            }
            _ => false,
        }
    }
}

fn bearer(request: &mut Request, token: &Secret) -> Result<(), AuthError> {
    let value = header("the catalog's token", &format!("Bearer {}", token.expose()))?;
    request.headers.insert(AUTHORIZATION, value);
    Ok(())
}

/// Signs all headers that the request has by now. Adding one afterwards would leave it unsigned, which is allowed but
/// useless.
fn sign(request: &mut Request, scope: Scope<'_>, keys: &AwsKeys) -> Result<(), AuthError> {
    let unsendable = || AuthError::Unsendable { what: "the catalog's address" };
    let url = reqwest::Url::parse(&request.url).map_err(|_| unsendable())?;
    let host = match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => return Err(unsendable()),
    };
    request.headers.insert(HOST, HeaderValue::from_str(&host).map_err(|_| unsendable())?);
    for (name, value) in
        [("x-amz-date", scope.date), ("x-amz-content-sha256", &sigv4::sha256_hex(&request.body))]
    {
        request.headers.insert(name, header("a date or checksum", value)?);
    }
    if let Some(token) = &keys.session_token {
        request.headers.insert("x-amz-security-token", header("the AWS session token", token.expose())?);
    }
    request.headers.remove(AUTHORIZATION);
    let authorization = {
        let headers: Vec<(&str, &str)> = request
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
            .collect();
        let signable = Signable {
            method: request.method.as_str(),
            path: url.path(),
            query: url.query().unwrap_or(""),
            headers: &headers,
            body: &request.body,
        };
        sigv4::authorization(signable, scope, keys)
    };
    request.headers.insert(AUTHORIZATION, header("the AWS access key's id", &authorization)?);
    Ok(())
}

fn header(what: &'static str, text: &str) -> Result<HeaderValue, AuthError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| AuthError::Unsendable { what })?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::{HeaderMap, Method};

    fn request(url: &str) -> Request {
        Request {
            method: Method::POST,
            url: url.to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::from_static(b"{}"),
        }
    }

    #[test]
    fn a_signed_request_carries_date_checksum_host_and_session() {
        let keys = AwsKeys {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: "secret".into(),
            session_token: Some("session".into()),
        };
        let mut request = request("http://127.0.0.1:9000/v1/x%1Fy?b=1");
        request.headers.insert("x-amz-target", HeaderValue::from_static("AWSGlue.GetTable"));
        let scope = Scope { region: "eu-north-1", service: "glue", date: "20150830T123600Z" };
        sign(&mut request, scope, &keys).unwrap();
        let text = |name: &str| request.headers.get(name).unwrap().to_str().unwrap().to_owned();
        assert_eq!(text("host"), "127.0.0.1:9000");
        assert_eq!(text("x-amz-security-token"), "session");
        assert_eq!(text("x-amz-content-sha256"), sigv4::sha256_hex(b"{}"));
        let authorization = text("authorization");
        assert!(authorization.contains("Credential=AKIDEXAMPLE/20150830/eu-north-1/glue/aws4_request"));
        assert!(authorization.contains(
            "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token;x-amz-target,"
        ));
        // A second signature, after a refusal, replaces the first one and does not sign it.
        let first = authorization;
        sign(&mut request, scope, &keys).unwrap();
        assert_eq!(request.headers.get("authorization").unwrap(), &first);
        assert!(!format!("{:?}", request.headers).contains("session"));
    }

    #[test]
    fn secrets_that_no_header_can_hold_are_told_without_being_shown() {
        let error = bearer(&mut request("https://c"), &Secret::from("a\nb")).unwrap_err();
        assert_eq!(error.to_string(), "the catalog's token has characters that no HTTP header can hold");
    }
}
