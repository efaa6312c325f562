//! Logins pass: what is said in them is for the broker alone. All that is kept is how many frames to come are none of
//! Kafka's.
//!
//! After a handshake of version 0 tokens travel bare, each with a length before it and nothing else. How many there are
//! depends on the mechanism.

use crate::wire::messages::sasl_handshake::{SaslHandshakeRequest, SaslHandshakeResponse};
use crate::wire::{Frame, List, RequestHeader, WireError, WriteError, read_request, write_response};

/// Kafka's code for a mechanism that is not there.
const UNSUPPORTED_MECHANISM: i16 = 33;

/// What follows a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handshake {
    /// Requests, each with a header.
    Requests,
    /// So many bare tokens.
    Tokens(usize),
    /// Bare tokens, and nobody knows how many.
    Unknown,
}

/// What follows the handshake in a frame, its length cut off.
pub(crate) fn handshake(frame: &[u8]) -> Result<Handshake, WireError> {
    let (header, body) = RequestHeader::read(frame)?;
    if header.version > 0 {
        return Ok(Handshake::Requests);
    }
    let request: SaslHandshakeRequest<'_> = read_request(&header, body)?;
    Ok(match request.mechanism {
        "PLAIN" | "OAUTHBEARER" => Handshake::Tokens(1),
        "SCRAM-SHA-256" | "SCRAM-SHA-512" => Handshake::Tokens(2),
        _ => Handshake::Unknown,
    })
}

/// A handshake refused: its client has to be set to the one of version 1, or to another mechanism.
pub(crate) fn refused(version: i16, correlation_id: i32) -> Result<Frame, WriteError> {
    let mechanisms = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"];
    let answer = SaslHandshakeResponse {
        error_code: UNSUPPORTED_MECHANISM,
        mechanisms: List::from(mechanisms.to_vec()),
    };
    write_response(&answer, version, correlation_id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::write_request;

    fn after(mechanism: &str, version: i16) -> Handshake {
        let request = SaslHandshakeRequest { mechanism };
        let frame = write_request(&request, version, 1, Some(b"client")).unwrap().into_bytes();
        handshake(&frame[4..]).unwrap()
    }

    #[test]
    fn bare_tokens_are_counted_by_mechanism() {
        assert_eq!(after("PLAIN", 0), Handshake::Tokens(1));
        assert_eq!(after("SCRAM-SHA-512", 0), Handshake::Tokens(2));
        assert_eq!(after("OAUTHBEARER", 0), Handshake::Tokens(1));
        assert_eq!(after("GSSAPI", 0), Handshake::Unknown);
        assert_eq!(after("GSSAPI", 1), Handshake::Requests);
        assert_eq!(after("PLAIN", 1), Handshake::Requests);
    }
}
