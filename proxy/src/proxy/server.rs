//! The proxy: its ports, their connections, what it learns at its start, and an end.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::accept::{Door, accept};
use super::bandwidth::Bandwidth;
use super::clients::{ClientRead, Clients};
use super::codes;
use super::counts::{Counters, ProxyCounts};
use super::learn::learn;
use super::names::NodeNames;
use super::nodes::{NodeError, Nodes, Opened, Ways};
use super::places::Places;
use super::security::ProxySecurity;
use super::settings::ProxySettings;
use super::shared::Shared;
use super::shares::Shares;
use super::tier::{Archive, Behind, Tier};
use crate::serve::Code;
use crate::serve::stop::Stopper;

/// A proxy that does not come up.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// Its port cannot be had.
    #[error("listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Clients would be told to connect to no address at all.
    #[error("{address} is no address that clients can be told to connect to")]
    Nowhere {
        /// The address.
        address: SocketAddr,
    },
    /// There is nothing before which it could stand.
    #[error("no broker is named to begin with")]
    NoUpstream,
    /// Nodes are told apart by names, which clients tell within TLS, and there is none.
    #[error("nodes are told apart by the names {names}, and clients do not speak TLS")]
    Names {
        /// How they are named.
        names: NodeNames,
    },
    /// A node that is expected cannot be given a port.
    #[error("open the ports of expected nodes")]
    Node(#[from] NodeError),
}

impl ProxyError {
    /// The stable code for the error page.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Listen { .. } => codes::LISTEN,
            Self::Nowhere { .. } => codes::NOWHERE,
            Self::NoUpstream => codes::UPSTREAM,
            Self::Node(_) => codes::NODE,
            Self::Names { .. } => codes::NAMES,
        }
    }
}

/// A proxy seen from outside. Cheap to clone; outlives it.
#[derive(Debug, Clone)]
pub struct Watched(Arc<Shared>);

impl Watched {
    /// What it has done so far.
    #[must_use]
    pub fn counts(&self) -> ProxyCounts {
        self.0.counters.snapshot()
    }

    /// Who has read how much of the tier; those first who have read most.
    #[must_use]
    pub fn clients(&self) -> Vec<ClientRead> {
        self.0.clients.snapshot()
    }

    /// How many nodes have ports here.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.0.nodes.count()
    }

    /// How many topics of the tier are known, and how many partitions.
    #[must_use]
    pub fn topics(&self) -> (u64, u64) {
        self.0.tier.get().map_or((0, 0), |tier| tier.known().count())
    }

    /// Whether the tier is there, or none is meant to be.
    #[must_use]
    pub fn has_tier(&self) -> bool {
        !self.0.tier.is_awaited()
    }
}

/// A proxy whose port is open and not served yet.
#[derive(Debug)]
pub struct Proxy {
    listener: TcpListener,
    address: SocketAddr,
    shared: Arc<Shared>,
    opened: mpsc::Receiver<Opened>,
    awaited: Option<Awaited>,
}

/// A tier that is to come, and whether topics are served as they stood.
#[derive(Debug)]
struct Awaited {
    archive: oneshot::Receiver<Archive>,
    time_travel: bool,
}

impl Proxy {
    /// Opens the port that clients bootstrap from, and those of expected nodes. Without a tier all passes, and nothing is
    /// filled. Neither leg is protected: see [`Self::bind_secured`].
    ///
    /// # Errors
    /// Where a port cannot be had, and where the settings leave nothing to do.
    pub async fn bind(settings: ProxySettings, archive: Option<Archive>) -> Result<Self, ProxyError> {
        Self::bind_secured(settings, ProxySecurity::default(), archive).await
    }

    /// The same with TLS.
    ///
    /// # Errors
    /// As for [`Self::bind`].
    pub async fn bind_secured(
        settings: ProxySettings,
        security: ProxySecurity,
        archive: Option<Archive>,
    ) -> Result<Self, ProxyError> {
        let time_travel = settings.time_travel;
        let there = |archive| Behind::there(Tier::new(archive, time_travel));
        Self::bind_before(settings, security, archive.map_or_else(Behind::none, there)).await
    }

    /// The same before a tier whose store does not answer yet: it is sent as soon as it does. Until then what is hot passes;
    /// what brokers have lost is told empty, and where logs begin with an error after which clients ask again.
    ///
    /// # Errors
    /// As for [`Self::bind`].
    pub async fn bind_awaiting(
        settings: ProxySettings,
        security: ProxySecurity,
    ) -> Result<(Self, oneshot::Sender<Archive>), ProxyError> {
        let (time_travel, (sender, archive)) = (settings.time_travel, oneshot::channel());
        let mut proxy = Self::bind_before(settings, security, Behind::to_come()).await?;
        proxy.awaited = Some(Awaited { archive, time_travel });
        Ok((proxy, sender))
    }

