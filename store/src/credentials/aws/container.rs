//! Credentials of a container's role: ECS, EKS pod identity, and whatever else sets the same variables.
//!
//! object_store knows two of the four ways; this has them all, and the rule that credentials are asked for over plain
//! HTTP only on this machine's own links.

use crate::credentials::CredentialError;
use crate::credentials::cache::{Expires, Fetched, Source};
use crate::credentials::http::{json, moment, send};
use crate::secret::Secret;
use async_trait::async_trait;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Uri};
use object_store::aws::AwsCredential;
use object_store::client::{HttpClient, HttpRequestBody};
use serde::Deserialize;
use std::net::IpAddr;

const SERVICE: &str = "the container's credential service";

/// Where ECS's agent answers.
const ECS_HOST: &str = "169.254.170.2";

/// Hosts besides loopback to which a token may go without TLS: the agents of ECS and EKS.
const AGENTS: [&str; 3] = [ECS_HOST, "169.254.170.23", "fd00:ec2::23"];

/// Where to ask, and what to show there.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) url: String,
    token: Token,
}

#[derive(Debug)]
enum Token {
    None,
    Value(Secret),
    /// Read again at each fetch: the kubelet renews it.
    File(String),
}

impl Endpoint {
    /// From the four variables; `None` where neither address is set. The relative address wins.
    pub(super) fn find(
        relative: Option<&str>,
        full: Option<&str>,
        token_file: Option<&str>,
        token: Option<&str>,
    ) -> Result<Option<Self>, CredentialError> {
        let url = match (relative, full) {
            (None, None) => return Ok(None),
            (Some(path), _) => format!("http://{ECS_HOST}{path}"),
            (None, Some(url)) => url.to_owned(),
        };
        check(&url)?;
        let token = match (token_file, token) {
            (Some(path), _) => Token::File(path.to_owned()),
            (None, Some(value)) => Token::Value(Secret::from(value)),
            (None, None) => Token::None,
        };
        Ok(Some(Self { url, token }))
    }
}

/// A token must not leave this machine's own links in the clear.
fn check(url: &str) -> Result<(), CredentialError> {
    let refuse = |why: &str| {
        Err(CredentialError::Setting {
            what: "the container's credential address".to_owned(),
            why: why.to_owned(),
        })
    };
    let Ok(uri) = url.parse::<Uri>() else { return refuse("it is not an address") };
    let Some(host) = uri.host() else { return refuse("it names no host") };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if loopback || AGENTS.contains(&host) => Ok(()),
        Some("http") => refuse("without https it can only be this machine or the agent of ECS or EKS"),
        _ => refuse("it begins with neither http:// nor https://"),
    }
}

/// Asks the agent.
#[derive(Debug)]
pub(super) struct ContainerSource {
    client: HttpClient,
    endpoint: Endpoint,
}

impl ContainerSource {
    pub(super) fn new(client: HttpClient, endpoint: Endpoint) -> Self {
        Self { client, endpoint }
    }

    async fn token(&self) -> Result<Option<HeaderValue>, CredentialError> {
        let (text, from) = match &self.endpoint.token {
            Token::None => return Ok(None),
            Token::Value(secret) => (secret.clone(), "AWS_CONTAINER_AUTHORIZATION_TOKEN"),
            Token::File(path) => {
                let text = tokio::fs::read_to_string(path)
                    .await
                    .map_err(|source| CredentialError::TokenFile { path: path.clone(), source })?;
                (Secret::new(text.trim_end_matches(['\r', '\n'])), path.as_str())
            }
        };
        let mut value = HeaderValue::from_str(text.expose()).map_err(|_| CredentialError::Setting {
            what: from.to_owned(),
            why: "the token has characters that no HTTP header can hold".to_owned(),
        })?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

#[async_trait]
impl Source for ContainerSource {
    type Credential = AwsCredential;

    async fn fetch(&self) -> Result<Fetched<AwsCredential>, CredentialError> {
        let mut request = Request::get(&self.endpoint.url);
        if let Some(token) = self.token().await? {
            request = request.header(AUTHORIZATION, token);
        }
        let request = request.body(HttpRequestBody::empty()).expect("the address was parsed before");
        let body = send(&self.client, SERVICE, request, refusal).await?;
        let answer: Answer = json(SERVICE, &body)?;
        Ok(Fetched {
            expires: Expires::At(moment(SERVICE, &answer.expiration)?),
            credential: AwsCredential {
                key_id: answer.access_key_id,
                secret_key: answer.secret_access_key,
                token: Some(answer.token),
            },
        })
    }

    fn name(&self) -> String {
        SERVICE.to_owned()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    access_key_id: String,
    secret_access_key: String,
    token: String,
    expiration: String,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

fn refusal(body: &[u8]) -> Option<String> {
    let Refusal { code, message } = serde_json::from_slice(body).ok()?;
    (!message.is_empty() || !code.is_empty()).then(|| format!("{code} {message}"))
}
