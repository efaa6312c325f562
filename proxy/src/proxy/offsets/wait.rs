//! Requests that name topics, on their way to the broker.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::time::Instant;

use crate::proxy::tier::{Known, Tiered};
use crate::wire::messages::delete_records::DeleteRecordsRequest;
use crate::wire::messages::list_offsets::ListOffsetsRequest;
use crate::wire::messages::offset_for_leader_epoch::OffsetForLeaderEpochRequest;
use crate::wire::{Api, RequestHeader, WireError, read_request};

/// Who asks as a consumer.
pub(super) const CONSUMER: i32 = -1;

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
        Self::as_of(known, name, Instant::now())
    }

    /// The same as it was told at a moment.
    pub(crate) fn as_of(known: &Known, name: &str, now: Instant) -> Self {
        let Some(named) = known.named(name) else { return Self::Foreign };
        match named.live_at(now) {
            Ok(Some(tiered)) => Self::Is(Arc::clone(tiered)),
            Ok(None) => Self::Foreign,
            Err(_) => Self::Stale,
        }
    }
}

/// What a request that names topics has to do with the tier.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// Nothing: it is no consumer's. A replica acts on what its leader tells, and whoever looks into replicas for faults (−2) is
    /// answered by followers, too, each by its own end.
    Replicas,
    /// No topic of the tier is named.
    Foreign,
    /// Some are, and of these it has to be asked first which topics they mean.
    Tiers(BTreeSet<String>),
}

/// Looks at a request.
pub(crate) fn names_wanted(frame: &[u8], known: &Known) -> Result<Names, WireError> {
    let (header, body) = RequestHeader::read(frame)?;
    let mut wanted = None;
    // What is deleted by a name is gone for good: whichever topic that meant a few seconds ago.
    let is_asked_anew = header.api == Api::DELETE_RECORDS;
    let mut name = |name: &str| {
        let Some(named) = known.named(name) else { return };
        if is_asked_anew || named.is_aging() {
            wanted.get_or_insert_with(BTreeSet::new).insert(name.to_owned());
        } else if let Ok(Some(_)) = named.live() {
            wanted.get_or_insert_with(BTreeSet::new);
        }
    };
    match header.api {
        Api::LIST_OFFSETS => {
            let request: ListOffsetsRequest<'_> = read_request(&header, body)?;
            if request.replica_id != CONSUMER {
                return Ok(Names::Replicas);
            }
            request.topics.iter().for_each(|topic| name(topic.name));
        }
        Api::OFFSET_FOR_LEADER_EPOCH => {
            let request: OffsetForLeaderEpochRequest<'_> = read_request(&header, body)?;
            // Before its version 3 nobody says who asks, which reads as −2.
            if request.replica_id >= 0 {
                return Ok(Names::Replicas);
            }
            request.topics.iter().for_each(|topic| name(topic.topic));
        }
        _ => {
            let request: DeleteRecordsRequest<'_> = read_request(&header, body)?;
            request.topics.iter().for_each(|topic| name(topic.name));
        }
    }
    Ok(wanted.map_or(Names::Foreign, Names::Tiers))
}
