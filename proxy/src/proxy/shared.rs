//! What all connections share, and the way from here to a broker.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::bandwidth::Bandwidth;
use super::clients::Clients;
use super::counts::Counters;
use super::ended::Ended;
use super::link::Leg;
use super::nodes::Nodes;
use super::security::ProxySecurity;
use super::settings::{Address, ProxyLimits};
use super::shares::Shares;
use super::tier::Behind;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) upstream: Vec<Address>,
    pub(crate) nodes: Nodes,
    pub(crate) limits: ProxyLimits,
    pub(crate) requests: Shares,
    pub(crate) answers: Shares,
    /// For long answers that hold no records.
    pub(crate) plain: Shares,
    pub(crate) sessions: Shares,
    pub(crate) tier: Behind,
    pub(crate) pass_unknown: bool,
    pub(crate) security: ProxySecurity,
    pub(crate) bandwidth: Bandwidth,
    pub(crate) clients: Clients,
    pub(crate) counters: Counters,
}

impl Shared {
    /// Connects to a broker, and notes whether it was there.
    pub(crate) async fn call(&self, address: &Address) -> Result<Leg, Ended> {
        let limit = self.limits.connect;
        let called = timeout(limit, self.connect(address)).await.unwrap_or(Err(Ended::Absent(limit)));
        self.counters.called(called.is_ok());
        called
    }

    /// The first broker of those to begin with that is there.
    pub(crate) async fn any(&self) -> Result<Leg, Ended> {
        let mut failed = None;
        for address in &self.upstream {
            match self.call(address).await {
                Ok(leg) => return Ok(leg),
                Err(error) => failed = Some(error),
            }
        }
        Err(failed.unwrap_or(Ended::Absent(Duration::ZERO)))
    }

    async fn connect(&self, address: &Address) -> Result<Leg, Ended> {
        let failed = |source| Ended::Connect { address: address.clone(), source };
        let stream = TcpStream::connect((&*address.host, address.port)).await.map_err(failed)?;
        stream.set_nodelay(true).map_err(Ended::Broker)?;
        let Some(tls) = &self.security.upstream else { return Ok(Leg::Plain(stream)) };
        let tls = tls.borrow().clone();
        let stream = tls.connect(stream, &address.host).await;
        let stream = stream.map_err(|source| Ended::BrokerTls { address: address.clone(), source })?;
        Ok(Leg::Tls(Box::new(stream.into())))
    }
}
