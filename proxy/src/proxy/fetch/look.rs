//! A fetch on its way to the broker.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use firnline_index::TopicId;

use super::refusals::Refusals;
use super::seam::{self, Questions};
use super::session::{Kept, Session, Turn};
use crate::proxy::identity::Unproven;
use crate::proxy::shares::Share;
use crate::proxy::tier::{Known, Named, Place, Tiered};
use crate::serve::fetch::{TopicKey, by_id, size};
use crate::serve::kafka_error::KafkaError;
use crate::wire::messages::fetch::{FetchPartition, FetchRequest, FetchResponse};
use crate::wire::{Frame, Patches, RequestHeader, WireError, WriteError, read_request, write_response};

/// The session epoch of a fetch that wants no session.
const WITHOUT: i32 = -1;
const READ_COMMITTED: i8 = 1;
/// Partitions that are asked for in one question of ours at most.
const QUESTIONS: usize = 1000;

/// A fetch that the broker was asked, as far as its answer needs it.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The request, its length cut off.
    pub(crate) frame: Bytes,
    /// The most record bytes of the answer, before room was left for those of the tier.
    pub(crate) max_bytes: usize,
    /// What it goes on with, and with it what was asked before.
    pub(crate) session: Option<Session>,
    /// Why nothing is filled for this client, where that is so.
    pub(crate) unproven: Option<Unproven>,
}

/// What has to be known before its answer can be understood.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// Names whose topics were told too long ago, or never.
    pub(crate) names: BTreeSet<String>,
    /// Partitions of which no leader has told for a while where they end.
    pub(crate) ends: BTreeMap<String, BTreeSet<i32>>,
    /// Ends of tiers at which transactions are open.
    pub(crate) seams: Questions,
}

/// What is done with a fetch.
#[derive(Debug)]
pub(crate) enum Look {
    /// It passes as it is: a replica's.
    Pass,
    /// It goes on with a session that is not there. It is answered here.
    Refuse(KafkaError),
    /// It passes; it is understood when it comes back.
    Ask {
        /// Its session, where it has one.
        session: Option<Session>,
        /// What is asked ahead.
        wanted: Wanted,
        /// The most record bytes of the answer, as the client said.
        max_bytes: usize,
    },
}

/// Looks at a fetch, its length cut off, and changes it in place: room is left for the tier, and it wants no session where
/// there is no memory to follow one.
pub(crate) fn look(
    frame: &mut BytesMut,
    known: &Known,
    kept: &Kept,
    refusals: &Refusals,
    sessions: &Share,
) -> Result<Look, WireError> {
    let (header, body) = RequestHeader::read(frame)?;
    let version = header.version;
    let request: FetchRequest<'_> = read_request(&header, body)?;
    let replica = request.replica_state.as_ref().map_or(request.replica_id, |state| state.replica_id);
    if replica >= 0 {
        return Ok(Look::Pass);
    }
    let mut patches = Patches::new();
    let mut session = match kept.turn(&request, version, known, refusals, sessions) {
        Turn::Refused(error) => return Ok(Look::Refuse(error)),
        Turn::With(session) => Some(session),
        Turn::Without => None,
        Turn::NoRoom => {
            patches.set(&request.session_epoch, WITHOUT);
            None
        }
    };
    let (mut wanted, mut cold_bytes) = (Wanted::default(), 0_usize);
    let likely = likely_cold(&request, version, session.as_mut(), known, refusals);
    for Likely { tiered, is_stale, partition, offset, max_bytes, place } in &likely {
        cold_bytes = cold_bytes.saturating_add(*max_bytes);
        let name = tiered.topic.name.as_str();
        if *is_stale {
            wanted.names.insert(name.to_owned());
        }
        // What lies beyond the leader's end is off the log, whatever the tier has. That it does is told by the leader alone, on
        // this connection, of now.
        let tiers = place.marks().map_or(0, |marks| marks.end.get());
        let is_asked = place.leaders_end().is_none_or(|end| *offset >= end || tiers > end);
        if is_asked && wanted.ends.values().map(BTreeSet::len).sum::<usize>() < QUESTIONS {
            wanted.ends.entry(name.to_owned()).or_default().insert(*partition);
        }
    }
    if !by_id(version) {
        let names = request.topics.iter().map(|topic| topic.topic);
        let unclear = names.filter(|name| known.named(name).is_some_and(Named::is_unclear));
        wanted.names.extend(unclear.map(str::to_owned));
    }
    if request.isolation_level == READ_COMMITTED {
        wanted.seams = seam::questions(&likely);
    }
    let max_bytes = size(request.max_bytes.value);
    if cold_bytes > 0 {
        // Hot partitions would take all of it each time.
        let left = max_bytes - cold_bytes.min(max_bytes / 2);
        patches.set(&request.max_bytes, i32::try_from(left).unwrap_or(i32::MAX));
    }
    patches.apply(frame).map_err(|_| WireError::Short { at: frame.len() })?;
    Ok(Look::Ask { session, wanted, max_bytes })
}

