//! A broker's connection in one hand.

use std::sync::Arc;

use tokio::sync::OwnedMutexGuard;

use super::{Client, Slot};
use crate::address::Address;
use crate::connection::{Connection, ExchangeError, log_in_again};
use crate::error::{ConnectError, RequestError};
use crate::requests::{Question, ReadFault};
use crate::wire::{Exchange, ProtocolError};

/// The connection to one broker: requests on it follow one another, and what answers them is one and the same process.
/// Others wait for it. Where a request on it is dropped or fails, the connection is closed, and with it the lease is over.
#[derive(Debug)]
pub struct Lease {
    client: Client,
    slot: Arc<Slot>,
    connection: OwnedMutexGuard<Option<Connection>>,
    /// Whether the connection had idled before this lease and was not yet heard on it.
    stale: bool,
}

impl Lease {
    pub(super) async fn take(client: Client, slot: Arc<Slot>) -> Result<Self, RequestError> {
        let limit = client.0.request_timeout;
        let busy = || RequestError::Busy { address: slot.address.clone(), limit };
        let mut connection =
            tokio::time::timeout(limit, slot.idle.clone().lock_owned()).await.map_err(|_| busy())?;
        if connection.as_ref().is_some_and(Connection::is_over) {
            *connection = None;
        }
        let stale = connection.is_some();
        let mut lease = Self { client, slot, connection, stale };
        if stale {
            lease.renew_login().await?
        } else {
            lease.open().await?
        }
        Ok(lease)
    }

    /// The broker.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.slot.address
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Asks one question.
    pub(crate) async fn ask<Q: Question>(&mut self, question: &Q) -> Result<Q::Answer, RequestError> {
        let answer = self.send(&question.request()).await?;
        question.read(answer).map_err(|fault| {
            let (address, api) = (self.slot.address.clone(), Q::Request::API);
            match fault {
                ReadFault::Code(code) => RequestError::Code { address, api, code },
                ReadFault::Protocol(source) => RequestError::Protocol { address, api, source },
            }
        })
    }

    async fn send<R: Exchange>(&mut self, request: &R) -> Result<R::Response, RequestError> {
        let stale = std::mem::take(&mut self.stale);
        match self.send_once(request).await {
            // The broker may have closed it while it idled. Whatever we ask may be asked twice.
            Err(RequestError::Broken { .. }) if stale => {
                self.open().await?;
                self.send_once(request).await
            }
            sent => sent,
        }
    }

    async fn send_once<R: Exchange>(&mut self, request: &R) -> Result<R::Response, RequestError> {
        let (api, limit) = (R::API, self.client.0.request_timeout);
        let address = || self.slot.address.clone();
        // Taken out while in use: where this future is dropped, half a frame may be on its way, and the connection goes.
        let Some(mut connection) = self.connection.take() else {
            let source = Arc::new(std::io::ErrorKind::NotConnected.into());
            return Err(RequestError::Broken { address: address(), api, source });
        };
        let asked = self.client.counts().silence.ask();
        let error = match tokio::time::timeout(limit, connection.exchange(request)).await {
            Ok(Ok(answer)) => {
                asked.answered();
                *self.connection = Some(connection);
                return Ok(answer);
            }
            Err(_) => RequestError::TimedOut { address: address(), api, limit },
            Ok(Err(ExchangeError::Io(source))) => {
                RequestError::Broken { address: address(), api, source: Arc::new(source) }
            }
            Ok(Err(ExchangeError::Protocol(source))) => {
                RequestError::Protocol { address: address(), api, source }
            }
            Ok(Err(ExchangeError::SpeaksTls)) => {
                let source = ProtocolError::Value { what: "a TLS record instead of a frame".to_owned() };
                RequestError::Protocol { address: address(), api, source }
            }
        };
        drop(asked);
        self.client.disfavour(&self.slot.address);
        Err(error)
    }

    async fn open(&mut self) -> Result<(), RequestError> {
        if let Some(source) = self.slot.failing() {
            return Err(RequestError::Connect { address: self.slot.address.clone(), source });
        }
        let limit = self.client.0.request_timeout;
        let permit = tokio::time::timeout(limit, self.client.permit()).await;
        let permit = permit.map_err(|_| RequestError::Busy { address: self.slot.address.clone(), limit })?;
        let client = self.client.clone();
        let asked = client.counts().silence.ask();
        match client.0.opener.open(&self.slot.address, permit).await {
            Ok((connection, view)) => {
                asked.answered();
                self.slot.recovered();
                *self.connection = Some(connection);
                self.client.learn(view);
                Ok(())
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    async fn renew_login(&mut self) -> Result<(), RequestError> {
        let opener = &self.client.0.opener;
        let Some(login) = &opener.security.login else { return Ok(()) };
        let Some(mut connection) = self.connection.take_if(|open| open.needs_login()) else { return Ok(()) };
        let again = log_in_again(&mut connection, login, &*opener.random);
        match tokio::time::timeout(opener.timeout, again).await {
            Ok(Ok(())) => {
                *self.connection = Some(connection);
                Ok(())
            }
            Ok(Err(error)) if error.is_unauthenticated() => Err(self.failed(error)),
            // It may have been closed while it idled.
            Ok(Err(_)) | Err(_) => {
                drop(connection);
                self.stale = false;
                self.open().await
            }
        }
    }

    fn failed(&self, error: ConnectError) -> RequestError {
        let source = Arc::new(error);
        let address = self.slot.address.clone();
        tracing::debug!(%address, error = %source, "a broker cannot be asked");
        self.slot.failed(source.clone(), self.client.0.max_backoff, &*self.client.0.opener.random);
        self.client.disfavour(&address);
        RequestError::Connect { address, source }
    }
}
