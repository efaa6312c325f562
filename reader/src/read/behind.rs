//! Reading ahead over the end of a segment that a caller has named by itself.
//!
//! A broker names one segment with each call, and never the next. That is guessed: by what callers have named before, which
//! begins where this one ends; else by the partition's manifest, which a broker's reads neither take part in nor wait for.
//! A guess is never served: whoever names a segment gets that segment. What a wrong one costs:
//!
//! | the guess | requests in vain |
//! |---|---|
//! | is gone, or does not go on with these offsets and epochs | one, for its end |
//! | goes on here, and the caller reads on elsewhere | that one and the first mebibyte, by a manifest; what callers have named themselves is read ahead of as any segment |

use std::sync::Arc;

use firnline_index::keys::ObjectKey;
use firnline_index::manifest::Entry;

use super::streams::{self, Guess, SEGMENTS_AHEAD, Stream};
use crate::open::Segment;
use crate::place::{Age, Located};
use crate::reader::Inner;
use crate::segment::{SegmentPlace, SegmentRef};
use crate::settings::FIRST_REQUEST_BYTES;

impl Inner {
    /// Begins to read what lies behind a segment, `beyond` raw bytes of a window of so many.
    pub(super) fn ahead_behind(
        self: &Arc<Self>,
        of: &Arc<SegmentRef>,
        segment: &Segment,
        (beyond, window): (u64, u64),
        stream: Arc<Stream>,
    ) {
        let (this, mut of, mut segment, mut beyond) =
            (Arc::clone(self), Arc::clone(of), segment.clone(), beyond);
        self.spawn(async move {
            for _ in 0..SEGMENTS_AHEAD {
                let Some((next, guess)) = this.goes_on_behind(&of, &segment, &stream).await else { return };
                // Of what is only guessed no more than a first read takes: its reader begins the rest.
                let (reach, window) = match guess.named {
                    true => (beyond, window),
                    false => (beyond.min(FIRST_REQUEST_BYTES), FIRST_REQUEST_BYTES),
                };
                let ahead = streams::blocks_ahead(&next, 0, reach);
                this.blocks.ahead(&next, ahead.blocks, window, &stream);
                if ahead.beyond == 0 || !guess.named {
                    return;
                }
                (of, segment, beyond) = (guess.of, next, ahead.beyond);
            }
        });
    }

    /// The segment that goes on where `of` ends, opened; `None` where none is known, or it does not. Looked for once by each
    /// stream.
    async fn goes_on_behind(
        &self,
        of: &SegmentRef,
        segment: &Segment,
        stream: &Stream,
    ) -> Option<(Segment, Guess)> {
        let known = stream.behind(of.uuid);
        let guess = match known.clone() {
            Some(guess) => guess?,
            None => match self.named.begins_at(&of.tip, of.range.end()) {
                Some(named) => Guess { of: named, named: true },
                None => Guess { of: Arc::new(self.by_manifest(of).await?), named: false },
            },
        };
        // Whoever asks for it will be told what is wrong with it; reading ahead only tries.
        let next = self.open_named(&guess.of).await.ok()?;
        let (before, after) = (segment.tail().footer(), next.tail().footer());
        let epochs = before.epochs.last().zip(after.epochs.first());
        if epochs.is_some_and(|(before, after)| after.epoch < before.epoch) {
            return None;
        }
        if known.is_none() {
            stream.found_behind(of.uuid, guess.clone());
        }
        Some((next, guess))
    }

    async fn by_manifest(&self, of: &SegmentRef) -> Option<SegmentRef> {
        let manifest = self.manifests.get(&of.tip, Age::Usual).await.ok()?;
        match self.pages.locate(&manifest, of.range.end()).await.ok()? {
            Located::Entry(entry) if entry.range.start() == of.range.end() => by_entry(of, &entry),
            _ => None,
        }
    }
}

/// A segment as a caller would name it, by the manifest's line.
fn by_entry(before: &SegmentRef, entry: &Entry) -> Option<SegmentRef> {
    let own = ObjectKey::Segment {
        tip: before.tip.clone(),
        base: entry.range.start(),
        leader_epoch: entry.leader_epoch,
        uuid: entry.uuid,
    };
    // One that shares an object with others is named by manifests alone.
    let alone = entry.object_key(&before.tip) == own.to_string() && entry.location.start.get() == 0;
    alone.then(|| SegmentRef {
        cluster_id: before.cluster_id.clone(),
        tip: before.tip.clone(),
        uuid: entry.uuid,
        leader_epoch: entry.leader_epoch,
        range: entry.range,
        log_bytes: entry.log_bytes,
        place: Some(SegmentPlace {
            length: entry.location.length,
            tail_position: entry.tail_position,
            object_crc: Some(entry.object_crc),
        }),
    })
}
