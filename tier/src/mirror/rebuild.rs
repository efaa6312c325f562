//! A mirror made anew by the segments that are there: each says in its own end what a manifest says of it.

use std::collections::BTreeMap;

use bytes::Bytes;
use crc_fast::{CrcAlgorithm, Digest};
use firnline_index::keys::ObjectKey;
use firnline_index::manifest::{Entry, Projected};
use firnline_index::segment::{
    ExpectedOrigin, MAX_TAIL_LEN, SegmentReadError, SegmentSummary, SegmentTail, TRAILER_LEN, Trailer,
};
use firnline_index::{ByteCount, Crc32c, Offset, OffsetRange, SegmentUuid, StoredPosition, TopicIdPartition};
use firnline_store::StoreError;

use super::{Listed, MirrorError};
use crate::Tier;
use crate::keys::KeyError;

/// Read at a time to count a checksum, in bytes.
const RUN_BYTES: u64 = 8 << 20;

/// What a mirror lacks, and what it has too much of.
#[derive(Debug, Default)]
pub struct Rebuild {
    /// Segments that are there.
    pub segments: u64,
    /// What makes the mirror right: pass it to [`crate::change::Project`].
    pub done: Projected,
    /// Segments that cannot be taken in, by key.
    pub unread: BTreeMap<String, Unread>,
}

/// Why a segment is not taken in.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// No broker has named it: a sidecar's, that no manifest names.
    #[error("no broker has named it")]
    OfSidecars,
    /// It is no segment of this partition, or damaged.
    #[error("it is damaged, or is not what its key says")]
    Damaged(#[source] Box<SegmentReadError>),
    /// It is sealed, and its key is not at hand.
    #[error("it is sealed, and its key is not at hand")]
    Locked(#[source] Box<KeyError>),
    /// It went while it was looked at.
    #[error("it is not there any more")]
    Gone,
    /// The store did not give it.
    #[error("the store did not give it")]
    Store(#[source] Box<StoreError>),
}

impl From<SegmentReadError> for Unread {
    fn from(error: SegmentReadError) -> Self {
        Self::Damaged(Box::new(error))
    }
}

impl From<StoreError> for Unread {
    fn from(error: StoreError) -> Self {
        if error.is_not_found() { Self::Gone } else { Self::Store(Box::new(error)) }
    }
}

impl Tier {
    /// Compares a mirror with the segments that are there. What it does not list is read whole, because a manifest tells each
    /// object's checksum; `wanted` may leave out what brokers do not know of.
    ///
    /// One GET of the manifest and one of each page, one LIST per thousand objects, two GETs and one per 8 MiB of each segment that
    /// is not listed.
    ///
    /// # Errors
    /// A manifest that cannot be read, or is no mirror; the store's.
    pub async fn plan_rebuild(
        &self,
        tip: &TopicIdPartition,
        wanted: &(dyn Fn(SegmentUuid) -> bool + Sync),
    ) -> Result<Rebuild, MirrorError> {
        let head = self.mirror(tip).await?.map(|loaded| loaded.manifest);
        // Listed before the segments: what comes meanwhile is added twice, which is once.
        let mut named: BTreeMap<SegmentUuid, Offset> = BTreeMap::new();
        if let Some(head) = &head {
            let whole =
                OffsetRange::new(Offset::ZERO, Offset::MAX).expect("zero lies below the largest offset");
            let mut entries = self.entries(head, whole);
            let failed = |source| MirrorError::Read { tip: tip.clone(), source };
            while let Some(chunk) = entries.next_chunk().await.map_err(failed)? {
                named.extend(chunk.iter().map(|entry| (entry.uuid, entry.range.start())));
            }
        }
        let there = self.list_segments(tip).await?;
        let mut rebuild = Rebuild { segments: there.len() as u64, ..Rebuild::default() };
        for (uuid, listed) in &there {
            if named.remove(uuid).is_some() || !wanted(*uuid) {
                continue;
            }
            match self.entry_of(tip, *uuid, listed).await {
                Ok(entry) => rebuild.done.added.push(entry),
                Err(Unread::Gone) => {}
                Err(unread) => _ = rebuild.unread.insert(listed.key.to_string(), unread),
            }
        }
        rebuild.done.removed = named;
        Ok(rebuild)
    }

    /// What a manifest would say of a segment, by its own bytes.
    async fn entry_of(
        &self,
        tip: &TopicIdPartition,
        uuid: SegmentUuid,
        listed: &Listed,
    ) -> Result<Entry, Unread> {
        let ObjectKey::Segment { leader_epoch, base, .. } = &listed.key else { return Err(Unread::Gone) };
        let key = listed.key.to_string();
        let (end, length) = self.store().get_suffix(&key, TRAILER_LEN as u64).await?;
        let trailer = Trailer::parse(&end).map_err(SegmentReadError::Trailer)?;
        let (found, most) = (u64::from(trailer.tail_length), u64::from(MAX_TAIL_LEN));
        let tail_position = length.checked_sub(found).filter(|_| found <= most);
        let tail_position = tail_position.ok_or(SegmentReadError::TailLength { expected: most, found })?;
        let topic_key = match trailer.key_id {
            None => None,
            Some(key_id) => {
                let key = self.keys().get(tip.topic_id, key_id).await;
                Some(key.map_err(|error| Unread::Locked(Box::new(error)))?)
            }
        };
        let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
        let mut at = 0;
        while at < tail_position {
            let until = tail_position.min(at + RUN_BYTES);
            digest.update(&self.store().get_range(&key, at..until).await?);
            at = until;
        }
        let tail = self.store().get_range(&key, tail_position..length).await?;
        digest.update(&tail);
        let object_crc = Crc32c::new(u32::try_from(digest.finalize()).expect("a crc32c has 32 bits"));
        let expect = ExpectedOrigin {
            cluster_id: Some(self.cluster_id().clone()),
            topic_id: Some(tip.topic_id),
            partition: Some(tip.partition),
            uuid: Some(uuid),
            range: None,
            log_bytes: None,
        };
        let tail = open(tail, tail_position, &expect, topic_key.as_ref())?;
        let footer = tail.footer();
        if footer.range.start() != *base {
            let (expected, found) = (base.to_string(), footer.range.start().to_string());
            return Err(SegmentReadError::Unexpected { what: "first offset", expected, found }.into());
        }
        if footer.kip405.is_none() {
            return Err(Unread::OfSidecars);
        }
        let summary = SegmentSummary {
            range: footer.range,
            epochs: footer.epochs.clone(),
            log_bytes: footer.log_bytes,
            object_bytes: ByteCount::new(length),
            tail_position: StoredPosition::new(tail_position),
            blocks: footer.blocks,
            batches: footer.batches,
            records: footer.records,
            min_timestamp: footer.min_timestamp,
            max_timestamp: footer.max_timestamp,
            transactions: tail.transactions().clone(),
            object_crc,
            key_id: trailer.key_id,
        };
        Ok(Entry {
            kind: footer.kind,
            replaces: footer.replaces.clone(),
            kip405: footer.kip405.clone(),
            ..Entry::of(uuid, *leader_epoch, summary)
        })
    }
}

fn open(
    tail: Bytes,
    at: u64,
    expect: &ExpectedOrigin,
    key: Option<&firnline_index::topic_key::TopicKey>,
) -> Result<SegmentTail, SegmentReadError> {
    SegmentTail::open(tail, StoredPosition::new(at), expect, key)
}
