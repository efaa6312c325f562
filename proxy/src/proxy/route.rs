//! What is done with a request, told from its front alone. Pure.

use super::addresses;
use crate::wire::messages::produce::ProduceFront;
use crate::wire::{Api, RequestHeader, WireError};

/// Kafka's request for versions comes before anything is known, so its unknown versions are answered.
const FETCH_FROM: i16 = 4;
const LIST_OFFSETS_FROM: i16 = 1;

/// What is done with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// It passes, and so does its answer.
    Pass,
    /// It passes, and has no answer.
    Unanswered,
    /// It passes; its answer carries addresses.
    Addresses,
    /// It passes; its answer is capped.
    Versions,
    /// It is answered here: ApiVersions in a version that is not known.
    VersionsTooNew,
    /// It begins a login, after which other frames may follow.
    Handshake,
    /// It is a step of a login.
    Login,
    /// It is looked into.
    Fetch,
    /// It is looked into.
    ListOffsets,
    /// It is looked into.
    Epochs,
    /// It is looked into.
    DeleteRecords,
    /// Nobody knows what it carries.
    Unknown,
}

/// Whether the versions of a request are capped: those that are looked into, or whose answers are.
pub(crate) fn is_looked_into(api: Api) -> bool {
    const LOOKED_INTO: [Api; 13] = [
        Api::PRODUCE,
        Api::FETCH,
        Api::LIST_OFFSETS,
        Api::METADATA,
        Api::FIND_COORDINATOR,
        Api::SASL_HANDSHAKE,
        Api::API_VERSIONS,
        Api::DELETE_RECORDS,
        Api::OFFSET_FOR_LEADER_EPOCH,
        Api::SASL_AUTHENTICATE,
        Api::DESCRIBE_CLUSTER,
        Api::SHARE_FETCH,
        Api::SHARE_ACKNOWLEDGE,
    ];
    LOOKED_INTO.contains(&api)
}

/// The route of the request that begins with `front`.
///
/// # Errors
/// [`WireError::Short`] where more of it is needed.
pub(crate) fn route(front: &[u8]) -> Result<Route, WireError> {
    let (header, body) = RequestHeader::read(front)?;
    let RequestHeader { api, version, .. } = header;
    let Some(row) = api.row() else { return Ok(Route::Unknown) };
    let walked = row.walked.is_some_and(|walked| walked.has(version));
    let newer = row.walked.is_some_and(|walked| version > walked.max);
    Ok(match api {
        Api::API_VERSIONS if !walked => Route::VersionsTooNew,
        Api::API_VERSIONS => Route::Versions,
        // Of what is newer than known it is not known what it carries; what is older carries nothing that is read.
        _ if is_looked_into(api) && newer => Route::Unknown,
        Api::PRODUCE if walked && ProduceFront::read(body)?.acks == 0 => Route::Unanswered,
        Api::SASL_HANDSHAKE => Route::Handshake,
        Api::SASL_AUTHENTICATE => Route::Login,
        Api::FETCH if version >= FETCH_FROM => Route::Fetch,
        Api::LIST_OFFSETS if version >= LIST_OFFSETS_FROM => Route::ListOffsets,
        Api::OFFSET_FOR_LEADER_EPOCH if version >= 2 => Route::Epochs,
        Api::DELETE_RECORDS => Route::DeleteRecords,
        // A preview of share groups that this build does not read: nobody speaks it any more.
        Api::SHARE_FETCH | Api::SHARE_ACKNOWLEDGE if !walked => Route::Unknown,
        _ if addresses::are_in(api, version) => Route::Addresses,
        _ => Route::Pass,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::messages::produce::ProduceRequest;
    use crate::wire::write_request;

    fn front(api: i16, version: i16) -> Vec<u8> {
        let mut front = Vec::new();
        front.extend(api.to_be_bytes());
        front.extend(version.to_be_bytes());
        // A number, no name, no tagged fields, and what stands first in a body.
        front.extend([0, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 0]);
        front
    }

    fn of(api: Api, version: i16) -> Route {
        route(&front(api.key(), version)).unwrap()
    }

    #[test]
    fn each_kind_takes_its_way() {
        assert_eq!(of(Api::METADATA, 13), Route::Addresses);
        assert_eq!(of(Api::METADATA, 14), Route::Unknown, "it may carry addresses elsewhere");
        assert_eq!(of(Api::FETCH, 3), Route::Pass, "before record batches");
        assert_eq!(of(Api::FETCH, 4), Route::Fetch);
        assert_eq!(of(Api::FETCH, 19), Route::Unknown);
        assert_eq!(of(Api::LIST_OFFSETS, 0), Route::Pass);
        assert_eq!(of(Api::LIST_OFFSETS, 11), Route::ListOffsets);
        assert_eq!(of(Api::OFFSET_FOR_LEADER_EPOCH, 1), Route::Pass);
        assert_eq!(of(Api::OFFSET_FOR_LEADER_EPOCH, 4), Route::Epochs);
        assert_eq!(of(Api::DELETE_RECORDS, 2), Route::DeleteRecords);
        assert_eq!(of(Api::API_VERSIONS, 5), Route::Versions);
        assert_eq!(of(Api::API_VERSIONS, 6), Route::VersionsTooNew);
        assert_eq!(of(Api::SASL_HANDSHAKE, 0), Route::Handshake);
        assert_eq!(of(Api::SASL_AUTHENTICATE, 2), Route::Login);
        assert_eq!(of(Api::OFFSET_COMMIT, 40), Route::Pass, "read by nobody in any version");
        assert_eq!(of(Api::SHARE_FETCH, 2), Route::Addresses);
        assert_eq!(of(Api::SHARE_FETCH, 0), Route::Unknown);
        assert_eq!(of(Api::new(95), 0), Route::Unknown);
        assert_eq!(of(Api::new(-1), 0), Route::Unknown);
    }

    #[test]
    fn records_without_acknowledgement_have_no_answer() {
        for version in 0..=13 {
            for (acks, expected) in
                [(0, Route::Unanswered), (1, if version < 10 { Route::Pass } else { Route::Addresses })]
            {
                let transactional_id = Some("some transaction").filter(|_| version >= 3);
                let request = ProduceRequest { acks, transactional_id, ..ProduceRequest::default() };
                let frame = write_request(&request, version, 7, Some(b"client")).unwrap().into_bytes();
                assert_eq!(route(&frame[4..]).unwrap(), expected, "version {version}, acks {acks}");
            }
        }
    }

    #[test]
    fn a_front_that_is_too_short_is_waited_for() {
        let whole = front(Api::PRODUCE.key(), 9);
        for end in 0..whole.len() - 1 {
            assert!(matches!(route(&whole[..end]), Err(WireError::Short { .. })), "{end}");
        }
    }
}
