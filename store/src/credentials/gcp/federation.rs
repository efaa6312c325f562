//! Workload identity federation (`external_account`, AIP-4117): a token of another identity provider, read from a file or
//! asked of a local service, is exchanged for a Google token, with which a service account may be impersonated.

use crate::credentials::CredentialError;
use crate::credentials::cache::{Expires, Fetched, Source};
use crate::credentials::http::Http;
use crate::credentials::http::{json, moment, send};
use crate::secret::Secret;
use async_trait::async_trait;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request};
use object_store::client::{HttpClient, HttpRequest, HttpRequestBody};
use object_store::gcp::GcpCredential;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
const EXCHANGE: &str = "Google's token exchange";
const IMPERSONATION: &str = "Google's service account impersonation";
const PROVIDER: &str = "the identity provider";

/// How long an impersonated token lives unless the file says otherwise.
const IMPERSONATED_SECONDS: u32 = 3600;

/// The file as `gcloud iam workload-identity-pools create-cred-config` writes it. Keys not named here (`type`,
/// `token_info_url`, `universe_domain`) change nothing for us.
#[derive(Deserialize)]
pub(super) struct ExternalAccount {
    audience: String,
    subject_token_type: String,
    token_url: String,
    service_account_impersonation_url: Option<String>,
    #[serde(default)]
    service_account_impersonation: Impersonation,
    credential_source: CredentialSource,
}

#[derive(Deserialize, Default)]
struct Impersonation {
    token_lifetime_seconds: Option<u32>,
}

#[derive(Deserialize)]
struct CredentialSource {
    file: Option<String>,
    url: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    format: Format,
    environment_id: Option<String>,
    executable: Option<serde_json::Value>,
}

#[derive(Default, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Format {
    #[default]
    Text,
    Json {
        subject_token_field_name: String,
    },
}

/// One federated identity.
pub(super) struct Federation {
    client: HttpClient,
    path: String,
    subject: Subject,
    account: ExternalAccount,
}

enum Subject {
    /// Read again at each fetch: whoever gives it renews it there.
    File(String),
    Url(String),
}

impl Federation {
    pub(super) fn new(account: ExternalAccount, path: &str, http: &Http) -> Result<Self, CredentialError> {
        let refuse = |why: &str| {
            Err(CredentialError::Setting {
                what: path.to_owned(),
                why: format!("its credential_source {why}"),
            })
        };
        let source = &account.credential_source;
        let subject = match (&source.file, &source.url) {
            _ if source.environment_id.is_some() => {
                return refuse("asks for AWS's own signature, which is not supported; use a token file");
            }
            _ if source.executable.is_some() => {
                return refuse("runs a program, which is not supported; let the program write a token file");
            }
            (Some(file), None) => Subject::File(file.clone()),
            (None, Some(url)) => Subject::Url(url.clone()),
            _ => return refuse("has not exactly one of file and url"),
        };
        // The provider's URL is often a service on this machine; Google's own URLs are written with https in the file.
        let client = http.client(matches!(subject, Subject::Url(_)))?;
        Ok(Self { client, path: path.to_owned(), subject, account })
    }

    /// The other provider's token.
    async fn subject_token(&self) -> Result<Secret, CredentialError> {
        let (bytes, from) = match &self.subject {
            Subject::File(path) => {
                let read = tokio::fs::read(path).await;
                let bytes =
                    read.map_err(|source| CredentialError::TokenFile { path: path.clone(), source })?;
                (bytes, path.as_str())
            }
            Subject::Url(url) => {
                let mut request = Request::get(url);
                for (name, value) in &self.account.credential_source.headers {
                    request = request.header(name, value);
                }
                let request = self.finish(request, HttpRequestBody::empty())?;
                (send(&self.client, PROVIDER, request, |_| None).await?, PROVIDER)
            }
        };
        let unreadable =
            |why: &str| CredentialError::Answer { service: from.to_owned(), why: why.to_owned() };
        match &self.account.credential_source.format {
            Format::Text => {
                let text = String::from_utf8(bytes).map_err(|_| unreadable("the token is not text"))?;
                Ok(Secret::new(text.trim()))
            }
            Format::Json { subject_token_field_name: field } => {
                let object: serde_json::Value = json(from, &bytes)?;
                let token = object.get(field).and_then(serde_json::Value::as_str);
                token.map(Secret::from).ok_or_else(|| unreadable(&format!("it has no text field {field:?}")))
            }
        }
    }

