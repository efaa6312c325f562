//! One read from a sidecar's port.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long all of it may take.
const WAIT: Duration = Duration::from_secs(5);
/// The longest body taken, in bytes.
const BODY_MAX: usize = 16 << 20;

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// Reads the page at `path`.
pub async fn get(address: SocketAddr, path: &str) -> Result<Bytes, AnyError> {
    timeout(WAIT, read(address, path)).await.map_err(|_| format!("no answer within {} s", WAIT.as_secs()))?
}

async fn read(address: SocketAddr, path: &str) -> Result<Bytes, AnyError> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get(path).header(HOST, address.to_string()).body(Empty::<Bytes>::new())?;
    let answer = async {
        let response = sender.send_request(request).await?;
        if response.status() != StatusCode::OK {
            return Err(format!("it answered {}", response.status()).into());
        }
        Ok(Limited::new(response.into_body(), BODY_MAX).collect().await?.to_bytes())
    };
    // The connection has to be driven while the answer is read; it ends by itself only when the other side closes.
    tokio::pin!(connection);
    tokio::select! {
        answer = answer => answer,
        ended = &mut connection => {
            ended?;
            Err("the connection was closed before the answer was there".into())
        }
    }
}
