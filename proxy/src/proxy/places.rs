//! How many connections there may be: in all, from one address, and of those that have not got in yet.
//!
//! One has got in once a broker has answered it something else than the list of versions and the steps of a login, or goes on
//! with it after such a request, to which there need not be an answer: until then nobody knows whether it is somebody. Those
//! have fewer places and less time, so that whoever only opens connections takes none from clients. One address holds no more of
//! those than are left for all others, so that it does not keep them out either.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// All places.
#[derive(Debug)]
pub(crate) struct Places {
    all: Arc<Semaphore>,
    entering: Arc<Semaphore>,
    of_address: usize,
    addresses: Mutex<HashMap<IpAddr, Held>>,
}

/// The places that an address holds.
#[derive(Debug, Clone, Copy, Default)]
struct Held {
    all: usize,
    entering: usize,
}

/// The places of one connection, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    address: Option<IpAddr>,
    entering: Mutex<Option<OwnedSemaphorePermit>>,
    entered: watch::Sender<bool>,
    asked: watch::Sender<bool>,
    _one: OwnedSemaphorePermit,
}

impl Places {
    pub(crate) fn new(all: usize, of_address: usize, entering: usize) -> Arc<Self> {
        Arc::new(Self {
            all: Arc::new(Semaphore::new(all)),
            entering: Arc::new(Semaphore::new(entering)),
            of_address,
            addresses: Mutex::default(),
        })
    }

    /// Waits for a place; who comes meanwhile waits in the kernel's queue. Cancel safe.
    pub(crate) async fn next(self: &Arc<Self>) -> Place {
        let one = |semaphore: &Arc<Semaphore>| {
            let semaphore = Arc::clone(semaphore);
            async move { semaphore.acquire_owned().await.expect("the semaphore is never closed") }
        };
        let entering = one(&self.entering).await;
        let one = one(&self.all).await;
        Place {
            places: Arc::clone(self),
            address: None,
            entering: Mutex::new(Some(entering)),
            entered: watch::Sender::new(false),
            asked: watch::Sender::new(false),
            _one: one,
        }
    }
}

impl Place {
    /// Takes one of an address's places; `false` where it has none left.
    pub(crate) fn of(&mut self, address: IpAddr) -> bool {
        let address = network(address);
        let mut addresses = self.places.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        let held = addresses.get(&address).copied().unwrap_or_default();
        // Its own place is taken already.
        let left = self.places.entering.available_permits();
        if held.all >= self.places.of_address || held.entering > left {
            return false;
        }
        addresses.insert(address, Held { all: held.all + 1, entering: held.entering + 1 });
        self.address = Some(address);
        true
    }

    /// It has got in.
    pub(crate) fn enter(&self) {
        if !*self.entered.borrow() {
            self.give_entering();
            self.entered.send_replace(true);
        }
    }

    /// Gives back the place of those that have not got in, where it is held still.
    fn give_entering(&self) {
        let mut addresses = self.places.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        let given = self.entering.lock().unwrap_or_else(PoisonError::into_inner).take();
        if given.is_some()
            && let Some(held) = self.address.and_then(|address| addresses.get_mut(&address))
        {
            held.entering = held.entering.saturating_sub(1);
        }
    }

    /// It has asked a broker for something that a stranger is not given.
    pub(crate) fn ask(&self) {
        if !*self.asked.borrow() {
            self.asked.send_replace(true);
        }
    }

    /// Returns once it has.
    pub(crate) async fn asked(&self) {
        // The sender lives as long as this.
        let _ = self.asked.subscribe().wait_for(|asked| *asked).await;
    }

    /// Returns once it has got in.
    pub(crate) async fn entered(&self) {
        // The sender lives as long as this.
        let _ = self.entered.subscribe().wait_for(|entered| *entered).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.give_entering();
        let Some(address) = self.address else { return };
        let mut addresses = self.places.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        match addresses.get_mut(&address) {
            Some(held) if held.all > 1 => held.all -= 1,
            _ => drop(addresses.remove(&address)),
        }
    }
}

/// An address, or of IPv6 the network that one customer has all of.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    async fn is_full(places: &Arc<Places>) -> bool {
        timeout(Duration::from_secs(1), places.next()).await.is_err()
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_not_got_in_takes_no_place_from_who_has() {
        let places = Places::new(3, 10, 1);
        let first = places.next().await;
        assert!(is_full(&places).await, "one is on its way in");
        first.enter();
        timeout(Duration::from_secs(1), first.entered()).await.unwrap();
        let second = places.next().await;
        second.enter();
        second.enter();
        let third = places.next().await;
        third.enter();
        assert!(is_full(&places).await, "there are three");
        drop(first);
        assert!(!is_full(&places).await);
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_only_comes_keeps_no_other_out() {
        let places = Places::new(1000, 1000, 8);
        let mut held = Vec::new();
        for _ in 0..20 {
            let mut place = timeout(Duration::from_secs(1), places.next()).await.expect("some are left");
            if place.of(ip("192.0.2.1")) {
                held.push(place);
            }
        }
        assert_eq!(held.len(), 4);
        let mut other = timeout(Duration::from_secs(1), places.next()).await.unwrap();
        assert!(other.of(ip("192.0.2.2")));
        held[0].enter();
        let mut more = places.next().await;
        assert!(more.of(ip("192.0.2.1")), "who has got in is counted no more");
        drop((held, other, more));
        assert!(places.addresses.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_has_its_share_and_nothing_is_kept_of_those_that_are_gone() {
        let places = Places::new(10, 2, 10);
        let mut held = Vec::new();
        for _ in 0..2 {
            let mut place = places.next().await;
            assert!(place.of(ip("2001:db8::1")));
            held.push(place);
        }
        let mut refused = places.next().await;
        assert!(!refused.of(ip("2001:db8::2")), "the same network");
        drop(refused);
        let mut other = places.next().await;
        assert!(other.of(ip("192.0.2.1")));
        held.pop();
        let mut next = places.next().await;
        assert!(next.of(ip("2001:db8::3")));
        drop((held, other, next));
        assert!(places.addresses.lock().unwrap().is_empty());
    }
}
