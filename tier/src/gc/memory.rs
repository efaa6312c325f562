//! What would not go: so that a bucket that keeps everything does not make gc try the same again each hour.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// The most keys remembered. Beyond it the oldest are forgotten, and tried again.
const REMEMBERED: usize = 10_000;
/// How long an object that would not go is left alone.
const LEFT_ALONE: Duration = Duration::from_secs(24 * 3600);

/// What one process remembers of what it deleted and what refused to go. In memory only: a new process tries each
/// once more.
#[derive(Debug, Default)]
pub struct GcMemory {
    stubborn: HashMap<String, Instant>,
    /// What was deleted, as it was listed: seen again unchanged, it was not.
    deleted: HashMap<String, (Option<i64>, Instant)>,
}

impl GcMemory {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many objects would not go and are left alone.
    #[must_use]
    pub fn stubborn(&self) -> usize {
        self.stubborn.values().filter(|since| since.elapsed() < LEFT_ALONE).count()
    }

    pub(super) fn deleted(&mut self, key: &str, last_modified_ms: Option<i64>) {
        self.stubborn.remove(key);
        if self.deleted.len() >= REMEMBERED {
            keep_newer_half(&mut self.deleted, |(_, at)| *at);
        }
        self.deleted.insert(key.to_owned(), (last_modified_ms, Instant::now()));
    }

    pub(super) fn refused(&mut self, key: &str) {
        if self.stubborn.len() >= REMEMBERED {
            keep_newer_half(&mut self.stubborn, |at| *at);
        }
        self.stubborn.insert(key.to_owned(), Instant::now());
    }

    /// Whether a listed object is to be left alone: it refused to go not long ago, or was deleted and is there again as it
    /// was, as buckets with object lock, or with a gateway that answers before it knows, show it.
    pub(super) fn leave_alone(&mut self, key: &str, last_modified_ms: i64) -> bool {
        if let Some((known, at)) = self.deleted.get(key)
            && known.is_none_or(|known| known == last_modified_ms)
        {
            let at = *at;
            self.deleted.remove(key);
            self.refused(key);
            // From when it was deleted, not from now: else it would never be tried again.
            self.stubborn.insert(key.to_owned(), at);
        }
        self.stubborn.get(key).is_some_and(|since| since.elapsed() < LEFT_ALONE)
    }
}

fn keep_newer_half<V>(map: &mut HashMap<String, V>, at: impl Fn(&V) -> Instant) {
    let mut times: Vec<Instant> = map.values().map(&at).collect();
    let middle = times.len() / 2;
    if middle < times.len() {
        let (_, median, _) = times.select_nth_unstable(middle);
        let median = *median;
        map.retain(|_, value| at(value) > median);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_comes_back_unchanged_is_left_alone_for_a_day() {
        let mut memory = GcMemory::new();
        assert!(!memory.leave_alone("a", 5));
        memory.deleted("a", Some(5));
        assert!(!memory.leave_alone("a", 6), "another object under the key");
        assert!(memory.leave_alone("a", 5));
        assert!(memory.leave_alone("a", 5), "asked again");
        assert_eq!(memory.stubborn(), 1);
        tokio::time::advance(LEFT_ALONE).await;
        assert!(!memory.leave_alone("a", 5));
        memory.refused("b");
        assert!(memory.leave_alone("b", 1));
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded() {
        let mut memory = GcMemory::new();
        for n in 0..3 * REMEMBERED {
            memory.refused(&n.to_string());
            memory.deleted(&format!("d{n}"), None);
            if n % 100 == 0 {
                tokio::time::advance(Duration::from_millis(1)).await;
            }
        }
        assert!(memory.stubborn.len() <= REMEMBERED && memory.deleted.len() <= REMEMBERED);
        assert!(memory.leave_alone(&(3 * REMEMBERED - 1).to_string(), 0), "the newest is remembered");
    }
}
