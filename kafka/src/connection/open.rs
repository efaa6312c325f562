//! Opening a connection: TCP, TLS, what the broker speaks, login, and whether it is of the right cluster.
//!
//! The last step is worth its request: addresses are given to other machines, and a broker of another cluster that has a
//! topic of the same name would tell that topic's high watermark.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use firnline_index::ClusterId;
use firnline_store::env::Random;
use kafka_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};
use kafka_protocol::protocol::StrBytes;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::{Connection, ExchangeError, Stream};
use crate::address::Address;
use crate::counts::Counts;
use crate::error::ConnectError;
use crate::requests::cluster::{ClusterView, DescribeCluster};
use crate::requests::{Question, ReadFault};
use crate::security::{Login, LoginError, Security, log_in, tls_failure, tls_is_own};
use crate::wire::{Api, Code, ProtocolError};

/// All that opening a connection takes.
#[derive(Debug)]
pub(crate) struct Opener {
    pub(crate) security: Security,
    pub(crate) cluster_id: Option<ClusterId>,
    pub(crate) client_id: StrBytes,
    pub(crate) limit: usize,
    pub(crate) timeout: Duration,
    pub(crate) counts: Arc<Counts>,
    pub(crate) random: Arc<dyn Random>,
}

impl Opener {
    /// Opens a connection that is ready for requests, and tells what the broker says of its cluster.
    pub(crate) async fn open(
        &self,
        address: &Address,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Result<(Connection, ClusterView), ConnectError> {
        match tokio::time::timeout(self.timeout, self.steps(address, permit)).await {
            Ok(opened) => opened,
            Err(_) => Err(ConnectError::TimedOut { address: address.clone(), limit: self.timeout }),
        }
    }

    async fn steps(
        &self,
        address: &Address,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Result<(Connection, ClusterView), ConnectError> {
        let tcp = |source| ConnectError::Tcp { address: address.clone(), source };
        let socket = TcpStream::connect((address.host(), address.port())).await.map_err(tcp)?;
        socket.set_nodelay(true).map_err(tcp)?;
        let stream: Box<dyn Stream> = match &self.security.tls {
            None => Box::new(socket),
            Some(tls) => Box::new(tls.connect(socket, address).await?),
        };
        let mut connection = Connection {
            stream,
            address: address.clone(),
            client_id: self.client_id.clone(),
            counts: self.counts.clone(),
            limit: self.limit,
            correlation: 0,
            session: None,
            last_used: Instant::now(),
            _permit: permit,
        };
        self.agree_on_versions(&mut connection).await?;
        if let Some(login) = &self.security.login {
            log_in_again(&mut connection, login, &*self.random).await?;
        }
        let view = self.check_cluster(&mut connection).await?;
        Ok((connection, view))
    }

    async fn agree_on_versions(&self, connection: &mut Connection) -> Result<(), ConnectError> {
        let request = ApiVersionsRequest::default()
            .with_client_software_name(StrBytes::from_static_str("firnline"))
            .with_client_software_version(StrBytes::from_static_str(env!("CARGO_PKG_VERSION")));
        let answer = connection
            .exchange(&request)
            .await
            .map_err(|error| failed(connection, Api::ApiVersions, error))?;
        speaks_all(&answer).map_err(|source| ConnectError::Protocol {
            address: connection.address().clone(),
            api: Api::ApiVersions,
            source,
        })
    }

    async fn check_cluster(&self, connection: &mut Connection) -> Result<ClusterView, ConnectError> {
        let api = Api::DescribeCluster;
        let request = DescribeCluster.request();
        let answer = connection.exchange(&request).await.map_err(|error| failed(connection, api, error))?;
        let address = connection.address().clone();
        let view = DescribeCluster.read(answer).map_err(|fault| match fault {
            ReadFault::Code(code) => ConnectError::Code { address: address.clone(), api, code },
            ReadFault::Protocol(source) => ConnectError::Protocol { address: address.clone(), api, source },
        })?;
        match &self.cluster_id {
            Some(expected) if expected.as_str() != view.cluster_id => Err(ConnectError::OtherCluster {
                address,
                expected: expected.clone(),
                found: view.cluster_id.chars().take(100).collect(),
            }),
            _ => Ok(view),
        }
    }
}

/// Logs in on an open connection, for the first time or again.
pub(crate) async fn log_in_again(
    connection: &mut Connection,
    login: &Login,
    random: &dyn Random,
) -> Result<(), ConnectError> {
    let began = Instant::now();
    let address = connection.address().clone();
    let mechanism = login.mechanism();
    let lifetime = log_in(connection, login, random).await.map_err(|error| match error {
        LoginError::Exchange(api, error) => failed(connection, api, error),
        LoginError::Mechanism { offered } => ConnectError::Mechanism { address, mechanism, offered },
        LoginError::Refused { message } => ConnectError::Login { address, mechanism, message },
        LoginError::Scram { what } => ConnectError::Scram { address, mechanism, what },
        LoginError::Secret(source) => ConnectError::Secret { address, source },
    })?;
    connection.set_session(lifetime, began);
    Ok(())
}

fn failed(connection: &Connection, api: Api, error: ExchangeError) -> ConnectError {
    let address = connection.address().clone();
    match error {
        ExchangeError::SpeaksTls => ConnectError::SpeaksTls { address },
        ExchangeError::Protocol(source) => ConnectError::Protocol { address, api, source },
        ExchangeError::Io(source) if tls_is_own(&source) => tls_failure(source, &address),
        ExchangeError::Io(source) => {
            let hint = match api {
                Api::ApiVersions => "it may speak TLS, or be no Kafka broker",
                Api::DescribeCluster => "it may ask for a login",
                _ => "its log says why",
            };
            ConnectError::Closed { address, api, hint, source }
        }
    }
}

/// Checks that a broker speaks every request at our version.
fn speaks_all(answer: &ApiVersionsResponse) -> Result<(), ProtocolError> {
    if let Some(code) = Code::of(answer.error_code) {
        return Err(ProtocolError::Value { what: format!("{code} instead of versions") });
    }
    let spoken: HashMap<i16, (i16, i16)> =
        answer.api_keys.iter().map(|range| (range.api_key, (range.min_version, range.max_version))).collect();
    for api in Api::ALL {
        let ours = api.version();
        // A broker without logins leaves these two out.
        let optional = matches!(api, Api::SaslHandshake | Api::SaslAuthenticate);
        match spoken.get(&api.key()) {
            Some(&(min, max)) if min <= ours && ours <= max => {}
            Some(&(min, max)) => return Err(ProtocolError::Version { api, ours, min, max }),
            None if optional => {}
            None => return Err(ProtocolError::Unsupported { api }),
        }
    }
    Ok(())
}
