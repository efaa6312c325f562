//! How fast passwords can be tried.
//!
//! An attempt that fails keeps one of its address's few places for a second. So whoever guesses gets a few guesses a second
//! from an address, and others behind the same address get their turn in between: nobody is locked out.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Attempts of one address at once.
const OF_ADDRESS: usize = 4;
/// Passwords that are hashed at once, over all addresses: each takes a thread for milliseconds.
const HASHED: usize = 2;
/// How long one that failed keeps its place.
pub(super) const PENALTY: Duration = Duration::from_secs(1);

/// The places of all addresses.
#[derive(Debug)]
pub(super) struct Attempts {
    places: Mutex<HashMap<IpAddr, Arc<Semaphore>>>,
    hashing: Arc<Semaphore>,
}

/// A place; given back when dropped.
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    attempts: &'a Attempts,
    address: IpAddr,
    permit: Option<OwnedSemaphorePermit>,
}

impl Attempts {
    pub(super) fn new() -> Self {
        Self { places: Mutex::default(), hashing: Arc::new(Semaphore::new(HASHED)) }
    }

    /// Waits for a place of an address. Cancel safe.
    pub(super) async fn begin(&self, address: IpAddr) -> Attempt<'_> {
        let address = network(address);
        let places = {
            let mut all = self.places.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(address).or_insert_with(|| Arc::new(Semaphore::new(OF_ADDRESS))))
        };
        let mut attempt = Attempt { attempts: self, address, permit: None };
        attempt.permit = places.acquire_owned().await.ok();
        attempt
    }

    /// Waits for a place to hash in. It goes along with the work.
    pub(super) async fn hashing(&self) -> OwnedSemaphorePermit {
        Arc::clone(&self.hashing).acquire_owned().await.expect("the semaphore is never closed")
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.permit = None;
        let mut all = self.attempts.places.lock().unwrap_or_else(PoisonError::into_inner);
        // The last one that has to do with an address; who waits for a place holds a share of it, too.
        if all.get(&self.address).is_some_and(|places| Arc::strong_count(places) == 1) {
            all.remove(&self.address);
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
    use tokio::time::{sleep, timeout};

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_has_few_places_and_others_have_theirs() {
        let attempts = Attempts::new();
        let mut held = Vec::new();
        for _ in 0..OF_ADDRESS {
            held.push(attempts.begin(ip("192.0.2.1")).await);
        }
        assert!(timeout(PENALTY, attempts.begin(ip("192.0.2.1"))).await.is_err());
        assert!(timeout(PENALTY, attempts.begin(ip("::ffff:192.0.2.1"))).await.is_err(), "the same one");
        let _other = attempts.begin(ip("192.0.2.2")).await;
        held.pop();
        let _next = attempts.begin(ip("192.0.2.1")).await;
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_guess_gets_his_turn() {
        let attempts = Attempts::new();
        let guess = async || loop {
            let _place = attempts.begin(ip("192.0.2.1")).await;
            sleep(PENALTY).await;
        };
        let honest = async {
            sleep(PENALTY / 2).await;
            timeout(PENALTY * 3, attempts.begin(ip("192.0.2.1"))).await.is_ok()
        };
        let guessing = async { tokio::join!(guess(), guess(), guess(), guess(), guess(), guess()) };
        tokio::select! {
            _ = guessing => unreachable!("they never end"),
            got = honest => assert!(got),
        }
    }

    #[tokio::test]
    async fn nothing_is_kept_of_addresses_that_are_gone() {
        let attempts = Attempts::new();
        for number in 0..1000_u32 {
            let _place = attempts.begin(IpAddr::V4(number.into())).await;
        }
        let one = attempts.begin(ip("2001:db8::1")).await;
        assert_eq!(network(ip("2001:db8::1")), network(ip("2001:db8::2")));
        assert_eq!(attempts.places.lock().unwrap().len(), 1);
        drop(one);
        assert!(attempts.places.lock().unwrap().is_empty());
    }
}
