//! Requests that name topics, on their way to the broker.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::proxy::tier::{Known, Tiered};
use crate::wire::messages::delete_records::DeleteRecordsRequest;
use crate::wire::messages::list_offsets::ListOffsetsRequest;
use crate::wire::messages::offset_for_leader_epoch::OffsetForLeaderEpochRequest;
use crate::wire::{Api, RequestHeader, WireError, read_request};

/// A topic that a request names, as far as it is in the tier.
pub(crate) enum Named {
    /// It is not.
    Foreign,
    /// It is this one.
    Is(Arc<Tiered>),
    /// One of this name is; it was told too long ago whether it is the one that the name means.
    Stale,
}

impl Named {
    pub(crate) fn of(known: &Known, name: &str) -> Self {
        let Some(named) = known.named(name) else { return Self::Foreign };
        match named.live() {
            Ok(Some(tiered)) => Self::Is(Arc::clone(tiered)),
            Ok(None) => Self::Foreign,
            Err(_) => Self::Stale,
        }
    }
}

/// Which names of a request have to be asked for before its answer can be merged; `None` where no topic of the tier is named,
/// or a replica asks.
pub(crate) fn names_wanted(frame: &[u8], known: &Known) -> Result<Option<BTreeSet<String>>, WireError> {
    let (header, body) = RequestHeader::read(frame)?;
    let mut wanted = None;
    let mut name = |name: &str| match Named::of(known, name) {
        Named::Foreign => {}
        Named::Is(_) => drop(wanted.get_or_insert_with(BTreeSet::new)),
        Named::Stale => {
            wanted.get_or_insert_with(BTreeSet::new).insert(name.to_owned());
        }
    };
    match header.api {
        Api::LIST_OFFSETS => {
            let request: ListOffsetsRequest<'_> = read_request(&header, body)?;
            if request.replica_id >= 0 {
                return Ok(None);
            }
            request.topics.iter().for_each(|topic| name(topic.name));
        }
        Api::OFFSET_FOR_LEADER_EPOCH => {
            let request: OffsetForLeaderEpochRequest<'_> = read_request(&header, body)?;
            if request.replica_id >= 0 {
                return Ok(None);
            }
            request.topics.iter().for_each(|topic| name(topic.topic));
        }
        _ => {
            let request: DeleteRecordsRequest<'_> = read_request(&header, body)?;
            request.topics.iter().for_each(|topic| name(topic.name));
        }
    }
    Ok(wanted)
}
