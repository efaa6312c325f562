//! One HTTP request and its answer, bounded in time and size.
//!
//! - **No retry here.** One call is at most one request on the wire ([`super::caller`] decides about the next). Redirects
//!   are not followed: a POST that is sent a second time to somewhere else would be a second commit.
//! - **What a failure says.** [`Fault::Unsent`] only where no byte of the request can have reached the server (no address,
//!   connection refused, no TLS). Everything else is [`Fault::Lost`]: the server may have done what it was asked for.
//! - **Cancellation.** Dropping the future drops the connection; the server may have done it all the same.

use super::error::Cause;
use bytes::{Bytes, BytesMut};
use http::header::{LOCATION, RETRY_AFTER};
use http::{HeaderMap, Method, StatusCode};
use reqwest::redirect::Policy;
use std::time::Duration;

/// The longest answer that is read, in bytes: a table's metadata with thousands of snapshots is a few MiB.
pub(crate) const MAX_ANSWER: usize = 64 << 20;

/// The longest pause that a server can ask for; longer ones are cut.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(300);

/// How a catalog is spoken to over HTTP.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// Whether addresses without TLS are acceptable.
    pub allow_http: bool,
    /// Certificates, PEM, trusted besides the system's.
    pub ca_bundle_pem: Option<Vec<u8>>,
    /// The longest time for setting up a connection, TLS included.
    pub connect: Duration,
    /// The longest time for one request and its whole answer.
    pub attempt: Duration,
    /// The same for a commit, which a catalog answers after it has written a file.
    pub commit: Duration,
    /// The longest time for something that is tried again, with all attempts and pauses.
    pub deadline: Duration,
    /// When to try again what may be tried again.
    pub retry: firnline_store::RetryPolicy,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            allow_http: false,
            ca_bundle_pem: None,
            connect: Duration::from_secs(5),
            attempt: Duration::from_secs(30),
            commit: Duration::from_secs(60),
            deadline: Duration::from_secs(90),
            retry: firnline_store::RetryPolicy::default(),
        }
    }
}

/// A client that cannot be made as it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// An address that is none, or one without TLS.
    #[error("the {what} address `{url}` {why}")]
    Address {
        /// Whose address it is.
        what: &'static str,
        /// The address.
        url: String,
        /// What is wrong and what would be right.
        why: &'static str,
    },
    /// The certificates cannot be used.
    #[error("the bundle of certificates holds none in PEM")]
    Certificates,
    /// The client refused its settings.
    #[error("set up an HTTP client")]
    Client {
        /// Why.
        #[source]
        source: Cause,
    },
}

/// A request, whole.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// An answer, whole, of whatever status.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
    /// How long the server asks to wait, where it says so in seconds.
    pub(crate) retry_after: Option<Duration>,
    /// Where it sends the client instead.
    pub(crate) location: Option<String>,
}

/// No answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("no connection: nothing was sent")]
    Unsent(#[source] Cause),
    #[error("the request was sent, the answer was lost")]
    Lost(#[source] Cause),
    #[error("the answer is longer than {MAX_ANSWER} bytes")]
    TooLong,
}

/// The connections to one catalog. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    client: reqwest::Client,
}

impl Http {
    pub(crate) fn new(settings: &HttpSettings) -> Result<Self, HttpError> {
        // TLS without a large C library. A provider that somebody else has installed serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let failed = |error: reqwest::Error| HttpError::Client { source: Box::new(error) };
        let mut builder = reqwest::Client::builder()
            .redirect(Policy::none())
            .connect_timeout(settings.connect)
            // Shorter than the time after which load balancers drop an idle connection: a commit sent into a connection
            // that was just closed is a commit of unknown outcome.
            .pool_idle_timeout(Duration::from_secs(15))
            .user_agent(concat!("firnline/", env!("CARGO_PKG_VERSION")));
        if let Some(pem) = &settings.ca_bundle_pem {
            let certificates =
                reqwest::Certificate::from_pem_bundle(pem).map_err(|_| HttpError::Certificates)?;
            if certificates.is_empty() {
                return Err(HttpError::Certificates);
            }
            builder = builder.tls_certs_merge(certificates);
        }
        Ok(Self { client: builder.build().map_err(failed)? })
    }

    /// One request. Whatever the server answers is an answer, failures included.
    pub(crate) async fn once(&self, request: Request, limit: Duration) -> Result<Answer, Fault> {
        tokio::time::timeout(limit, self.exchange(request))
            .await
            .unwrap_or_else(|elapsed| Err(Fault::Lost(Box::new(elapsed))))
    }

    async fn exchange(&self, request: Request) -> Result<Answer, Fault> {
        let Request { method, url, headers, body } = request;
        let sent = self.client.request(method, url).headers(headers).body(body).send().await;
        let mut response = sent.map_err(fault)?;
        let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let retry_after = text(RETRY_AFTER)
            .and_then(|seconds| seconds.trim().parse().ok())
            .map(|seconds| Duration::from_secs(seconds).min(MAX_RETRY_AFTER));
        let location = text(LOCATION).map(str::to_owned);
        let status = response.status();
        let mut body = BytesMut::new();
        while let Some(chunk) =
            response.chunk().await.map_err(|error| Fault::Lost(Box::new(error.without_url())))?
        {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(Fault::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, body: body.freeze(), retry_after, location })
    }
}

/// A request that the client could not even form was sent to nobody either.
fn fault(error: reqwest::Error) -> Fault {
    let unsent = error.is_connect() || error.is_builder();
    let cause: Cause = Box::new(error.without_url());
    if unsent { Fault::Unsent(cause) } else { Fault::Lost(cause) }
}

/// An address of a catalog as it was configured, without slashes at its end.
pub(crate) fn address(what: &'static str, url: &str, settings: &HttpSettings) -> Result<String, HttpError> {
    let bad = |why| Err(HttpError::Address { what, url: url.to_owned(), why });
    let trimmed = url.trim_end_matches('/');
    let Ok(parsed) = reqwest::Url::parse(trimmed) else {
        return bad("is no address; write https://HOST[:PORT][/PATH]");
    };
    match parsed.scheme() {
        "https" => {}
        "http" if settings.allow_http => {}
        "http" => return bad("has no TLS; write https://, or set allow_http if that is meant"),
        _ => return bad("begins with neither https:// nor http://"),
    }
    if parsed.host_str().is_none_or(str::is_empty) {
        return bad("names no host; write https://HOST[:PORT][/PATH]");
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return bad("holds a user or password; these go into the catalog's authentication settings");
    }
    if parsed.query().is_some() || parsed.fragment().is_some() {
        return bad("has a query or fragment; write https://HOST[:PORT][/PATH]");
    }
    Ok(trimmed.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_would_not_work_or_leak_are_refused() {
        let lax = HttpSettings { allow_http: true, ..HttpSettings::default() };
        assert_eq!(
            address("catalog", "https://c.example/api/", &HttpSettings::default()).unwrap(),
            "https://c.example/api"
        );
        assert_eq!(address("catalog", "http://127.0.0.1:8181", &lax).unwrap(), "http://127.0.0.1:8181");
        for (url, why) in [
            ("http://127.0.0.1:8181", "allow_http"),
            ("ftp://x", "neither"),
            ("catalog", "no address"),
            ("https://u:p@c.example", "password"),
            ("https://c.example?x=1", "query"),
        ] {
            let error = address("catalog", url, &HttpSettings::default()).expect_err(url);
            assert!(error.to_string().contains(why), "{error}");
        }
    }
}
