//! A small HTTP/1.1 server on 127.0.0.1, and a connector that sends every request there, whatever its host.

use super::Http;
use async_trait::async_trait;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService, ReqwestConnector,
};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A request as the fake saw it.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) method: String,
    /// Path and query.
    pub(super) target: String,
    /// The scheme and host the client meant, where the connector was used.
    pub(super) meant: String,
    headers: BTreeMap<String, String>,
    pub(super) body: String,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// A value of the form in the body, or else in the query.
    pub(super) fn field(&self, name: &str) -> String {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        let mut pairs =
            form_urlencoded::parse(self.body.as_bytes()).chain(form_urlencoded::parse(query.as_bytes()));
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    }

    /// Which access key signed the request.
    pub(super) fn signed_by(&self) -> &str {
        let credential = self.header("authorization").split_once("Credential=").map_or("", |(_, rest)| rest);
        credential.split('/').next().unwrap_or_default()
    }
}

/// What the fake answers.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
}

pub(super) fn ok(body: impl Into<String>) -> Answer {
    Answer { status: 200, headers: Vec::new(), body: body.into() }
}

pub(super) fn status(status: u16, body: impl Into<String>) -> Answer {
    Answer { status, headers: Vec::new(), body: body.into() }
}

/// The server; it ends with the value.
pub(super) struct Fake {
    pub(super) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    _server: JoinSet<()>,
}

type Handler = Arc<dyn Fn(&Seen, usize) -> Answer + Send + Sync>;

impl Fake {
    /// Answers by a function of the request and of how many came before it.
    pub(super) async fn start(answer: impl Fn(&Seen, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let mut server = JoinSet::new();
        let (log, answer): (_, Handler) = (Arc::clone(&seen), Arc::new(answer));
        server.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                connections.spawn(serve(stream, log, answer));
            }
        });
        Self { address, seen, _server: server }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("not poisoned").clone()
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Requests go to their own hosts.
    pub(super) fn direct() -> Http {
        Http { connector: Arc::new(ReqwestConnector::default()), options: options() }
    }

    /// Every request goes to this server, which is told where it was meant for.
    pub(super) fn redirect(&self) -> Http {
        Http { connector: Arc::new(Redirect(self.address)), options: options() }
    }
}

fn options() -> ClientOptions {
    let _ = rustls::crypto::ring::default_provider().install_default();
    ClientOptions::new().with_allow_http(true)
}

async fn serve(mut stream: TcpStream, log: Arc<Mutex<Vec<Seen>>>, answer: Handler) {
    let Some(request) = read(&mut stream).await else { return };
    let before = {
        let mut log = log.lock().expect("not poisoned");
        log.push(request.clone());
        log.len() - 1
    };
    let Answer { status, headers, body } = answer(&request, before);
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n",
        body.len()
    );
    let _ = stream.write_all((head + &body).as_bytes()).await;
    let _ = stream.shutdown().await;
}

async fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let mut seen =
        Seen { method: first.next()?.to_owned(), target: first.next()?.to_owned(), ..Seen::default() };
    for line in lines {
        let (name, value) = line.split_once(':')?;
        seen.headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length: usize = seen.header("content-length").parse().unwrap_or(0);
    let mut body = bytes.split_off(head_end + 4);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    seen.body = String::from_utf8_lossy(&body).into_owned();
    seen.meant = seen.header("x-meant-for").to_owned();
    Some(seen)
}

#[derive(Debug)]
struct Redirect(SocketAddr);

#[derive(Debug)]
struct Redirected {
    inner: HttpClient,
    to: SocketAddr,
}

impl HttpConnector for Redirect {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let options = options.clone().with_allow_http(true);
        let inner = ReqwestConnector::default().connect(&options)?;
        Ok(HttpClient::new(Redirected { inner, to: self.0 }))
    }
}

#[async_trait]
impl HttpService for Redirected {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let uri = request.uri().clone();
        let meant =
            format!("{}://{}", uri.scheme_str().unwrap_or(""), uri.authority().map_or("", |a| a.as_str()));
        let target = uri.path_and_query().map_or("/", |pq| pq.as_str());
        *request.uri_mut() = format!("http://{}{target}", self.to).parse().expect("a valid address");
        request.headers_mut().insert("x-meant-for", meant.parse().expect("a host is a header value"));
        self.inner.execute(request).await
    }
}
