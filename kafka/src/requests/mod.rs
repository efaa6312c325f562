//! The questions that are asked, one a file: how each becomes a request, and what its answer says.
//!
//! Both ways are pure functions of values. An answer that leaves out what was asked, or names what was not, is an error.

pub mod acls;
mod asked;
pub mod cluster;
pub mod configs;
pub mod epochs;
pub mod fetch;
pub mod groups;
pub(crate) mod members;
pub mod metadata;
pub mod offsets;
pub mod produce;
pub mod producers;
#[cfg(test)]
mod tests;

pub(crate) use asked::Asked;

use kafka_protocol::protocol::StrBytes;

use crate::wire::{Code, Exchange, ProtocolError};

/// What an answer as a whole may be besides an answer.
#[derive(Debug)]
pub(crate) enum ReadFault {
    /// An error for the request as a whole.
    Code(Code),
    /// No answer to this question.
    Protocol(ProtocolError),
}

impl From<ProtocolError> for ReadFault {
    fn from(error: ProtocolError) -> Self {
        Self::Protocol(error)
    }
}

impl ReadFault {
    fn of(code: i16) -> Result<(), Self> {
        Code::of(code).map_or(Ok(()), |code| Err(Self::Code(code)))
    }
}

/// A question to one broker.
pub(crate) trait Question {
    type Request: Exchange;
    type Answer;

    fn request(&self) -> Self::Request;

    fn read(&self, answer: <Self::Request as Exchange>::Response) -> Result<Self::Answer, ReadFault>;
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}
