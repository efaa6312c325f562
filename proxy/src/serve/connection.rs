//! One connection: a request, its answer, the next request. What waits to be answered is not read, so that a client that
//! asks faster than it takes answers is held up by its own socket.

use std::time::Duration;

use bytes::{Buf, BytesMut};
use firnline_store::{ByteBudget, Reservation};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::rights::Principal;
use super::service::{Service, Unanswerable};
use super::stop::Stop;
use crate::wire::{Frame, FrameError, Splitter};

/// What a connection that asks nothing keeps in memory.
const IDLE_BYTES: usize = 1 << 10;
/// Requests up to this long come in without being counted: each connection has room for one.
const UNCOUNTED_BYTES: usize = 64 << 10;

/// Why a connection ended before its client ended it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    #[error("the connection failed")]
    Io(#[from] std::io::Error),
    #[error("what came is no request")]
    Frame(#[from] FrameError),
    #[error("a request gets no answer")]
    Unanswerable(#[from] Unanswerable),
    #[error("nothing was asked for {} s", .0.as_secs())]
    Idle(Duration),
    #[error("a request had not arrived after {} s", .0.as_secs())]
    Slow(Duration),
    #[error("no byte of an answer was taken for {} s", .0.as_secs())]
    Stuck(Duration),
}

/// What a connection works with.
pub(crate) struct Connection<'s, S> {
    pub(crate) stream: S,
    pub(crate) service: &'s Service,
    pub(crate) who: Principal,
    /// For long requests of all connections.
    pub(crate) requests: &'s ByteBudget,
    pub(crate) stop: Stop,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<'_, S> {
    /// Answers until the client goes, something is wrong, or it is time to stop: then the request at hand is still answered.
    pub(crate) async fn run(mut self) -> Result<(), Ended> {
        let splitter = Splitter::new(self.service.limits().frame_bytes);
        let mut buffer = BytesMut::new();
        loop {
            if buffer.is_empty() {
                // Gives back what an earlier request has grown it to.
                buffer = BytesMut::with_capacity(IDLE_BYTES);
                let stop = self.stop.clone();
                let idle = self.service.limits().idle;
                let read = tokio::select! {
                    read = timeout(idle, self.stream.read_buf(&mut buffer)) => read.map_err(|_| Ended::Idle(idle))??,
                    () = stop.stopped() => return Ok(()),
                };
                if read == 0 {
                    return Ok(());
                }
            }
            let arrival = self.service.limits().arrival;
            let arrived = timeout(arrival, self.request(&splitter, &mut buffer));
            let Some((frame, counted)) = arrived.await.map_err(|_| Ended::Slow(arrival))?? else {
                return Ok(());
            };
            let mut reply = self.service.answer(&self.who, &frame, &self.stop).await?;
            drop((frame, counted));
            // The memory set aside for the answer is kept until its last byte is gone.
            self.send(&mut reply.frame).await?;
        }
    }

    /// The request at the front, its length cut off, of which something has arrived; `None` where the client goes instead.
    async fn request(
        &mut self,
        splitter: &Splitter,
        buffer: &mut BytesMut,
    ) -> Result<Option<(BytesMut, Option<Reservation>)>, Ended> {
        let mut counted = None;
        loop {
            if let Some(frame) = splitter.whole(buffer)? {
                return Ok(Some((frame, counted)));
            }
            if let Some(front) = splitter.front(buffer)?
                && front.length > UNCOUNTED_BYTES
                && counted.is_none()
            {
                counted = Some(self.requests.reserve(front.length as u64).await);
            }
            buffer.reserve(splitter.room(buffer)?);
            if self.stream.read_buf(buffer).await? == 0 {
                return Ok(None);
            }
        }
    }

    async fn send(&mut self, frame: &mut Frame) -> Result<(), Ended> {
        let stall = self.service.limits().stall;
        while frame.has_remaining() {
            let written = timeout(stall, self.stream.write_buf(frame)).await;
            if written.map_err(|_| Ended::Stuck(stall))?? == 0 {
                return Err(std::io::Error::from(std::io::ErrorKind::WriteZero).into());
            }
        }
        timeout(stall, self.stream.flush()).await.map_err(|_| Ended::Stuck(stall))??;
        Ok(())
    }
}
