//! The nodes of the cluster: where each one is, and the port that it has here.
//!
//! A node's port lies as far above the base as its id says, so that every proxy of a cluster, and the same one after a new
//! start, gives it the same. It is opened when the node is first told of, before the answer that tells of it goes on.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::settings::Address;

/// A node that clients cannot be given a port for.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// Its id is out of range.
    #[error("node {node} has no port: {base} + {node} is none")]
    Port {
        /// The node.
        node: i32,
        /// The port of node 0.
        base: u16,
    },
    /// There are too many.
    #[error("node {node} is one more than the {limit} nodes that have ports here")]
    TooMany {
        /// The node.
        node: i32,
        /// The most that have.
        limit: usize,
    },
    /// Its port cannot be opened.
    #[error("listen on {address} for node {node}")]
    Listen {
        /// The node.
        node: i32,
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is somewhere no port is.
    #[error("node {node} is said to listen on port {port}")]
    Address {
        /// The node.
        node: i32,
        /// What was said.
        port: i32,
    },
}

/// A port that was opened for a node.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) node: u16,
    pub(crate) listener: TcpListener,
}

/// All nodes that were told of.
#[derive(Debug)]
pub(crate) struct Nodes {
    host: Arc<str>,
    ip: IpAddr,
    base: u16,
    limit: usize,
    known: Mutex<BTreeMap<u16, Option<Address>>>,
    opened: mpsc::Sender<Opened>,
}

impl Nodes {
    /// None yet. Ports that are opened go to the other end.
    pub(crate) fn new(host: Arc<str>, ip: IpAddr, base: u16, limit: usize) -> (Self, mpsc::Receiver<Opened>) {
        // One place for each node that may be, so that sending never waits.
        let (opened, ports) = mpsc::channel(limit.max(1));
        (Self { host, ip, base, limit, known: Mutex::default(), opened }, ports)
    }

    /// The host that clients are told for every node.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The port of a node that was said to be at an address, which is learned; the port is open then.
    pub(crate) fn learn(&self, node: i32, host: &str, port: i32) -> Result<u16, NodeError> {
        let no_port = NodeError::Port { node, base: self.base };
        let Ok(id) = u16::try_from(node) else { return Err(no_port) };
        let Some(own) = self.base.checked_add(id) else { return Err(no_port) };
        let port = u16::try_from(port).map_err(|_| NodeError::Address { node, port })?;
        let mut known = self.known();
        match known.get_mut(&id) {
            Some(Some(address)) if *address.host == *host && address.port == port => {}
            Some(address) => *address = Some(Address { host: host.into(), port }),
            None => {
                self.open(&mut known, id, own)?;
                known.insert(id, Some(Address { host: host.into(), port }));
                tracing::info!(node, host, port, own, "a node is reached by a port of its own");
            }
        }
        Ok(own)
    }

    /// Opens the port of a node that nobody has told of yet.
    pub(crate) fn expect(&self, id: u16) -> Result<(), NodeError> {
        let node = i32::from(id);
        let own = self.base.checked_add(id).ok_or(NodeError::Port { node, base: self.base })?;
        let mut known = self.known();
        if !known.contains_key(&id) {
            self.open(&mut known, id, own)?;
            known.insert(id, None);
        }
        Ok(())
    }

    /// Where a node was last said to be.
    pub(crate) fn upstream(&self, id: u16) -> Option<Address> {
        self.known().get(&id).cloned().flatten()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.known().len()
    }

    fn open(&self, known: &mut BTreeMap<u16, Option<Address>>, id: u16, own: u16) -> Result<(), NodeError> {
        let node = i32::from(id);
        let too_many = NodeError::TooMany { node, limit: self.limit };
        if known.len() >= self.limit {
            return Err(too_many);
        }
        let address = SocketAddr::new(self.ip, own);
        let failed = |source| NodeError::Listen { node, address, source };
        let listener = std::net::TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let listener = TcpListener::from_std(listener).map_err(failed)?;
        self.opened.try_send(Opened { node: id, listener }).map_err(|_| too_many)
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<u16, Option<Address>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
