//! What is written to.

use std::time::Duration;

use bytes::Buf;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::Peer;
use crate::proxy::ended::Ended;

/// The writing half of a leg.
#[derive(Debug)]
pub(crate) struct Sink<W> {
    stream: W,
    peer: Peer,
    stall: Duration,
}

impl<W: AsyncWrite + Unpin> Sink<W> {
    pub(crate) const fn new(stream: W, peer: Peer, stall: Duration) -> Self {
        Self { stream, peer, stall }
    }

    /// Writes all of it. Whoever takes no byte for too long is given up.
    pub(crate) async fn send(&mut self, bytes: &mut impl Buf) -> Result<(), Ended> {
        while bytes.has_remaining() {
            let written = timeout(self.stall, self.stream.write_buf(bytes)).await;
            let written = written.map_err(|_| Ended::Stalled(self.stall))?;
            if written.map_err(|error| self.peer.failed(error))? == 0 {
                return Err(self.peer.failed(std::io::ErrorKind::WriteZero.into()));
            }
        }
        let flushed = timeout(self.stall, self.stream.flush()).await;
        flushed.map_err(|_| Ended::Stalled(self.stall))?.map_err(|error| self.peer.failed(error))
    }

    /// Says that nothing more is to come. Whether the other side hears it is its own affair.
    pub(crate) async fn finish(&mut self) {
        let _ = timeout(self.stall, self.stream.shutdown()).await;
    }
}