    /// The Google token that stands for the other provider's.
    async fn exchange(&self, subject: &Secret) -> Result<(Secret, Duration), CredentialError> {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
            .append_pair("requested_token_type", "urn:ietf:params:oauth:token-type:access_token")
            .append_pair("audience", &self.account.audience)
            .append_pair("subject_token_type", &self.account.subject_token_type)
            .append_pair("subject_token", subject.expose())
            .append_pair("scope", SCOPE)
            .finish();
        let request = Request::post(&self.account.token_url)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json");
        let request = self.finish(request, HttpRequestBody::from(form))?;
        let body = send(&self.client, EXCHANGE, request, oauth_refusal).await?;
        let answer: Exchanged = json(EXCHANGE, &body)?;
        Ok((Secret::new(answer.access_token), Duration::from_secs(answer.expires_in)))
    }

    /// A token of the service account named, asked for with ours.
    async fn impersonate(
        &self,
        url: &str,
        token: &Secret,
    ) -> Result<Fetched<GcpCredential>, CredentialError> {
        let wanted = self.account.service_account_impersonation.token_lifetime_seconds;
        let lifetime = format!("{}s", wanted.unwrap_or(IMPERSONATED_SECONDS));
        let body = serde_json::json!({ "scope": [SCOPE], "lifetime": lifetime }).to_string();
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose())).map_err(|_| {
            CredentialError::Answer {
                service: EXCHANGE.to_owned(),
                why: "the token is no header value".to_owned(),
            }
        })?;
        bearer.set_sensitive(true);
        let request =
            Request::post(url).header(CONTENT_TYPE, "application/json").header(AUTHORIZATION, bearer);
        let request = self.finish(request, HttpRequestBody::from(body))?;
        let body = send(&self.client, IMPERSONATION, request, google_refusal).await?;
        let answer: Impersonated = json(IMPERSONATION, &body)?;
        Ok(Fetched {
            expires: Expires::At(moment(IMPERSONATION, &answer.expire_time)?),
            credential: GcpCredential { bearer: answer.access_token },
        })
    }

    fn finish(
        &self,
        request: http::request::Builder,
        body: HttpRequestBody,
    ) -> Result<HttpRequest, CredentialError> {
        request.body(body).map_err(|error| CredentialError::Setting {
            what: self.path.clone(),
            why: format!("one of its URLs or headers is not valid: {error}"),
        })
    }
}

#[async_trait]
impl Source for Federation {
    type Credential = GcpCredential;

    async fn fetch(&self) -> Result<Fetched<GcpCredential>, CredentialError> {
        let subject = self.subject_token().await?;
        let (token, life) = self.exchange(&subject).await?;
        match &self.account.service_account_impersonation_url {
            Some(url) => self.impersonate(url, &token).await,
            None => Ok(Fetched {
                expires: Expires::In(life),
                credential: GcpCredential { bearer: token.expose().to_owned() },
            }),
        }
    }

    fn name(&self) -> String {
        format!("workload identity federation {}", self.path)
    }
}

impl fmt::Debug for Federation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Federation").field("path", &self.path).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Exchanged {
    access_token: String,
    expires_in: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Impersonated {
    access_token: String,
    expire_time: String,
}

fn oauth_refusal(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
        #[serde(default)]
        error_description: String,
    }
    let Refusal { error, error_description } = serde_json::from_slice(body).ok()?;
    Some(format!("{error}: {error_description}"))
}

fn google_refusal(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Refusal {
        error: Inner,
    }
    #[derive(Deserialize)]
    struct Inner {
        status: String,
        #[serde(default)]
        message: String,
    }
    let Refusal { error } = serde_json::from_slice(body).ok()?;
    Some(format!("{}: {}", error.status, error.message))
}
