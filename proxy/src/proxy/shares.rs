//! Budgets of bytes that all connections share, of which one address may hold no more than half.
//!
//! Whoever takes long over what he is given, or asks for much and listens to nothing, would keep the memory from all others
//! otherwise. What an address waits for is its own half first, so that nobody else queues behind it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use firnline_store::{ByteBudget, Reservation};

use super::places::network;

/// A budget.
#[derive(Debug)]
pub(crate) struct Shares {
    all: ByteBudget,
    of_address: u64,
    addresses: Mutex<HashMap<IpAddr, Weak<ByteBudget>>>,
}

/// What the connections of one address may take of it.
#[derive(Debug, Clone)]
pub(crate) struct Share {
    own: Arc<ByteBudget>,
    all: ByteBudget,
}

/// Bytes that were taken; they go back when this is dropped.
#[derive(Debug)]
pub(crate) struct Taken(Box<Parts>);

#[derive(Debug)]
struct Parts {
    own: Reservation,
    all: Reservation,
    /// As long as something is taken the address is known.
    _of: Arc<ByteBudget>,
}

impl Shares {
    pub(crate) fn new(bytes: u64) -> Self {
        let all = ByteBudget::new(bytes);
        Self { of_address: all.total() / 2, all, addresses: Mutex::default() }
    }

    /// The share of an address.
    pub(crate) fn of(&self, address: IpAddr) -> Share {
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        let known = addresses.get(&network(address)).and_then(Weak::upgrade);
        let own = known.unwrap_or_else(|| {
            if addresses.len() == addresses.capacity() {
                // Before it would grow: those that are gone take no place.
                addresses.retain(|_, share| share.strong_count() > 0);
            }
            let own = Arc::new(ByteBudget::new(self.of_address));
            addresses.insert(network(address), Arc::downgrade(&own));
            own
        });
        Share { own, all: self.all.clone() }
    }

    /// The whole budget.
    #[cfg(test)]
    pub(crate) const fn all(&self) -> &ByteBudget {
        &self.all
    }
}

impl Share {
    /// A budget for one address alone.
    #[cfg(test)]
    pub(crate) fn alone(bytes: u64) -> Self {
        Self { own: Arc::new(ByteBudget::new(bytes)), all: ByteBudget::new(bytes) }
    }

    /// Bytes free right now of the address' own.
    #[cfg(test)]
    pub(crate) fn available(&self) -> u64 {
        self.own.available()
    }

    /// Waits until so many bytes are free. Cancel safe.
    pub(crate) async fn take(&self, bytes: u64) -> Taken {
        let own = self.own.reserve(bytes).await;
        let all = self.all.reserve(bytes).await;
        self.taken(own, all)
    }

    /// Takes them if they are free now.
    pub(crate) fn try_take(&self, bytes: u64) -> Option<Taken> {
        let own = self.own.try_reserve(bytes)?;
        let all = self.all.try_reserve(bytes)?;
        Some(self.taken(own, all))
    }

    fn taken(&self, own: Reservation, all: Reservation) -> Taken {
        Taken(Box::new(Parts { own, all, _of: Arc::clone(&self.own) }))
    }

    /// As many of them as are free now, and not fewer than `least`.
    pub(crate) fn try_take_some(&self, bytes: u64, least: u64) -> Option<Taken> {
        let mut wanted = bytes.max(least);
        loop {
            match self.try_take(wanted) {
                None if wanted > least => wanted = (wanted / 2).max(least),
                taken => return taken,
            }
        }
    }
}

impl Taken {
    /// The bytes asked for.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.all.bytes()
    }

    /// Gives back what it holds beyond `bytes`.
    pub(crate) fn shrink_to(&mut self, bytes: u64) {
        self.0.own.shrink_to(bytes);
        self.0.all.shrink_to(bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    const MIB: u64 = 1 << 20;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn one_address_holds_half_and_keeps_nobody_waiting() {
        let shares = Shares::new(8 * MIB);
        let (one, same, other) =
            (shares.of(ip("2001:db8::1")), shares.of(ip("2001:db8::2")), shares.of(ip("192.0.2.1")));
        let held = one.try_take(3 * MIB).unwrap();
        assert!(same.try_take(2 * MIB).is_none(), "the same network has one MiB left");
        let mut waiting = Box::pin(same.take(2 * MIB));
        assert!(timeout(Duration::from_secs(1), &mut waiting).await.is_err());
        let others = other.try_take(4 * MIB).expect("it waits for nobody");
        drop(held);
        let taken = timeout(Duration::from_secs(1), waiting).await.expect("its own came back");
        drop((taken, others));
        assert_eq!(shares.all().available(), 8 * MIB);
    }

    #[test]
    fn what_is_free_is_better_than_nothing_but_not_any_crumb() {
        let share = Share::alone(8 * MIB);
        let held = share.try_take(5 * MIB).unwrap();
        let some = share.try_take_some(8 * MIB, MIB).unwrap();
        assert_eq!(some.bytes(), 2 * MIB);
        let least = share.try_take_some(1, MIB).unwrap();
        assert_eq!(least.bytes(), MIB, "one batch is larger than what little is asked for");
        assert!(share.try_take_some(8 * MIB, MIB).is_none());
        drop((held, some, least));
    }

    #[test]
    fn nothing_is_kept_of_addresses_that_are_gone() {
        let shares = Shares::new(MIB);
        for number in 0..10_000_u32 {
            drop(shares.of(IpAddr::from(number.to_be_bytes())));
        }
        assert!(shares.addresses.lock().unwrap().len() < 100);
    }
}
