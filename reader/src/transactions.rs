//! How the transactions that touch a segment ended.
//!
//! A segment knows what ended inside it. What it leaves open is decided by the producer's first marker in the entries
//! that follow, no gap between:
//!
//! ```text
//!   entry E         │ next entry N               │ …
//!   P … open at f   │ N lists P among its first  │
//!                   │ markers that abort ────────┼──► aborted there        (manifest alone)
//!                   │ N.stable_end > f ──────────┼──► committed            (manifest alone)
//!                   │ else N's own section:      │
//!                   │   first marker of P ───────┼──► as it says           (one GET, or held)
//!                   │   still open at f ─────────┼──► look into the next
//!                   │   neither ─────────────────┼──► damage, never "committed"
//! ```
//!
//! Behind a gap, and at the tier's end, it is undecided. Each span is judged by itself: a transaction that a gap leaves
//! undecided holds up readers of its own span, while those of a later span meet only what its own markers decide (the
//! first segment of a span takes a producer's first abort for everything since the span's start).

use std::sync::Arc;

use firnline_index::manifest::{Entry, Manifest, ManifestKind};
use firnline_index::transactions::{AbortedTransaction, OpenTransaction, Outcome};
use firnline_index::{Offset, OffsetRange, ProducerId};

use crate::error::ReadError;
use crate::open::Segment;
use crate::place::Located;
use crate::reader::Inner;

/// How transactions ended that were open at a tier's end, as somebody has found out behind it. A transaction ends once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decided {
    outcomes: Vec<(ProducerId, Offset, Outcome)>,
}

impl Decided {
    /// These outcomes, each of the transaction that its producer began at the offset.
    #[must_use]
    pub const fn new(outcomes: Vec<(ProducerId, Offset, Outcome)>) -> Self {
        Self { outcomes }
    }

    fn of(&self, open: &OpenTransaction) -> Option<Outcome> {
        let is_it = |(producer, first, _): &&(ProducerId, Offset, Outcome)| {
            *producer == open.producer && *first == open.first_offset
        };
        self.outcomes.iter().find(is_it).map(|(_, _, outcome)| *outcome)
    }
}

/// What readers of committed records have to know of a segment.
#[derive(Debug, Clone)]
pub(crate) struct Verdict {
    /// Aborted transactions with data in the segment, or at least a marker.
    pub(crate) aborted: Arc<[AbortedTransaction]>,
    /// The first offset of the first transaction, with data in or before the segment, that nobody has decided yet.
    pub(crate) undecided_from: Option<Offset>,
}

impl Verdict {
    /// The aborted transactions that reach into `range`.
    pub(crate) fn aborted_in(&self, range: OffsetRange) -> Vec<AbortedTransaction> {
        let reaches =
            |t: &&AbortedTransaction| t.first_offset < range.end() && t.marker_offset >= range.start();
        self.aborted.iter().filter(reaches).copied().collect()
    }
}

enum Fate {
    Aborted { marker_offset: Offset },
    Committed,
    Undecided,
}

impl Inner {
    /// How the transactions of a segment ended. No request in the common case, else one GET for each following segment
    /// that must be asked and is not held.
    /// What `decided` says of those that are open at the tier's end is believed.
    pub(crate) async fn verdict(
        &self,
        manifest: &Manifest,
        segment: &Segment,
        decided: Option<&Decided>,
    ) -> Result<Verdict, ReadError> {
        let transactions = segment.tail().transactions();
        let mut aborted = transactions.aborted.clone();
        let mut undecided_from: Option<Offset> = None;
        for open in &transactions.open {
            match self.fate(manifest, segment.entry(), open, decided).await? {
                Fate::Aborted { marker_offset } => aborted.push(AbortedTransaction {
                    producer: open.producer,
                    first_offset: open.first_offset,
                    marker_offset,
                }),
                Fate::Committed => {}
                // They stand by first offset: a later one cannot be the first.
                Fate::Undecided => {
                    undecided_from = Some(open.first_offset);
                    break;
                }
            }
        }
        Ok(Verdict { aborted: aborted.into(), undecided_from })
    }

    async fn fate(
        &self,
        manifest: &Manifest,
        entry: &Entry,
        open: &OpenTransaction,
        decided: Option<&Decided>,
    ) -> Result<Fate, ReadError> {
        if is_open_at_end(manifest, entry, open) {
            return Ok(match decided.and_then(|decided| decided.of(open)) {
                // Its marker lies behind all that the tier has.
                Some(Outcome::Aborted) => Fate::Aborted { marker_offset: manifest.tier_end },
                Some(Outcome::Committed) => Fate::Committed,
                None => Fate::Undecided,
            });
        }
        let OpenTransaction { producer, first_offset, .. } = *open;
        let mut end = entry.range.end();
        loop {
            let next = match self.pages.locate(manifest, end).await? {
                Located::Entry(next) if next.range.start() == end => next,
                // A gap, the end, or, in a manifest of kind `kip405`, entries that overlap or leave holes.
                _ => return Ok(Fate::Undecided),
            };
            if let Some(abort) = next.first_aborts.iter().find(|abort| abort.producer == producer) {
                return Ok(Fate::Aborted { marker_offset: abort.marker_offset });
            }
            if next.stable_end > first_offset && !next.aborts_truncated {
                return Ok(Fate::Committed);
            }
            let segment = self.open(manifest, &next).await?;
            let transactions = segment.tail().transactions();
            if let Some(marker) = transactions.first_marker(producer) {
                return Ok(match marker.outcome {
                    Outcome::Aborted => Fate::Aborted { marker_offset: marker.marker_offset },
                    Outcome::Committed => Fate::Committed,
                });
            }
            if transactions.open_of(producer).is_none_or(|still| still.first_offset != first_offset) {
                let object = next.object_key(&manifest.tip);
                return Err(ReadError::Transactions { object, producer, first_offset });
            }
            end = next.range.end();
        }
    }
}

/// Whether the manifest itself says that the transaction is open at the tier's end: a transaction that hangs is then known
/// without asking every segment behind it.
fn is_open_at_end(manifest: &Manifest, entry: &Entry, open: &OpenTransaction) -> bool {
    manifest.kind == ManifestKind::Sidecar
        && entry.range.start() >= manifest.serving_start
        && manifest
            .open_transactions
            .iter()
            .any(|other| other.producer == open.producer && other.first_offset == open.first_offset)
}
