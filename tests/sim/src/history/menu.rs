//! Which kinds of faults a history has.

use super::dice::Dice;

/// The kinds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Menu {
    /// Sidecars die and come back.
    pub crashes: bool,
    /// Sidecars stand still for hours.
    pub freezes: bool,
    /// Two sidecars of one node at once.
    pub twins: bool,
    /// The store fails, loses answers, is late, is down.
    pub store: bool,
    /// Brokers do not answer, or answer what was.
    pub network: bool,
    /// Leaders move.
    pub elections: bool,
    /// Leaders that lack what was committed are elected.
    pub unclean: bool,
    /// Brokers die and come back.
    pub brokers: bool,
    /// Replicas move to other nodes.
    pub reassignment: bool,
    /// Topics are deleted, and made anew.
    pub topics: bool,
    /// Records are deleted.
    pub delete_records: bool,
    /// Transactions.
    pub transactions: bool,
    /// Local retention.
    pub retention: bool,
    /// Pins give way, disks are lost: what alone may lose records.
    pub disks: bool,
    /// Disks cannot be read now and then.
    pub bad_disks: bool,
    /// Clocks drift and are set.
    pub clocks: bool,
    /// Steps of sidecars take their time now and then, so that the world goes on between two of them.
    pub slow: bool,
    /// The store tells no checksums.
    pub unchecked: bool,
    /// There is a long history already: more segments than a manifest's head holds.
    pub long: bool,
    /// Operators say how long the tier keeps what.
    pub policies: bool,
    /// Operators collect what nothing names, with little grace, and sidecars do it often.
    pub collections: bool,
    /// Operators delete records in the tier.
    pub floors: bool,
    /// Operators pause topics.
    pub pauses: bool,
    /// Topics are encrypted, keys are rotated, and the ring is out of reach now and then.
    pub keys: bool,
    /// Programs read the tier.
    pub readers: bool,
}

impl Menu {
    /// The same without what may take committed records away: unclean elections, lost disks, deleted topics and records.
    #[must_use]
    pub fn lossless(self) -> Self {
        Self {
            unclean: false,
            disks: false,
            topics: false,
            delete_records: false,
            floors: false,
            policies: false,
            twins: false,
            ..self
        }
    }

    /// The same without operators and readers.
    #[must_use]
    pub fn without_people(self) -> Self {
        Self {
            policies: false,
            collections: false,
            floors: false,
            pauses: false,
            keys: false,
            readers: false,
            ..self
        }
    }

    /// A long history is one in which what is old goes.
    fn maybe_long(self, dice: &Dice) -> Self {
        let long = dice.one_in(80);
        Self { long, policies: self.policies || long, floors: self.floors || long, ..self }
    }

    /// Draws one.
    pub fn draw(dice: &Dice) -> Self {
        // One in four has everything that loses nothing by itself; others have each kind by chance.
        let all = dice.one_in(4);
        let some = |of: u64| all || dice.one_in(of);
        Self {
            crashes: some(2),
            freezes: some(3),
            twins: dice.one_in(8),
            store: some(2),
            network: some(2),
            elections: some(2),
            unclean: dice.one_in(4),
            brokers: some(2),
            reassignment: some(4),
            topics: dice.one_in(6),
            delete_records: dice.one_in(5),
            transactions: some(2),
            retention: all || !dice.one_in(4),
            disks: dice.one_in(6),
            bad_disks: dice.one_in(4),
            clocks: some(3),
            slow: some(3),
            unchecked: dice.one_in(8),
            long: false,
            policies: dice.one_in(4),
            collections: some(3),
            floors: dice.one_in(5),
            pauses: dice.one_in(6),
            keys: dice.one_in(4),
            readers: some(2),
        }
        .maybe_long(dice)
    }
}
