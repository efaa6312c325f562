//! The proxy: its ports, their connections, what it learns at its start, and an end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use firnline_store::ByteBudget;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::codes;
use super::connection::{self, connect};
use super::counts::{Counters, Open, ProxyCounts};
use super::ended::Ended;
use super::nodes::{NodeError, Nodes, Opened};
use super::settings::{Address, ProxyLimits, ProxySettings};
use super::tier::{Archive, Tier};
use super::up::Purpose;
use crate::serve::Code;
use crate::serve::stop::{Stop, Stopper};
use crate::wire::messages::metadata::{MetadataRequest, MetadataResponse};
use crate::wire::{read_response, write_request};

/// The pause after a failure to accept, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);
/// The longest answer that is believed about the nodes of a cluster.
const NODES_BYTES: usize = 16 << 20;
/// The version in which it is asked for.
const METADATA_VERSION: i16 = 10;

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
        }
    }
}

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) upstream: Vec<Address>,
    pub(crate) nodes: Nodes,
    pub(crate) limits: ProxyLimits,
    pub(crate) requests: ByteBudget,
    pub(crate) answers: ByteBudget,
    pub(crate) sessions: ByteBudget,
    pub(crate) tier: Option<Arc<Tier>>,
    pub(crate) pass_unknown: bool,
    pub(crate) counters: Counters,
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

    /// How many nodes have ports here.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.0.nodes.count()
    }

    /// How many topics of the tier are known, and how many partitions.
    #[must_use]
    pub fn topics(&self) -> (u64, u64) {
        self.0.tier.as_ref().map_or((0, 0), |tier| tier.known().count())
    }
}

/// A proxy whose port is open and not served yet.
#[derive(Debug)]
pub struct Proxy {
    listener: TcpListener,
    address: SocketAddr,
    shared: Arc<Shared>,
    opened: mpsc::Receiver<Opened>,
}

/// Whose port a client has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    Bootstrap,
    Node(u16),
}

