//! Logins pass: what is said in them is for the broker alone. All that is kept is how many frames to come are none of
//! Kafka's.
//!
//! After a handshake of version 0 tokens travel bare, each with a length before it and nothing else. How many there are
//! depends on the mechanism.

use super::identity::{Identity, Mechanism};
use crate::wire::messages::sasl_handshake::{SaslHandshakeRequest, SaslHandshakeResponse};
use crate::wire::{
    Frame, List, RequestHeader, WireError, WriteError, read_request, read_response, write_response,
};

/// Kafka's code for a mechanism that is not there.
const UNSUPPORTED_MECHANISM: i16 = 33;

/// What a handshake begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Begun {
    pub(crate) mechanism: Mechanism,
    pub(crate) follows: Handshake,
}

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

/// What the handshake in a frame begins, its length cut off.
pub(crate) fn handshake(frame: &[u8]) -> Result<Begun, WireError> {
    let (header, body) = RequestHeader::read(frame)?;
    let request: SaslHandshakeRequest<'_> = read_request(&header, body)?;
    let follows = match request.mechanism {
        _ if header.version > 0 => Handshake::Requests,
        "PLAIN" | "OAUTHBEARER" => Handshake::Tokens(1),
        "SCRAM-SHA-256" | "SCRAM-SHA-512" => Handshake::Tokens(2),
        _ => Handshake::Unknown,
    };
    Ok(Begun { mechanism: Mechanism::of(request.mechanism), follows })
}

/// Notes whether the broker has agreed to a handshake. One whose listener knows no logins says so, and goes on. What cannot be
/// read proves nothing.
pub(crate) fn note_answer(frame: &[u8], version: i16, mechanism: Mechanism, identity: &Identity) {
    let answer: Result<SaslHandshakeResponse<'_>, _> = read_response(frame, version);
    if answer.is_ok_and(|answer| answer.error_code == 0) {
        identity.agreed(mechanism);
    }
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
        handshake(&frame[4..]).unwrap().follows
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
    #[test]
    fn a_listener_that_knows_no_logins_proves_nobody() {
        use crate::proxy::identity::Grounds;
        let identity = Identity::new(Grounds { certificates: true, trusts_all: false });
        for (error_code, proven) in [(34, false), (33, false), (0, true)] {
            let answer = SaslHandshakeResponse { error_code, ..SaslHandshakeResponse::default() };
            let frame = write_response(&answer, 1, 7).unwrap().into_bytes();
            note_answer(&frame[4..], 1, Mechanism::Own, &identity);
            assert_eq!(identity.unproven().is_none(), proven, "{error_code}");
        }
    }
}
