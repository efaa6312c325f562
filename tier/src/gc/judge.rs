//! Which of the objects that a manifest does not name may go: a pure function.

use std::collections::BTreeMap;

use firnline_index::Offset;
use firnline_index::keys::ObjectKey;
use firnline_index::manifest::Manifest;
use firnline_store::ListedObject;

use super::bound::{ClocksApart, TooMuch};
use super::condemned::{Doomed, Why};
use super::footer::OwnWords;

/// Why nothing of a partition is collected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GcRefusal {
    /// The topic is paused.
    #[error("the topic is paused")]
    Paused,
    /// There are objects, and no manifest.
    #[error("there are {objects} objects and no manifest; run firnline verify")]
    NoManifest {
        /// How many.
        objects: u64,
    },
    /// A broker with KIP-405 keeps the manifest, and may know of segments that it does not name.
    #[error("the manifest belongs to a broker with KIP-405, which deletes by itself")]
    NotOurs,
    /// A sidecar has seen a later manifest than the one that is there.
    #[error(
        "the manifest has generation {found}, but generation {known} was seen: it went back; run firnline verify"
    )]
    WentBack {
        /// The generation found.
        found: u64,
        /// The highest that any summary tells.
        known: u64,
    },
    /// A segment at or beyond the tier's end: its commit may have been lost.
    #[error(
        "{key} lies at or beyond the tier's end {tier_end}, and nothing names it: perhaps a commit was lost; it resolves itself where the tier goes on beyond it"
    )]
    BeyondEnd {
        /// The segment.
        key: String,
        /// Where the tier ends.
        tier_end: Offset,
    },
    /// A segment below the first offset that the manifest ever had: it belongs to an earlier manifest.
    #[error(
        "{key} lies below {began_at}, where this manifest began: perhaps a manifest was lost; run firnline verify"
    )]
    BeforeBeginning {
        /// The segment.
        key: String,
        /// The first offset that the manifest ever had.
        began_at: Offset,
    },
    /// More than a run may take.
    #[error(transparent)]
    TooMuch(#[from] TooMuch),
    /// Our clock and the store's are too far apart to tell what is young.
    #[error(transparent)]
    ClocksApart(#[from] ClocksApart),
}

/// An object that is old enough and that the manifest does not name.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) key: ObjectKey,
    pub(super) object: ListedObject,
    /// Of segments.
    pub(super) words: Option<OwnWords>,
}

/// What is judged.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// By key.
    pub(super) doomed: BTreeMap<String, Doomed>,
    /// Left alone: not what their keys say.
    pub(super) foreign: Vec<String>,
    /// Floors that the manifest does not have yet.
    pub(super) floors: u64,
}

/// Whether it is evidence by which nothing may be collected: no other candidate need be looked into.
pub(super) fn is_evidence(head: &Manifest, text: &str, candidate: &Candidate) -> bool {
    matches!(&candidate.key, ObjectKey::Segment { base, .. } if segment(head, text, *base, candidate.words).is_err())
}

/// Judges what `head` does not name. One piece of evidence that a commit or a manifest was lost refuses it all: then
/// what looks like rubbish may be the only copy.
pub(super) fn judge(head: &Manifest, candidates: &BTreeMap<String, Candidate>) -> Result<Judged, GcRefusal> {
    let mut judged = Judged::default();
    for (text, Candidate { key, object, words }) in candidates {
        let why = match key {
            ObjectKey::Segment { base, .. } => match segment(head, text, *base, *words)? {
                Some(why) => why,
                None => {
                    judged.foreign.push(text.clone());
                    continue;
                }
            },
            ObjectKey::Page { .. } => Why::Page,
            ObjectKey::Floor { offset, .. } if head.floor >= Some(*offset) => Why::Floor,
            ObjectKey::Floor { .. } => {
                judged.floors += 1;
                continue;
            }
            _ => {
                judged.foreign.push(text.clone());
                continue;
            }
        };
        let last_modified_ms = Some(object.last_modified_ms);
        judged.doomed.insert(text.clone(), Doomed { why, size: object.size, last_modified_ms });
    }
    Ok(judged)
}

fn segment(
    head: &Manifest,
    text: &str,
    base: Offset,
    words: Option<OwnWords>,
) -> Result<Option<Why>, GcRefusal> {
    // Wherever it lies: it never was in this manifest, nor was to be.
    if matches!(words, Some(OwnWords::Brokers | OwnWords::Gone)) {
        return Ok(None);
    }
    let beyond = || GcRefusal::BeyondEnd { key: text.to_owned(), tier_end: head.tier_end };
    if base >= head.tier_end {
        return Err(beyond());
    }
    if base < head.began() {
        return Err(GcRefusal::BeforeBeginning { key: text.to_owned(), began_at: head.began() });
    }
    match words {
        Some(OwnWords::Range(range)) if range.end() > head.tier_end => Err(beyond()),
        Some(OwnWords::Range(_)) if base < head.tier_start => Ok(Some(Why::Retired)),
        Some(OwnWords::Range(_)) => Ok(Some(Why::Unnamed)),
        // What cannot be looked into may hold what nothing else has: it stays.
        _ => Ok(None),
    }
}

/// What would go: objects and their bytes.
pub(super) fn going(doomed: &BTreeMap<String, Doomed>) -> (u64, u64) {
    let bytes = doomed.values().fold(0_u64, |sum, doomed| sum.saturating_add(doomed.size));
    (doomed.len() as u64, bytes)
}
