//! A fetch on its way to the broker.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use firnline_index::TopicId;
use firnline_store::Reservation;

use super::seam::{self, Question};
use crate::proxy::tier::{Known, Tiered};
use crate::serve::fetch::{by_id, size};
use crate::serve::kafka_error::KafkaError;
use crate::wire::messages::fetch::{FetchRequest, FetchResponse, FetchTopic};
use crate::wire::{Frame, Patches, RequestHeader, WireError, WriteError, read_request, write_response};

/// The session epoch of a fetch that names all its partitions and wants a session.
const FIRST: i32 = 0;
/// That of one which wants none.
const WITHOUT: i32 = -1;
/// Partitions that are asked for in one question of ours at most.
const QUESTIONS: usize = 1000;

/// A fetch that the broker was asked, as far as its answer needs it.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The request, its length cut off.
    pub(crate) frame: Bytes,
    /// The most record bytes of the answer, before room was left for those of the tier.
    pub(crate) max_bytes: usize,
    /// Whether it was asked ahead where the likely cold logs end.
    pub(crate) ends_were_asked: bool,
    /// The memory that is set aside for the request.
    pub(crate) _counted: Option<Reservation>,
}

/// What has to be known before its answer can be understood.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// Names whose topics were told too long ago, or never.
    pub(crate) names: BTreeSet<String>,
    /// Partitions of which no leader has told for a while where they end.
    pub(crate) ends: BTreeMap<String, Vec<i32>>,
    /// Ends of tiers at which transactions are open.
    pub(crate) seams: Vec<Question>,
}

/// What is done with a fetch.
#[derive(Debug)]
pub(crate) enum Look {
    /// It passes as it is: a replica's.
    Pass,
    /// It goes on with a session that is not there. It is answered here.
    Refuse,
    /// It passes, without a session; it is understood when it comes back.
    Ask {
        /// What is asked ahead.
        wanted: Wanted,
        /// The most record bytes of the answer, as the client said.
        max_bytes: usize,
    },
}

/// Looks at a fetch, its length cut off, and changes it in place: no session, and room left for the tier.
pub(crate) fn look(frame: &mut BytesMut, known: &Known) -> Result<Look, WireError> {
    let (header, body) = RequestHeader::read(frame)?;
    let version = header.version;
    let request: FetchRequest<'_> = read_request(&header, body)?;
    let replica = request.replica_state.as_ref().map_or(request.replica_id, |state| state.replica_id);
    if replica >= 0 {
        return Ok(Look::Pass);
    }
    if request.session_epoch.value > FIRST {
        return Ok(Look::Refuse);
    }
    let mut patches = Patches::new();
    if request.session_epoch.value == FIRST {
        patches.set(&request.session_epoch, WITHOUT);
    }
    let (mut wanted, mut cold_bytes, mut questions) = (Wanted::default(), 0_usize, 0);
    for topic in &request.topics {
        let Some(Found { tiered, is_stale }) = find(known, &topic.value, version) else { continue };
        let mut is_cold = false;
        for asked in &topic.partitions {
            let Some(place) = tiered.place(asked.partition) else { continue };
            let place = *place.lock();
            if !place.is_likely_cold(asked.fetch_offset) {
                continue;
            }
            is_cold = true;
            cold_bytes = cold_bytes.saturating_add(size(asked.partition_max_bytes));
            let ends = place.marks().is_none_or(|marks| asked.fetch_offset >= marks.end.get());
            let unknown = place.position().is_none() || (ends && place.leaders_end().is_none());
            if unknown && questions < QUESTIONS {
                questions += 1;
                let name = tiered.topic.name.as_str();
                let partitions = wanted.ends.entry(name.to_owned()).or_default();
                if !partitions.contains(&asked.partition) {
                    partitions.push(asked.partition);
                }
            }
        }
        if is_cold && is_stale {
            wanted.names.insert(topic.topic.to_owned());
        }
    }
    wanted.seams = seam::questions(&request, known, version);
    let max_bytes = size(request.max_bytes.value);
    if cold_bytes > 0 {
        // Hot partitions would take all of it each time.
        let left = max_bytes - cold_bytes.min(max_bytes / 2);
        patches.set(&request.max_bytes, i32::try_from(left).unwrap_or(i32::MAX));
    }
    patches.apply(frame).map_err(|_| WireError::Short { at: frame.len() })?;
    Ok(Look::Ask { wanted, max_bytes })
}

/// A topic of the tier, as a fetch names it.
pub(crate) struct Found {
    pub(crate) tiered: Arc<Tiered>,
    /// It was named, and it was told too long ago which one the name means.
    pub(crate) is_stale: bool,
}

/// The topic of a request, as far as it is in the tier.
fn find(known: &Known, topic: &FetchTopic<'_>, version: i16) -> Option<Found> {
    find_by(known, topic.topic, topic.topic_id, version)
}

/// The topic of a request or an answer.
pub(crate) fn find_by(known: &Known, name: &str, id: [u8; 16], version: i16) -> Option<Found> {
    if by_id(version) {
        let tiered = known.with_id(TopicId::from_bytes(id))?;
        return Some(Found { tiered: Arc::clone(tiered), is_stale: false });
    }
    let named = known.named(name)?;
    match named.live() {
        Ok(live) => live.map(|tiered| Found { tiered: Arc::clone(tiered), is_stale: false }),
        Err(_) => named.last().map(|tiered| Found { tiered: Arc::clone(tiered), is_stale: true }),
    }
}

/// The answer to a fetch that goes on with a session: there is none, so that its client begins anew.
pub(crate) fn refused(version: i16, correlation_id: i32) -> Result<Frame, WriteError> {
    let error_code = KafkaError::FetchSessionIdNotFound.code();
    write_response(&FetchResponse { error_code, ..FetchResponse::default() }, version, correlation_id)
}

/// Whether the answer to a fetch is likely to be one that the tier is asked for.
pub(crate) fn is_cold(asked: &Asked, known: &Known) -> Result<bool, WireError> {
    let (header, body) = RequestHeader::read(&asked.frame)?;
    let request: FetchRequest<'_> = read_request(&header, body)?;
    for topic in &request.topics {
        let Some(Found { tiered, .. }) = find(known, &topic.value, header.version) else { continue };
        for asked in &topic.partitions {
            let place = tiered.place(asked.partition);
            if place.is_some_and(|place| place.lock().is_likely_cold(asked.fetch_offset)) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests;
