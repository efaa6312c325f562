//! An HTTP server that answers by script and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// `PUT /bucket/key?query`
    pub(crate) line: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn method(&self) -> &str {
        self.line.split(' ').next().unwrap_or("")
    }
}

/// What the server does with one request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Status, headers, body; the length is added.
    Answer(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// These bytes as they are, then the connection is closed.
    Raw(Vec<u8>),
    /// The connection is closed without a word.
    HangUp,
    /// Nothing, ever.
    Silence,
}

pub(crate) fn reply(status: u16) -> Reply {
    Reply::Answer(status, Vec::new(), Vec::new())
}

pub(crate) fn error(status: u16, code: &str) -> Reply {
    let body =
        format!("<Error><Code>{code}</Code><Message>In words.</Message><RequestId>4711</RequestId></Error>");
    Reply::Answer(status, Vec::new(), body.into_bytes())
}

pub(crate) fn stored(etag: &str) -> Reply {
    Reply::Answer(200, vec![("ETag", etag.to_owned())], Vec::new())
}

/// An object as a GET gives it.
pub(crate) fn object(etag: &str, body: &[u8]) -> Reply {
    let headers =
        vec![("ETag", etag.to_owned()), ("Last-Modified", "Tue, 14 Nov 2023 22:13:20 GMT".to_owned())];
    Reply::Answer(200, headers, body.to_vec())
}

/// A part of an object of `size` bytes.
pub(crate) fn range(start: usize, body: &[u8], size: usize) -> Reply {
    let told = format!("bytes {start}-{}/{size}", start + body.len() - 1);
    let headers = vec![
        ("ETag", "\"e\"".to_owned()),
        ("Last-Modified", "Tue, 14 Nov 2023 22:13:20 GMT".to_owned()),
        ("Content-Range", told),
    ];
    Reply::Answer(206, headers, body.to_vec())
}

/// A running server; ends when dropped.
pub(crate) struct Server {
    pub(crate) port: u16,
    state: Arc<Mutex<State>>,
    _tasks: JoinSet<()>,
}

#[derive(Default)]
struct State {
    script: VecDeque<Reply>,
    asked: Vec<Asked>,
}

impl Server {
    /// Answers in this order, to whatever is asked; 418 after the last.
    pub(crate) async fn start(script: Vec<Reply>) -> Self {
        Self::start_with(script, None).await
    }

    pub(crate) async fn start_with(script: Vec<Reply>, tls: Option<tokio_rustls::TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let port = listener.local_addr().expect("bound").port();
        let state = Arc::new(Mutex::new(State { script: script.into(), asked: Vec::new() }));
        let shared = Arc::clone(&state);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                let (state, tls) = (Arc::clone(&shared), tls.clone());
                connections.spawn(async move {
                    match tls {
                        None => serve(socket, &state).await,
                        Some(tls) => {
                            if let Ok(socket) = tls.accept(socket).await {
                                serve(socket, &state).await;
                            }
                        }
                    }
                });
            }
        });
        Self { port, state, _tasks: tasks }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state.lock().expect("no panic").asked.clone()
    }
}

async fn serve(mut socket: impl AsyncRead + AsyncWrite + Unpin, state: &Mutex<State>) {
    while let Some(asked) = read_request(&mut socket).await {
        let head = asked.method() == "HEAD";
        let next = {
            let mut state = state.lock().expect("no panic");
            state.asked.push(asked);
            state.script.pop_front()
        };
        let bytes = match next.unwrap_or_else(|| reply(418)) {
            Reply::Answer(status, headers, body) => answer(status, &headers, &body, head),
            Reply::Raw(bytes) => {
                let _ = socket.write_all(&bytes).await;
                let _ = socket.shutdown().await;
                return;
            }
            Reply::HangUp => return,
            Reply::Silence => return std::future::pending().await,
        };
        if socket.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

fn answer(status: u16, headers: &[(&'static str, String)], body: &[u8], head: bool) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status} Words\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if status != 304 {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    if !head {
        bytes.extend_from_slice(body);
    }
    bytes
}

async fn read_request(socket: &mut (impl AsyncRead + Unpin)) -> Option<Asked> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.ok()?);
    }
    let text = String::from_utf8(head).expect("headers are text");
    let mut lines = text.trim_end().split("\r\n");
    let line = lines.next()?.trim_end_matches(" HTTP/1.1").to_owned();
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .map_or(0, |(_, v)| v.parse().expect("length"));
    let mut body = vec![0; length];
    socket.read_exact(&mut body).await.ok()?;
    Some(Asked { line, headers, body })
}
