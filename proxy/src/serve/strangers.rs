//! Connections of which nobody knows yet who they are: they have places of their own, so that whoever connects and says nothing
//! takes none from those who have logged in, and gives way to whoever comes after him.
//!
//! ```text
//!  accept ──► a stranger's place ──TLS, login──► a slot ──► requests
//!                 │ all taken: the oldest stranger of the address that has most of them is cut off
//! ```

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::login::network;

/// The places of all strangers.
#[derive(Debug)]
pub(crate) struct Strangers {
    most: usize,
    /// Slots of those who are known.
    slots: Arc<Semaphore>,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    /// How many came so far: the lower the number, the longer he is here.
    came: u64,
    by_number: BTreeMap<u64, (IpAddr, oneshot::Sender<()>)>,
}

/// One connection's way from a stranger's place to a slot.
#[derive(Debug)]
pub(crate) enum Gate {
    /// Nobody has to say who he is.
    Open { _slot: OwnedSemaphorePermit },
    /// It is not known who comes.
    Closed(Stranger),
}

/// A stranger's place; given back when dropped.
#[derive(Debug)]
pub(crate) struct Stranger {
    strangers: Arc<Strangers>,
    number: u64,
    gives_way: oneshot::Receiver<()>,
}

/// A stranger whose place somebody else needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nobody had logged in, and too many others came")]
pub(crate) struct GaveWay;

impl Strangers {
    /// At most so many at once; one at least, or nobody could ever log in.
    pub(crate) fn new(most: usize, slots: Arc<Semaphore>) -> Arc<Self> {
        Arc::new(Self { most: most.max(1), slots, inside: Mutex::default() })
    }

    /// A place for whoever comes from an address. Another one may have to give way.
    pub(crate) fn enter(self: &Arc<Self>, from: IpAddr) -> Stranger {
        let (cut, gives_way) = oneshot::channel();
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        if inside.by_number.len() >= self.most
            && let Some((_, cut)) = inside.first_to_go().and_then(|first| inside.by_number.remove(&first))
        {
            // Who has left meanwhile has given back his place already.
            let _ = cut.send(());
        }
        inside.came += 1;
        let number = inside.came;
        inside.by_number.insert(number, (network(from), cut));
        Stranger { strangers: Arc::clone(self), number, gives_way }
    }
}

impl Inside {
    /// The oldest of the address that has most, of equals the one who came first.
    fn first_to_go(&self) -> Option<u64> {
        let mut of_address: HashMap<IpAddr, (usize, u64)> = HashMap::new();
        for (number, (address, _)) in self.by_number.iter().rev() {
            let (count, oldest) = of_address.entry(*address).or_default();
            (*count, *oldest) = (*count + 1, *number);
        }
        let goes =
            of_address.into_values().max_by_key(|(count, oldest)| (*count, std::cmp::Reverse(*oldest)));
        goes.map(|(_, oldest)| oldest)
    }
}

impl Gate {
    /// Goes on with what has to be done before it is known who comes, unless his place is needed.
    pub(crate) async fn within<T>(&mut self, work: impl Future<Output = T>) -> Result<T, GaveWay> {
        match self {
            Self::Open { .. } => Ok(work.await),
            Self::Closed(stranger) => tokio::select! {
                // What is done counts, even if the place was needed in the same moment.
                biased;
                done = work => Ok(done),
                _ = &mut stranger.gives_way => Err(GaveWay),
            },
        }
    }

    /// It is known who comes: his place is free for the next as soon as there is a slot for him.
    pub(crate) async fn pass(&mut self) -> Result<(), GaveWay> {
        let slots = match self {
            Self::Open { .. } => return Ok(()),
            Self::Closed(stranger) => Arc::clone(&stranger.strangers.slots),
        };
        let slot = self.within(slots.acquire_owned()).await?.map_err(|_| GaveWay)?;
        *self = Self::Open { _slot: slot };
        Ok(())
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let mut inside = self.strangers.inside.lock().unwrap_or_else(PoisonError::into_inner);
        inside.by_number.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn is_cut(stranger: &mut Stranger) -> bool {
        stranger.gives_way.try_recv().is_ok()
    }

    fn strangers(most: usize) -> Arc<Strangers> {
        Strangers::new(most, Arc::new(Semaphore::new(1)))
    }

    #[test]
    fn the_oldest_of_the_address_that_has_most_goes_first() {
        let strangers = strangers(4);
        let mut honest = strangers.enter(ip(1));
        let mut many: Vec<Stranger> = (0..3).map(|_| strangers.enter(ip(2))).collect();
        let mut other = strangers.enter(ip(3));
        assert!(!is_cut(&mut honest) && !is_cut(&mut other), "though one of them came first");
        assert_eq!(many.iter_mut().map(is_cut).collect::<Vec<_>>(), [true, false, false]);
        let _next = strangers.enter(ip(4));
        assert_eq!(many.iter_mut().skip(1).map(is_cut).collect::<Vec<_>>(), [true, false]);
        let _last = strangers.enter(ip(5));
        assert!(is_cut(&mut honest), "of equals the oldest");
    }

    #[test]
    fn a_place_is_free_once_it_is_left() {
        let strangers = strangers(2);
        let mut first = strangers.enter(ip(1));
        for number in 0..100 {
            let _gone = strangers.enter(ip(number));
        }
        assert!(!is_cut(&mut first));
        assert_eq!(strangers.inside.lock().unwrap().by_number.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_known_waits_for_a_slot_as_a_stranger() {
        let strangers = strangers(1);
        let mut known = Gate::Closed(strangers.enter(ip(1)));
        known.pass().await.unwrap();
        let mut waits = Gate::Closed(strangers.enter(ip(1)));
        assert!(tokio::time::timeout(std::time::Duration::from_secs(9), waits.pass()).await.is_err());
        let _newer = strangers.enter(ip(1));
        assert_eq!(waits.pass().await, Err(GaveWay));
        drop(known);
        let mut next = Gate::Closed(strangers.enter(ip(1)));
        next.pass().await.unwrap();
    }
}
