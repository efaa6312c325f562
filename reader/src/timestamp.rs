//! The first batch at or after a time.

use bytes::Bytes;
use firnline_index::batch::BatchHeader;
use firnline_index::block_index::BlockEntry;
use firnline_index::manifest::Manifest;
use firnline_index::{Offset, TimestampMs, TopicIdPartition};

use crate::batches::walk;
use crate::error::ReadError;
use crate::open::Segment;
use crate::place::Replan;
use crate::reader::{Inner, Reader};

/// A batch in which a record at or after the time asked for stands.
///
/// Which record that is only the records themselves tell, and this crate does not decode them: the caller looks for the
/// first one with such a timestamp in [`BatchAtTime::bytes`]. For a compressed wrapper of magic 0 or 1 its offset is all
/// there is without decoding, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchAtTime {
    /// Its header.
    pub header: BatchHeader,
    /// All of it.
    pub bytes: Bytes,
}

impl Reader {
    /// The first batch, in the order of offsets, of the newest span with a record at or after `at`; `None` where there is
    /// none. In an empty process three GETs (manifest, tail, block), and one for each level of pages on the way.
    ///
    /// Transactions are not looked at: who reads committed records compares the offset with the last stable one.
    /// Cancel safe.
    pub async fn find_timestamp(
        &self,
        tip: &TopicIdPartition,
        at: TimestampMs,
    ) -> Result<Option<BatchAtTime>, ReadError> {
        self.inner.find_timestamp(tip, at, |manifest| manifest.serving_start).await
    }

    /// The same from an offset on, but never from below the newest span: for who found that a batch's records are all
    /// earlier than its header says.
    pub async fn find_timestamp_from(
        &self,
        tip: &TopicIdPartition,
        at: TimestampMs,
        from: Offset,
    ) -> Result<Option<BatchAtTime>, ReadError> {
        self.inner.find_timestamp(tip, at, move |manifest| manifest.serving_start.max(from)).await
    }

    /// The same over all that the tier holds, spans before recorded gaps included.
    pub async fn find_timestamp_in_all(
        &self,
        tip: &TopicIdPartition,
        at: TimestampMs,
    ) -> Result<Option<BatchAtTime>, ReadError> {
        self.inner.find_timestamp(tip, at, |manifest| manifest.tier_start).await
    }
}

impl Inner {
    async fn find_timestamp(
        &self,
        tip: &TopicIdPartition,
        at: TimestampMs,
        from: impl Fn(&Manifest) -> Offset,
    ) -> Result<Option<BatchAtTime>, ReadError> {
        let mut replan = Replan::new();
        loop {
            let manifest = self.manifests.get(tip, replan.age()).await?;
            match self.find_under(&manifest, at, from(&manifest)).await {
                Ok(found) => return Ok(found),
                Err(error) => replan.after(&self.manifests, tip, error)?,
            }
        }
    }

    async fn find_under(
        &self,
        manifest: &Manifest,
        at: TimestampMs,
        from: Offset,
    ) -> Result<Option<BatchAtTime>, ReadError> {
        let mut from = from;
        while let Some(entry) = self.pages.locate_time(manifest, at, from).await? {
            let segment = self.open(manifest, &entry).await?;
            if let Some(found) = self.find_in_segment(&segment, at, from).await? {
                return Ok(Some(found));
            }
            // The records that made the entry look right lie below `from`.
            from = entry.range.end();
        }
        Ok(None)
    }

    async fn find_in_segment(
        &self,
        segment: &Segment,
        at: TimestampMs,
        from: Offset,
    ) -> Result<Option<BatchAtTime>, ReadError> {
        let first = segment.index().find_timestamp(at).unwrap_or(segment.index().len());
        for number in first..segment.index().len() {
            if segment.block(number).max_timestamp < Some(at) || segment.end_of_block(number) <= from {
                continue;
            }
            for (entry, block) in self.blocks.get(segment, number..number + 1).await? {
                if let Some(found) = find_in_block(segment, &entry, &block, at, from)? {
                    return Ok(Some(found));
                }
            }
        }
        Ok(None)
    }
}

fn find_in_block(
    segment: &Segment,
    entry: &BlockEntry,
    block: &Bytes,
    at: TimestampMs,
    from: Offset,
) -> Result<Option<BatchAtTime>, ReadError> {
    for batch in walk(entry, block) {
        let batch = batch.map_err(|error| segment.batch_error(entry.number, error))?;
        if batch.header.max_timestamp >= Some(at) && batch.header.next_offset() > from {
            return Ok(Some(BatchAtTime { header: batch.header, bytes: block.slice_ref(batch.bytes) }));
        }
    }
    Ok(None)
}