/// A topic of the tier, as a fetch names it.
pub(crate) struct Found {
    pub(crate) tiered: Arc<Tiered>,
    /// It was named, and it was told too long ago which one the name means.
    pub(crate) is_stale: bool,
}

/// A partition that the broker will probably refuse.
#[derive(Debug)]
pub(crate) struct Likely {
    pub(crate) tiered: Arc<Tiered>,
    /// It was named, and it was told too long ago which topic the name means.
    pub(crate) is_stale: bool,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) max_bytes: usize,
    pub(crate) place: Place,
}

impl Likely {
    /// `None` where the broker will probably not.
    pub(crate) fn of(
        found: &Found,
        partition: i32,
        offset: i64,
        max_bytes: usize,
        refusals: &Refusals,
    ) -> Option<Self> {
        let Found { tiered, is_stale } = found;
        let place = *tiered.place(partition)?.lock();
        let was_refused = || offset >= 0 && refusals.has(tiered.topic.id, partition);
        let is_likely = place.is_likely_cold(offset) || was_refused();
        let (tiered, is_stale) = (Arc::clone(tiered), *is_stale);
        is_likely.then_some(Self { tiered, is_stale, partition, offset, max_bytes, place })
    }
}

/// The partitions of a fetch that the broker will probably refuse: those of its session, or those that it names.
fn likely_cold(
    request: &FetchRequest<'_>,
    version: i16,
    session: Option<&mut Session>,
    known: &Known,
    refusals: &Refusals,
) -> Vec<Likely> {
    if let Some(session) = session {
        return session.likely_cold(known, refusals);
    }
    let mut likely = Vec::new();
    for topic in &request.topics {
        let Some(found) = find_by(known, topic.topic, topic.topic_id, version) else { continue };
        let of = |asked: &FetchPartition| {
            Likely::of(&found, asked.partition, asked.fetch_offset, size(asked.partition_max_bytes), refusals)
        };
        likely.extend(topic.partitions.iter().filter_map(|asked| of(&asked)));
    }
    likely
}

/// The topic of a request or an answer.
pub(crate) fn find_by(known: &Known, name: &str, id: [u8; 16], version: i16) -> Option<Found> {
    if by_id(version) { find_id(known, id) } else { find_name(known, name) }
}

/// The topic of a session.
pub(crate) fn find(known: &Known, key: &TopicKey) -> Option<Found> {
    match key {
        TopicKey::Id(id) => find_id(known, *id),
        TopicKey::Name(name) => find_name(known, name),
    }
}

fn find_id(known: &Known, id: [u8; 16]) -> Option<Found> {
    let tiered = known.with_id(TopicId::from_bytes(id))?;
    Some(Found { tiered: Arc::clone(tiered), is_stale: false })
}

fn find_name(known: &Known, name: &str) -> Option<Found> {
    let named = known.named(name)?;
    match named.live() {
        Ok(live) => live.map(|tiered| Found { tiered: Arc::clone(tiered), is_stale: false }),
        // Nothing is decided by it before it was asked for.
        Err(_) => named.any().map(|tiered| Found { tiered: Arc::clone(tiered), is_stale: true }),
    }
}

/// The answer to a fetch whose session is not followed: its client begins anew.
pub(crate) fn refused(error: KafkaError, version: i16, correlation_id: i32) -> Result<Frame, WriteError> {
    let error_code = error.code();
    write_response(&FetchResponse { error_code, ..FetchResponse::default() }, version, correlation_id)
}

/// Whether the answer to a fetch is likely to be one that the tier is asked for.
pub(crate) fn is_cold(asked: &mut Asked, known: &Known, refusals: &Refusals) -> Result<bool, WireError> {
    let (header, body) = RequestHeader::read(&asked.frame)?;
    let request: FetchRequest<'_> = read_request(&header, body)?;
    Ok(!likely_cold(&request, header.version, asked.session.as_mut(), known, refusals).is_empty())
}

#[cfg(test)]
mod tests;
