//! The two ends of a connection's legs: frames in, bytes out.

mod leg;
mod sink;
mod source;

pub(crate) use leg::Leg;
pub(crate) use sink::Sink;
pub(crate) use source::{Source, framed};

/// Who is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    Client,
    Broker,
}

impl Peer {
    fn failed(self, error: std::io::Error) -> super::ended::Ended {
        match self {
            Self::Client => super::ended::Ended::Client(error),
            Self::Broker => super::ended::Ended::Broker(error),
        }
    }
}
