//! The way in: what a connection may ask before it is known who asks, and what of its login is answered.

use bytes::Bytes;
use tokio::time::Instant;

use super::answer::versions;
use super::kafka_error::code_of;
use super::login::{Login, MECHANISMS, Refused};
use super::rights::Principal;
use super::service::{Reply, Service, Unanswerable};
use super::stop::Stop;
use crate::wire::messages::sasl_authenticate::{SaslAuthenticateRequest, SaslAuthenticateResponse};
use crate::wire::messages::sasl_handshake::{SaslHandshakeRequest, SaslHandshakeResponse};
use crate::wire::{Api, Frame, Hidden, Reader, RequestHeader, read_request, write_response};

/// What all who fail are told.
const REFUSED: &str = "the login failed";

/// How a connection comes in.
pub(crate) enum Entry<'l> {
    /// It is known who it is: by a certificate, or because nobody has to say.
    Known(Principal),
    /// By a login, before which only versions are told.
    Login(Login<'l>),
}

/// What becomes of the connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The next request.
    Request,
    /// Its end.
    Close(Refused),
}

impl Entry<'_> {
    /// Whether it is known who asks.
    pub(crate) fn is_open(&self) -> bool {
        match self {
            Self::Known(_) => true,
            Self::Login(login) => login.is_over(),
        }
    }

    /// Answers the request, or the part of a login, in a frame.
    pub(crate) async fn answer(
        &mut self,
        service: &Service,
        frame: &[u8],
        stop: &Stop,
    ) -> Result<(Reply, Next), Unanswerable> {
        if let Self::Login(login) = self
            && login.is_bare()
        {
            let answer = login.token(frame).await.map_err(Unanswerable::Refused)?;
            let length = i32::try_from(answer.token.len()).unwrap_or(i32::MAX).to_be_bytes();
            let frame = Frame::new([Bytes::from([&length[..], &answer.token].concat())]);
            return Ok((Reply::small(frame), Next::Request));
        }
        let (header, body) = RequestHeader::read(frame)?;
        if matches!(header.api, Api::SASL_HANDSHAKE | Api::SASL_AUTHENTICATE) {
            let began = Instant::now();
            let answered = self.log_in(&header, body).await?;
            service.counters().answered(header.api, began.elapsed());
            return Ok(answered);
        }
        let who = match self {
            Self::Known(who) => who.clone(),
            Self::Login(login) => match login.principal() {
                Some(who) => who,
                None if header.api == Api::API_VERSIONS => Principal::Anonymous,
                None => return Err(Unanswerable::Stranger),
            },
        };
        Ok((service.answer(&who, frame, stop).await?, Next::Request))
    }

    async fn log_in(
        &mut self,
        header: &RequestHeader<'_>,
        body: Reader<'_>,
    ) -> Result<(Reply, Next), Unanswerable> {
        let RequestHeader { api, version, correlation_id, .. } = *header;
        if !versions::is_answered(api, version) {
            return Err(Unanswerable::Version { api, version });
        }
        if api == Api::SASL_HANDSHAKE {
            let asked: SaslHandshakeRequest<'_> = read_request(header, body)?;
            let chosen = match self {
                Self::Known(_) => Err(Refused::State),
                Self::Login(login) => login.choose(asked.mechanism, version),
            };
            // As a broker: who need not log in is told so, and goes on.
            let next = match (&chosen, &self) {
                (Err(refused), Self::Login(_)) => Next::Close(*refused),
                _ => Next::Request,
            };
            let response = SaslHandshakeResponse {
                error_code: code_of(chosen.err().map(Refused::kafka)),
                mechanisms: MECHANISMS.into_iter().collect(),
            };
            let frame = write_response(&response, version, correlation_id)?;
            return Ok((Reply::small(frame), next));
        }
        let asked: SaslAuthenticateRequest<'_> = read_request(header, body)?;
        let answered = match self {
            Self::Known(_) => Err(Refused::State),
            Self::Login(login) => login.token(asked.auth_bytes.0).await,
        };
        let (response, next) = match &answered {
            Ok(answer) => {
                let response = SaslAuthenticateResponse {
                    error_message: None,
                    auth_bytes: Hidden(&answer.token),
                    session_lifetime_ms: answer.lifetime_ms,
                    ..SaslAuthenticateResponse::default()
                };
                (response, Next::Request)
            }
            Err(refused) => {
                let response = SaslAuthenticateResponse {
                    error_code: refused.kafka().code(),
                    error_message: Some(REFUSED),
                    ..SaslAuthenticateResponse::default()
                };
                let next = match self {
                    Self::Known(_) => Next::Request,
                    Self::Login(_) => Next::Close(*refused),
                };
                (response, next)
            }
        };
        Ok((Reply::small(write_response(&response, version, correlation_id)?), next))
    }
}
