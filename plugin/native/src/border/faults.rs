//! Panics on demand, in debug builds alone: to show in a real broker that none of them takes it down.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Methods, and how often each still panics; `None` is always.
#[derive(Debug)]
pub(super) struct Faults(Mutex<BTreeMap<String, Option<u32>>>);

impl Faults {
    pub(super) const fn none() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    /// `METHOD` or `METHOD:TIMES`, parted by commas; nothing is none.
    pub(super) fn arm(&self, methods: Option<&str>) {
        let one = |part: &str| match part.split_once(':') {
            Some((method, times)) => (method.to_owned(), times.parse().ok()),
            None => (part.to_owned(), None),
        };
        *self.armed() = methods.into_iter().flat_map(|all| all.split(',')).map(one).collect();
    }

    /// Panics, where that was asked for.
    pub(super) fn strike(&self, method: &str) {
        let struck = match self.armed().get_mut(method) {
            None | Some(Some(0)) => false,
            Some(None) => true,
            Some(Some(left)) => {
                *left -= 1;
                true
            }
        };
        assert!(!struck, "a fault was asked for in {method}");
    }

    fn armed(&self) -> MutexGuard<'_, BTreeMap<String, Option<u32>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
