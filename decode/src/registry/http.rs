//! The registry over HTTP.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Client;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};

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

impl RegistryAuth {
    /// The header that says so. None for a token that no header can hold, which the registry then refuses.
    fn header(&self) -> Option<HeaderValue> {
        let text = match self {
            Self::Nobody => return None,
            Self::Basic { user, password } => {
                format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
            }
            Self::Bearer(token) => format!("Bearer {token}"),
        };
        let mut header = HeaderValue::from_str(&text).ok()?;
        header.set_sensitive(true);
        Some(header)
    }
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
#[derive(Clone)]
pub struct RegistrySettings {
    /// Its addresses, in the order in which they are tried.
    pub urls: Vec<String>,
    /// Who asks.
    pub auth: RegistryAuth,
    /// How long one answer may take.
    pub timeout: Duration,
}

impl std::fmt::Debug for RegistrySettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { urls, auth, timeout } = self;
        let urls: Vec<String> = urls.iter().map(|url| shown(url)).collect();
        let mut all = f.debug_struct("RegistrySettings");
        all.field("urls", &urls).field("auth", auth).field("timeout", timeout).finish()
    }
}

/// A registry.
#[derive(Debug)]
pub struct HttpRegistry {
    client: Client,
    settings: RegistrySettings,
    authorization: Option<HeaderValue>,
    /// Which address answered last, and is asked first.
    answers: AtomicUsize,
    cache: Cache,
}

impl HttpRegistry {
    /// A registry that is asked through `client`. Makes no request.
    #[must_use]
    pub fn new(client: Client, settings: RegistrySettings) -> Self {
        let authorization = settings.auth.header();
        Self { client, settings, authorization, answers: AtomicUsize::new(0), cache: Cache::default() }
    }

    /// Asks the addresses, one after the other, until one answers.
    async fn ask(&self, path: &str, what: &str) -> Result<Answer, RegistryError> {
        let urls = &self.settings.urls;
        let first = self.answers.load(Ordering::Relaxed);
        let mut last = None;
        for at in (0..urls.len()).map(|at| (first + at) % urls.len()) {
            match self.ask_one(&urls[at], path, what).await {
                Err(error) if error.is_of_the_registry() => last = Some(error),
                answered => {
                    self.answers.store(at, Ordering::Relaxed);
                    return answered;
                }
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
            url: shown(url),
            source,
        };
        let failed = |error: reqwest::Error| unreachable(Arc::new(error.without_url()));
        let mut request = self
            .client
            .get(format!("{}/{path}", url.trim_end_matches('/')))
            .timeout(self.settings.timeout)
            .header(ACCEPT, KINDS);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let mut response = request.send().await.map_err(failed)?;
        let status = response.status();
        let refused = |message| RegistryError::Refused { url: shown(url), status: status.as_u16(), message };
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > ANSWER_MAX {
                return Err(refused(format!("its answer is longer than {ANSWER_MAX} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| unreachable(Arc::new(NoAnswer(error))));
        }
        match serde_json::from_slice::<Fault>(&body) {
            Ok(fault) if fault.is_not_found() => Err(RegistryError::NotFound { what: what.to_owned() }),
            Ok(fault) => Err(refused(fault.message)),
            Err(_) => Err(refused(String::from_utf8_lossy(&body).chars().take(200).collect())),
        }
    }

    /// Makes a schema of an answer, with all that it refers to.
    async fn schema(&self, answer: Answer, what: &str) -> Result<WriterSchema, RegistryError> {
        let refused = |source| RegistryError::Invalid { what: what.to_owned(), source };
        let mut references: Vec<Reference> = Vec::new();
        // Those nearest to the schema come first, and are the ones meant where two have one name.
        let mut waiting = VecDeque::from(answer.references);
        while let Some(to) = waiting.pop_front() {
            if references.iter().any(|known| known.name == to.name) {
                continue;
            }
            if references.len() >= REFERENCES_MAX {
                return Err(refused(invalid(TooManyReferences(REFERENCES_MAX))));
            }
            // A version that was deleted since is still what the schema was written against.
            let path = format!("subjects/{}/versions/{}?deleted=true", segment(&to.subject), to.version);
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

    async fn read(&self, path: String, what: String) -> Result<WriterSchema, RegistryError> {
        let answer = self.ask(&path, &what).await?;
        self.schema(answer, &what).await
    }
}

#[async_trait]
impl SchemaSource for HttpRegistry {
    async fn by_id(&self, id: u32) -> Result<WriterSchema, RegistryError> {
        let ask = || self.read(format!("schemas/ids/{id}"), format!("schema {id}"));
        self.cache.get(SchemaRef::Id(id), ask).await
    }

    async fn by_guid(&self, guid: [u8; 16]) -> Result<WriterSchema, RegistryError> {
        let schema = SchemaRef::Guid(guid);
        let ask = || self.read(format!("schemas/guids/{schema}"), format!("schema {schema}"));
        self.cache.get(schema, ask).await
    }

    async fn latest(&self, subject: &str) -> Result<WriterSchema, RegistryError> {
        let path = format!("subjects/{}/versions/latest", segment(subject));
        self.read(path, format!("subject {subject:?}")).await
    }
}

/// A name as one part of a path.
fn segment(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(byte));
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

/// An address without a login that stands in it.
fn shown(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_not_shown() {
        assert_eq!(shown("https://u:p@w@r.example:8081/x@y"), "https://r.example:8081/x@y");
        assert_eq!(shown("http://r.example"), "http://r.example");
        let settings = RegistrySettings {
            urls: vec!["http://u:secret@r.example".to_owned()],
            auth: RegistryAuth::Basic { user: "u".to_owned(), password: "secret".to_owned() },
            timeout: Duration::from_secs(1),
        };
        assert!(!format!("{settings:?}").contains("secret"));
        // As the store does it for the whole program.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let registry = HttpRegistry::new(Client::builder().no_proxy().build().expect("a client"), settings);
        assert!(!format!("{registry:?}").contains("secret"));
    }
}
