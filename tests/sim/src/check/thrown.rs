//! Finished uploads that were thrown away: each reason must have been there to be given.

use firnline_offloader::sidecar::Thrown;

use super::{Counts, Watch};
use crate::seams::{TWIN, World};

/// What had happened to the tier when peace came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peace {
    since_ms: i64,
    counts: Counts,
}

/// What was begun in trouble ends in peace; so long it may.
const SETTLING_MS: i64 = 900_000;

impl Watch {
    /// Nothing goes wrong any more.
    pub fn peace(&self, now_ms: i64) {
        let mut seen = self.seen();
        seen.peace = Some(Peace { since_ms: now_ms, counts: seen.counts });
    }

    /// The sidecar of `node` threw away so many more finished uploads.
    pub fn threw(&self, world: &World, node: i32, more: &Thrown) {
        let Thrown { changed, unproven, bound, tier_end_moved, collected, history, claimed, deleted, failed } =
            *more;
        let (moved, gone) = {
            let kafka = world.kafka();
            let moved = kafka.partitions.iter().any(|p| p.view.epoch > 0);
            (moved, kafka.partitions.iter().any(|p| !p.exists))
        };
        let met = |what: &str| world.net.has_met(what);
        let files_go =
            moved || gone || ["disk-unreadable", "disk-lost", "pin-gave-way", TWIN].into_iter().any(met);
        let asked_in_vain = ["broker-no-answer", "right-lost", "metadata-stale"].into_iter().any(met);
        let mut seen = self.seen();
        let total = seen.thrown.get_or_insert_default();
        add(total, more);
        let Counts { commits, cuts, dead, boundaries, claims, .. } = seen.counts;
        let before = seen.peace.filter(|peace| world.now_ms() - peace.since_ms > SETTLING_MS);
        let at_peace = before.map(|peace| peace.counts);
        let grew =
            |now: u64, of: fn(&Counts) -> u64| at_peace.as_ref().map_or(now, |before| now - of(before)) > 0;
        let reasons = [
            ("changed", changed, at_peace.is_none() && files_go),
            ("unproven", unproven, at_peace.is_none()),
            ("bound", bound, at_peace.is_none() && (moved || gone || asked_in_vain)),
            ("tier_end_moved", tier_end_moved, grew(commits, |counts| counts.commits)),
            ("collected", collected, grew(boundaries, |counts| counts.boundaries)),
            ("history", history, grew(commits + cuts + dead, |c| c.commits + c.cuts + c.dead)),
            ("claimed", claimed, grew(claims + commits, |counts| counts.claims + counts.commits)),
            ("deleted", deleted, gone),
            ("failed", failed, at_peace.is_none() && world.troubles() > 0),
        ];
        for (reason, count, _) in reasons.into_iter().filter(|(_, count, possible)| *count > 0 && !possible) {
            let when = if at_peace.is_some() { " in peace" } else { "" };
            seen.wrong.push(format!(
                "the sidecar of {node} threw away {count} finished uploads{when} for a reason that was not there: {reason}"
            ));
        }
    }
}

/// Sums up.
pub fn add(sum: &mut Thrown, more: &Thrown) {
    let Thrown { changed, unproven, bound, tier_end_moved, collected, history, claimed, deleted, failed } =
        *more;
    sum.changed += changed;
    sum.unproven += unproven;
    sum.bound += bound;
    sum.tier_end_moved += tier_end_moved;
    sum.collected += collected;
    sum.history += history;
    sum.claimed += claimed;
    sum.deleted += deleted;
    sum.failed += failed;
}

/// What came between two looks.
pub fn between(before: &Thrown, now: &Thrown) -> Thrown {
    let Thrown { changed, unproven, bound, tier_end_moved, collected, history, claimed, deleted, failed } =
        *now;
    Thrown {
        changed: changed - before.changed,
        unproven: unproven - before.unproven,
        bound: bound - before.bound,
        tier_end_moved: tier_end_moved - before.tier_end_moved,
        collected: collected - before.collected,
        history: history - before.history,
        claimed: claimed - before.claimed,
        deleted: deleted - before.deleted,
        failed: failed - before.failed,
    }
}