impl Proxy {
    /// Opens the port that clients bootstrap from, and those of expected nodes. Without a tier all passes, and nothing is
    /// filled.
    ///
    /// # Errors
    /// Where a port cannot be had, and where the settings leave nothing to do.
    pub async fn bind(settings: ProxySettings, archive: Option<Archive>) -> Result<Self, ProxyError> {
        let ProxySettings {
            upstream,
            listen,
            advertised_host,
            node_port_base,
            expected_nodes,
            pass_unknown,
            limits,
        } = settings;
        if upstream.is_empty() {
            return Err(ProxyError::NoUpstream);
        }
        if advertised_host.is_none() && listen.ip().is_unspecified() {
            return Err(ProxyError::Nowhere { address: listen });
        }
        let failed = |source| ProxyError::Listen { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let host = advertised_host.unwrap_or_else(|| address.ip().to_string().into());
        // The last port has none above it: no node can be given one then, which is said of the first that is told of.
        let base = node_port_base.unwrap_or_else(|| address.port().saturating_add(1));
        let (nodes, opened) = Nodes::new(host, address.ip(), base, limits.nodes);
        for node in expected_nodes.into_iter().flatten() {
            nodes.expect(node)?;
        }
        let requests = ByteBudget::new(limits.requests_bytes);
        let answers = ByteBudget::new(limits.answers_bytes);
        let tier = archive.map(|archive| Arc::new(Tier::new(archive)));
        let counters = Counters::new();
        let sessions = ByteBudget::new(limits.sessions_bytes);
        let shared =
            Shared { upstream, nodes, limits, requests, answers, sessions, tier, pass_unknown, counters };
        Ok(Self { listener, address, shared: Arc::new(shared), opened })
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
    /// [`ProxyLimits::drain`], and what is left is cut off. Dropping it cuts off all at once.
    pub async fn run(self, end: impl Future<Output = ()>) {
        let Self { listener, shared, mut opened, .. } = self;
        let (stopper, stop) = Stopper::new();
        let slots = Arc::new(Semaphore::new(shared.limits.connections));
        let mut ports = JoinSet::new();
        let port = |listener, door| {
            let (shared, stop, slots) = (Arc::clone(&shared), stop.clone(), Arc::clone(&slots));
            async move { accept(listener, door, shared, slots, stop).await }
        };
        ports.spawn(port(listener, Door::Bootstrap));
        let mut end = std::pin::pin!(end);
        let mut learning = std::pin::pin!(learn(&shared));
        let mut learned = false;
        let mut freshness = std::pin::pin!(keep_fresh(&shared));
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

/// Takes the connections of one port until it is time to stop, and waits for their ends.
async fn accept(listener: TcpListener, door: Door, shared: Arc<Shared>, slots: Arc<Semaphore>, stop: Stop) {
    let mut tasks = JoinSet::new();
    let taking = async {
        loop {
            while tasks.try_join_next().is_some() {}
            // The semaphore is never closed.
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, from)) => {
                    let (shared, stop) = (Arc::clone(&shared), stop.clone());
                    tasks.spawn(async move {
                        if let Err(ended) = serve(stream, door, &shared, stop).await {
                            let error = &ended as &dyn std::error::Error;
                            match ended {
                                Ended::Node(_) => tracing::error!(%from, error, "a connection is closed"),
                                Ended::Unknown { .. } | Ended::Correlation { .. } | Ended::Unasked => {
                                    tracing::warn!(%from, error, "a connection is closed");
                                }
                                _ => tracing::debug!(%from, error, "a connection is closed"),
                            }
                        }
                        drop(slot);
                    });
                }
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "a connection could not be taken"
                    );
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    tokio::select! {
        () = taking => {}
        () = stop.stopped() => {}
    }
    drop(listener);
    let drained = async { while tasks.join_next().await.is_some() {} };
    if timeout(shared.limits.drain, drained).await.is_err() {
        tracing::warn!(connections = tasks.len(), "connections are cut off in the middle of an answer");
        tasks.shutdown().await;
    }
}

async fn serve(client: TcpStream, door: Door, shared: &Shared, stop: Stop) -> Result<(), Ended> {
    let _open = Open::new(&shared.counters);
    client.set_nodelay(true).map_err(Ended::Client)?;
    let known = match door {
        Door::Bootstrap => None,
        Door::Node(node) => shared.nodes.upstream(node),
    };
    let (broker, purpose) = match (known, door) {
        (Some(address), _) => (call(&address, shared).await?, Purpose::Serve),
        (None, Door::Bootstrap) => (any(shared).await?, Purpose::Serve),
        (None, Door::Node(_)) => (any(shared).await?, Purpose::Learn),
    };
    connection::run(client, broker, purpose, shared, stop).await
}

/// Connects to a broker, and notes whether it was there.
async fn call(address: &Address, shared: &Shared) -> Result<TcpStream, Ended> {
    let called = connect(address, shared.limits.connect).await;
    shared.counters.called(called.is_ok());
    called
}

/// The first broker of those to begin with that is there.
async fn any(shared: &Shared) -> Result<TcpStream, Ended> {
    let mut failed = None;
    for address in &shared.upstream {
        match call(address, shared).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = Some(error),
        }
    }
    Err(failed.unwrap_or(Ended::Absent(Duration::ZERO)))
}

/// Reads anew what is known of the tier, as often as the limits say. Never returns.
async fn keep_fresh(shared: &Shared) {
    loop {
        match &shared.tier {
            Some(tier) => tier.refresh().await,
            None => std::future::pending().await,
        }
        sleep(shared.limits.tier_age).await;
    }
}

/// Asks a broker where the nodes are, as somebody who has not logged in. Where that is refused the first client teaches.
async fn learn(shared: &Shared) {
    if let Err(error) = ask(shared).await {
        let error = &error as &dyn std::error::Error;
        tracing::info!(
            error,
            "no broker tells a stranger where the nodes are; the first client will be told"
        );
    }
}

async fn ask(shared: &Shared) -> Result<(), Ended> {
    let limit = shared.limits.connect;
    let answer = timeout(limit, async {
        let mut broker = any(shared).await?;
        let request = MetadataRequest { allow_auto_topic_creation: false, ..MetadataRequest::default() };
        let mut frame = write_request(&request, METADATA_VERSION, 0, None)?;
        while frame.has_remaining() {
            broker.write_buf(&mut frame).await.map_err(Ended::Broker)?;
        }
        let length = broker.read_u32().await.map_err(Ended::Broker)? as usize;
        let mut answer = Vec::new();
        if length <= NODES_BYTES {
            broker.take(length as u64).read_to_end(&mut answer).await.map_err(Ended::Broker)?;
        }
        Ok::<_, Ended>(answer)
    });
    let answer = answer.await.map_err(|_| Ended::Absent(limit))??;
    let answer: MetadataResponse<'_> = read_response(&answer, METADATA_VERSION)?;
    for broker in &answer.brokers {
        shared.nodes.learn(broker.node_id, broker.host.value, broker.port.value)?;
    }
    Ok(())
}
