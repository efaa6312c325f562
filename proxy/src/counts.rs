//! What a server and a proxy count alike.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::wire::Api;

/// Up to how long answers of each bucket took: a look into memory, a hop within a site, a disk, a far store, a fetch that is
/// held, one that waits for something else.
pub const TOOK_UP_TO: [Duration; 7] = [
    Duration::from_millis(1),
    Duration::from_millis(5),
    Duration::from_millis(25),
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_millis(2500),
    Duration::from_secs(10),
];

/// One kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiCounts {
    /// Which.
    pub api: Api,
    /// How many were answered.
    pub requests: u64,
    /// The time from a whole request to its whole answer, summed. A fetch that is held waits in it.
    pub took: Duration,
    /// How many took up to each time of [`TOOK_UP_TO`], and longer than the one before; those that took longer than all are in
    /// `requests` alone.
    pub took_up_to: [u64; TOOK_UP_TO.len()],
}

/// How often each kind of request was answered, and how long that took.
#[derive(Debug)]
pub(crate) struct Apis(Vec<(Api, Counted)>);

#[derive(Debug, Default)]
struct Counted {
    requests: AtomicU64,
    micros: AtomicU64,
    took_up_to: [AtomicU64; TOOK_UP_TO.len()],
}

impl Apis {
    pub(crate) fn of(apis: impl Iterator<Item = Api>) -> Self {
        Self(apis.map(|api| (api, Counted::default())).collect())
    }

    pub(crate) fn answered(&self, api: Api, took: Duration) {
        if let Some((_, counted)) = self.0.iter().find(|(known, _)| *known == api) {
            add(&counted.requests, 1);
            add(&counted.micros, u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
            let bucket = TOOK_UP_TO.iter().zip(&counted.took_up_to).find(|(most, _)| took <= **most);
            if let Some((_, bucket)) = bucket {
                add(bucket, 1);
            }
        }
    }

    pub(crate) fn snapshot(&self) -> impl Iterator<Item = ApiCounts> {
        self.0.iter().map(|(api, counted)| ApiCounts {
            api: *api,
            requests: told(&counted.requests),
            took: Duration::from_micros(told(&counted.micros)),
            took_up_to: std::array::from_fn(|at| told(&counted.took_up_to[at])),
        })
    }
}

/// Connections: those taken, and those that are open.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    pub(crate) taken: AtomicU64,
    pub(crate) open: AtomicU64,
}

impl Connections {
    /// Counts one for as long as what is given lives.
    pub(crate) fn enter(&self) -> Open<'_> {
        add(&self.taken, 1);
        add(&self.open, 1);
        Open(self)
    }
}

/// An open connection, while it lives.
pub(crate) struct Open<'c>(&'c Connections);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(crate) fn add(counter: &AtomicU64, by: u64) {
    if by > 0 {
        counter.fetch_add(by, Ordering::Relaxed);
    }
}

pub(crate) fn told(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_is_in_the_bucket_of_its_time() {
        let apis = Apis::of([Api::FETCH, Api::METADATA].into_iter());
        for millis in [0, 1, 2, 25, 26, 9_999, 10_000, 10_001] {
            apis.answered(Api::FETCH, Duration::from_millis(millis));
        }
        let told: Vec<_> = apis.snapshot().collect();
        assert_eq!(told[0].took_up_to, [2, 1, 1, 1, 0, 0, 2]);
        assert_eq!((told[0].requests, told[1].requests), (8, 0), "one took longer than all");
        assert_eq!(told[0].took, Duration::from_millis(30_054));
    }
}
