//! One connection: a request, its answer, the next request. What waits to be answered is not read, so that a client that
//! asks faster than it takes answers is held up by its own socket.

use std::ops::ControlFlow;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use firnline_store::{ByteBudget, Reservation};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use zeroize::Zeroize;

use super::entry::{Entry, Next};
use super::login::Refused;
use super::service::{Service, Unanswerable};
use super::stop::Stop;
use super::strangers::{Gate, GaveWay};
use crate::counts::add;
use crate::wire::{Frame, FrameError, Splitter};

/// What a connection that asks nothing keeps in memory.
const IDLE_BYTES: usize = 1 << 10;
/// Requests up to this long come in without being counted: each connection has room for one.
const UNCOUNTED_BYTES: usize = 64 << 10;
/// The longest request before it is known who asks.
const LOGIN_BYTES: usize = 16 << 10;

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
    #[error("nobody had logged in after {} s", .0.as_secs())]
    Stranger(Duration),
    #[error(transparent)]
    GaveWay(#[from] GaveWay),
    #[error("{0}")]
    Refused(Refused),
    #[error("no byte of an answer was taken for {} s", .0.as_secs())]
    Stuck(Duration),
}

/// What a connection works with.
pub(crate) struct Connection<'s, S> {
    pub(crate) stream: S,
    pub(crate) service: &'s Service,
    pub(crate) entry: Entry<'s>,
    /// For long requests of all connections.
    pub(crate) requests: &'s ByteBudget,
    pub(crate) stop: Stop,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<'_, S> {
    /// Answers until the client goes, something is wrong, or it is time to stop: then the request at hand is still answered.
    /// Until it is known who comes his place may be needed.
    pub(crate) async fn run(mut self, gate: &mut Gate) -> Result<(), Ended> {
        let mut buffer = BytesMut::new();
        let arrival = self.service.limits().arrival;
        let goes_on = async {
            let goes_on = gate.within(self.enter(&mut buffer)).await??;
            if goes_on {
                gate.pass().await?;
            }
            Ok::<_, Ended>(goes_on)
        };
        if timeout(arrival, goes_on).await.map_err(|_| Ended::Stranger(arrival))?? {
            while self.step(&mut buffer).await?.is_continue() {}
        }
        // Says within TLS that this is the end and no cut.
        let _ = timeout(self.service.limits().stall, self.stream.shutdown()).await;
        Ok(())
    }

    /// Answers until it is known who comes; `false` where he goes before.
    async fn enter(&mut self, buffer: &mut BytesMut) -> Result<bool, Ended> {
        while !self.entry.is_open() {
            if self.step(buffer).await?.is_break() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// One request and its answer; `Break` where there is no other.
    async fn step(&mut self, buffer: &mut BytesMut) -> Result<ControlFlow<()>, Ended> {
        let limits = self.service.limits();
        if buffer.is_empty() {
            // Gives back what an earlier request has grown it to.
            *buffer = BytesMut::with_capacity(IDLE_BYTES);
            let (stop, idle) = (self.stop.clone(), limits.idle);
            let read = tokio::select! {
                read = timeout(idle, self.stream.read_buf(buffer)) => read.map_err(|_| Ended::Idle(idle))??,
                () = stop.stopped() => return Ok(ControlFlow::Break(())),
            };
            if read == 0 {
                return Ok(ControlFlow::Break(()));
            }
        }
        let is_open = self.entry.is_open();
        let splitter =
            Splitter::new(if is_open { limits.frame_bytes } else { LOGIN_BYTES.min(limits.frame_bytes) });
        let arrived = timeout(limits.arrival, self.request(&splitter, buffer));
        let Some((mut frame, counted)) = arrived.await.map_err(|_| Ended::Slow(limits.arrival))?? else {
            return Ok(ControlFlow::Break(()));
        };
        let (mut reply, next) = self.entry.answer(self.service, &frame, &self.stop).await?;
        if !is_open && self.entry.is_open() {
            add(&self.service.counters().logins, 1);
        }
        if !is_open {
            // It may have been a password.
            frame.as_mut().zeroize();
        }
        drop((frame, counted));
        // The memory set aside for the answer is kept until its last byte is gone.
        self.send(&mut reply.frame).await?;
        match next {
            Next::Request => Ok(ControlFlow::Continue(())),
            Next::Close(refused) => Err(Ended::Refused(refused)),
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
