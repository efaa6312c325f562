//! What moves the tier's end: segments, the one that replaces tail pieces, and gaps.

use crate::ids::{Offset, OffsetRange, SegmentUuid, TimestampMs};
use crate::manifest::check::{entry_anomalies, stable_end_expected};
use crate::manifest::{
    AlgebraError, Entry, EntryKind, Gap, GapReason, MAX_REPLACED, Manifest, ManifestKind, Totals,
};
use crate::transactions::OpenTransaction;

impl Manifest {
    /// Adds the segment that follows the tier's end. `open` are the transactions open at its end, as its writer
    /// found them. Moves the tier's end, the lineage, the open transactions and the totals.
    ///
    /// The head may then hold more than it is allowed to: call [`Manifest::spill`] until it has nothing more to move.
    ///
    /// # Errors
    /// Where the entry does not begin at the tier's end (a lost range before it must be recorded first, see
    /// [`Manifest::record_gap`]), is not sound in itself, goes back in epochs, or is in the head already.
    pub fn append(&mut self, entry: Entry, open: Vec<OpenTransaction>) -> Result<(), AlgebraError> {
        self.require_sidecar()?;
        if entry.range.start() != self.tier_end {
            return Err(AlgebraError::NotAtTierEnd { range: entry.range, tier_end: self.tier_end });
        }
        self.require_sound(&entry, &open)?;
        let totals = self.totals.plus(Totals::of(&entry)).ok_or(AlgebraError::TotalsOverflow)?;
        self.lineage
            .extend(&entry.epochs)
            .map_err(|source| AlgebraError::Lineage { uuid: entry.uuid, source })?;
        self.totals = totals;
        self.tier_end = entry.range.end();
        self.open_transactions = open;
        self.entries.push(entry);
        self.keep_floor();
        Ok(())
    }

    /// Puts one segment in the place of a run of tail pieces, named in their order, and returns the pieces, which
    /// nothing names any more. Where the pieces are the last entries, the segment may reach further than they do, and
    /// `open` (the transactions open at its end) becomes the tier's; else it covers exactly their range. Its tracker
    /// started from what the segment before the pieces lists as open, not from [`Manifest::transaction_start`].
    ///
    /// # Errors
    /// Where the pieces are no run of tail pieces in the head, the range does not fit, the epochs differ from those of
    /// the pieces or go back, or the entry is not sound in itself.
    pub fn replace(
        &mut self,
        pieces: &[SegmentUuid],
        mut entry: Entry,
        open: Vec<OpenTransaction>,
    ) -> Result<Vec<Entry>, AlgebraError> {
        self.require_sidecar()?;
        let run = self.run_of_pieces(pieces)?;
        let (old, last) = (&self.entries[run.clone()], run.end == self.entries.len());
        let (start, end) = match (old.first(), old.last()) {
            (Some(first), Some(last)) => (first.range.start(), last.range.end()),
            _ => return Err(AlgebraError::PiecesScattered),
        };
        let at_end = last && end == self.tier_end;
        let fits =
            entry.range.start() == start && (entry.range.end() == end || (at_end && entry.range.end() > end));
        if !fits {
            let pieces = OffsetRange::new(start, end).unwrap_or(entry.range);
            return Err(AlgebraError::OtherRange { range: entry.range, pieces });
        }
        self.require_sound(&entry, &open)?;
        let lineage = self.lineage_with(&entry, start, end)?;
        let totals = old
            .iter()
            .try_fold(self.totals, |sum, piece| sum.minus(Totals::of(piece)))
            .and_then(|sum| sum.plus(Totals::of(&entry)))
            .ok_or(AlgebraError::TotalsOverflow)?;
        entry.replaces = pieces.to_vec();
        if at_end {
            self.tier_end = entry.range.end();
            self.open_transactions = open;
        }
        self.totals = totals;
        self.lineage = lineage;
        let pieces = self.entries.splice(run, [entry]).collect();
        self.keep_floor();
        Ok(pieces)
    }

