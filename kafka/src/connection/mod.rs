//! One connection to one broker: one request at a time, each answered before the next.

mod open;

pub(crate) use open::{Opener, log_in_again};

use std::io;
use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::protocol::StrBytes;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::address::Address;
use crate::counts::Counts;
use crate::wire::{self, Exchange, FrameError, ProtocolError};

/// A socket, with or without TLS.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// Why a request on a connection has no answer. The connection cannot be used again.
#[derive(Debug)]
pub(crate) enum ExchangeError {
    Io(io::Error),
    SpeaksTls,
    Protocol(ProtocolError),
}

impl From<FrameError> for ExchangeError {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Io(error) => Self::Io(error),
            FrameError::SpeaksTls => Self::SpeaksTls,
            FrameError::Length { claimed, limit } => Self::Protocol(ProtocolError::Length { claimed, limit }),
        }
    }
}

/// When a login must be made again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Session {
    /// From here on it should be.
    renew_at: Instant,
    /// From here on the broker ends the connection at the next request.
    ends_at: Instant,
}

/// An open connection, ready for requests.
pub(crate) struct Connection {
    stream: Box<dyn Stream>,
    address: Address,
    client_id: StrBytes,
    counts: Arc<Counts>,
    limit: usize,
    correlation: i32,
    session: Option<Session>,
    last_used: Instant,
    // Held while it is open; none in tests that count no connections.
    _permit: Option<OwnedSemaphorePermit>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Connection({})", self.address)
    }
}

impl Connection {
    /// Sends one request and reads its answer. Not cancel safe: where this is dropped the connection must be, too.
    pub(crate) async fn exchange<R: Exchange>(&mut self, request: &R) -> Result<R::Response, ExchangeError> {
        self.correlation = self.correlation.wrapping_add(1) & i32::MAX;
        let frame =
            wire::encode(request, self.correlation, &self.client_id).map_err(ExchangeError::Protocol)?;
        self.counts.sent(R::API, frame.len());
        self.stream.write_all(&frame).await.map_err(ExchangeError::Io)?;
        self.stream.flush().await.map_err(ExchangeError::Io)?;
        drop(frame);
        let answer = wire::read_frame(&mut *self.stream, self.limit).await?;
        self.counts.received(R::API, answer.len() + 4);
        let answer = wire::decode::<R>(answer, self.correlation).map_err(ExchangeError::Protocol)?;
        self.last_used = Instant::now();
        Ok(answer)
    }

    /// The broker.
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// When it answered last.
    pub(crate) fn last_used(&self) -> Instant {
        self.last_used
    }

    /// Whether the login's time is over, so that the broker would end the connection.
    pub(crate) fn is_over(&self) -> bool {
        self.session.is_some_and(|session| Instant::now() >= session.ends_at)
    }

    /// Whether a login is due before the next request.
    pub(crate) fn needs_login(&self) -> bool {
        self.session.is_some_and(|session| Instant::now() >= session.renew_at)
    }

    fn set_session(&mut self, lifetime: Option<Duration>, began: Instant) {
        // Kafka's own clients log in again at 85 to 95 % of the time. Counted from before the login, so that neither the
        // answer's way back nor the request's way there leads past the end.
        self.session = lifetime.map(|lifetime| Session {
            renew_at: began + lifetime.mul_f64(0.85),
            ends_at: began + lifetime.mul_f64(0.98),
        });
    }
}
