//! The server: a port, its connections, the catalog kept fresh, and an end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use firnline_index::ClusterId;
use firnline_index::group::GroupOwner;
use firnline_reader::{Disks, Reader};
use firnline_store::env::{Clock, Random};
use firnline_store::{ByteBudget, Store};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::catalog::{Catalog, Topic};
use super::codes::{self, Code};
use super::connection::{Connection, Ended};
use super::counts::{Counters, ServeCounts};
use super::entry::Entry;
use super::groups::{Bucket, Groups, Reach};
use super::login::{Login, Logins, Users};
use super::logs::Logs;
use super::node::Node;
use super::rights::{Principal, Rights};
use super::service::Service;
use super::settings::{Anonymous, ServeSettings};
use super::stop::{Stop, Stopper};
use super::strangers::{Gate, Strangers};
use super::tls;
use crate::counts::add;
use crate::tls::Tls;

/// The pause after a failure to accept, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// How often it is looked whether a broker has come to life. A broker needs longer to change anything.
const LOOK_AT_DISKS: Duration = Duration::from_secs(2);

/// What a server serves.
#[derive(Debug)]
pub struct Served {
    /// The cluster whose tier it is.
    pub cluster_id: ClusterId,
    /// Its topics.
    pub catalog: Arc<Catalog>,
    /// Its bytes.
    pub reader: Reader,
    /// What stopped brokers have behind it, laid over the reader already.
    pub disks: Option<Arc<Disks>>,
    /// How old its manifests may be.
    pub max_manifest_age: Duration,
    /// Who may read what; a change holds from the next request on.
    pub rights: watch::Receiver<Arc<Rights>>,
    /// How who comes is known.
    pub security: Security,
    /// Where consumer groups keep how far they have read.
    pub store: Store,
    /// For the dates of it.
    pub clock: Arc<dyn Clock>,
    /// For the ids of sessions and members.
    pub random: Arc<dyn Random>,
    /// Finds out whether another server that has a group is there.
    pub reach: Arc<dyn Reach>,
}

/// How connections are protected, and how it is known who comes. With none of it anybody is anonymous, who is let in at all.
#[derive(Debug, Clone, Default)]
pub struct Security {
    /// TLS; a change holds for connections to come. Whether clients must show certificates is taken as it is at the start.
    pub tls: Option<watch::Receiver<Tls>>,
    /// Who may log in. With it whoever comes must. A user who is taken out of it, or whose password is changed, is cut off at
    /// the next request.
    pub users: Option<watch::Receiver<Arc<Users>>>,
    /// How long a login holds; then the client logs in again, or is cut off. `None`: as long as its connection.
    pub login_lifetime: Option<Duration>,
}

impl Security {
    fn asks_certificates(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.borrow().asks_certificates())
    }

    /// Whether everybody who comes has a name.
    fn asks_who(&self) -> bool {
        self.users.is_some() || self.asks_certificates()
    }
}

/// A server that does not come up.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Its port cannot be had.
    #[error("listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It would be open to whoever reaches it.
    #[error("{address} is reached from other machines, and nobody would have to log in")]
    Open {
        /// The address.
        address: SocketAddr,
    },
    /// Clients would be told to connect to no address at all.
    #[error("{address} is no address that clients can be told to connect to")]
    Nowhere {
        /// The address.
        address: SocketAddr,
    },
    /// Nobody could get in.
    #[error("there is no way to log in, and nobody is let in without one")]
    Closed,
}

impl ServeError {
    /// The stable code for the error page.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Listen { .. } => codes::LISTEN,
            Self::Open { .. } => codes::OPEN,
            Self::Nowhere { .. } => codes::NOWHERE,
            Self::Closed => codes::CLOSED,
        }
    }
}

/// A server seen from outside. Cheap to clone; outlives it.
#[derive(Debug, Clone)]
pub struct Watched(Arc<Counters>);

impl Watched {
    /// What it has done so far.
    #[must_use]
    pub fn counts(&self) -> ServeCounts {
        self.0.snapshot()
    }
}

/// The ways in, as they are served.
#[derive(Debug)]
struct Doors {
    tls: Option<watch::Receiver<Tls>>,
    asks_certificates: bool,
    logins: Option<Logins>,
}

