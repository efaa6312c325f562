//! The registry over HTTP.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use reqwest::{Client, StatusCode};

use super::answer::{Answer, Fault, NoAnswer, TooManyReferences, UnknownType};
use super::cache::Cache;
use super::{RegistryError, SchemaSource};
use crate::error::{Reference, invalid};
use crate::framing::SchemaRef;
use crate::schema::WriterSchema;

/// The longest answer taken, in bytes.
const ANSWER_MAX: usize = 16 << 20;
/// How many schemas one may refer to, all told.
const REFERENCES_MAX: usize = 256;
/// The registry's own kind of JSON, and any other.
const KINDS: &str = "application/vnd.schemaregistry.v1+json, application/json;q=0.9, */*;q=0.1";

/// Who asks.
#[derive(Clone, Default)]
pub enum RegistryAuth {
    /// Nobody in particular.
    #[default]
    Nobody,
    /// A user with a password.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// Whoever holds a token.
    Bearer(String),
}

impl std::fmt::Debug for RegistryAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Nobody => "Nobody",
            Self::Basic { .. } => "Basic(…)",
            Self::Bearer(_) => "Bearer(…)",
        })
    }
}

/// How a registry is asked.
#[derive(Debug, Clone)]
pub struct RegistrySettings {
    /// Its addresses, in the order in which they are tried.
    pub urls: Vec<String>,
    /// Who asks.
    pub auth: RegistryAuth,
    /// How long one answer may take.
    pub timeout: Duration,
}

/// A registry.
#[derive(Debug)]
pub struct HttpRegistry {
    client: Client,
    settings: RegistrySettings,
    authorization: Option<HeaderValue>,
    cache: Cache,
}

impl HttpRegistry {
    /// A registry that is asked through `client`. Makes no request.
    #[must_use]
    pub fn new(client: Client, settings: RegistrySettings) -> Self {
        let authorization = match &settings.auth {
            RegistryAuth::Nobody => None,
            RegistryAuth::Basic { user, password } => {
                Some(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
            }
            RegistryAuth::Bearer(token) => Some(format!("Bearer {token}")),
        };
        let authorization =
            authorization.and_then(|text| HeaderValue::from_str(&text).ok()).map(|mut value| {
                value.set_sensitive(true);
                value
            });
        Self { client, settings, authorization, cache: Cache::default() }
    }

    /// Asks the addresses, one after the other, until one answers.
    async fn ask(&self, path: &str, what: &str) -> Result<Answer, RegistryError> {
        let mut last = None;
        for url in &self.settings.urls {
            match self.ask_one(url, path, what).await {
                Err(error) if error.is_of_the_registry() => last = Some(error),
                answered => return answered,
            }
        }
        Err(last.unwrap_or_else(|| RegistryError::Refused {
            url: "nowhere".to_owned(),
            status: 0,
            message: "no address of a registry is configured".to_owned(),
        }))
    }

    async fn ask_one(&self, url: &str, path: &str, what: &str) -> Result<Answer, RegistryError> {
        let unreachable = |source: Arc<dyn std::error::Error + Send + Sync>| RegistryError::Unreachable {
            url: url.to_owned(),
            source,
        };
        let mut request = self
            .client
            .get(format!("{}/{path}", url.trim_end_matches('/')))
            .timeout(self.settings.timeout)
            .header(ACCEPT, KINDS);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let mut response =
            request.send().await.map_err(|error| unreachable(Arc::new(error.without_url())))?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) =
            response.chunk().await.map_err(|error| unreachable(Arc::new(error.without_url())))?
        {
            if body.len() + chunk.len() > ANSWER_MAX {
                let message = format!("its answer is longer than {ANSWER_MAX} bytes");
                return Err(RegistryError::Refused { url: url.to_owned(), status: status.as_u16(), message });
            }
            body.extend_from_slice(&chunk);
        }
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| unreachable(Arc::new(NoAnswer(error))));
        }
        if status == StatusCode::NOT_FOUND || status == StatusCode::UNPROCESSABLE_ENTITY {
            return Err(RegistryError::NotFound { what: what.to_owned() });
        }
        let message = match serde_json::from_slice::<Fault>(&body) {
            Ok(fault) => fault.message,
            Err(_) => String::from_utf8_lossy(&body).chars().take(200).collect(),
        };
        Err(RegistryError::Refused { url: url.to_owned(), status: status.as_u16(), message })
    }

    /// Makes a schema of an answer, with all that it refers to.
    async fn schema(&self, answer: Answer, what: &str) -> Result<WriterSchema, RegistryError> {
        let refused = |source| RegistryError::Invalid { what: what.to_owned(), source };
        let mut references: Vec<Reference> = Vec::new();
        let mut waiting = answer.references;
        while let Some(to) = waiting.pop() {
            if references.iter().any(|known| known.name == to.name) {
                continue;
            }
            if references.len() >= REFERENCES_MAX {
                return Err(refused(invalid(TooManyReferences(REFERENCES_MAX))));
            }
            let subject = segment(&to.subject);
            let path = format!("subjects/{subject}/versions/{}", to.version);
            let referred = self.ask(&path, &format!("version {} of {:?}", to.version, to.subject)).await?;
            references.push(Reference { name: to.name, text: referred.schema });
            waiting.extend(referred.references);
        }
        let made = match answer.schema_type.as_deref() {
            None | Some("AVRO") => WriterSchema::avro(&answer.schema, &references),
            Some("PROTOBUF") => WriterSchema::protobuf(&answer.schema, &references, None),
            Some("JSON") => WriterSchema::json(&answer.schema, &references),
            Some(other) => Err(invalid(UnknownType(other.to_owned()))),
        };
        made.map_err(refused)
    }

    async fn read(&self, path: &str, what: &str) -> Result<WriterSchema, RegistryError> {
        let answer = self.ask(path, what).await?;
        self.schema(answer, what).await
    }
}

#[async_trait]
impl SchemaSource for HttpRegistry {
    async fn by_id(&self, id: u32) -> Result<WriterSchema, RegistryError> {
        let what = format!("schema {id}");
        self.cache.get(SchemaRef::Id(id), || self.read_owned(format!("schemas/ids/{id}"), what)).await
    }

    async fn by_guid(&self, guid: [u8; 16]) -> Result<WriterSchema, RegistryError> {
        let schema = SchemaRef::Guid(guid);
        self.cache
            .get(schema, || self.read_owned(format!("schemas/guids/{schema}"), format!("schema {schema}")))
            .await
    }

    async fn latest(&self, subject: &str) -> Result<WriterSchema, RegistryError> {
        self.read(&format!("subjects/{}/versions/latest", segment(subject)), &format!("subject {subject:?}"))
            .await
    }
}

impl HttpRegistry {
    async fn read_owned(&self, path: String, what: String) -> Result<WriterSchema, RegistryError> {
        self.read(&path, &what).await
    }
}

/// A name as one part of a path.
fn segment(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(byte))
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}
