//! Which pins join, and to what: a pure function of names and batch headers.
//!
//! ```text
//! broker's log              [300 ─ 400)[400 ─ …       begins at 300 by now
//! pins below   [100 ─ 200)[200 ─ 300)                 each ends where the next begins: one chain with the log
//! other pins          [180 ─ 260)                     a branch that a truncation took out: a chain of its own
//! ```
//! A pin joins what lies above it where its end is that one's base and its last epoch is not above that one's first.
//! Where several pins would join at one place, the one with the highest last epoch does, as truncations leave the older
//! histories behind with lower epochs; among equals the one written last. What is grouped here is a stretch without hole,
//! as far as names and epochs tell. That it was committed is another question.

#[cfg(test)]
mod tests;

use firnline_index::{LeaderEpoch, Offset};

/// A stretch of log in one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// First offset, by name.
    pub base: Offset,
    /// One past the last offset.
    pub end: Offset,
    /// The epoch of its first batch that has one.
    pub first_epoch: Option<LeaderEpoch>,
    /// The epoch of its last batch that has one.
    pub last_epoch: Option<LeaderEpoch>,
    /// When it was last written, in nanoseconds since 1970.
    pub mtime_ns: i128,
    /// Which file it is.
    pub id: u64,
    /// The file that is known to have followed it in one and the same log, neither of them changed since: it joins that
    /// one whatever the epochs say, which then need not be known.
    pub followed_by: Option<u64>,
}

/// Where the broker's own log begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogStart {
    /// The base of its first file.
    pub base: Offset,
    /// The epoch of its first batch that has one.
    pub first_epoch: Option<LeaderEpoch>,
    /// Which file that is.
    pub id: u64,
}

/// The pieces in groups, by place in the list given; each piece is in exactly one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chains {
    /// Those that join the broker's log below, oldest first.
    pub below_log: Vec<usize>,
    /// The others, each group oldest first. The group of the highest last epoch, and then end, comes first.
    pub others: Vec<Vec<usize>>,
}

/// Groups `pieces`.
pub fn chains(pieces: &[Piece], log: Option<LogStart>) -> Chains {
    let mut left: Vec<usize> = (0..pieces.len()).collect();
    let below_log = log.map_or_else(Vec::new, |log| below(pieces, &mut left, log));
    // From the top down: what is highest in history takes first what lies below it.
    left.sort_by_key(|&at| rank(&pieces[at]));
    let mut others = Vec::new();
    while let Some(top) = left.pop() {
        let piece = &pieces[top];
        let start = LogStart { base: piece.base, first_epoch: piece.first_epoch, id: piece.id };
        let mut chain = below(pieces, &mut left, start);
        chain.push(top);
        others.push(chain);
    }
    Chains { below_log, others }
}

fn rank(piece: &Piece) -> (Option<LeaderEpoch>, Offset, i128, u64) {
    (piece.last_epoch, piece.end, piece.mtime_ns, piece.id)
}

/// Takes out of `left` what joins below `above`, and what joins below that, and so on; oldest first.
fn below(pieces: &[Piece], left: &mut Vec<usize>, mut above: LogStart) -> Vec<usize> {
    let mut chain = Vec::new();
    while let Some(place) = (0..left.len())
        .filter(|&place| joins(&pieces[left[place]], &above))
        .max_by_key(|&place| (pieces[left[place]].followed_by == Some(above.id), rank(&pieces[left[place]])))
    {
        let at = left.remove(place);
        let piece = &pieces[at];
        chain.push(at);
        // A piece without any epoch demands nothing of what lies below it but what was demanded of it.
        let first_epoch = piece.first_epoch.or(above.first_epoch);
        above = LogStart { base: piece.base, first_epoch, id: piece.id };
    }
    chain.reverse();
    chain
}

fn joins(piece: &Piece, above: &LogStart) -> bool {
    if piece.end != above.base || piece.base >= piece.end {
        return false;
    }
    let falls = matches!((piece.last_epoch, above.first_epoch), (Some(last), Some(first)) if last > first);
    piece.followed_by == Some(above.id) || !falls
}
