//! The server's side.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Connections served at once. More wait in the kernel's queue.
const CONNECTIONS: usize = 16;
/// How long one connection may live, whatever it does.
const CONNECTION_WAIT: Duration = Duration::from_secs(30);
/// How long a request's head may take to arrive.
const HEAD_WAIT: Duration = Duration::from_secs(5);
/// The longest head of a request, in bytes.
const HEAD_MAX: usize = 16 << 10;
/// The pause after a failure to accept, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The HTTP status.
    pub status: u16,
    /// The body's type.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

/// What the pages show. Called on a thread that may block.
pub trait Site: std::fmt::Debug + Send + Sync + 'static {
    /// The page at a path, without query; `None` where there is none.
    fn page(&self, path: &str) -> Option<Page>;
}

/// A port that is open and not served yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
}

impl Server {
    /// Opens the port.
    pub async fn bind(address: SocketAddr) -> std::io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await? })
    }

    /// Where it is: the port that was given where 0 was asked for.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until dropped, which ends all connections. Not cancel safe for requests under way: they change nothing.
    pub async fn serve(self, site: Arc<dyn Site>) {
        let slots = Arc::new(Semaphore::new(CONNECTIONS));
        let mut tasks = JoinSet::new();
        loop {
            while tasks.try_join_next().is_some() {}
            // The semaphore is never closed.
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let site = Arc::clone(&site);
                    tasks.spawn(async move {
                        let _slot = slot;
                        // Whoever stays longer, or breaks off, has no claim to more.
                        let _ = timeout(CONNECTION_WAIT, connection(stream, site)).await;
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection to the HTTP port could not be taken");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

async fn connection(stream: TcpStream, site: Arc<dyn Site>) {
    let service = service_fn(move |request| answer(request, Arc::clone(&site)));
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WAIT)
        .max_buf_size(HEAD_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection to the HTTP port broke off");
    }
}

async fn answer(
    request: Request<Incoming>,
    site: Arc<dyn Site>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        let mut refused = response(plain(405, "only GET and HEAD are answered here\n"));
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Ok(refused);
    }
    let path = request.uri().path().to_owned();
    let page = tokio::task::spawn_blocking(move || site.page(&path)).await;
    Ok(response(match page {
        Ok(Some(page)) => page,
        Ok(None) => {
            plain(404, "there are /metrics, /health/live and /health/ready; a sidecar has /status, too\n")
        }
        Err(_) => plain(500, "the page could not be made; the log says why\n"),
    }))
}

fn plain(status: u16, body: &str) -> Page {
    Page { status, content_type: "text/plain; charset=utf-8", body: body.to_owned() }
}

fn response(page: Page) -> Response<Full<Bytes>> {
    let Page { status, content_type, body } = page;
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[derive(Debug)]
    struct One;

    impl Site for One {
        fn page(&self, path: &str) -> Option<Page> {
            assert_ne!(path, "/panics", "as asked for");
            (path == "/status").then(|| plain(200, "fine\n"))
        }
    }

    async fn ask(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    async fn served() -> (SocketAddr, JoinSet<()>) {
        let server = Server::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = server.address().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(server.serve(Arc::new(One)));
        (address, tasks)
    }

    #[tokio::test]
    async fn reads_are_answered_and_nothing_else() {
        let (address, _tasks) = served().await;
        let ask = async |line: &str| {
            ask(address, &format!("{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await
        };
        let found = ask("GET /status?x=1").await;
        assert!(found.starts_with("HTTP/1.1 200") && found.ends_with("fine\n"), "{found}");
        assert!(!ask("HEAD /status").await.ends_with("fine\n"));
        assert!(ask("GET /other").await.starts_with("HTTP/1.1 404"));
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            let refused = ask(&format!("{method} /status")).await;
            assert!(refused.starts_with("HTTP/1.1 405") && refused.contains("allow: GET, HEAD"), "{refused}");
        }
        assert!(ask("GET /panics").await.starts_with("HTTP/1.1 500"));
        assert!(ask("GET /status").await.starts_with("HTTP/1.1 200"));
    }

    #[tokio::test]
    async fn a_head_without_end_is_cut_off() {
        let (address, _tasks) = served().await;
        let endless = format!("GET /status HTTP/1.1\r\nx: {}\r\n\r\n", "a".repeat(HEAD_MAX));
        assert!(ask(address, &endless).await.starts_with("HTTP/1.1 431"));
    }

    #[tokio::test]
    async fn those_who_say_nothing_do_not_keep_others_out() {
        let (address, _tasks) = served().await;
        let mut silent = Vec::new();
        for _ in 0..CONNECTIONS - 1 {
            silent.push(TcpStream::connect(address).await.unwrap());
        }
        let found = ask(address, "GET /status HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        assert!(found.starts_with("HTTP/1.1 200"), "{found}");
    }
}