    async fn bind_before(
        settings: ProxySettings,
        security: ProxySecurity,
        tier: Behind,
    ) -> Result<Self, ProxyError> {
        let ProxySettings {
            upstream,
            listen,
            advertised_host,
            node_port_base,
            node_names,
            advertised_port,
            expected_nodes,
            pass_unknown,
            time_travel: _,
            limits,
        } = settings;
        if upstream.is_empty() {
            return Err(ProxyError::NoUpstream);
        }
        if advertised_host.is_none() && node_names.is_none() && listen.ip().is_unspecified() {
            return Err(ProxyError::Nowhere { address: listen });
        }
        if let Some(names) = node_names.as_ref().filter(|_| security.tls.is_none()) {
            return Err(ProxyError::Names { names: names.clone() });
        }
        let failed = |source| ProxyError::Listen { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let ways = match node_names {
            Some(names) => Ways::Names { names, port: advertised_port.unwrap_or(address.port()) },
            None => Ways::Ports {
                host: advertised_host.unwrap_or_else(|| address.ip().to_string().into()),
                ip: address.ip(),
                // The last port has none above it: that is said of the first node that is told of.
                base: node_port_base.unwrap_or_else(|| address.port().saturating_add(1)),
            },
        };
        let (nodes, opened) = Nodes::new(ways, limits.nodes);
        for node in expected_nodes.into_iter().flatten() {
            nodes.expect(node)?;
        }
        let requests = Shares::new(limits.requests_bytes);
        let answers = Shares::new(limits.answers_bytes);
        let plain = Shares::new(limits.requests_bytes);
        let counters = Counters::new();
        let sessions = Shares::new(limits.sessions_bytes);
        let bandwidth = Bandwidth::new(limits.cold_rate, limits.cold_rate_of_client);
        let shared = Shared {
            upstream,
            nodes,
            limits,
            requests,
            answers,
            plain,
            sessions,
            tier,
            pass_unknown,
            security,
            bandwidth,
            clients: Clients::default(),
            counters,
        };
        Ok(Self { listener, address, shared: Arc::new(shared), opened, awaited: None })
    }

    /// Where clients bootstrap from.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What can be seen of it while it runs.
    #[must_use]
    pub fn watched(&self) -> Watched {
        Watched(Arc::clone(&self.shared))
    }

    /// Serves until `end` comes. Then no connection is taken any more, requests at hand are answered within
    /// `ProxyLimits::drain`, and what is left is cut off. Dropping it cuts off all at once.
    pub async fn run(self, end: impl Future<Output = ()>) {
        let Self { listener, shared, mut opened, awaited, .. } = self;
        let (stopper, stop) = Stopper::new();
        let limits = &shared.limits;
        let places = Places::new(limits.connections, limits.connections_of_address, limits.entering);
        let mut ports = JoinSet::new();
        let port = |listener, door| {
            let (shared, stop, places) = (Arc::clone(&shared), stop.clone(), Arc::clone(&places));
            async move { accept(listener, door, shared, places, stop).await }
        };
        ports.spawn(port(listener, Door::Bootstrap));
        let mut end = std::pin::pin!(end);
        let mut learning = std::pin::pin!(learn(&shared));
        let mut learned = false;
        let mut freshness = std::pin::pin!(keep_fresh(&shared, awaited));
        loop {
            tokio::select! {
                () = &mut end => break,
                // The sender lives as long as what all connections share.
                Some(Opened { node, listener }) = opened.recv() => {
                    ports.spawn(port(listener, Door::Node(node)));
                }
                () = &mut learning, if !learned => learned = true,
                () = &mut freshness => {}
            }
        }
        stopper.stop();
        while ports.join_next().await.is_some() {}
    }
}

/// Reads anew what is known of the tier, as often as the limits say. Never returns.
async fn keep_fresh(shared: &Shared, awaited: Option<Awaited>) {
    if let Some(Awaited { archive, time_travel }) = awaited
        && let Ok(archive) = archive.await
    {
        shared.tier.come(Tier::new(archive, time_travel));
        // Whose tier it is had nothing to be compared with.
        learn(shared).await;
    }
    match shared.tier.get() {
        Some(tier) => tier.keep_fresh(shared.limits.tier_age).await,
        None => std::future::pending().await,
    }
}
