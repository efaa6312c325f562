//! What is read from: frames, whole or as they come.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::time::timeout;

use super::{Peer, Sink};
use crate::proxy::ended::Ended;
use crate::wire::{FetchScan, FrameError, Patches, ScannedTopic, Splitter, messages::fetch::PartitionFront};

/// What waits for a frame to begin.
const IDLE_BYTES: usize = 1 << 10;
/// What a passing frame is moved by: fewer, longer calls into the kernel, and a buffer that still fits its caches.
const PASSING_BYTES: usize = 64 << 10;

/// The reading half of a leg, and what has come and was not taken yet.
#[derive(Debug)]
pub(crate) struct Source<R> {
    stream: R,
    peer: Peer,
    stall: Duration,
    buffer: BytesMut,
    splitter: Splitter,
}

impl<R: AsyncRead + Unpin> Source<R> {
    /// Frames of up to `limit` bytes are taken whole.
    pub(crate) fn new(stream: R, peer: Peer, stall: Duration, limit: usize) -> Self {
        Self { stream, peer, stall, buffer: BytesMut::new(), splitter: Splitter::new(limit) }
    }

    /// Whether nothing has come that was not taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Waits, however long, until something has come; `false` where the other side has gone instead. Cancel safe.
    pub(crate) async fn wait(&mut self) -> Result<bool, Ended> {
        if !self.buffer.is_empty() {
            return Ok(true);
        }
        // Gives back what an earlier frame has grown it to.
        if self.buffer.capacity() > IDLE_BYTES {
            self.buffer = BytesMut::new();
        }
        self.read(IDLE_BYTES).await
    }

    /// Makes sure that the frame's first `bytes` are there, or all of it where it is shorter, and gives its length; `None`
    /// where the other side goes before its end. Something of it must have come.
    pub(crate) async fn peek(&mut self, bytes: usize) -> Result<Option<usize>, Ended> {
        loop {
            if let Some(front) = self.splitter.front(&self.buffer)?
                && front.arrived.len() >= bytes.min(front.length)
            {
                return Ok(Some(front.length));
            }
            let room = self.splitter.room(&self.buffer)?;
            if !self.read_on(room).await? {
                return Ok(None);
            }
        }
    }

    /// What has come of the frame at the front.
    pub(crate) fn arrived(&self) -> Result<&[u8], FrameError> {
        Ok(self.splitter.front(&self.buffer)?.map_or(&[], |front| front.arrived))
    }

    /// The frame at the front, its length cut off; `None` where the other side goes before its end.
    pub(crate) async fn whole(&mut self) -> Result<Option<BytesMut>, Ended> {
        loop {
            if let Some(frame) = self.splitter.whole(&mut self.buffer)? {
                return Ok(Some(frame));
            }
            let room = self.splitter.room(&self.buffer)?;
            if !self.read_on(room).await? {
                return Ok(None);
            }
        }
    }

    /// Moves the frame at the front, whose length is there, to `sink` as it comes. `false` where the other side goes before
    /// its end.
    pub(crate) async fn pass<W: AsyncWrite + Unpin>(&mut self, sink: &mut Sink<W>) -> Result<bool, Ended> {
        self.splitter.pass(&self.buffer)?;
        while self.splitter.is_passing() {
            if let Some(mut piece) = self.splitter.piece(&mut self.buffer) {
                sink.send(&mut piece).await?;
            } else if !self.read_on(PASSING_BYTES).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The same for an answer to a fetch, which is patched on its way.
    pub(crate) async fn pass_fetch<W: AsyncWrite + Unpin>(
        &mut self,
        sink: &mut Sink<W>,
        version: i16,
        mut each: impl FnMut(ScannedTopic<'_>, PartitionFront, &mut Patches),
    ) -> Result<bool, Ended> {
        let Some(front) = self.splitter.front(&self.buffer)? else { return Ok(false) };
        let mut scan = FetchScan::new(version, front.length)?;
        // Its length; from here on the scan knows where it ends.
        let mut length = self.buffer.split_to(4);
        sink.send(&mut length).await?;
        while !scan.is_done() {
            let seen = scan.pass(&mut self.buffer, &mut each)?;
            if seen > 0 {
                let mut piece = self.buffer.split_to(seen);
                sink.send(&mut piece).await?;
            } else if !self.read_on(PASSING_BYTES).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads on within a frame, which must not stand still for too long.
    async fn read_on(&mut self, room: usize) -> Result<bool, Ended> {
        let stall = self.stall;
        timeout(stall, self.read(room)).await.map_err(|_| Ended::Stalled(stall))?
    }

    async fn read(&mut self, room: usize) -> Result<bool, Ended> {
        self.buffer.reserve(room);
        let read = self.stream.read_buf(&mut self.buffer).await;
        Ok(read.map_err(|error| self.peer.failed(error))? > 0)
    }
}

/// A frame that was held, as it is: its length before it.
pub(crate) fn framed(frame: Bytes) -> crate::wire::Frame {
    let length = i32::try_from(frame.len()).expect("a frame's length came as an i32");
    crate::wire::Frame::new([Bytes::copy_from_slice(&length.to_be_bytes()), frame])
}
