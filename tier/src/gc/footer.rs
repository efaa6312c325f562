//! What a segment that nothing names says of itself.

use firnline_index::keys::ObjectKey;
use firnline_index::segment::{TRAILER_LEN, Trailer};
use firnline_index::{Crc32c, OffsetRange};
use firnline_store::StoreError;

use crate::Tier;

/// Enough for a trailer and the footer of nearly every segment.
const SUFFIX: u64 = 64 << 10;

/// What is known of a segment by its own end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OwnWords {
    /// It covers these offsets.
    Range(OffsetRange),
    /// It is sealed, and its key is not at hand: what it covers is not known.
    Sealed,
    /// A broker has named it (KIP-405): its metadata says whether it is needed, and no manifest does.
    Brokers,
    /// It is no segment of this partition, or damaged: nobody's to delete here.
    Foreign,
    /// It is not there any more.
    Gone,
}

/// The same, for who asks only whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Words {
    /// A broker's of this cluster.
    Brokers,
    /// Not what its key says, damaged, or a sidecar's.
    Other,
    /// Sealed, and its key is not at hand.
    Sealed,
    /// Not there any more.
    Gone,
}

impl Tier {
    /// Whose the segment `key` is, by its own end. As [`Self::own_words`].
    pub(crate) async fn words_of(&self, key: &ObjectKey) -> Result<Words, StoreError> {
        Ok(match self.own_words(key).await? {
            OwnWords::Brokers => Words::Brokers,
            OwnWords::Range(_) | OwnWords::Foreign => Words::Other,
            OwnWords::Sealed => Words::Sealed,
            OwnWords::Gone => Words::Gone,
        })
    }

    /// Reads what the segment `key` says of itself. One GET, two where its footer is very long.
    pub(super) async fn own_words(&self, key: &ObjectKey) -> Result<OwnWords, StoreError> {
        let ObjectKey::Segment { tip, base, uuid, .. } = key else { return Ok(OwnWords::Foreign) };
        let text = key.to_string();
        let mut suffix = match self.store().get_suffix(&text, SUFFIX).await {
            Ok((suffix, _)) => suffix,
            Err(error) if error.is_not_found() => return Ok(OwnWords::Gone),
            Err(error) => return Err(error),
        };
        let Ok(trailer) = Trailer::parse(&suffix) else { return Ok(OwnWords::Foreign) };
        let ours = trailer.cluster_id == *self.cluster_id()
            && trailer.topic_id == tip.topic_id
            && trailer.partition == tip.partition
            && trailer.uuid == *uuid;
        if !ours {
            return Ok(OwnWords::Foreign);
        }
        let needed = usize::try_from(trailer.footer_length).unwrap_or(usize::MAX).saturating_add(TRAILER_LEN);
        if suffix.len() < needed {
            suffix = match self.store().get_suffix(&text, needed as u64).await {
                Ok((suffix, _)) => suffix,
                Err(error) if error.is_not_found() => return Ok(OwnWords::Gone),
                Err(error) => return Err(error),
            };
        }
        let footer =
            suffix.len().checked_sub(needed).and_then(|at| suffix.get(at..suffix.len() - TRAILER_LEN));
        let Some(footer) = footer.filter(|bytes| Crc32c::of(bytes) == trailer.footer_crc) else {
            return Ok(OwnWords::Foreign);
        };
        let key = match trailer.key_id {
            None => None,
            Some(key_id) => match self.keys().get(tip.topic_id, key_id).await {
                Ok(key) => Some(key),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(%key, error, "a sealed segment that nothing names cannot be opened, and stays");
                    return Ok(OwnWords::Sealed);
                }
            },
        };
        Ok(match trailer.open_footer(footer, key.as_ref()) {
            Ok(footer) if footer.kip405.is_some() => OwnWords::Brokers,
            Ok(footer) if footer.range.start() == *base => OwnWords::Range(footer.range),
            _ => OwnWords::Foreign,
        })
    }
}
