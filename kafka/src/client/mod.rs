//! All brokers of a cluster: whom to ask, over which connection.
//!
//! One connection per broker, opened when first needed, kept, used by one request at a time; at most a set number in all.
//! A broker that cannot be reached is left alone for a jittered, doubling while, and answers its last error meanwhile.
//! Retried is one thing only: the first request on a connection that had idled, which the broker may have closed.

mod lease;
mod slots;
#[cfg(test)]
mod tests;

pub use lease::Lease;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use firnline_index::NodeId;
use firnline_store::env::{Random, RandomExt};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use kafka_protocol::protocol::StrBytes;
use tokio::sync::Semaphore;

use crate::address::Address;
use crate::connection::Opener;
use crate::counts::Counts;
use crate::error::RequestError;
use crate::requests::Question;
use crate::requests::cluster::{ClusterView, DescribeCluster};
use crate::settings::{ClientSettings, SettingsError};
use slots::{Slot, Slots};

/// How many brokers are tried before a question that any of them could answer is given up.
const ATTEMPTS: usize = 3;

/// Asks the brokers of one cluster. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct Client(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    opener: Opener,
    bootstrap: Vec<Address>,
    request_timeout: Duration,
    max_backoff: Duration,
    permits: Arc<Semaphore>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    cluster_id: Option<String>,
    nodes: BTreeMap<NodeId, Address>,
    slots: Slots,
    /// Whom any question goes to first.
    favourite: Option<Address>,
}

impl Client {
    /// A client that opens its first connection with its first request. `random` gives nonces and jitter.
    ///
    /// # Errors
    /// Where the settings name no broker, or a limit of nothing.
    pub fn new(settings: ClientSettings, random: Arc<dyn Random>) -> Result<Self, SettingsError> {
        settings.check()?;
        let opener = Opener {
            security: settings.security,
            cluster_id: settings.cluster_id,
            client_id: StrBytes::from_string(settings.client_id),
            limit: settings.max_answer_bytes,
            timeout: settings.connect_timeout,
            counts: Arc::new(Counts::default()),
            random,
        };
        Ok(Self(Arc::new(Shared {
            opener,
            bootstrap: settings.bootstrap,
            request_timeout: settings.request_timeout,
            max_backoff: settings.max_backoff,
            permits: Arc::new(Semaphore::new(settings.max_connections.min(Semaphore::MAX_PERMITS))),
            known: Mutex::default(),
        })))
    }