impl Doors {
    /// Whether anything has to be done before requests are answered.
    const fn are_shut(&self) -> bool {
        self.tls.is_some() || self.logins.is_some()
    }
}

/// A port that is open and not served yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    service: Arc<Service>,
    catalog: Arc<Catalog>,
    disks: Option<(Arc<Disks>, Reader)>,
    requests: ByteBudget,
    doors: Arc<Doors>,
    stopper: Stopper,
    stop: Stop,
}

impl Server {
    /// Opens the port.
    ///
    /// # Errors
    /// Where the port cannot be had, and where the settings would let in nobody, or anybody without saying so.
    pub async fn bind(settings: ServeSettings, served: Served) -> Result<Self, ServeError> {
        let ServeSettings { listen, advertised, node_id, anonymous, as_of, groups, limits } = settings;
        let security = &served.security;
        match anonymous {
            // A password or a record would pass in the open.
            _ if security.asks_who() && security.tls.is_none() && !listen.ip().is_loopback() => {
                return Err(ServeError::Open { address: listen });
            }
            _ if security.asks_who() => {}
            Anonymous::Nobody => return Err(ServeError::Closed),
            Anonymous::Loopback if !listen.ip().is_loopback() => {
                return Err(ServeError::Open { address: listen });
            }
            Anonymous::Loopback => {}
            Anonymous::Anybody => {
                tracing::warn!(address = %listen, "whoever reaches this port reads what the rules give to the anonymous");
            }
        }
        if advertised.is_none() && listen.ip().is_unspecified() {
            return Err(ServeError::Nowhere { address: listen });
        }
        let failed = |source| ServeError::Listen { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (host, port) = advertised.unwrap_or_else(|| (address.ip().to_string().into(), address.port()));
        let Served {
            cluster_id,
            catalog,
            reader,
            disks,
            max_manifest_age,
            rights,
            security,
            store,
            clock,
            random,
            reach,
        } = served;
        let us = GroupOwner {
            incarnation: Bucket::incarnation(&*random),
            node: node_id,
            host: host.to_string(),
            port,
        };
        let random_of_groups = Arc::clone(&random);
        let bucket = Bucket::new(store, cluster_id.clone(), us, clock, random_of_groups);
        let groups = Groups::new(bucket, Arc::clone(&catalog), groups, reach);
        let node = Node { id: node_id, host, port, cluster_id };
        let Security { tls, users, login_lifetime } = security;
        let asks_certificates = tls.as_ref().is_some_and(|tls| tls.borrow().asks_certificates());
        let logins = users.map(|users| Logins::new(users, login_lifetime, Arc::clone(&random)));
        let doors = Arc::new(Doors { tls, asks_certificates, logins });
        let requests = ByteBudget::new(limits.requests_bytes);
        let disks = disks.map(|disks| (disks, reader.clone()));
        let logs = Logs::new(reader, max_manifest_age).ending(as_of);
        let service =
            Arc::new(Service::new(node, Arc::clone(&catalog), logs, groups, rights, random, limits));
        let (stopper, stop) = Stopper::new();
        Ok(Self { listener, address, service, catalog, disks, requests, doors, stopper, stop })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What can be seen of it while it runs.
    #[must_use]
    pub fn watched(&self) -> Watched {
        Watched(Arc::clone(self.service.counters()))
    }

    /// Serves until `end` comes. Then no connection is taken any more, requests at hand are answered within
    /// [`super::Limits::drain`], and what is left is cut off. Dropping it cuts off all at once.
    pub async fn run(self, end: impl Future<Output = ()>) {
        let mut tasks = JoinSet::new();
        tokio::select! {
            () = self.accept(&mut tasks) => {}
            () = self.keep_fresh() => {}
            () = self.watch_disks() => {}
            () = self.look_at_disks() => {}
            () = self.service.groups().run() => {}
            () = end => {}
        }
        self.stopper.stop();
        let drained = async { while tasks.join_next().await.is_some() {} };
        if timeout(self.service.limits().drain, drained).await.is_err() {
            tracing::warn!(connections = tasks.len(), "connections are cut off in the middle of an answer");
            tasks.shutdown().await;
        }
    }

    async fn accept(&self, tasks: &mut JoinSet<()>) {
        let limits = self.service.limits();
        let slots = Arc::new(Semaphore::new(limits.connections));
        let strangers = Strangers::new(limits.strangers, Arc::clone(&slots));
        loop {
            while tasks.try_join_next().is_some() {}
            let slot = if self.doors.are_shut() {
                None
            } else {
                // The semaphore is never closed.
                let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
                Some(slot)
            };
            match self.listener.accept().await {
                Ok((stream, from)) => {
                    let gate = match slot {
                        Some(slot) => Gate::Open { _slot: slot },
                        None => Gate::Closed(strangers.enter(from.ip())),
                    };
                    let (service, requests) = (Arc::clone(&self.service), self.requests.clone());
                    let (doors, stop) = (Arc::clone(&self.doors), self.stop.clone());
                    tasks.spawn(async move {
                        serve(stream, from, gate, &service, &requests, &doors, stop).await;
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
    }

    /// Looks whether a broker has come to life in a log directory that is served. Never returns.
    async fn watch_disks(&self) {
        let Some((disks, reader)) = &self.disks else { return std::future::pending().await };
        disks.watch(reader, LOOK_AT_DISKS).await;
    }

    /// Looks at log directories again where they are not as they were. Never returns.
    async fn look_at_disks(&self) {
        let Some((disks, reader)) = &self.disks else { return std::future::pending().await };
        loop {
            sleep(LOOK_AT_DISKS).await;
            if disks.look(reader).await {
                self.catalog.set_disks(disks.topics().iter().map(Topic::on_disk).collect());
            }
        }
    }

    /// Reads the catalog anew, as often as the limits say. Never returns.
    async fn keep_fresh(&self) {
        loop {
            sleep(self.service.limits().catalog_age).await;
            if let Err(error) = self.catalog.refresh().await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the topics could not be read anew; those known stay");
            }
        }
    }
}

async fn serve(
    stream: TcpStream,
    from: SocketAddr,
    mut gate: Gate,
    service: &Service,
    requests: &ByteBudget,
    doors: &Doors,
    stop: Stop,
) {
    let _open = service.counters().connections.enter();
    // Answers are written whole; waiting to fill a packet would only delay their ends.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%from, error = &error as &dyn std::error::Error, "a connection cannot be set to send at once");
    }
    let login = |who| match &doors.logins {
        Some(logins) => Entry::Login(Login::new(logins, from.ip())),
        None => Entry::Known(who),
    };
    let ended = match &doors.tls {
        None => {
            let entry = login(Principal::Anonymous);
            Connection { stream, service, entry, requests, stop }.run(&mut gate).await
        }
        Some(tls) => {
            let tls = tls.borrow().clone();
            let handshake = gate.within(timeout(service.limits().arrival, tls.accept(stream)));
            let stream = match handshake.await {
                Err(gave_way) => return tracing::debug!(%from, "{gave_way}"),
                Ok(Ok(Ok(stream))) => stream,
                Ok(Ok(Err(error))) => {
                    tracing::debug!(%from, error = &error as &dyn std::error::Error, "no TLS with a connection");
                    return;
                }
                Ok(Err(_)) => {
                    return tracing::debug!(%from, "a connection did not get through its TLS handshake in time");
                }
            };
            let who =
                if doors.asks_certificates { tls::principal(&stream) } else { Some(Principal::Anonymous) };
            let Some(who) = who else {
                return tracing::debug!(%from, "a certificate names nobody");
            };
            let entry = login(who);
            Connection { stream, service, entry, requests, stop }.run(&mut gate).await
        }
    };
    match ended {
        Ok(()) => {}
        Err(ended @ Ended::Refused(_)) => {
            add(&service.counters().logins_refused, 1);
            tracing::info!(%from, why = &ended as &dyn std::error::Error, "a login was refused");
        }
        Err(ended) => {
            tracing::debug!(%from, error = &ended as &dyn std::error::Error, "a connection is closed");
        }
    }
}
