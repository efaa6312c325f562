//! Amazon's Security Token Service: one role assumed with the credentials of another identity.

use crate::credentials::CredentialError;
use crate::credentials::cache::{Expires, Fetched, Source};
use crate::credentials::http::{moment, send};
use crate::secret::Secret;
use async_trait::async_trait;
use http::Request;
use http::header::CONTENT_TYPE;
use object_store::aws::{AwsAuthorizer, AwsCredential, AwsCredentialProvider};
use object_store::client::{HttpClient, HttpRequest, HttpRequestBody};
use serde::Deserialize;
use std::error::Error;

const SERVICE: &str = "AWS STS";

/// A role to assume.
#[derive(Debug)]
pub(super) struct Role {
    pub(super) arn: String,
    pub(super) session_name: String,
    pub(super) external_id: Option<Secret>,
    pub(super) duration_seconds: u32,
}

/// The regional address of the service.
pub(super) fn endpoint(region: &str) -> String {
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://sts.{region}.{suffix}")
}

/// Assumes a role, signed by another provider's credentials.
#[derive(Debug)]
pub(super) struct AssumeRole {
    client: HttpClient,
    endpoint: String,
    region: String,
    role: Role,
    signer: AwsCredentialProvider,
}

impl AssumeRole {
    pub(super) fn new(
        client: HttpClient,
        endpoint: String,
        region: String,
        role: Role,
        signer: AwsCredentialProvider,
    ) -> Self {
        Self { client, endpoint, region, role, signer }
    }

    fn form(&self) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", "AssumeRole")
            .append_pair("Version", "2011-06-15")
            .append_pair("RoleArn", &self.role.arn)
            .append_pair("RoleSessionName", &self.role.session_name)
            .append_pair("DurationSeconds", &self.role.duration_seconds.to_string());
        if let Some(id) = &self.role.external_id {
            form.append_pair("ExternalId", id.expose());
        }
        form.finish()
    }

    async fn request(&self) -> Result<HttpRequest, Box<dyn Error + Send + Sync>> {
        let unusable = |why: String| CredentialError::Setting {
            what: format!("the STS address {}", self.endpoint),
            why,
        };
        let mut request = Request::post(format!("{}/", self.endpoint.trim_end_matches('/')))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded; charset=utf-8")
            .body(HttpRequestBody::from(self.form()))
            .map_err(|error| unusable(error.to_string()))?;
        let signer = self.signer.get_credential().await?;
        AwsAuthorizer::new(&signer, "sts", &self.region)
            .try_authorize(&mut request, None)
            .map_err(|error| unusable(error.to_string()))?;
        Ok(request)
    }

    async fn assume(&self) -> Result<Fetched<AwsCredential>, Box<dyn Error + Send + Sync>> {
        let request = self.request().await?;
        let body = send(&self.client, SERVICE, request, refusal).await?;
        let answer: Answer =
            quick_xml::de::from_reader(body.as_slice()).map_err(|_| CredentialError::Answer {
                service: SERVICE.to_owned(),
                why: "not the XML of an AssumeRoleResponse".to_owned(),
            })?;
        let Credentials { access_key_id, secret_access_key, session_token, expiration } =
            answer.result.credentials;
        Ok(Fetched {
            expires: Expires::At(moment(SERVICE, &expiration)?),
            credential: AwsCredential {
                key_id: access_key_id,
                secret_key: secret_access_key,
                token: Some(session_token),
            },
        })
    }
}

#[async_trait]
impl Source for AssumeRole {
    type Credential = AwsCredential;

    async fn fetch(&self) -> Result<Fetched<AwsCredential>, CredentialError> {
        let failed = |source| CredentialError::Role { role: self.role.arn.clone(), source };
        self.assume().await.map_err(failed)
    }

    fn name(&self) -> String {
        format!("{SERVICE}, role {}", self.role.arn)
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "AssumeRoleResult")]
    result: AssumeRoleResult,
}

#[derive(Deserialize)]
struct AssumeRoleResult {
    #[serde(rename = "Credentials")]
    credentials: Credentials,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    expiration: String,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(rename = "Error")]
    error: RefusalError,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RefusalError {
    code: String,
    #[serde(default)]
    message: String,
}

fn refusal(body: &[u8]) -> Option<String> {
    let refusal: Refusal = quick_xml::de::from_reader(body).ok()?;
    Some(format!("{}: {}", refusal.error.code, refusal.error.message))
}
