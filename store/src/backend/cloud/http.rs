//! The HTTP client, with an eye on what passes through it.
//!
//! The client library folds status and code of an answer into kinds of its own. This service sits between it and the
//! socket and notes what an answer said for the task that waits for it ([`watch`]). Requests of credential sources pass
//! here, too; they go to other hosts, and only their failure is noted.

use super::answer::{self, Answer};
use ::http::{Method, Uri};
use async_trait::async_trait;
use futures::StreamExt;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody,
    HttpService, ReqwestConnector,
};
use std::sync::{Arc, Mutex, PoisonError};

/// The longest body of an answer that is looked into, in bytes: errors and the end of an upload are a few hundred.
const LOOKED_INTO: usize = 64 << 10;

tokio::task_local! {
    static ANSWER: Arc<Mutex<Answer>>;
}

/// Runs a call and gives what the store's last answer said besides what the call makes of it.
pub(super) async fn watch<T>(call: impl Future<Output = T>) -> (T, Answer) {
    let noted = Arc::new(Mutex::new(Answer::default()));
    let result = ANSWER.scope(Arc::clone(&noted), call).await;
    let answer = std::mem::take(&mut *noted.lock().unwrap_or_else(PoisonError::into_inner));
    (result, answer)
}

fn note(change: impl FnOnce(&mut Answer)) {
    // Outside of `watch` (no such call today) there is nobody to tell.
    let _ = ANSWER.try_with(|noted| change(&mut noted.lock().unwrap_or_else(PoisonError::into_inner)));
}

/// Makes clients whose traffic is watched.
#[derive(Debug)]
pub(super) struct WatchedConnector {
    /// The store's own `HOST[:PORT]`.
    pub(super) authority: String,
}

impl HttpConnector for WatchedConnector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(Watched { client, authority: self.authority.clone() }))
    }
}

#[derive(Debug)]
struct Watched {
    client: HttpClient,
    authority: String,
}

impl Watched {
    fn is_store(&self, uri: &Uri) -> bool {
        uri.authority().is_some_and(|authority| authority.as_str() == self.authority)
    }
}

#[async_trait]
impl HttpService for Watched {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        if !self.is_store(request.uri()) {
            note(|answer| answer.asked_elsewhere = true);
            return self.client.execute(request).await;
        }
        note(|answer| *answer = Answer::default());
        let body = Body::of(request.method(), request.uri());
        match self.client.execute(request).await {
            Ok(response) => look(response, body).await,
            Err(error) => {
                let sent = error.kind() != HttpErrorKind::Connect;
                note(|answer| {
                    answer.transport =
                        Some(if sent { answer::Transport::Lost } else { answer::Transport::Unsent })
                });
                Err(error)
            }
        }
    }
}

/// What the body of a success says besides the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    /// Nothing.
    Object,
    /// The whole object's checksum, or a failure after all: the end of an upload.
    UploadEnd,
    /// Whether it really was a success: Azure's batch of one delete.
    Batch,
}

impl Body {
    fn of(method: &Method, uri: &Uri) -> Self {
        let mut pairs = uri.query().unwrap_or("").split('&');
        if method != Method::POST {
            Self::Object
        } else if pairs.clone().any(|pair| pair == "comp=batch") {
            Self::Batch
        } else if pairs.any(|pair| pair.starts_with("uploadId=")) {
            Self::UploadEnd
        } else {
            Self::Object
        }
    }
}

/// Notes what the answer says and passes it on unchanged.
async fn look(response: HttpResponse, holds: Body) -> Result<HttpResponse, HttpError> {
    let (parts, body) = response.into_parts();
    note(|answer| answer.head(&parts));
    if parts.status.is_success() && holds == Body::Object {
        return Ok(HttpResponse::from_parts(parts, body));
    }
    let text = match read(body).await {
        Ok(text) => text,
        Err(error) => {
            note(|answer| answer.transport = Some(answer::Transport::Lost));
            return Err(error);
        }
    };
    note(|answer| match holds {
        Body::Batch if parts.status.is_success() => answer.batch(&text),
        _ => answer.body(&text),
    });
    Ok(HttpResponse::from_parts(parts, text.into()))
}

async fn read(body: HttpResponseBody) -> Result<Vec<u8>, HttpError> {
    let mut stream = body.bytes_stream();
    let mut text = Vec::new();
    while let Some(chunk) = stream.next().await {
        text.extend_from_slice(&chunk?);
        if text.len() > LOOKED_INTO {
            text.truncate(LOOKED_INTO);
            break;
        }
    }
    Ok(text)
}
