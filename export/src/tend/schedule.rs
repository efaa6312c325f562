//! When what is done: a pure decision from what is known without a request and the clock.
//!
//! ```text
//!  between rounds ─► due(standing, now) ─► look? ── all manifests ─► compact? merge manifests?
//!                                       └► expire?   orphans?
//! ```
//!
//! Nothing grows for ever by default: files are put together, deletes applied, manifests merged, snapshots expired, and what
//! nobody names is removed. What was done last is remembered in memory only; after a restart looking comes early, which costs
//! a listing at most.

use std::time::Duration;

use super::settings::TendSettings;

/// What a table's metadata says by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// When each snapshot was made, in milliseconds since 1970, in any order.
    pub snapshots_ms: Vec<i64>,
    /// The snapshot that is current.
    pub current: Option<i64>,
}

/// Something to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Duty {
    /// Look at all files; put small ones together, apply deletes, merge manifests as it turns out.
    Look,
    /// Let old snapshots go.
    Expire,
    /// Remove files that nobody names.
    Orphans,
}

/// What was done, and when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schedule {
    looked_ms: Option<i64>,
    /// The snapshot that was current at the last look.
    looked_at: Option<i64>,
    orphans_ms: Option<i64>,
}

/// More than this many snapshots that could go, and they go: an expiry writes metadata itself.
const EXPIRE_AT_ONCE: usize = 10;

impl Schedule {
    /// Nothing was done yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What is to be done now, in this order.
    #[must_use]
    pub fn due(&self, standing: &Standing, settings: &TendSettings, now_ms: i64) -> Vec<Duty> {
        let mut duties = Vec::new();
        let changed =
            standing.current != self.looked_at && passed(self.looked_ms, settings.look_interval, now_ms);
        // What was still written at the last look may not be any more.
        let closed = passed(self.looked_ms, settings.closed_after, now_ms);
        if standing.current.is_some() && (changed || closed) {
            duties.push(Duty::Look);
        }
        let old = expirable(standing, settings, now_ms);
        let total = standing.snapshots_ms.len();
        // A quiet table lets its few old ones go with its next commits; a busy one ten at a time.
        if old >= EXPIRE_AT_ONCE || total > settings.max_snapshots {
            duties.push(Duty::Expire);
        }
        if passed(self.orphans_ms, settings.orphan_interval, now_ms) {
            duties.push(Duty::Orphans);
        }
        duties
    }

    /// Remembers a look at the table whose snapshot was `current`.
    pub fn looked(&mut self, now_ms: i64, current: Option<i64>) {
        self.looked_ms = Some(now_ms);
        self.looked_at = current;
    }

    /// Remembers a removal of orphans.
    pub fn removed_orphans(&mut self, now_ms: i64) {
        self.orphans_ms = Some(now_ms);
    }

    /// Waits a whole interval with the first removal of orphans: for jobs that are started often.
    #[must_use]
    pub fn without_orphans_at_start(mut self, now_ms: i64) -> Self {
        self.orphans_ms = Some(now_ms);
        self
    }
}

/// Whether an interval is over. A clock that was set back counts as over: what is due is done rather once too often.
fn passed(last_ms: Option<i64>, interval: Duration, now_ms: i64) -> bool {
    let interval = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX);
    last_ms.is_none_or(|last| now_ms < last || now_ms.saturating_sub(last) >= interval)
}

/// How old a snapshot may get, so that at most [`TendSettings::max_snapshots`] stay.
pub(super) fn max_age(standing: &Standing, settings: &TendSettings, now_ms: i64) -> Duration {
    let mut newest_first = standing.snapshots_ms.clone();
    newest_first.sort_unstable_by_key(|at| std::cmp::Reverse(*at));
    let beyond = newest_first.get(settings.max_snapshots).copied();
    let limit =
        beyond.map(|at| u64::try_from(now_ms.saturating_sub(at)).unwrap_or(0)).map(Duration::from_millis);
    limit.map_or(settings.max_snapshot_age, |limit| limit.min(settings.max_snapshot_age))
}

fn expirable(standing: &Standing, settings: &TendSettings, now_ms: i64) -> usize {
    let age = i64::try_from(max_age(standing, settings, now_ms).as_millis()).unwrap_or(i64::MAX);
    let old = standing.snapshots_ms.iter().filter(|at| now_ms.saturating_sub(**at) >= age).count();
    old.min(standing.snapshots_ms.len().saturating_sub(settings.keep_snapshots))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn standing(count: i64, every_ms: i64, now: i64) -> Standing {
        let snapshots_ms = (0..count).map(|n| now - n * every_ms).collect();
        Standing { snapshots_ms, current: Some(count) }
    }

    #[test]
    fn a_look_comes_after_its_interval_and_only_if_something_changed() {
        let settings = TendSettings::default();
        let now = 1_000_000 * HOUR;
        let table = standing(3, HOUR, now);
        let mut schedule = Schedule::new().without_orphans_at_start(now);
        assert_eq!(schedule.due(&table, &settings, now), [Duty::Look]);
        schedule.looked(now, table.current);
        assert_eq!(schedule.due(&table, &settings, now + HOUR), []);
        let grown = Standing { current: Some(4), ..table };
        assert_eq!(schedule.due(&grown, &settings, now + 1000), [], "too soon");
        assert_eq!(schedule.due(&grown, &settings, now + HOUR), [Duty::Look]);
        assert_eq!(schedule.due(&grown, &settings, now - HOUR)[0], Duty::Look, "a clock set back");
        let quiet = Standing { current: Some(3), ..grown };
        assert_eq!(
            schedule.due(&quiet, &settings, now + 6 * HOUR),
            [Duty::Look],
            "its partitions are closed by now"
        );
    }

    #[test]
    fn snapshots_go_by_age_but_never_the_newest_ones() {
        let settings = TendSettings::default();
        let now = 1_000_000 * HOUR;
        let due = |table: &Standing| Schedule::new().without_orphans_at_start(now).due(table, &settings, now);
        assert!(!due(&standing(90, 24 * HOUR, now)).contains(&Duty::Expire), "all of them are kept");
        assert!(due(&standing(111, 24 * HOUR, now)).contains(&Duty::Expire));
        assert!(!due(&standing(900, 1000, now)).contains(&Duty::Expire), "none is old");
    }

    #[test]
    fn too_many_snapshots_go_however_young() {
        let settings = TendSettings::default();
        let now = 1_000_000 * HOUR;
        let table = standing(1500, 1000, now);
        let due = Schedule::new().without_orphans_at_start(now).due(&table, &settings, now);
        assert!(due.contains(&Duty::Expire));
        assert_eq!(max_age(&table, &settings, now), Duration::from_secs(1000));
        assert_eq!(max_age(&standing(5, 1000, now), &settings, now), settings.max_snapshot_age);
    }

    #[test]
    fn orphans_are_looked_for_once_an_interval() {
        let settings = TendSettings::default();
        let now = 1_000_000 * HOUR;
        let table = standing(1, HOUR, now);
        let mut schedule = Schedule::new();
        assert!(schedule.due(&table, &settings, now).contains(&Duty::Orphans));
        schedule.removed_orphans(now);
        assert!(!schedule.due(&table, &settings, now + HOUR).contains(&Duty::Orphans));
        assert!(schedule.due(&table, &settings, now + 24 * HOUR).contains(&Duty::Orphans));
    }
}
