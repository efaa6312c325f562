//! What is written to.

use std::time::Duration;

use bytes::Buf;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::Peer;
use crate::proxy::ended::Ended;

/// What is taken of a held frame, at least, in the time in which a frame may stand still.
const LEAST_BYTES: usize = 2 << 20;

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

    /// The same for what is held in memory until the last byte of it is taken: whoever takes them one by one keeps it from all
    /// others.
    pub(crate) async fn send_held(&mut self, bytes: &mut impl Buf) -> Result<(), Ended> {
        let steps = u32::try_from(bytes.remaining() / LEAST_BYTES).unwrap_or(u32::MAX);
        let limit = self.stall.saturating_mul(steps.saturating_add(1));
        timeout(limit, self.send(bytes)).await.map_err(|_| Ended::Slow(limit))?
    }

    /// Says that nothing more is to come. Whether the other side hears it is its own affair.
    pub(crate) async fn finish(&mut self) {
        let _ = timeout(self.stall, self.stream.shutdown()).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, duplex};
    use tokio::time::{Instant, sleep};

    use super::*;

    const STALL: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn who_takes_a_held_frame_byte_by_byte_is_let_go() {
        let (mut reader, writer) = duplex(1 << 10);
        let mut sink = Sink::new(writer, Peer::Client, STALL);
        let reading = async {
            while reader.read_u8().await.is_ok() {
                sleep(Duration::from_secs(1)).await;
            }
        };
        let began = Instant::now();
        let mut held = bytes::Bytes::from(vec![0; 5 << 20]);
        let sent = tokio::select! { sent = sink.send_held(&mut held) => sent, () = reading => Ok(()) };
        assert!(matches!(sent, Err(Ended::Slow(_))), "{sent:?}");
        assert_eq!(began.elapsed(), 3 * STALL);
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_it_slowly_but_surely_gets_all_of_it() {
        let (mut reader, writer) = duplex(64 << 10);
        let mut sink = Sink::new(writer, Peer::Client, STALL);
        let reading = async {
            let mut buffer = vec![0; 64 << 10];
            while reader.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                sleep(Duration::from_millis(500)).await;
            }
        };
        let mut held = bytes::Bytes::from(vec![0; 5 << 20]);
        tokio::select! { sent = sink.send_held(&mut held) => sent.unwrap(), () = reading => panic!("it was cut") }
    }
}