    /// Records that the offsets of `range`, from the tier's end on, are lost. A new span begins behind them, in which
    /// nothing is known of transactions opened before.
    ///
    /// # Errors
    /// Where the range is empty or does not begin at the tier's end.
    pub fn record_gap(
        &mut self,
        range: OffsetRange,
        reason: GapReason,
        recorded_at: TimestampMs,
    ) -> Result<(), AlgebraError> {
        self.require_sidecar()?;
        if range.is_empty() {
            return Err(AlgebraError::Empty { range });
        }
        if range.start() != self.tier_end {
            return Err(AlgebraError::NotAtTierEnd { range, tier_end: self.tier_end });
        }
        match self.gaps.last_mut() {
            // A range that is lost bit by bit stays one gap, or the head would grow with each bit.
            Some(gap) if gap.range.end() == range.start() && gap.reason == reason => {
                gap.range = OffsetRange::new(gap.range.start(), range.end())
                    .map_err(|_| AlgebraError::NotAtTierEnd { range, tier_end: self.tier_end })?;
            }
            _ => self.gaps.push(Gap { range, reason, recorded_at }),
        }
        self.tier_end = range.end();
        self.serving_start = range.end();
        self.open_transactions.clear();
        self.keep_floor();
        Ok(())
    }

    pub(super) fn require_sidecar(&self) -> Result<(), AlgebraError> {
        match self.kind {
            ManifestKind::Sidecar => Ok(()),
            ManifestKind::Kip405 => Err(AlgebraError::WrongKind),
        }
    }

    /// Whether `entry` may stand in this manifest, wherever it comes to stand.
    fn require_sound(&self, entry: &Entry, open: &[OpenTransaction]) -> Result<(), AlgebraError> {
        if let Some(first) = entry_anomalies(self.kind, entry).into_iter().next() {
            return Err(AlgebraError::Entry(Box::new(first)));
        }
        let (uuid, end) = (entry.uuid, entry.range.end());
        if self.entries.iter().any(|e| e.uuid == uuid) {
            return Err(AlgebraError::DuplicateUuid { uuid });
        }
        if let Some(beyond) = open.iter().find(|t| t.first_offset >= end) {
            return Err(AlgebraError::OpenBeyondEnd {
                producer: beyond.producer,
                first_offset: beyond.first_offset,
                end,
            });
        }
        let expected = stable_end_expected(open, end);
        if entry.stable_end != expected {
            return Err(AlgebraError::StableEnd { uuid, stable_end: entry.stable_end, expected });
        }
        Ok(())
    }

    /// Where in the head the pieces stand.
    fn run_of_pieces(&self, pieces: &[SegmentUuid]) -> Result<std::ops::Range<usize>, AlgebraError> {
        let first =
            pieces.first().filter(|_| pieces.len() <= MAX_REPLACED).ok_or(AlgebraError::PiecesScattered)?;
        let at = self
            .entries
            .iter()
            .position(|e| e.uuid == *first)
            .ok_or(AlgebraError::NotInHead { uuid: *first })?;
        for (i, uuid) in pieces.iter().enumerate() {
            let entry = self
                .entries
                .iter()
                .find(|e| e.uuid == *uuid)
                .ok_or(AlgebraError::NotInHead { uuid: *uuid })?;
            if entry.kind != EntryKind::TailPiece {
                return Err(AlgebraError::NotAPiece { uuid: *uuid });
            }
            if self.entries.get(at + i).map(|e| e.uuid) != Some(*uuid) {
                return Err(AlgebraError::PiecesScattered);
            }
        }
        let run = at..at + pieces.len();
        let joined =
            self.entries[run.clone()].windows(2).all(|pair| pair[0].range.end() == pair[1].range.start());
        if joined { Ok(run) } else { Err(AlgebraError::PiecesScattered) }
    }

    /// The lineage once `entry` stands in the place of what covers `start..end`.
    fn lineage_with(
        &self,
        entry: &Entry,
        start: Offset,
        end: Offset,
    ) -> Result<crate::lineage::Lineage, AlgebraError> {
        let refuse = |source| AlgebraError::Lineage { uuid: entry.uuid, source };
        let mut lineage = self.lineage.clone();
        lineage.truncate_to(start);
        lineage.extend(&entry.epochs).map_err(refuse)?;
        let later: Vec<_> = self.lineage.starts().iter().filter(|s| s.start >= end).copied().collect();
        lineage.extend(&later).map_err(refuse)?;
        let within = OffsetRange::new(start, end).unwrap_or(entry.range);
        match self.lineage.first_divergence(&lineage, within) {
            Some(at) => Err(AlgebraError::Diverges { uuid: entry.uuid, at }),
            None => Ok(lineage),
        }
    }
}
