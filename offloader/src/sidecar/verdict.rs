//! What was found of a chain, remembered until something changes that it was found of.

use firnline_index::{LeaderEpoch, Offset, OffsetRange, TimestampMs};

use super::held::{Chain, Held};
use super::prove::Unproven;
use super::state::Slot;
use crate::host::HeldChain;

/// What was found when the bytes of a chain were to be proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Which chain.
    pub(super) of: ChainId,
    /// Where its sealed part ended then: it may have grown since.
    pub(super) sealed_end: Offset,
    /// The tier's end from which on it was to be proven; nothing is said of any other.
    pub(super) from: Option<Offset>,
    /// The leader's epoch under which it was found.
    pub(super) epoch: Option<LeaderEpoch>,
    pub(super) why: Unproven,
}

/// What tells chains apart: two of different histories may begin at the same offset. The broker's own log is one; a file that pins
/// alone keep does not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChainId {
    start: Offset,
    /// Length of its first file and when that was written last, where it is not the broker's log.
    first: Option<(u64, TimestampMs)>,
}

impl ChainId {
    pub(super) fn of(chain: &HeldChain) -> Self {
        let first = chain.files.first().filter(|_| !chain.is_log);
        Self { start: chain.start, first: first.map(|file| (file.bytes, file.written_at)) }
    }

    fn of_copy(chain: &Chain) -> Self {
        let first = chain.files.first().filter(|_| !chain.is_log);
        Self { start: chain.start, first: first.map(|file| (file.bytes, file.written_at)) }
    }
}

/// Files of a chain that have no batch, as a cleaner leaves them: nothing tells where they end until the next is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hollow {
    pub(super) start: Offset,
    pub(super) sealed_end: Offset,
    /// From the tier's end to where they end by name.
    pub(super) range: OffsetRange,
}

impl Verdict {
    /// Whether it is about this chain. What was found of the lowest bytes holds of a chain that has grown.
    fn speaks_of(&self, of: ChainId, sealed_end: Offset) -> bool {
        self.of == of && self.sealed_end <= sealed_end
    }
}

impl Slot {
    /// Where the tail's pieces begin.
    fn pieces_start(&self) -> Option<Offset> {
        self.digest().and_then(|digest| digest.pieces).map(|pieces| pieces.start())
    }

    /// What was held, with what is known against each chain.
    pub(super) fn held_now(&self) -> Held {
        let mut held = Held::of(&self.held);
        let epoch = self.leader.map(|leader| leader.epoch);
        let tier_end = self.digest().map(|digest| digest.tier_end);
        let pieces = self.pieces_start();
        for chain in &mut held.chains {
            let of = ChainId::of_copy(chain);
            let found = |from: Option<Offset>| {
                let of_it = |verdict: &&Verdict| {
                    verdict.speaks_of(of, chain.sealed_end) && (verdict.epoch, verdict.from) == (epoch, from)
                };
                self.verdicts.iter().find(of_it).map(|verdict| verdict.why)
            };
            chain.verdict = found(tier_end);
            chain.replaces_nothing = pieces.is_some() && found(pieces).is_some();
            let hollow = self
                .hollow
                .filter(|hollow| (hollow.start, hollow.sealed_end) == (chain.start, chain.sealed_end));
            chain.hollow = hollow.map(|hollow| hollow.range);
        }
        held
    }

    /// Remembers what speaks against a chain, and forgets what spoke against chains that are no more.
    pub(super) fn judge(&mut self, verdict: Verdict) {
        let chains = &self.held.chains;
        let epoch = self.leader.map(|leader| leader.epoch);
        let (tier_end, pieces) = (self.digest().map(|digest| digest.tier_end), self.pieces_start());
        self.verdicts.retain(|old| {
            old.epoch == epoch
                && (old.from == tier_end || old.from == pieces)
                && (old.of, old.from) != (verdict.of, verdict.from)
                && chains.iter().any(|chain| old.speaks_of(ChainId::of(chain), chain.sealed_end))
        });
        self.verdicts.push(verdict);
    }
}
