//! One small request to a token or metadata service, bounded in time and size.

use super::CredentialError;
use futures::StreamExt;
use object_store::ClientOptions;
use object_store::client::{HttpClient, HttpConnector, HttpRequest, HttpResponseBody};
use serde::de::DeserializeOwned;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How long a service has for its answer. Metadata services are on this machine's link; token services are not far.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// The longest answer that is read, in bytes. Tokens are a few KiB.
const SIZE_LIMIT: usize = 64 << 10;

/// The most of a service's own words that a message repeats, in characters.
const DETAIL_LIMIT: usize = 300;

/// How requests to token services leave this machine.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    /// Makes clients; a test puts its own here.
    pub(crate) connector: Arc<dyn HttpConnector>,
    /// Certificates and time limits, as the store itself has them.
    pub(crate) options: ClientOptions,
}

impl Http {
    /// A client for token services. Services on the machine's own link speak plain HTTP.
    pub(super) fn client(&self, allow_http: bool) -> Result<HttpClient, CredentialError> {
        let options = self.options.clone().with_allow_http(allow_http);
        self.connector.connect(&options).map_err(|error| CredentialError::Setting {
            what: "the HTTP client".to_owned(),
            why: error.to_string(),
        })
    }

    /// The connector in the form that object_store's builders take.
    #[cfg(any(feature = "s3", test))]
    pub(super) fn connector(&self) -> SharedConnector {
        SharedConnector(Arc::clone(&self.connector))
    }
}

/// A connector that is shared with others.
#[cfg(any(feature = "s3", test))]
#[derive(Debug)]
pub(super) struct SharedConnector(Arc<dyn HttpConnector>);

#[cfg(any(feature = "s3", test))]
impl HttpConnector for SharedConnector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        self.0.connect(options)
    }
}

/// Sends a request and gives the body of a 2xx answer. `describe` turns a refusal's body into words, where it has any.
pub(super) async fn send(
    client: &HttpClient,
    service: &'static str,
    request: HttpRequest,
    describe: impl Fn(&[u8]) -> Option<String>,
) -> Result<Vec<u8>, CredentialError> {
    let uri = request.uri();
    // Without the query: a service may carry its token there.
    let url = format!("{}://{}{}", uri.scheme_str().unwrap_or("http"), uri.host().unwrap_or("?"), uri.path());
    let failed = |source| CredentialError::NoAnswer { service, url: url.clone(), source };
    let exchange = async {
        let response = client.execute(request).await.map_err(|error| failed(error.into()))?;
        let status = response.status();
        let body = read(response.into_body()).await.map_err(failed)?;
        if status.is_success() {
            return Ok(body);
        }
        let detail = describe(&body).map(|text| tidy(&text));
        Err(CredentialError::Refused { service, url: url.clone(), status: status.as_u16(), detail })
    };
    match tokio::time::timeout(TIME_LIMIT, exchange).await {
        Ok(answer) => answer,
        Err(elapsed) => Err(failed(elapsed.into())),
    }
}

async fn read(body: HttpResponseBody) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
    let mut stream = body.bytes_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk?;
        if bytes.len() + chunk.len() > SIZE_LIMIT {
            return Err(format!("the answer is longer than {SIZE_LIMIT} bytes").into());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Reads a JSON answer. The message tells where it broke, never what stood there.
pub(super) fn json<T: DeserializeOwned>(
    service: impl fmt::Display,
    bytes: &[u8],
) -> Result<T, CredentialError> {
    serde_json::from_slice(bytes).map_err(|error| CredentialError::Answer {
        service: service.to_string(),
        why: match error.classify() {
            serde_json::error::Category::Data => "a field is missing or of another type".to_owned(),
            _ => format!("not JSON at line {}, column {}", error.line(), error.column()),
        },
    })
}

/// A moment as services write it, in milliseconds since 1970.
pub(super) fn moment(service: impl fmt::Display, text: &str) -> Result<i64, CredentialError> {
    chrono::DateTime::parse_from_rfc3339(text).map(|at| at.timestamp_millis()).map_err(|_| {
        CredentialError::Answer {
            service: service.to_string(),
            why: "its expiration is not a time of the form 2026-01-31T23:59:59Z".to_owned(),
        }
    })
}

/// One line, of bounded length, without control characters.
pub(super) fn tidy(text: &str) -> String {
    let line: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(DETAIL_LIMIT).collect();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}
