//! Which requests are answered, in which versions.

use crate::serve::kafka_error::KafkaError;
use crate::wire::Api;
use crate::wire::messages::api_versions::{ApiVersion, ApiVersionsResponse};
use crate::wire::schema::Versions;

/// The first version of a request that is answered; the last one is the last that is walked.
///
/// Writing is listed, though it is refused: so that a producer is told that it may not, and not that this server is too old
/// for it. Fetch begins where record batches need no conversion.
const FIRST: [(Api, i16); 23] = [
    (Api::PRODUCE, 0),
    (Api::FETCH, 4),
    (Api::LIST_OFFSETS, 1),
    (Api::METADATA, 0),
    (Api::OFFSET_COMMIT, 2),
    (Api::OFFSET_FETCH, 1),
    (Api::FIND_COORDINATOR, 0),
    (Api::JOIN_GROUP, 0),
    (Api::HEARTBEAT, 0),
    (Api::LEAVE_GROUP, 0),
    (Api::SYNC_GROUP, 0),
    (Api::DESCRIBE_GROUPS, 0),
    (Api::LIST_GROUPS, 0),
    (Api::SASL_HANDSHAKE, 0),
    (Api::API_VERSIONS, 0),
    (Api::DELETE_RECORDS, 0),
    (Api::INIT_PRODUCER_ID, 0),
    (Api::OFFSET_FOR_LEADER_EPOCH, 0),
    (Api::DESCRIBE_CONFIGS, 1),
    (Api::SASL_AUTHENTICATE, 0),
    (Api::DELETE_GROUPS, 0),
    (Api::OFFSET_DELETE, 0),
    (Api::DESCRIBE_CLUSTER, 0),
];

/// All requests that are answered, by number.
pub(crate) fn all() -> impl Iterator<Item = (Api, Versions)> {
    FIRST.iter().filter_map(|(api, first)| {
        let walked = api.row()?.walked?;
        Some((*api, Versions::new(walked.min.max(*first), walked.max)))
    })
}

/// Whether a request of this version is answered.
pub(crate) fn is_answered(api: Api, version: i16) -> bool {
    all().any(|(known, versions)| known == api && versions.has(version))
}

/// The answer to ApiVersions, and the version it is written in: a client that asks in a newer one is told so in the oldest,
/// which every client can read.
pub(crate) fn answer(version: i16) -> (i16, ApiVersionsResponse<'static>) {
    let known = is_answered(Api::API_VERSIONS, version);
    let keys = all().map(|(api, versions)| ApiVersion {
        api_key: api.key(),
        min_version: versions.min,
        max_version: versions.max,
    });
    let response = ApiVersionsResponse {
        error_code: if known { 0 } else { KafkaError::UnsupportedVersion.code() },
        api_keys: keys.collect::<crate::wire::List<'_, _>>().into(),
        ..ApiVersionsResponse::default()
    };
    (if known { version } else { 0 }, response)
}