    /// The requests made so far.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.0.opener.counts
    }

    /// For how long questions have waited without an answer of any broker; `None` where none waits.
    #[must_use]
    pub fn silent_for(&self) -> Option<Duration> {
        self.counts().silence.lasts()
    }

    /// Asks all brokers at once whether they are there, until one answers. Gives whether one did.
    pub async fn is_there(&self) -> bool {
        let mut addresses = self.candidates();
        let ask = |address| async move { self.lease_at(address).await?.ask(&DescribeCluster).await };
        let mut asked: FuturesUnordered<_> = addresses.drain(..).map(ask).collect();
        while let Some(answer) = asked.next().await {
            if answer.is_ok() {
                return true;
            }
        }
        false
    }

    /// The brokers as last told. Makes no request; empty before the first.
    #[must_use]
    pub fn brokers(&self) -> Vec<(NodeId, Address)> {
        self.known().nodes.iter().map(|(node, address)| (*node, address.clone())).collect()
    }

    /// The cluster's id as last told. Makes no request.
    #[must_use]
    pub fn cluster_id(&self) -> Option<String> {
        self.known().cluster_id.clone()
    }

    /// The connection to one broker, for requests that must follow one another on it. At most a new connection; a
    /// DescribeCluster where the node is not known.
    ///
    /// # Errors
    /// Where the broker cannot be reached, refuses us, or is not in the cluster.
    pub async fn lease(&self, node: NodeId) -> Result<Lease, RequestError> {
        if self.address_of(node).is_none() {
            self.refresh().await?;
        }
        let address = self.address_of(node).ok_or(RequestError::NoSuchNode { node })?;
        self.lease_at(address).await
    }

    /// Asks for the cluster's brokers anew.
    ///
    /// # Errors
    /// Where no broker answers.
    pub async fn refresh(&self) -> Result<(), RequestError> {
        let view = self.ask_any(&DescribeCluster).await?;
        self.learn(view);
        Ok(())
    }

    /// Asks a broker that can be reached; another one where it does not answer.
    pub(crate) async fn ask_any<Q: Question>(&self, question: &Q) -> Result<Q::Answer, RequestError> {
        let mut attempt = 1;
        loop {
            let asked = match self.lease_any().await {
                Ok(mut lease) => lease.ask(question).await,
                Err(error) => return Err(error),
            };
            match asked {
                Err(error) if error.is_of_one_broker() && attempt < ATTEMPTS => attempt += 1,
                asked => return asked,
            }
        }
    }

    /// Asks different brokers at once, at most `brokers`; others stand in for those that do not answer. The answers of
    /// those that did. No broker's connection is held while another's is waited for.
    pub(crate) async fn ask_several<Q: Question + Sync>(
        &self,
        question: &Q,
        brokers: usize,
    ) -> Result<Vec<Q::Answer>, RequestError> {
        if self.known().nodes.is_empty() {
            self.refresh().await?;
        }
        let mut addresses: Vec<Address> = self.known().nodes.values().cloned().collect();
        self.shuffle(&mut addresses);
        let ask = |address| async move { self.lease_at(address).await?.ask(question).await };
        let (mut answers, mut trouble) = (Vec::new(), None);
        let mut asked = FuturesUnordered::new();
        let mut rest = addresses.into_iter();
        asked.extend(rest.by_ref().take(brokers).map(ask));
        while let Some(answer) = asked.next().await {
            match answer {
                Ok(answer) => answers.push(answer),
                Err(error) => {
                    trouble = Some(error);
                    asked.extend(rest.next().map(ask));
                }
            }
        }
        match trouble {
            Some(error) if answers.is_empty() => Err(error),
            _ => Ok(answers),
        }
    }

    async fn lease_any(&self) -> Result<Lease, RequestError> {
        let mut trouble = None;
        for address in self.candidates() {
            match self.lease_at(address.clone()).await {
                Ok(lease) => {
                    self.known().favourite = Some(address);
                    return Ok(lease);
                }
                Err(error) if error.is_of_one_broker() => trouble = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(trouble
            .expect("there is at least one bootstrap broker, and each candidate gives a lease or an error"))
    }

    async fn lease_at(&self, address: Address) -> Result<Lease, RequestError> {
        let slot = self.known().slots.at(&address);
        Lease::take(self.clone(), slot).await
    }

    /// Whom to try, in order: the favourite, the known brokers in any order, then the bootstrap brokers.
    fn candidates(&self) -> Vec<Address> {
        let (favourite, mut others) = {
            let known = self.known();
            (known.favourite.clone(), known.nodes.values().cloned().collect::<Vec<_>>())
        };
        self.shuffle(&mut others);
        let mut bootstrap = self.0.bootstrap.clone();
        self.shuffle(&mut bootstrap);
        let mut candidates: Vec<Address> = Vec::new();
        for address in favourite.into_iter().chain(others).chain(bootstrap) {
            if !candidates.contains(&address) {
                candidates.push(address);
            }
        }
        candidates
    }

    fn shuffle(&self, addresses: &mut [Address]) {
        for at in (1..addresses.len()).rev() {
            let other = self.0.opener.random.below(at as u64 + 1);
            addresses.swap(at, usize::try_from(other).unwrap_or(at));
        }
    }

    fn address_of(&self, node: NodeId) -> Option<Address> {
        self.known().nodes.get(&node).cloned()
    }

    /// Takes note of the brokers as one of them tells them. Connections to others are closed.
    pub(crate) fn learn(&self, view: ClusterView) {
        if view.brokers.is_empty() {
            return;
        }
        let mut known = self.known();
        known.cluster_id = Some(view.cluster_id);
        known.nodes = view.brokers.into_iter().collect();
        let keep: Vec<Address> = known.nodes.values().chain(&self.0.bootstrap).cloned().collect();
        known.slots.keep(&keep);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the favourite should be another one: it did not answer.
    fn disfavour(&self, address: &Address) {
        let mut known = self.known();
        if known.favourite.as_ref() == Some(address) {
            known.favourite = None;
        }
    }

    /// A right to one more connection; the one that has idled longest is closed for it where there are too many.
    async fn permit(&self) -> Option<tokio::sync::OwnedSemaphorePermit> {
        if let Ok(permit) = self.0.permits.clone().try_acquire_owned() {
            return Some(permit);
        }
        self.known().slots.close_idlest();
        self.0.permits.clone().acquire_owned().await.ok()
    }
}
