//! The nodes of the cluster: where each one is, and how it is reached here: by a port of its own, or by a name of its own on
//! the one port that there is.
//!
//! A node's port lies as far above the base as its id says, so that every proxy of a cluster, and the same one after a new
//! start, gives it the same. It is opened when the node is first told of, before the answer that tells of it goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::names::NodeNames;
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

/// How nodes are told apart.
#[derive(Debug)]
pub(crate) enum Ways {
    /// By ports above a base, on this address, under this host.
    Ports { host: Arc<str>, ip: IpAddr, base: u16 },
    /// By names, on this port.
    Names { names: NodeNames, port: u16 },
}

/// How a node is reached here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reached {
    pub(crate) host: Arc<str>,
    pub(crate) port: u16,
}

/// All nodes that were told of.
#[derive(Debug)]
pub(crate) struct Nodes {
    ways: Ways,
    limit: usize,
    known: Mutex<BTreeMap<u16, Known>>,
    /// Those that cannot be reached, and were named.
    unreached: Mutex<BTreeSet<i32>>,
    opened: mpsc::Sender<Opened>,
}

#[derive(Debug)]
struct Known {
    reached: Reached,
    /// Where it was last said to be.
    address: Option<Address>,
}

impl Nodes {
    /// None yet. Ports that are opened go to the other end.
    pub(crate) fn new(ways: Ways, limit: usize) -> (Self, mpsc::Receiver<Opened>) {
        // One place for each node that may be, so that sending never waits.
        let (opened, ports) = mpsc::channel(limit.max(1));
        (Self { ways, limit, known: Mutex::default(), unreached: Mutex::default(), opened }, ports)
    }

    /// How a node is reached that was said to be at an address, which is learned; its port is open then. One that cannot be
    /// reached is named once, until it can.
    pub(crate) fn learn(&self, node: i32, host: &str, port: i32) -> Result<Reached, NodeError> {
        let learned = self.try_learn(node, host, port);
        let mut unreached = self.unreached.lock().unwrap_or_else(PoisonError::into_inner);
        match &learned {
            Ok(_) => drop(unreached.remove(&node)),
            Err(error) if unreached.len() < self.limit.max(1) && unreached.insert(node) => {
                say(node, host, port, error)
            }
            Err(_) => {}
        }
        learned
    }

    fn try_learn(&self, node: i32, host: &str, port: i32) -> Result<Reached, NodeError> {
        let id = u16::try_from(node).map_err(|_| self.no_port(node))?;
        let port = u16::try_from(port).map_err(|_| NodeError::Address { node, port })?;
        let mut known = self.known();
        match known.get_mut(&id) {
            Some(Known { reached, address: Some(address) })
                if *address.host == *host && address.port == port =>
            {
                Ok(reached.clone())
            }
            Some(Known { reached, address }) => {
                *address = Some(Address { host: host.into(), port });
                Ok(reached.clone())
            }
            None => {
                let reached = self.open(&known, id)?;
                let address = Some(Address { host: host.into(), port });
                known.insert(id, Known { reached: reached.clone(), address });
                tracing::info!(node, host, port, own_host = %reached.host, own_port = reached.port,
                    "a node is reached through the proxy");
                Ok(reached)
            }
        }
    }

    /// Opens the port of a node that nobody has told of yet.
    pub(crate) fn expect(&self, id: u16) -> Result<(), NodeError> {
        let mut known = self.known();
        if !known.contains_key(&id) {
            let reached = self.open(&known, id)?;
            known.insert(id, Known { reached, address: None });
        }
        Ok(())
    }

    /// Where a node was last said to be.
    pub(crate) fn upstream(&self, id: u16) -> Option<Address> {
        self.known().get(&id)?.address.clone()
    }

    /// The node that a client means that called this name.
    pub(crate) fn named(&self, name: &str) -> Option<u16> {
        match &self.ways {
            Ways::Ports { .. } => None,
            Ways::Names { names, .. } => names.node(name),
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.known().len()
    }

    const fn no_port(&self, node: i32) -> NodeError {
        let base = match self.ways {
            Ways::Ports { base, .. } => base,
            Ways::Names { .. } => 0,
        };
        NodeError::Port { node, base }
    }

    /// Makes a way to a node that has none.
    fn open(&self, known: &BTreeMap<u16, Known>, id: u16) -> Result<Reached, NodeError> {
        let node = i32::from(id);
        let too_many = NodeError::TooMany { node, limit: self.limit };
        if known.len() >= self.limit {
            return Err(too_many);
        }
        let (host, ip, base) = match &self.ways {
            Ways::Names { names, port } => return Ok(Reached { host: names.of(id), port: *port }),
            Ways::Ports { host, ip, base } => (host, *ip, *base),
        };
        let port = base.checked_add(id).ok_or(NodeError::Port { node, base })?;
        let address = SocketAddr::new(ip, port);
        let failed = |source| NodeError::Listen { node, address, source };
        let listener = std::net::TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let listener = TcpListener::from_std(listener).map_err(failed)?;
        self.opened.try_send(Opened { node: id, listener }).map_err(|_| too_many)?;
        Ok(Reached { host: Arc::clone(host), port })
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<u16, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn say(node: i32, host: &str, port: i32, error: &NodeError) {
    let own = match error {
        NodeError::Listen { address, .. } => address.to_string(),
        _ => "none".to_owned(),
    };
    let cause = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    tracing::error!(
        node, broker = %format_args!("{host}:{port}"), own, cause,
        "a node cannot be reached through the proxy; clients that are told of it are let go until it can"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_node_whose_port_is_taken_is_told_so_and_reached_once_it_is_free() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let ways = Ways::Ports { host: "proxy".into(), ip: [127, 0, 0, 1].into(), base: port };
        let (nodes, _opened) = Nodes::new(ways, 4);
        for _ in 0..2 {
            let error = nodes.learn(0, "broker", 9092).unwrap_err();
            assert!(matches!(error, NodeError::Listen { node: 0, address, .. } if address.port() == port));
            assert_eq!(*nodes.unreached.lock().unwrap(), BTreeSet::from([0]));
        }
        drop(taken);
        assert_eq!(nodes.learn(0, "broker", 9092).unwrap().port, port);
        assert!(nodes.unreached.lock().unwrap().is_empty(), "it is named anew where it is lost again");
    }
}
